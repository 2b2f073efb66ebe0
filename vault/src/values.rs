//! YAML with encrypted values: opened, changed and sealed again.
//!
//! A [`Vault`] keeps the text as it is sealed and as it is in clear. Every change is made to the
//! clear text; what it leaves alone keeps its bytes in the sealed one.

pub(crate) mod change;

use std::collections::HashMap;
use std::ops::Range;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use self::change::NewValue;
use crate::Error;
use crate::header::{Header, Mode};
use crate::key::{self, DataKey, Key, decode, encode};
use crate::keyring::Keyring;
use crate::path::KeyPath;
use crate::recipient::Recipient;
use crate::stream::Whole;
use crate::yaml::{self, Item, Kind, Outline};

/// What every encrypted value begins with.
const PREFIX: &str = "enc.";
/// Values are padded to a multiple of this many bytes.
const BLOCK: usize = 16;
/// Bytes of the digest of a value in several lines.
const DIGEST: usize = 16;

/// A value of an open vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub path: KeyPath,
    pub kind: ValueKind,
    /// Where it is written in the clear text, in bytes; without its tag and anchor.
    pub span: Range<usize>,
    /// As it is written, quotes included. Of a mapping or list: all of it.
    pub source: Zeroizing<String>,
    /// The line it begins in, from 1, in the clear text.
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueKind {
    Scalar {
        /// What is meant: without quotes, escapes and indentation.
        text: Zeroizing<String>,
        /// Not in quotes: it may be a number, a boolean or null.
        plain: bool,
        /// Its tag, such as `!vault`.
        tag: Option<String>,
    },
    /// An alias such as `*a`, or nothing behind the key. Neither is encrypted.
    Clear,
    /// A list, and how many items it has.
    List(usize),
    /// A mapping, and how many keys it has.
    Map(usize),
}

/// An encrypted value, as anybody can see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    pub path: KeyPath,
    /// The ciphertext: another one whenever the value is changed.
    pub token: String,
    /// The line it is in, from 1.
    pub line: usize,
}

/// An open file of encrypted values.
pub struct Vault {
    header: Header,
    data: DataKey,
    sealed: String,
    plain: Zeroizing<String>,
}

/// The values of a sealed text, still encrypted, without any key: nothing is verified.
///
/// # Errors
/// When it is not sealed value by value, or no YAML.
pub fn sealed_values(sealed: &[u8]) -> Result<Vec<SealedValue>, Error> {
    let (_, body, first) = split(sealed)?;
    let outline = yaml::outline(body, first)?;
    let values = outline.values().map(|item| SealedValue {
        path: item.path.clone(),
        token: body[item.span.clone()].to_owned(),
        line: item.line,
    });
    Ok(values.collect())
}

/// The recipients of a sealed file of either mode, without any key: nothing is verified.
///
/// # Errors
/// When the header cannot be read.
pub fn recipients(sealed: &[u8]) -> Result<Vec<Recipient>, Error> {
    let (header, _) = Header::parse(sealed)?;
    Ok(header.recipients.into_iter().map(|(recipient, _)| recipient).collect())
}

/// The header, the text behind it, and the number of that text's first line.
fn split(sealed: &[u8]) -> Result<(Header, &str, usize), Error> {
    let (header, length) = Header::parse(sealed)?;
    if header.mode == Mode::Whole {
        return Err(Error::OtherMode { whole: true });
    }
    let first = 1 + sealed[..length].iter().filter(|byte| **byte == b'\n').count();
    let body = std::str::from_utf8(&sealed[length..])
        .map_err(|error| Error::NotUtf8 { at: length + error.valid_up_to() })?;
    Ok((header, body, first))
}

impl Vault {
    /// Encrypts every value of a YAML text with a new data key for these recipients. Passphrases
    /// are [`Keyring::recipient`]s of this keyring.
    ///
    /// # Errors
    /// When the text is no YAML or has something that cannot be sealed: a second document, keys
    /// that are no scalars, the same key twice.
    pub fn seal(plain: &str, recipients: &[Recipient], keyring: &Keyring) -> Result<Vault, Error> {
        let data = DataKey::random();
        let header = Header::new(Mode::Values, recipients, &data, keyring)?;
        Vault::written(header, data, plain)
    }

    /// A vault that is only made when everything is sealed.
    fn written(header: Header, data: DataKey, plain: &str) -> Result<Vault, Error> {
        let mut vault = Vault { header, data, sealed: String::new(), plain: Zeroizing::default() };
        vault.write(plain, &HashMap::new())?;
        Ok(vault)
    }

