//! Why something sealed cannot be read, opened or made.

use std::fmt;

use crate::kdf::{MAX_LANES, MAX_MEMORY, MAX_PASSES};

/// What went wrong with one of our formats. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The text does not begin with our first line.
    NotSealed,
    /// It begins with our first line, of another version; which.
    Version(String),
    /// A file encrypted as a whole where encrypted values are expected (`false`), or the reverse.
    OtherMode {
        whole: bool,
    },
    /// The header has no end within [`crate::header::MAX_HEADER`] bytes.
    HeaderTooLarge,
    /// The header, or the file, ends early.
    Truncated,
    /// A line of the header that is not as it must be.
    Header {
        line: usize,
        expected: &'static str,
    },
    /// The cost of deriving a key from the passphrase is not within our bounds.
    Cost {
        memory: u32,
        passes: u32,
        lanes: u32,
    },
    /// Too many recipients are passphrases.
    TooManyPassphrases(usize),
    /// No key at hand is one of the recipients; who they are.
    NoKey(Vec<String>),
    /// None of the passphrases at hand is the right one.
    WrongPassphrase,
    /// A key at hand is a recipient, and what was wrapped for it cannot be unwrapped; its name.
    Wrapped(String),
    /// The header was changed by someone who does not have the key.
    HeaderAltered,
    /// Every value is right, and the keys were added to, dropped, renamed or put in another order.
    KeysAltered,
    /// An encrypted value was changed.
    ValueAltered {
        path: String,
        line: usize,
    },
    /// An encrypted value stands at another key than it was made for; which one, if it is known.
    ValueMoved {
        path: String,
        line: usize,
        from: Option<String>,
    },
    /// A value in clear among encrypted ones.
    Clear {
        path: String,
        line: usize,
    },
    /// Bytes that are no UTF-8; the first of them.
    NotUtf8 {
        at: usize,
    },
    /// Text that is no YAML, or YAML that cannot be encrypted value by value.
    Yaml {
        line: usize,
        column: usize,
        what: String,
    },
    /// A key that is not there.
    NoSuchKey(String),
    /// A key that cannot be written, read or changed; and why.
    Path {
        path: String,
        why: &'static str,
    },
    /// A recipient that cannot be read; and why.
    Recipient {
        text: String,
        why: String,
    },
    /// Neither an SSH private key nor an age identity; and why.
    Identity(String),
    /// The passphrase of a private key is wrong.
    IdentityPassphrase,
    /// Nobody is left who could open the file.
    NoRecipients,
    /// A recipient is there already, or is not there; its name.
    KnownRecipient(String),
    UnknownRecipient(String),
    /// A new key must be wrapped for this passphrase too, and it is not at hand.
    PassphraseNeeded(String),
    /// A piece of a file encrypted as a whole was changed, moved or dropped; its number, from 0.
    Chunk(u64),
    /// The end of a file encrypted as a whole is not the one that was written.
    Cut,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotSealed => f.write_str("expected a first line `# rprov vault 1 …`"),
            Error::Version(found) => {
                write!(f, "expected version 1 of rprov's vault format, found `{found}`")
            }
            Error::OtherMode { whole: true } => {
                f.write_str("expected encrypted values, found a file that is encrypted as a whole")
            }
            Error::OtherMode { whole: false } => {
                f.write_str("expected a file that is encrypted as a whole, found encrypted values")
            }
            Error::HeaderTooLarge => {
                write!(f, "the vault's header does not end within {} bytes", crate::MAX_HEADER)
            }
            Error::Truncated => f.write_str("the vault is cut off"),
            Error::Header { line, expected } => {
                write!(f, "expected {expected} in line {line} of the vault's header")
            }
            Error::Cost { memory, passes, lanes } => write!(
                f,
                "deriving the key would take {memory} KiB, {passes} passes and {lanes} lanes: \
                 expected at most {MAX_MEMORY} KiB, {MAX_PASSES} passes and {MAX_LANES} lanes"
            ),
            Error::TooManyPassphrases(found) => write!(
                f,
                "expected at most {} passphrases among the recipients, found {found}",
                crate::header::MAX_PASSPHRASES
            ),
            Error::NoKey(names) => {
                write!(
                    f,
                    "no key at hand opens the vault; its recipients are: {}",
                    names.join(", ")
                )
            }
            Error::WrongPassphrase => f.write_str("the passphrase is wrong"),
            Error::Wrapped(name) => {
                write!(f, "what the vault's header has for `{name}` was altered")
            }
            Error::HeaderAltered => f.write_str("the vault's header was altered"),
            Error::KeysAltered => f.write_str(
                "keys of the vault were added, dropped, renamed or reordered without its key",
            ),
            Error::ValueAltered { path, line } => {
                write!(f, "the encrypted value of `{path}` in line {line} was altered")
            }
            Error::ValueMoved { path, line, from: Some(from) } => {
                write!(f, "the encrypted value of `{path}` in line {line} belongs to `{from}`")
            }
            Error::ValueMoved { path, line, from: None } => write!(
                f,
                "the encrypted value of `{path}` in line {line} was altered, or made for another key"
            ),
            Error::Clear { path, line } => {
                write!(
                    f,
                    "expected an encrypted value of `{path}`, found one in clear in line {line}"
                )
            }
            Error::NotUtf8 { at } => write!(f, "expected UTF-8, found something else at byte {at}"),
            Error::Yaml { line, column, what } => {
                write!(f, "{what} in line {line}, column {column}")
            }
            Error::NoSuchKey(path) => write!(f, "there is no key `{path}`"),
            Error::Path { path, why } => write!(f, "`{path}`: {why}"),
            Error::Recipient { text, why } => write!(f, "`{text}` is no recipient: {why}"),
            Error::Identity(why) => {
                write!(f, "expected an SSH private key or an age identity: {why}")
            }
            Error::IdentityPassphrase => f.write_str("the passphrase of the private key is wrong"),
            Error::NoRecipients => f.write_str("expected at least one recipient, found none"),
            Error::KnownRecipient(name) => write!(f, "`{name}` is a recipient already"),
            Error::UnknownRecipient(name) => write!(f, "`{name}` is no recipient"),
            Error::PassphraseNeeded(name) => {
                write!(f, "a new key needs the passphrase of the recipient `{name}`")
            }
            Error::Cut => f.write_str("the end of the encrypted file is missing, or was altered"),
            Error::Chunk(number) => write!(
                f,
                "the encrypted file was altered in the {} KiB behind byte {} of its content",
                crate::CHUNK / 1024,
                number.saturating_mul(crate::CHUNK as u64)
            ),
        }
    }
}

impl std::error::Error for Error {}
