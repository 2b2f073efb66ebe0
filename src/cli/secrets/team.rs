//! Whom files are encrypted for: those of an open file, and those of a new one.

use std::path::Path;

use rprov_vault::{Error, Keyring, Recipient, Vault, Whole};

use super::document::{Form, wrong};
use super::recipients::{PASSPHRASE, parse};
use crate::cli::Result;
use crate::cli::passwords::Passwords;
use crate::cli::project::{Environment, Project};
use crate::source::Diagnostic;
use crate::vars::files;

/// Those who can open a file.
pub(super) trait Team {
    fn recipients(&self) -> Vec<Recipient>;

    /// Lets someone else open it, too.
    ///
    /// # Errors
    /// As [`Vault::add`].
    fn add(&mut self, who: &Recipient, keyring: &Keyring) -> std::result::Result<(), Error>;

    /// Shuts someone out, by the key of a recipient.
    ///
    /// # Errors
    /// As [`Vault::remove`].
    fn remove(&mut self, key: &str, keyring: &Keyring) -> std::result::Result<(), Error>;

    /// Makes a new key.
    ///
    /// # Errors
    /// As [`Vault::rekey`].
    fn rekey(&mut self, keyring: &Keyring) -> std::result::Result<(), Error>;
}

impl Team for Vault {
    fn recipients(&self) -> Vec<Recipient> {
        self.recipients()
    }

    fn add(&mut self, who: &Recipient, keyring: &Keyring) -> std::result::Result<(), Error> {
        self.add(who, keyring)
    }

    fn remove(&mut self, key: &str, keyring: &Keyring) -> std::result::Result<(), Error> {
        self.remove(key, keyring)
    }

    fn rekey(&mut self, keyring: &Keyring) -> std::result::Result<(), Error> {
        self.rekey(keyring)
    }
}

/// Whom new files are for.
pub(super) enum For {
    /// Those who can open this one.
    Values(Box<Vault>),
    Whole(Box<Whole>),
    These(Vec<Recipient>),
}

impl For {
    /// The recipients that the words name, as in `recipients add`; if there are none, those of the
    /// environment's secrets; if rprov has not encrypted these, who knows the password.
    ///
    /// # Errors
    /// When a word is no recipient, the secrets cannot be opened, or no password is known.
    pub(super) fn named(
        words: &[String],
        environment: Option<&Environment>,
        passwords: &Passwords,
    ) -> Result<For> {
        let mut these = Vec::new();
        for word in words {
            match word.as_str() {
                PASSPHRASE => these.push(passphrase(passwords)?),
                word => these.extend(parse(word)?),
            }
        }
        if !these.is_empty() {
            return Ok(For::These(these));
        }
        if let Some(path) = environment.and_then(|environment| environment.secrets.as_ref()) {
            let bytes = files::read(path).map_err(|error| vec![files::unreadable(path, &error)])?;
            if rprov_vault::mode(&bytes).is_some() {
                match Form::open(path, &bytes, passwords)?.0 {
                    Form::Values(vault) => return Ok(For::Values(vault)),
                    Form::Whole(whole) => return Ok(For::Whole(whole)),
                    Form::Plain | Form::Envelope(_) | Form::Inline(_) => {}
                }
            }
        }
        Ok(For::These(vec![passphrase(passwords)?]))
    }

    /// The key of a new file.
    ///
    /// # Errors
    /// When a recipient is named twice, or is a passphrase that is not at hand.
    pub(super) fn whole(&self, passwords: &Passwords) -> Result<Whole> {
        let made = passwords.with_passphrases(|keyring| match self {
            For::Values(vault) => vault.whole(keyring),
            For::Whole(whole) => whole.another(keyring),
            For::These(these) => Whole::new(these, keyring),
        });
        made.map_err(|error| vec![Diagnostic::error(error.to_string())])
    }

    /// A new file whose values are encrypted one by one.
    ///
    /// # Errors
    /// As [`For::whole`], and when the text is no YAML that can be encrypted so.
    pub(super) fn values(&self, shown: &Path, clear: &str, passwords: &Passwords) -> Result<Vault> {
        let made = passwords.with_passphrases(|keyring| match self {
            For::Values(vault) => vault.another(clear, keyring),
            For::Whole(whole) => whole.values(clear, keyring),
            For::These(these) => Vault::seal(clear, these, keyring),
        });
        made.map_err(|error| wrong(shown, &error))
    }
}

fn passphrase(passwords: &Passwords) -> Result<Recipient> {
    let password = passwords.to_encrypt(None)?;
    passwords.recipient(&password.bytes)
}

/// The environment in whose directory a file is.
pub(super) fn environment_of(path: &Path) -> Option<Environment> {
    let project = Project::find().ok()?;
    let path = path.canonicalize().ok()?;
    project.environments().into_iter().find_map(|name| {
        let environment = project.environment(&name).ok()?;
        let directory = environment.hosts.parent()?.canonicalize().ok()?;
        path.starts_with(directory).then_some(environment)
    })
}

/// Whether new secrets are for Ansible Vault, too: those of the environment, or of all if there is
/// none, are encrypted by it, and none by rprov.
pub(super) fn is_ansibles(environment: Option<&Environment>) -> bool {
    let all = || {
        let project = Project::find().ok()?;
        let names = project.environments().into_iter();
        Some(names.filter_map(|name| project.environment(&name).ok()).collect::<Vec<_>>())
    };
    let environments = match environment {
        Some(environment) => vec![environment.clone()],
        None => all().unwrap_or_default(),
    };
    let secrets = environments.into_iter().filter_map(|environment| environment.secrets);
    let texts: Vec<Vec<u8>> = secrets.filter_map(|path| files::read(&path).ok()).collect();
    let ours = |text: &Vec<u8>| rprov_vault::mode(text).is_some();
    let envelope = b"$ANSIBLE_VAULT;";
    let ansibles = |text: &Vec<u8>| text.windows(envelope.len()).any(|part| part == envelope);
    !texts.iter().any(ours) && texts.iter().any(ansibles)
}