    /// Encrypts every value of a YAML text for the recipients of another file.
    pub(crate) fn for_those_of(
        header: &Header,
        plain: &str,
        keyring: &Keyring,
    ) -> Result<Vault, Error> {
        let data = DataKey::random();
        let header = header.another(Mode::Values, &data, keyring)?;
        Vault::written(header, data, plain)
    }

    /// Another YAML text with encrypted values, for the same recipients.
    ///
    /// # Errors
    /// As [`Vault::seal`] and [`Vault::rekey`].
    pub fn another(&self, plain: &str, keyring: &Keyring) -> Result<Vault, Error> {
        Vault::for_those_of(&self.header, plain, keyring)
    }

    /// Another file's header for the same recipients, to encrypt it as a whole.
    ///
    /// # Errors
    /// As [`Vault::rekey`].
    pub fn whole(&self, keyring: &Keyring) -> Result<Whole, Error> {
        Whole::for_those_of(&self.header, keyring)
    }

    /// Opens a sealed text and verifies all of it.
    ///
    /// # Errors
    /// When no key at hand fits, or anything but comments and white space was altered.
    pub fn open(sealed: &[u8], keyring: &Keyring) -> Result<Vault, Error> {
        let (header, body, first) = split(sealed)?;
        let data = keyring.unlock(&header)?;
        header.verify(&data)?;
        let plain = open_body(&header, &data, body, first)?;
        // It was split at a character, so all of it is UTF-8.
        let sealed = String::from_utf8_lossy(sealed).into_owned();
        Ok(Vault { header, data, sealed, plain })
    }

    /// The text to keep.
    #[must_use]
    pub fn sealed(&self) -> &str {
        &self.sealed
    }

    /// The YAML in clear, without the header.
    #[must_use]
    pub fn plain(&self) -> &Zeroizing<String> {
        &self.plain
    }

    /// Takes a changed text over. Values that are at the same path with the same bytes keep their
    /// ciphertext; if no key was added, dropped, renamed or moved, so does the header.
    ///
    /// # Errors
    /// As [`Vault::seal`]; the vault is as before then.
    pub fn edit(&mut self, plain: &str) -> Result<(), Error> {
        if plain == self.plain.as_str() {
            return Ok(());
        }
        let kept = self.tokens()?;
        self.write(plain, &kept)
    }

    /// All values, mappings and lists, in their order.
    ///
    /// # Errors
    /// None, for a vault that was opened or sealed.
    pub fn list(&self) -> Result<Vec<Value>, Error> {
        let outline = yaml::outline(&self.plain, 1)?;
        Ok(outline.items.iter().map(|item| value(&self.plain, item)).collect())
    }

