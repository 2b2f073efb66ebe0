//! The lines that every sealed file begins with; `README.md` has them byte by byte.

use hmac::Mac;

use crate::Error;
use crate::kdf::{Cost, SALT};
use crate::key::{DataKey, FileId, decode, decode_array, encode, mac};
use crate::keyring::Keyring;
use crate::recipient::Recipient;

/// What every sealed file begins with; the version follows.
const MAGIC: &str = "# rprov vault ";
const VALUES: &str =
    "# rprov vault 1: keys in clear, values encrypted; change it with `rprov secrets`";
const WHOLE: &str = "# rprov vault 1: a file encrypted as a whole; change it with `rprov secrets`";

/// The largest header that is read, in bytes.
pub const MAX_HEADER: usize = 1024 * 1024;
/// Each passphrase may cost a derivation.
pub(crate) const MAX_PASSPHRASES: usize = 8;

/// How a sealed file is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// YAML with encrypted values.
    Values,
    /// Any file, encrypted as a whole.
    Whole,
}

/// How these first bytes of a file say it is sealed; nothing if it is not ours. A version that is
/// not known yet counts as [`Mode::Values`].
#[must_use]
pub fn mode(start: &[u8]) -> Option<Mode> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    match start.starts_with(MAGIC.as_bytes()) {
        true if start.starts_with(WHOLE.as_bytes()) => Some(Mode::Whole),
        true => Some(Mode::Values),
        false => None,
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    pub(crate) mode: Mode,
    pub(crate) id: FileId,
    /// With what is wrapped for each.
    pub(crate) recipients: Vec<(Recipient, Vec<u8>)>,
    /// The codes over the lines above, and over the set of keys.
    codes: [[u8; 32]; 2],
}

impl Header {
    /// A new file's, for these recipients.
    pub(crate) fn new(
        mode: Mode,
        recipients: &[Recipient],
        data: &DataKey,
        keyring: &Keyring,
    ) -> Result<Header, Error> {
        let mut header =
            Header { mode, id: FileId::random(), recipients: vec![], codes: [[0; 32]; 2] };
        for recipient in recipients {
            header.add(recipient, data, keyring)?;
        }
        match header.recipients.is_empty() {
            true => Err(Error::NoRecipients),
            false => Ok(header),
        }
    }

    pub(crate) fn add(
        &mut self,
        recipient: &Recipient,
        data: &DataKey,
        keyring: &Keyring,
    ) -> Result<(), Error> {
        if self.recipients.iter().any(|(known, _)| known.key() == recipient.key()) {
            return Err(Error::KnownRecipient(recipient.name()));
        }
        let wrapped = keyring.wrap(recipient, self.id, data, None)?;
        self.recipients.push((recipient.clone(), wrapped));
        self.bounded()
    }

    /// Drops the recipient of this key.
    pub(crate) fn remove(&mut self, key: &str) -> Result<(), Error> {
        let before = self.recipients.len();
        self.recipients.retain(|(recipient, _)| recipient.key() != key);
        match self.recipients.len() {
            0 => Err(Error::NoRecipients),
            after if after == before => Err(Error::UnknownRecipient(key.to_owned())),
            _ => Ok(()),
        }
    }

    /// Wraps a new data key for all recipients.
    pub(crate) fn rewrap(&mut self, data: &DataKey, keyring: &Keyring) -> Result<(), Error> {
        self.recipients = self.wrapped(self.id, data, keyring)?;
        Ok(())
    }

    /// Another file's, for the same recipients.
    pub(crate) fn another(
        &self,
        mode: Mode,
        data: &DataKey,
        keyring: &Keyring,
    ) -> Result<Header, Error> {
        let id = FileId::random();
        let recipients = self.wrapped(id, data, keyring)?;
        Ok(Header { mode, id, recipients, codes: [[0; 32]; 2] })
    }

    /// A data key of the file `id`, wrapped for all recipients.
    fn wrapped(
        &self,
        id: FileId,
        data: &DataKey,
        keyring: &Keyring,
    ) -> Result<Vec<(Recipient, Vec<u8>)>, Error> {
        let wrap = |(recipient, old): &(Recipient, Vec<u8>)| {
            let wrapped = keyring.wrap(recipient, id, data, Some((self.id, old)))?;
            Ok((recipient.clone(), wrapped))
        };
        self.recipients.iter().map(wrap).collect()
    }

    fn bounded(&self) -> Result<(), Error> {
        let passphrases = self.recipients.iter().filter(|(known, _)| known.is_passphrase()).count();
        if passphrases > MAX_PASSPHRASES {
            return Err(Error::TooManyPassphrases(passphrases));
        }
        match self.lines().len() + 128 > MAX_HEADER {
            true => Err(Error::HeaderTooLarge),
            false => Ok(()),
        }
    }

    /// Everything but the line with the codes.
    fn lines(&self) -> String {
        let first = match self.mode {
            Mode::Values => VALUES,
            Mode::Whole => WHOLE,
        };
        let mut lines = format!("{first}\n# id {}\n", encode(&self.id.0));
        for (recipient, wrapped) in &self.recipients {
            lines.push_str(&format!("# to {recipient}\n#    {}\n", encode(wrapped)));
        }
        lines
    }

    /// The header as it is written, with the codes over itself and over the set of keys.
    pub(crate) fn seal(&mut self, data: &DataKey, keys: &[u8; 32]) -> String {
        let mut lines = self.lines();
        self.codes = self.compute(data, keys);
        let [own, keys] = self.codes;
        lines.push_str(&format!("# mac {} {}\n", encode(&own), encode(&keys)));
        lines
    }

