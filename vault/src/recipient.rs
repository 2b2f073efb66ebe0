//! Who can open a file: passphrases, SSH public keys and age's own.
//!
//! Public keys are age's business: what the header has for one is an age file with the data key in
//! it.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;
use crate::kdf::{Cost, SALT};
use crate::key::{DataKey, encode};

/// Someone who can open a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    pub(crate) kind: Kind,
    /// What a human calls it: `alice@laptop`.
    comment: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Passphrase {
        salt: [u8; SALT],
        cost: Cost,
    },
    /// `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`
    Public(String),
}

impl Recipient {
    pub(crate) fn passphrase(
        salt: [u8; SALT],
        cost: Cost,
        comment: &str,
    ) -> Result<Recipient, Error> {
        Recipient { kind: Kind::Passphrase { salt, cost }, comment: comment.to_owned() }.checked()
    }

    /// Whether it is a passphrase.
    #[must_use]
    pub fn is_passphrase(&self) -> bool {
        matches!(self.kind, Kind::Passphrase { .. })
    }

    /// What a human calls it; may be empty.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// The key that sets it apart, without the comment.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.kind {
            Kind::Passphrase { salt, cost } => {
                let [memory, passes, lanes] = cost.parameters();
                format!("passphrase {memory},{passes},{lanes} {}", encode(salt))
            }
            Kind::Public(key) => key.clone(),
        }
    }

    /// The comment, or the key shortened, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        let key = match &self.kind {
            Kind::Passphrase { .. } if self.comment.is_empty() => return "a passphrase".to_owned(),
            Kind::Passphrase { .. } => return format!("the passphrase {}", self.comment),
            Kind::Public(key) => key,
        };
        let short = match key.split_once(' ') {
            Some((kind, body)) => format!("{kind} …{}", &body[body.len().saturating_sub(8)..]),
            None => format!("{}…", &key[..key.len().min(12)]),
        };
        match self.comment.is_empty() {
            true => short,
            false => format!("{} ({short})", self.comment),
        }
    }

    fn checked(self) -> Result<Recipient, Error> {
        let plain = self.comment.trim() == self.comment
            && self.comment.len() <= 200
            && !self.comment.chars().any(char::is_control);
        match plain {
            true => Ok(self),
            false => Err(Error::Recipient {
                text: self.comment.escape_debug().to_string(),
                why: "expected a comment of up to 200 bytes in one line".to_owned(),
            }),
        }
    }

    /// The data key wrapped for a public key: an age file.
    pub(crate) fn wrap(key: &str, data: &DataKey) -> Result<Vec<u8>, Error> {
        let wrong = |why: String| Error::Recipient { text: key.to_owned(), why };
        let recipient = public(key)?;
        let recipients = std::iter::once(&*recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients)
            .map_err(|error| wrong(error.to_string()))?;
        let mut wrapped = Vec::new();
        let write = |wrapped: &mut Vec<u8>| {
            let mut writer = encryptor.wrap_output(wrapped)?;
            writer.write_all(&*data.0)?;
            writer.finish().map(drop)
        };
        write(&mut wrapped).map_err(|error: std::io::Error| wrong(error.to_string()))?;
        Ok(wrapped)
    }
}

/// Reads a public key as age does.
fn public(key: &str) -> Result<Box<dyn age::Recipient>, Error> {
    use age::ssh::ParseRecipientKeyError as Wrong;
    let wrong = |why: &str| Error::Recipient { text: key.to_owned(), why: why.to_owned() };
    if key.starts_with("age1") {
        let key: age::x25519::Recipient = key.parse().map_err(wrong)?;
        return Ok(Box::new(key));
    }
    let blob = key.split_once(' ').and_then(|(_, blob)| STANDARD.decode(blob).ok());
    if blob.is_none_or(|blob| has_empty_number(&blob)) {
        return Err(wrong("expected `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`"));
    }
    match key.parse::<age::ssh::Recipient>() {
        Ok(key) => Ok(Box::new(key)),
        Err(Wrong::RsaModulusTooSmall) => Err(wrong("expected RSA of at least 2048 bits")),
        Err(Wrong::RsaModulusTooLarge) => Err(wrong("expected RSA of at most 4096 bits")),
        Err(Wrong::Unsupported(kind)) => {
            Err(wrong(&format!("expected ssh-ed25519 or ssh-rsa, found {kind}")))
        }
        Err(Wrong::Ignore | Wrong::Invalid(_)) => {
            Err(wrong("expected `age1…`, `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`"))
        }
    }
}

/// Whether a number of an SSH key is made of zeros only: age's reader panics at it.
fn has_empty_number(blob: &[u8]) -> bool {
    let mut rest = blob;
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((field, after)) = behind.split_at_checked(length) else { return false };
        if !field.is_empty() && field.iter().all(|byte| *byte == 0) {
            return true;
        }
        rest = after;
    }
    false
}

impl FromStr for Recipient {
    type Err = Error;

    /// Reads `age1…`, or a line of a `.pub` file. What follows the key is its comment.
    fn from_str(text: &str) -> Result<Recipient, Error> {
        let text = text.trim();
        let words = if text.starts_with("age1") { 1 } else { 2 };
        let mut rest = text;
        let mut key = Vec::new();
        for _ in 0..words {
            let (word, after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            key.push(word);
            rest = after.trim_start();
        }
        let key = key.join(" ");
        public(&key)?;
        Recipient { kind: Kind::Public(key), comment: rest.to_owned() }.checked()
    }
}

impl fmt::Display for Recipient {
    /// As in a header: the key and the comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.comment.is_empty() {
            true => f.write_str(&self.key()),
            false => write!(f, "{} {}", self.key(), self.comment),
        }
    }
}