    /// What a path leads to.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn get(&self, path: &KeyPath) -> Result<Value, Error> {
        let outline = yaml::outline(&self.plain, 1)?;
        let found = outline.find(path).ok_or_else(|| Error::NoSuchKey(path.to_string()))?;
        Ok(value(&self.plain, found))
    }

    /// Sets one value. Keys of the path that are not there are added to the mapping, items to the
    /// end of the list.
    ///
    /// # Errors
    /// [`Error::Path`] when the path does not fit, or the place is written in a way that needs
    /// [`Vault::edit`].
    pub fn set(&mut self, path: &KeyPath, value: NewValue<'_>) -> Result<(), Error> {
        let plain = change::set(&self.plain, path, value)?;
        self.edit(&plain)
    }

    /// Removes a key or an item, with all that is below it.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], and as [`Vault::set`].
    pub fn unset(&mut self, path: &KeyPath) -> Result<(), Error> {
        let plain = change::unset(&self.plain, path)?;
        self.edit(&plain)
    }

    /// Who can open it.
    #[must_use]
    pub fn recipients(&self) -> Vec<Recipient> {
        self.header.recipients.iter().map(|(recipient, _)| recipient.clone()).collect()
    }

    /// Lets someone else open it too. Only the header changes.
    ///
    /// # Errors
    /// [`Error::KnownRecipient`]; [`Error::PassphraseNeeded`] when it is a passphrase of another
    /// keyring.
    pub fn add(&mut self, recipient: &Recipient, keyring: &Keyring) -> Result<(), Error> {
        let mut header = self.header.clone();
        header.add(recipient, &self.data, keyring)?;
        self.replace(header)
    }

    /// Shuts someone out, by the key of a recipient: a new data key is made, and every value is
    /// encrypted again. What they read before they know.
    ///
    /// # Errors
    /// [`Error::UnknownRecipient`]; [`Error::NoRecipients`] for the last one;
    /// [`Error::PassphraseNeeded`] when a passphrase stays that is not in the keyring.
    pub fn remove(&mut self, key: &str, keyring: &Keyring) -> Result<(), Error> {
        let mut header = self.header.clone();
        header.remove(key)?;
        self.renew(header, keyring)
    }

    /// Makes a new data key, and encrypts every value again.
    ///
    /// # Errors
    /// [`Error::PassphraseNeeded`], as in [`Vault::remove`].
    pub fn rekey(&mut self, keyring: &Keyring) -> Result<(), Error> {
        self.renew(self.header.clone(), keyring)
    }

    fn renew(&mut self, mut header: Header, keyring: &Keyring) -> Result<(), Error> {
        let data = DataKey::random();
        header.rewrap(&data, keyring)?;
        *self = Vault::written(header, data, &self.plain)?;
        Ok(())
    }

    /// Another header above the same values.
    fn replace(&mut self, mut header: Header) -> Result<(), Error> {
        let (_, body, first) = split(self.sealed.as_bytes())?;
        let keys = yaml::outline(body, first)?.keys;
        let sealed = header.seal(&self.data, &keys) + body;
        self.header = header;
        self.sealed = sealed;
        Ok(())
    }

    /// The ciphertext of every value, by what it is: path, source and meaning.
    fn tokens(&self) -> Result<HashMap<Fingerprint, String>, Error> {
        let (_, body, first) = split(self.sealed.as_bytes())?;
        let sealed = yaml::outline(body, first)?;
        let plain = yaml::outline(&self.plain, 1)?;
        let pairs = plain.values().zip(sealed.values());
        Ok(pairs
            .map(|(plain, sealed)| {
                (fingerprint(plain, &self.plain), body[sealed.span.clone()].to_owned())
            })
            .collect())
    }

    /// Seals a text with the present key, with the ciphertexts of values that are known.
    fn write(&mut self, plain: &str, kept: &HashMap<Fingerprint, String>) -> Result<(), Error> {
        let plain = plain.strip_prefix('\u{feff}').unwrap_or(plain);
        let outline = yaml::outline(plain, 1)?;
        let key = self.data.derive("rprov vault 1 values", self.header.id);
        let pieces: Vec<String> = outline
            .values()
            .map(|item| match kept.get(&fingerprint(item, plain)) {
                Some(token) => token.clone(),
                None => seal_value(&key, &self.header, item, plain),
            })
            .collect();
        let body = splice(plain, &outline, &pieces);
        let mut header = self.header.clone();
        let sealed = header.seal(&self.data, &outline.keys) + &body;
        // Exotic YAML might read differently with other values in it: then nothing is written.
        let same = open_body(&header, &self.data, &body, 1).is_ok_and(|read| *read == *plain);
        if !same || mode_changes(plain) {
            let what = "this YAML cannot be encrypted value by value; write it more plainly";
            return Err(Error::Yaml { line: 1, column: 1, what: what.to_owned() });
        }
        self.header = header;
        self.sealed = sealed;
        self.plain = Zeroizing::new(plain.to_owned());
        Ok(())
    }
}

/// An item of a clear text, for those who have no outline.
pub(crate) fn value(plain: &str, item: &Item) -> Value {
    let kind = match &item.kind {
        Kind::Scalar { text, plain, tag } => {
            ValueKind::Scalar { text: text.clone(), plain: *plain, tag: tag.clone() }
        }
        Kind::Clear => ValueKind::Clear,
        Kind::List { length, .. } => ValueKind::List(*length),
        Kind::Map { length, .. } => ValueKind::Map(*length),
    };
    let source = Zeroizing::new(plain[item.span.clone()].to_owned());
    Value { path: item.path.clone(), kind, span: item.span.clone(), source, line: item.line }
}

/// Whether a clear text would be read as a sealed one.
fn mode_changes(plain: &str) -> bool {
    crate::mode(plain.as_bytes()).is_some()
}

/// A digest of path, source and meaning, so that no plaintext is kept.
type Fingerprint = [u8; 32];

fn fingerprint(item: &Item, plain: &str) -> Fingerprint {
    let mut digest = Sha256::new();
    let text = match &item.kind {
        Kind::Scalar { text, .. } => text.as_str(),
        Kind::Clear | Kind::List { .. } | Kind::Map { .. } => "",
    };
    for piece in [&item.path.bytes(), plain[item.span.clone()].as_bytes(), text.as_bytes()] {
        digest.update((piece.len() as u64).to_le_bytes());
        digest.update(piece);
    }
    digest.finalize().into()
}

/// The text with other values.
fn splice(text: &str, outline: &Outline, pieces: &[impl AsRef<str>]) -> String {
    let more = pieces.iter().map(|piece| piece.as_ref().len()).sum::<usize>();
    // With its capacity from the start: growing would leave copies of plaintext behind.
    let mut out = String::with_capacity(text.len() + more);
    let mut at = 0;
    for (item, piece) in outline.values().zip(pieces) {
        out.push_str(&text[at..item.span.start]);
        out.push_str(piece.as_ref());
        at = item.span.end;
    }
    out.push_str(&text[at..]);
    out
}

