//! Opening files of our own format: with private keys and passphrases.
//!
//! What costs nothing is tried first: keys without a passphrase, passphrases that can be had without
//! asking, and only then questions.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rprov_vault::ansible::Plain;
use rprov_vault::{Cost, Error, Identity, Keyring, Mode, Recipient, ValueKind, Vault, Whole};

use super::source::home;
use super::{Passwords, Result};
use crate::cli::secrets::conflicts;
use crate::report::{self, Redactor};
use crate::source::Diagnostic;
use crate::template::DecryptError;
use crate::vars::files::reason;

/// Private keys that are tried when none is named.
const DEFAULT_KEYS: [&str; 2] = ["~/.ssh/id_ed25519", "~/.ssh/id_rsa"];

/// The private keys of a run.
#[derive(Clone)]
pub(super) struct Keys {
    files: Vec<PathBuf>,
    /// Named on the command line: then it is a mistake if one is missing.
    given: bool,
    /// Whether to ask for their passphrases.
    asks: bool,
    /// The files whose passphrases were asked for, and why they are still locked: nobody is asked twice.
    asked: Arc<Mutex<HashMap<PathBuf, Option<String>>>>,
}

impl Keys {
    pub(super) fn new(given: &[String], asks: bool) -> Keys {
        let default = DEFAULT_KEYS.map(str::to_owned);
        let files = if given.is_empty() { &default[..] } else { given };
        let files = files.iter().map(|file| home(file)).collect();
        Keys { files, given: !given.is_empty(), asks, asked: Arc::default() }
    }

    /// Asks for the passphrase of a key and unlocks it. Why it cannot be, otherwise; none if it was
    /// unlocked before.
    fn unlock(
        &self,
        file: &Path,
        identity: &Identity,
        redactor: &Redactor,
    ) -> std::result::Result<Vec<Identity>, Option<String>> {
        // Held while asking, so that threads do not ask at once.
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = asked.get(file) {
            return Err(why.clone());
        }
        let question = format!("Passphrase of {}: ", file.display());
        let passphrase = self.asks.then(|| report::ask(&question, true)).flatten();
        let unlocked = match passphrase {
            None if !self.asks => {
                Err("its passphrase is needed, and is not asked for here".to_owned())
            }
            None => Err("its passphrase is needed, and there is no terminal to ask on".to_owned()),
            Some(passphrase) => {
                redactor.learn(&passphrase);
                identity.unlock(&passphrase).map_err(|error| match error {
                    Error::IdentityPassphrase => "the passphrase is wrong".to_owned(),
                    error => error.to_string(),
                })
            }
        };
        asked.insert(file.to_owned(), unlocked.as_ref().err().cloned());
        unlocked.map_err(Some)
    }
}

impl Passwords {
    /// Opens a file of ours whose values are encrypted.
    ///
    /// # Errors
    /// When it is damaged, or nothing at hand opens it; every place that was looked at is named.
    pub(in crate::cli) fn unlock(&self, sealed: &[u8]) -> std::result::Result<Vault, DecryptError> {
        self.unlock_as(sealed, Vault::open)
    }

    /// Opens a file of ours that is encrypted as a whole, by its header.
    ///
    /// # Errors
    /// As [`Passwords::unlock`].
    pub(in crate::cli) fn unlock_whole(
        &self,
        sealed: &[u8],
    ) -> std::result::Result<Whole, DecryptError> {
        self.unlock_as(sealed, header)
    }