    fn compute(&self, data: &DataKey, keys: &[u8; 32]) -> [[u8; 32]; 2] {
        let code = |usage, text: &[u8]| {
            mac(&data.derive(usage, self.id), &[text]).finalize().into_bytes().into()
        };
        [code("rprov vault 1 header", self.lines().as_bytes()), code("rprov vault 1 keys", keys)]
    }

    /// Whether the header is as it was sealed.
    pub(crate) fn verify(&self, data: &DataKey) -> Result<(), Error> {
        let key = data.derive("rprov vault 1 header", self.id);
        mac(&key, &[self.lines().as_bytes()])
            .verify_slice(&self.codes[0])
            .map_err(|_| Error::HeaderAltered)
    }

    /// Whether the set of keys is as it was sealed.
    pub(crate) fn verify_keys(&self, data: &DataKey, keys: &[u8; 32]) -> Result<(), Error> {
        let key = data.derive("rprov vault 1 keys", self.id);
        mac(&key, &[keys]).verify_slice(&self.codes[1]).map_err(|_| Error::KeysAltered)
    }

    /// Reads a header, and tells how many bytes it has. Lines may end in CRLF.
    ///
    /// # Errors
    /// [`Error::Truncated`] if there is no more text: a caller that has more may try again, up to
    /// [`MAX_HEADER`].
    pub(crate) fn parse(text: &[u8]) -> Result<(Header, usize), Error> {
        let bom = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut lines = Lines { text, at: bom, number: 0 };
        let first = lines.next()?;
        let mode = match first {
            VALUES => Mode::Values,
            WHOLE => Mode::Whole,
            _ => return Err(first_line(first)),
        };
        let id = lines.next()?.strip_prefix("# id ").and_then(decode_array);
        let id = FileId(id.ok_or(lines.wrong("`# id ` and 16 bytes in base64"))?);
        let mut header = Header { mode, id, recipients: vec![], codes: [[0; 32]; 2] };
        loop {
            let line = lines.next()?;
            if let Some(codes) = line.strip_prefix("# mac ") {
                let codes = codes.split_once(' ');
                let codes = codes.and_then(|(a, b)| Some([decode_array(a)?, decode_array(b)?]));
                header.codes = codes.ok_or(lines.wrong("`# mac ` and two codes in base64"))?;
                break;
            }
            let who = line.strip_prefix("# to ");
            let who = who.ok_or(lines.wrong("`# to ` and a recipient, or `# mac `"))?;
            let recipient = recipient(who, &lines)?;
            let wrapped = lines.next()?.strip_prefix("#    ").and_then(decode);
            let wrapped = wrapped.ok_or(lines.wrong("a wrapped key in base64"))?;
            header.recipients.push((recipient, wrapped));
        }
        header.bounded()?;
        Ok((header, lines.at))
    }
}

fn first_line(line: &str) -> Error {
    let Some(rest) = line.strip_prefix(MAGIC) else { return Error::NotSealed };
    let version = rest.split([':', ' ']).next().unwrap_or_default();
    match version {
        "1" => Error::Header { line: 1, expected: "one of the two first lines of version 1" },
        other => Error::Version(other.chars().take(20).flat_map(char::escape_debug).collect()),
    }
}

fn recipient(text: &str, lines: &Lines) -> Result<Recipient, Error> {
    let Some(rest) = text.strip_prefix("passphrase ") else {
        let read: Recipient =
            text.parse().map_err(|_| lines.wrong("a passphrase, an SSH public key or `age1…`"))?;
        // There is one way to write it, so that the code over the header covers what was read.
        return match read.to_string() == text {
            true => Ok(read),
            false => Err(lines.wrong("one space between the words of a recipient")),
        };
    };
    let wrong = || lines.wrong("`passphrase MEMORY,PASSES,LANES SALT`");
    let (parameters, rest) = rest.split_once(' ').ok_or_else(wrong)?;
    let (salt, comment) = rest.split_once(' ').unwrap_or((rest, ""));
    let parameters: Vec<u32> = parameters
        .split(',')
        .map(|number| number.parse().ok().filter(|read: &u32| read.to_string() == number))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    let [memory, passes, lanes] = *parameters.as_slice() else { return Err(wrong()) };
    let cost = Cost::new(memory, passes, lanes)?;
    let salt: [u8; SALT] = decode_array(salt).ok_or_else(wrong)?;
    let read = Recipient::passphrase(salt, cost, comment)?;
    match read.to_string() == text {
        true => Ok(read),
        false => Err(wrong()),
    }
}

/// The lines of a header, never further than [`MAX_HEADER`].
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    /// Of the line read last.
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, Error> {
        let rest = &self.text[self.at..];
        let within = &rest[..rest.len().min(MAX_HEADER.saturating_sub(self.at))];
        let Some(end) = within.iter().position(|byte| *byte == b'\n') else {
            let too_large = self.at + within.len() >= MAX_HEADER;
            // What is no header at all need not end in a line.
            return match self.number == 0 && mode(self.text).is_none() {
                true => Err(Error::NotSealed),
                false if too_large => Err(Error::HeaderTooLarge),
                false => Err(Error::Truncated),
            };
        };
        self.number += 1;
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = std::str::from_utf8(line)
            .map_err(|error| Error::NotUtf8 { at: self.at + error.valid_up_to() })?;
        self.at += end + 1;
        Ok(line)
    }

    fn wrong(&self, expected: &'static str) -> Error {
        Error::Header { line: self.number, expected }
    }
}

#[cfg(test)]
mod tests;