/// What a value is bound to, besides the key: the file and its place in it.
fn bound(header: &Header, path: &KeyPath) -> Vec<u8> {
    [b"rprov vault 1 value\0".as_slice(), &header.id.0, &path.bytes()].concat()
}

/// What the text means, shortened; nothing for values in one line, which mean the same anywhere.
fn meaning(item: &Item, source: &str) -> Option<[u8; DIGEST]> {
    match &item.kind {
        Kind::Scalar { text, .. } if source.contains('\n') => {
            Sha256::digest(text.as_bytes()).first_chunk().copied()
        }
        _ => None,
    }
}

fn seal_value(key: &Key, header: &Header, item: &Item, plain: &str) -> String {
    let source = &plain[item.span.clone()];
    let digest = meaning(item, source);
    let length = 1 + digest.map_or(0, |digest| digest.len()) + source.len() + 1;
    let mut payload = Zeroizing::new(Vec::with_capacity(length.next_multiple_of(BLOCK)));
    payload.push(u8::from(digest.is_some()));
    payload.extend(digest.iter().flatten());
    payload.extend_from_slice(source.as_bytes());
    payload.push(0x80);
    payload.resize(length.next_multiple_of(BLOCK), 0);
    format!("{PREFIX}{}", encode(&key::seal(key, &bound(header, &item.path), payload)))
}

/// A value's source, and what it must mean if it has several lines.
struct Opened {
    source: Zeroizing<String>,
    digest: Option<[u8; DIGEST]>,
}

impl AsRef<str> for Opened {
    fn as_ref(&self) -> &str {
        &self.source
    }
}

fn open_value(key: &Key, header: &Header, path: &KeyPath, sealed: &[u8]) -> Option<Opened> {
    let payload = key::open(key, &bound(header, path), sealed)?;
    let end = payload.iter().rposition(|byte| *byte != 0).filter(|end| payload[*end] == 0x80)?;
    let (kind, rest) = payload[..end].split_first()?;
    let (digest, source) = match kind {
        0 => (None, rest),
        1 => rest.split_first_chunk::<DIGEST>().map(|(digest, rest)| (Some(*digest), rest))?,
        _ => return None,
    };
    let source = Zeroizing::new(std::str::from_utf8(source).ok()?.to_owned());
    Some(Opened { source, digest })
}

/// The clear text; every value and the set of keys verified.
fn open_body(
    header: &Header,
    data: &DataKey,
    body: &str,
    first: usize,
) -> Result<Zeroizing<String>, Error> {
    let sealed = yaml::outline(body, first)?;
    let key = data.derive("rprov vault 1 values", header.id);
    let mut opened = Vec::new();
    for item in sealed.values() {
        let altered = || Error::ValueAltered { path: item.path.to_string(), line: item.line };
        let source = &body[item.span.clone()];
        let plain = matches!(item.kind, Kind::Scalar { plain: true, .. });
        let token = source
            .strip_prefix(PREFIX)
            .filter(|_| plain)
            .ok_or_else(|| Error::Clear { path: item.path.to_string(), line: item.line })?;
        let bytes = decode(token).ok_or_else(altered)?;
        match open_value(&key, header, &item.path, &bytes) {
            Some(value) => opened.push(value),
            None => {
                let from = origin(&key, header, &sealed, &bytes);
                let (path, line) = (item.path.to_string(), item.line);
                return Err(Error::ValueMoved { path, line, from });
            }
        }
    }
    header.verify_keys(data, &sealed.keys)?;
    let plain = Zeroizing::new(splice(body, &sealed, &opened));
    // The text around the values may have been changed so that they mean something else.
    let read = yaml::outline(&plain, first)?;
    if read.keys != sealed.keys {
        return Err(Error::KeysAltered);
    }
    for ((value, item), token) in opened.iter().zip(read.values()).zip(sealed.values()) {
        let source = &plain[item.span.clone()];
        if source != value.source.as_str()
            || item.path != token.path
            || meaning(item, source) != value.digest
        {
            return Err(Error::ValueAltered { path: token.path.to_string(), line: token.line });
        }
    }
    Ok(plain)
}

/// The key that a ciphertext was made for, if it is still there.
fn origin(key: &Key, header: &Header, outline: &Outline, sealed: &[u8]) -> Option<String> {
    let found = outline.values().find(|item| open_value(key, header, &item.path, sealed).is_some());
    found.map(|item| item.path.to_string())
}

#[cfg(test)]
mod tests;