    /// What is in a file of ours of either mode. The redactor learns every value.
    ///
    /// # Errors
    /// As [`Passwords::unlock`].
    pub(in crate::cli) fn content(
        &self,
        sealed: &[u8],
    ) -> std::result::Result<Plain, DecryptError> {
        if rprov_vault::mode(sealed) == Some(Mode::Whole) {
            return self.unlock_as(sealed, content);
        }
        let vault = self.unlock(sealed)?;
        if let Some(reason) = conflicts::message(vault.sealed()) {
            let help = "choose with `rprov secrets edit --file FILE`".to_owned();
            return Err(DecryptError { reason, help: Some(help) });
        }
        for value in vault.list().map_err(damaged)? {
            if let ValueKind::Scalar { text, .. } = &value.kind {
                self.redactor.learn(text);
            }
        }
        Ok(Plain::new(vault.plain().as_bytes().to_vec()))
    }

    fn unlock_as<T>(
        &self,
        sealed: &[u8],
        open: fn(&[u8], &Keyring) -> std::result::Result<T, Error>,
    ) -> std::result::Result<T, DecryptError> {
        let recipients = rprov_vault::recipients(sealed).map_err(damaged)?;
        let mut attempt = Attempt { sealed, open, tried: Vec::new() };
        let mut keyring = self.keyring();
        // What opened one file opens the others of a project.
        if let Some(vault) = attempt.open(&keyring)? {
            return Ok(vault);
        }
        let mut locked = Vec::new();
        for file in &self.keys.files {
            for identity in attempt.identities(file, self.keys.given) {
                let own = identity.recipient();
                let is_for =
                    |known: &&Recipient| own.as_ref().is_none_or(|own| own.key() == known.key());
                if !recipients.iter().any(|known| is_for(&known)) {
                    attempt.tried.push(format!("{}: it is no recipient", file.display()));
                } else if identity.is_locked() {
                    locked.push((file, identity));
                } else {
                    keyring.add_identity(identity);
                    if let Some(vault) = attempt.open(&keyring)? {
                        return Ok(vault);
                    }
                    attempt.tried.push(format!("{}: it does not open it", file.display()));
                }
            }
        }
        let by_passphrase = recipients.iter().any(Recipient::is_passphrase);
        let (asking, known): (Vec<_>, Vec<_>) =
            self.in_order(None).partition(|source| source.asks());
        let mut help = None;
        for source in known.into_iter().filter(|_| by_passphrase) {
            let opened = attempt.passphrase(source, self, &mut keyring, &mut help)?;
            if let Some(vault) = opened {
                return Ok(vault);
            }
        }
        for (file, identity) in locked {
            let why = match self.keys.unlock(file, &identity, &self.redactor) {
                Ok(identities) => {
                    identities.into_iter().for_each(|identity| keyring.add_identity(identity));
                    if let Some(vault) = attempt.open(&keyring)? {
                        return Ok(vault);
                    }
                    "it does not open it".to_owned()
                }
                Err(why) => why.unwrap_or_else(|| "it does not open it".to_owned()),
            };
            attempt.tried.push(format!("{}: {why}", file.display()));
        }
        for source in asking.into_iter().filter(|_| by_passphrase) {
            let opened = attempt.passphrase(source, self, &mut keyring, &mut help)?;
            if let Some(vault) = opened {
                return Ok(vault);
            }
        }
        let names: Vec<String> = recipients.iter().map(Recipient::name).collect();
        Err(DecryptError {
            reason: format!(
                "nothing at hand opens it; it is for {}; looked at {}",
                names.join(", "),
                attempt.tried.join("; ")
            ),
            help: help.or_else(|| match by_passphrase {
                true => Some(self.advice()),
                false => Some("name your private key with `--identity FILE`".to_owned()),
            }),
        })
    }

    /// What has opened files so far.
    pub(in crate::cli) fn keyring(&self) -> MutexGuard<'_, Keyring> {
        self.keyring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that may need the passphrases of a file that a private key has opened.
    ///
    /// # Errors
    /// Those of what is done.
    pub(in crate::cli) fn with_passphrases<T>(
        &self,
        mut act: impl FnMut(&Keyring) -> std::result::Result<T, Error>,
    ) -> std::result::Result<T, Error> {
        let first = act(&self.keyring());
        if !matches!(first, Err(Error::PassphraseNeeded(_))) {
            return first;
        }
        for source in self.in_order(None) {
            if let Ok(passphrase) = source.password(&self.redactor) {
                let mut keyring = self.keyring();
                keyring.add_passphrase(passphrase);
                match act(&keyring) {
                    Err(Error::PassphraseNeeded(_)) => {}
                    done => return done,
                }
            }
        }
        first
    }

