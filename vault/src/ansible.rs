//! Ansible Vault's envelopes, versions 1.1 and 1.2; `README.md` has the format byte by byte.
//!
//! Nothing is decrypted before its authentication code was found right, in constant time. Labels
//! are not authenticated: they only say which password to try first.

use std::fmt;

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What every envelope begins with.
const MAGIC: &str = "$ANSIBLE_VAULT";
const CIPHER: &str = "AES256";
/// Rounds of PBKDF2; a fuzzer would do nothing else.
const ROUNDS: u32 = if cfg!(fuzzing) { 1 } else { 10_000 };
/// Bytes of a new envelope's salt, and of its authentication code.
const SALT: usize = 32;
/// AES's block, in bytes: what the plaintext is padded to.
const BLOCK: usize = 16;
/// Hexadecimal digits in a line.
const COLUMNS: usize = 80;
/// The label that is not written.
const DEFAULT_LABEL: &str = "default";

/// A plaintext; wiped when dropped.
pub type Plain = Zeroizing<Vec<u8>>;

/// An envelope as it was read, not opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    label: Option<String>,
    salt: Vec<u8>,
    code: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Why an envelope cannot be read, opened or made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The text does not begin with `$ANSIBLE_VAULT`.
    NotAnEnvelope,
    /// The first line has another version than 1.1 and 1.2; what it has.
    Version(String),
    /// The first line has another cipher than AES256; what it has.
    Cipher(String),
    /// A character that is no hexadecimal digit, and its line, from 1 (the first line is 1).
    NotHex { line: usize, found: char },
    /// The envelope ends early, or a piece of it is missing.
    Truncated,
    /// The authentication code is wrong: another password, or the envelope was altered.
    WrongPassword,
    /// The code is right, and what was encrypted is not padded as it must be.
    Padding,
    /// A label that the first line cannot hold.
    Label(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotAnEnvelope => write!(f, "expected a first line `{MAGIC};1.1;{CIPHER}`"),
            Error::Version(found) => {
                write!(f, "expected version 1.1 or 1.2 of the vault format, found `{found}`")
            }
            Error::Cipher(found) => write!(f, "expected the cipher `{CIPHER}`, found `{found}`"),
            Error::NotHex { line, found } => {
                write!(f, "expected hexadecimal digits, found `{}`", found.escape_debug())?;
                write!(f, " in line {line} of the envelope")
            }
            Error::Truncated => f.write_str("the envelope is cut off"),
            Error::WrongPassword => {
                f.write_str("the password is wrong, or the envelope was altered")
            }
            Error::Padding => f.write_str("the padding inside the envelope is wrong"),
            Error::Label(label) => {
                write!(
                    f,
                    "expected a label of ASCII characters without `;` and spaces, found `{label}`"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

/// Whether this is to be read as an envelope.
#[must_use]
pub fn is_envelope(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(MAGIC.as_bytes())
}

impl Envelope {
    /// Reads an envelope. Line ends may be CRLF, lines may be indented and of any length.
    ///
    /// # Errors
    /// All but the two that opening has.
    pub fn parse(text: &[u8]) -> Result<Envelope, Error> {
        if !is_envelope(text) {
            return Err(Error::NotAnEnvelope);
        }
        let text = text.trim_ascii_start();
        let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
        let (first, rest) = text.split_at(end);
        let first = String::from_utf8_lossy(first);
        let mut fields = first.split(';').map(str::trim);
        if fields.next() != Some(MAGIC) {
            return Err(Error::NotAnEnvelope);
        }
        let version = fields.next().ok_or(Error::Truncated)?;
        if !matches!(version, "1.1" | "1.2") {
            return Err(Error::Version(version.to_owned()));
        }
        let cipher = fields.next().ok_or(Error::Truncated)?;
        if cipher != CIPHER {
            return Err(Error::Cipher(cipher.to_owned()));
        }
        let label = fields.next().filter(|label| version == "1.2" && !label.is_empty());
        let body = digits(rest)?;
        let mut pieces = body.splitn(3, |byte| *byte == b'\n').map(bare);
        let mut piece = || pieces.next().ok_or(Error::Truncated)?;
        let (salt, code, ciphertext) = (piece()?, piece()?, piece()?);
        let whole = !salt.is_empty()
            && code.len() == SALT
            && !ciphertext.is_empty()
            && ciphertext.len().is_multiple_of(BLOCK);
        match whole {
            true => Ok(Envelope { label: label.map(str::to_owned), salt, code, ciphertext }),
            false => Err(Error::Truncated),
        }
    }

    /// The label of the password it was made with; none means `default`.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// What is inside.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], or [`Error::Padding`] of an envelope that was made wrong.
    pub fn open(&self, password: &[u8]) -> Result<Plain, Error> {
        let keys = Keys::derive(password, &self.salt);
        let mac = keys.mac(&self.ciphertext);
        mac.verify_slice(&self.code).map_err(|_| Error::WrongPassword)?;
        let mut plain = Zeroizing::new(self.ciphertext.clone());
        keys.cipher().apply_keystream(&mut plain);
        let padding = usize::from(plain.last().copied().unwrap_or_default());
        let length = plain.len().checked_sub(padding).ok_or(Error::Padding)?;
        if !(1..=BLOCK).contains(&padding)
            || plain[length..].iter().any(|byte| usize::from(*byte) != padding)
        {
            return Err(Error::Padding);
        }
        plain.truncate(length);
        Ok(plain)
    }
}

/// Makes an envelope with a new salt, as Ansible would write it: version 1.2 if there is a label
/// other than `default`.
///
/// # Errors
/// [`Error::Label`].
pub fn seal(plain: &[u8], password: &[u8], label: Option<&str>) -> Result<String, Error> {
    seal_with(plain, password, label, &rand::random::<[u8; SALT]>())
}

/// As [`seal`], with a salt of the caller's: the same input makes the same envelope.
///
/// # Errors
/// [`Error::Label`].
pub fn seal_with(
    plain: &[u8],
    password: &[u8],
    label: Option<&str>,
    salt: &[u8],
) -> Result<String, Error> {
    let label = label.filter(|label| *label != DEFAULT_LABEL);
    if let Some(label) = label
        && (label.is_empty() || !label.chars().all(|c| c.is_ascii_graphic() && c != ';'))
    {
        return Err(Error::Label(label.to_owned()));
    }
    let padding = BLOCK - plain.len() % BLOCK;
    // With its capacity from the start: growing would leave copies of the plaintext behind.
    let mut sealed = Zeroizing::new(Vec::with_capacity(plain.len() + padding));
    sealed.extend_from_slice(plain);
    sealed.resize(plain.len() + padding, padding as u8);
    let keys = Keys::derive(password, salt);
    keys.cipher().apply_keystream(&mut sealed);
    let code = keys.mac(&sealed).finalize().into_bytes();

    let inner = format!("{}\n{}\n{}", hex(salt), hex(&code), hex(&sealed));
    let digits = hex(inner.as_bytes());
    let mut out = match label {
        Some(label) => format!("{MAGIC};1.2;{CIPHER};{label}\n"),
        None => format!("{MAGIC};1.1;{CIPHER}\n"),
    };
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(COLUMNS));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    Ok(out)
}

/// 32 bytes for the cipher, 32 for the authentication code, 16 to start the counter from.
struct Keys(Zeroizing<[u8; 80]>);

impl Keys {
    fn derive(password: &[u8], salt: &[u8]) -> Keys {
        let mut keys = Zeroizing::new([0; 80]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ROUNDS, &mut *keys);
        Keys(keys)
    }

    fn cipher(&self) -> Ctr128BE<Aes256> {
        Ctr128BE::new_from_slices(&self.0[..32], &self.0[64..]).expect("32 and 16 bytes")
    }

    fn mac(&self, ciphertext: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0[32..64]);
        mac.expect("HMAC takes keys of any length").chain_update(ciphertext)
    }
}

/// The bytes that hexadecimal digits in lines stand for.
fn digits(lines: &[u8]) -> Result<Vec<u8>, Error> {
    let mut line = 1;
    let mut found = Vec::with_capacity(lines.len());
    for byte in lines {
        match byte {
            b'\n' => line += 1,
            byte if byte.is_ascii_whitespace() => {}
            byte if byte.is_ascii_hexdigit() => found.push(*byte),
            byte => return Err(Error::NotHex { line, found: char::from(*byte) }),
        }
    }
    bare(&found)
}

/// The bytes that hexadecimal digits stand for.
fn bare(digits: &[u8]) -> Result<Vec<u8>, Error> {
    let value = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(Error::Truncated);
    }
    // What is inside the outer digits can only be wrong if the envelope was not made by a vault.
    let byte = |pair: &[u8; 2]| Some(value(pair[0])? << 4 | value(pair[1])?);
    pairs.iter().map(|pair| byte(pair).ok_or(Error::Truncated)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests;
