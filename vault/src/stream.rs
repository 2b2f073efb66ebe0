//! Files encrypted as a whole, in pieces: any size, constant memory.
//!
//! A [`Whole`] is the header; [`Whole::seal`] and [`Whole::open`] make the writer and the reader of
//! what follows it. Nothing is given out before its piece was found right, but a file that was cut
//! off is known to be so only at its end: keep nothing of what was read before the end came.

use std::io::{self, BufRead, Read, Write};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::Mac;
use zeroize::{Zeroize, Zeroizing};

use crate::header::{Header, MAX_HEADER, Mode};
use crate::key::{DataKey, NONCE, TAG, cipher, mac};
use crate::keyring::Keyring;
use crate::recipient::Recipient;
use crate::values::Vault;
use crate::{CHUNK, Error};

/// Bytes that follow the header; the key of the pieces comes from them.
const SALT: usize = 16;
/// A file has no keys to vouch for.
const NO_KEYS: [u8; 32] = [0; 32];

/// The header of a file of either mode as it is written, and nothing behind it; of anything else its
/// first line. Never more than [`MAX_HEADER`] bytes.
///
/// # Errors
/// Those of the input.
pub fn header(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let start = text.len();
        let left = (MAX_HEADER - start) as u64;
        let read = input.by_ref().take(left).read_until(b'\n', &mut text)?;
        if read == 0 || text[start..].starts_with(b"# mac ") || crate::mode(&text).is_none() {
            return Ok(text);
        }
    }
}

/// The open header of a file that is encrypted as a whole.
#[derive(Clone)]
pub struct Whole {
    header: Header,
    data: DataKey,
}

impl Whole {
    /// A new file's, for these recipients.
    ///
    /// # Errors
    /// As [`crate::Vault::seal`], but for the YAML.
    pub fn new(recipients: &[Recipient], keyring: &Keyring) -> Result<Whole, Error> {
        let data = DataKey::random();
        let mut header = Header::new(Mode::Whole, recipients, &data, keyring)?;
        header.seal(&data, &NO_KEYS);
        Ok(Whole { header, data })
    }

    /// Reads a header, and nothing behind it, and opens it.
    ///
    /// # Errors
    /// When it cannot be read or opened; [`Whole::why`] has the reason if it is ours.
    pub fn read(input: &mut impl BufRead, keyring: &Keyring) -> io::Result<Whole> {
        let header = Header::parse(&header(input)?).map_err(wrap)?.0;
        if header.mode == Mode::Values {
            return Err(wrap(Error::OtherMode { whole: false }));
        }
        let data = keyring.unlock(&header).map_err(wrap)?;
        header.verify(&data).map_err(wrap)?;
        header.verify_keys(&data, &NO_KEYS).map_err(wrap)?;
        Ok(Whole { header, data })
    }

    /// What of ours was wrong, if that is why something was.
    #[must_use]
    pub fn why(error: &io::Error) -> Option<&Error> {
        error.get_ref()?.downcast_ref()
    }

    /// Who can open it.
    #[must_use]
    pub fn recipients(&self) -> Vec<Recipient> {
        self.header.recipients.iter().map(|(recipient, _)| recipient.clone()).collect()
    }

    /// The header as it is written. With [`Whole::add`] it may replace the one of a file: what
    /// follows stays the same.
    #[must_use]
    pub fn sealed(&self) -> String {
        self.header.clone().seal(&self.data, &NO_KEYS)
    }

    /// Lets someone else open it, too.
    ///
    /// # Errors
    /// As [`crate::Vault::add`].
    pub fn add(&mut self, recipient: &Recipient, keyring: &Keyring) -> Result<(), Error> {
        let mut header = self.header.clone();
        header.add(recipient, &self.data, keyring)?;
        self.header = header;
        Ok(())
    }

    /// The header of a new file without a recipient, by its key: the content must be sealed again.
    ///
    /// # Errors
    /// As [`crate::Vault::remove`].
    pub fn without(&self, key: &str, keyring: &Keyring) -> Result<Whole, Error> {
        let mut header = self.header.clone();
        header.remove(key)?;
        Whole { header, data: self.data.clone() }.renewed(keyring)
    }

    /// The header of a new file for the same recipients: the content must be sealed again.
    ///
    /// # Errors
    /// As [`crate::Vault::rekey`].
    pub fn renewed(&self, keyring: &Keyring) -> Result<Whole, Error> {
        let data = DataKey::random();
        let mut header = self.header.clone();
        header.rewrap(&data, keyring)?;
        Ok(Whole { header, data })
    }

    /// Another file's, for the same recipients.
    ///
    /// # Errors
    /// As [`crate::Vault::rekey`].
    pub fn another(&self, keyring: &Keyring) -> Result<Whole, Error> {
        Whole::for_those_of(&self.header, keyring)
    }

    /// A new file's, for the recipients of another.
    pub(crate) fn for_those_of(header: &Header, keyring: &Keyring) -> Result<Whole, Error> {
        let data = DataKey::random();
        let mut header = header.another(Mode::Whole, &data, keyring)?;
        header.seal(&data, &NO_KEYS);
        Ok(Whole { header, data })
    }