    /// A passphrase as someone who can open a new file.
    ///
    /// # Errors
    /// None, as long as passphrases have no comments.
    pub(in crate::cli) fn recipient(&self, passphrase: &[u8]) -> Result<Recipient> {
        let recipient = self.keyring().recipient(passphrase, Cost::default(), "");
        recipient.map_err(|error| vec![Diagnostic::error(error.to_string())])
    }
}

/// The opening of one file, and what was tried in vain.
struct Attempt<'a, T> {
    sealed: &'a [u8],
    open: fn(&[u8], &Keyring) -> std::result::Result<T, Error>,
    tried: Vec<String>,
}

impl<T> Attempt<'_, T> {
    /// The file, if what is at hand opens it.
    fn open(&self, keyring: &Keyring) -> std::result::Result<Option<T>, DecryptError> {
        match (self.open)(self.sealed, keyring) {
            Ok(opened) => Ok(Some(opened)),
            Err(Error::NoKey(_) | Error::WrongPassphrase) => Ok(None),
            Err(error) => Err(damaged(error)),
        }
    }

    /// The keys in a file.
    fn identities(&mut self, file: &Path, given: bool) -> Vec<Identity> {
        let read = std::fs::read(file).map(zeroize::Zeroizing::new);
        let found = read
            .map_err(|error| reason(&error))
            .and_then(|text| Identity::parse(&text).map_err(|error| error.to_string()));
        match found {
            Ok(identities) => identities,
            Err(why) if given || file.exists() => {
                self.tried.push(format!("{}: {why}", file.display()));
                vec![]
            }
            Err(_) => {
                self.tried.push(format!("{}: no such file", file.display()));
                vec![]
            }
        }
    }

    fn passphrase(
        &mut self,
        source: &super::Source,
        passwords: &Passwords,
        keyring: &mut Keyring,
        help: &mut Option<String>,
    ) -> std::result::Result<Option<T>, DecryptError> {
        match source.password(&passwords.redactor) {
            Ok(passphrase) => {
                keyring.add_passphrase(passphrase);
                let opened = self.open(keyring)?;
                if opened.is_none() {
                    self.tried.push(format!("{}: wrong passphrase", source.name));
                }
                Ok(opened)
            }
            Err(missing) => {
                self.tried.push(format!("{}: {}", source.name, missing.reason));
                *help = help.take().or_else(|| missing.help.clone());
                Ok(None)
            }
        }
    }
}

/// The content of a file that is encrypted as a whole.
fn content(mut sealed: &[u8], keyring: &Keyring) -> std::result::Result<Plain, Error> {
    // With its capacity from the start: growing would leave copies of the plaintext behind.
    let mut plain = Plain::new(Vec::with_capacity(sealed.len()));
    let read = Whole::read(&mut sealed, keyring)
        .and_then(|whole| whole.open(sealed).read_to_end(&mut plain));
    read.map(|_| plain).map_err(|error| ours(&error))
}

/// Its header alone.
fn header(mut sealed: &[u8], keyring: &Keyring) -> std::result::Result<Whole, Error> {
    Whole::read(&mut sealed, keyring).map_err(|error| ours(&error))
}

/// Reading from memory fails for reasons of ours only.
fn ours(error: &std::io::Error) -> Error {
    Whole::why(error).cloned().unwrap_or(Error::Truncated)
}

fn damaged(error: Error) -> DecryptError {
    DecryptError { reason: error.to_string(), help: None }
}