    /// A YAML text with encrypted values, for the same recipients.
    ///
    /// # Errors
    /// As [`crate::Vault::another`].
    pub fn values(&self, plain: &str, keyring: &Keyring) -> Result<Vault, Error> {
        Vault::for_those_of(&self.header, plain, keyring)
    }

    /// Writes the header, and encrypts what is written to the [`Sealer`].
    ///
    /// # Errors
    /// Those of the output.
    pub fn seal<W: Write>(&self, mut output: W) -> io::Result<Sealer<W>> {
        let salt: [u8; SALT] = rand::random();
        output.write_all(self.sealed().as_bytes())?;
        output.write_all(&salt)?;
        let plain = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        Ok(Sealer { output, pieces: self.pieces(&salt), plain })
    }

    /// Decrypts what follows the header.
    pub fn open<R: Read>(&self, input: R) -> Opener<R> {
        let buffer = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        Opener { input, whole: self.clone(), pieces: None, buffer, given: 0, end: None }
    }

    fn pieces(&self, salt: &[u8; SALT]) -> Pieces {
        let key = self.data.derive("rprov vault 1 file", self.header.id);
        let key = Zeroizing::new(mac(&key, &[salt]).finalize().into_bytes().into());
        Pieces { cipher: cipher(&key), number: 0 }
    }
}

/// The cipher of the pieces, and the number of the next one.
struct Pieces {
    cipher: XChaCha20Poly1305,
    number: u64,
}

impl Pieces {
    /// Zeros, the number of the piece, and whether it is the last one. The next call has the next
    /// number.
    fn nonce(&mut self, last: bool) -> XNonce {
        let mut nonce = [0; NONCE];
        nonce[NONCE - 9..NONCE - 1].copy_from_slice(&self.number.to_be_bytes());
        nonce[NONCE - 1] = u8::from(last);
        self.number += 1;
        nonce.into()
    }

    // What follows is made here, with this crate's optimisations, and not where the streams are used.

    /// Encrypts the next piece; its tag.
    fn seal(&mut self, piece: &mut [u8], last: bool) -> [u8; TAG] {
        let nonce = self.nonce(last);
        let tag = self.cipher.encrypt_inout_detached(&nonce, &[], piece.into());
        tag.expect("no piece is as long as 256 GiB").into()
    }

    /// Decrypts the next piece; whether it is right.
    fn open(&mut self, piece: &mut [u8], tag: &[u8; TAG], last: bool) -> bool {
        let nonce = self.nonce(last);
        self.cipher.decrypt_inout_detached(&nonce, &[], piece.into(), &(*tag).into()).is_ok()
    }
}

/// Encrypts what is written to it. Without [`Sealer::finish`] the file counts as cut off.
pub struct Sealer<W: Write> {
    output: W,
    pieces: Pieces,
    plain: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    /// Writes what is left and the end.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.piece(true)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn piece(&mut self, last: bool) -> io::Result<()> {
        let tag = self.pieces.seal(&mut self.plain, last);
        // There is room for it: the buffer never moves.
        self.plain.extend_from_slice(&tag);
        let written = self.output.write_all(&self.plain);
        self.plain.clear();
        written
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        if self.plain.len() == CHUNK {
            self.piece(false)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Decrypts what it reads. The end is [`Error::Cut`] if it is not the end that was written.
pub struct Opener<R: Read> {
    input: R,
    whole: Whole,
    /// Known when the salt was read.
    pieces: Option<Pieces>,
    /// The present piece in clear, and how much of it was given out.
    buffer: Zeroizing<Vec<u8>>,
    given: usize,
    /// How it ended; after a mistake nothing more is read.
    end: Option<Result<(), Error>>,
}

impl<R: Read> Opener<R> {
    /// The next piece into the buffer; whether it is the last one.
    fn piece(&mut self) -> io::Result<Result<bool, Error>> {
        let pieces = match &mut self.pieces {
            Some(pieces) => pieces,
            none => {
                let mut salt = [0; SALT];
                match self.input.read_exact(&mut salt) {
                    Ok(()) => none.insert(self.whole.pieces(&salt)),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return Ok(Err(Error::Cut));
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        self.given = 0;
        self.buffer.zeroize();
        let most = (CHUNK + TAG) as u64;
        self.input.by_ref().take(most).read_to_end(&mut self.buffer)?;
        // The last piece is the only one that is not full.
        let last = self.buffer.len() < CHUNK + TAG;
        let wrong = if last { Error::Cut } else { Error::Chunk(pieces.number) };
        let opened = self
            .buffer
            .split_last_chunk_mut::<TAG>()
            .and_then(|(body, tag)| pieces.open(body, tag, last).then_some(body.len()));
        match opened {
            Some(length) => self.buffer.truncate(length),
            None => self.buffer.zeroize(),
        }
        Ok(opened.map(|_| last).ok_or(wrong))
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.buffer.len() {
            match &self.end {
                Some(Ok(())) => break,
                Some(Err(error)) => return Err(wrap(error.clone())),
                None => match self.piece()? {
                    Ok(true) => self.end = Some(Ok(())),
                    Ok(false) => {}
                    Err(error) => self.end = Some(Err(error)),
                },
            }
        }
        let taken = into.len().min(self.buffer.len() - self.given);
        into[..taken].copy_from_slice(&self.buffer[self.given..self.given + taken]);
        self.given += taken;
        Ok(taken)
    }
}

fn wrap(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;
