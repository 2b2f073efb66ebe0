//! A file of secrets, open: its clear text, and how it is sealed again in the form it has.

use std::path::Path;

use rprov_vault::ansible::{Plain, is_envelope};
use rprov_vault::{Mode, Recipient, Value, ValueKind, Vault, Whole, text};
use zeroize::Zeroizing;

use super::inline::Inline;
use super::supply;
use crate::cli::basis::Basis;
use crate::cli::held::{Held, Refused};
use crate::cli::passwords::{Otherwise, Password, PasswordArgs, Passwords};
use crate::cli::{Result, complain};
use crate::source::Diagnostic;
use crate::template::DecryptError;
use crate::vars::files::unreadable;

/// Clear text; wiped when dropped.
pub(super) type Clear = Zeroizing<String>;

/// How a file is sealed.
pub(super) enum Form {
    /// Not at all.
    Plain,
    /// By rprov, value by value.
    Values(Box<Vault>),
    /// By rprov, as a whole.
    Whole(Box<Whole>),
    /// By Ansible Vault, as a whole.
    Envelope(Password),
    /// By Ansible Vault, some values.
    Inline(Inline),
}

impl Form {
    /// What it is called in messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Form::Plain => "plain YAML",
            Form::Values(_) => "rprov, value by value",
            Form::Whole(_) => "rprov, the whole file",
            Form::Envelope(_) => "Ansible Vault, the whole file",
            Form::Inline(_) => "Ansible Vault, value by value",
        }
    }

    /// Opens the content of a file.
    ///
    /// # Errors
    /// When nothing at hand opens it, or it is damaged.
    pub(super) fn open(shown: &Path, bytes: &[u8], passwords: &Passwords) -> Result<(Form, Clear)> {
        let failed = |error: DecryptError| {
            let text = format!("cannot decrypt `{}`: {}", shown.display(), error.reason);
            vec![error.help.into_iter().fold(Diagnostic::error(text), Diagnostic::help)]
        };
        // Those of the merge driver are for the editor.
        if rprov_vault::is_encrypted(bytes)
            && let Some(error) = supply::by_git(shown, bytes)
        {
            return Err(vec![error]);
        }
        match rprov_vault::mode(bytes) {
            Some(Mode::Values) => {
                let vault = passwords.unlock(bytes).map_err(failed)?;
                let clear = vault.plain().clone();
                return Ok((Form::Values(Box::new(vault)), clear));
            }
            Some(Mode::Whole) => {
                let whole = passwords.unlock_whole(bytes).map_err(failed)?;
                let plain = passwords.content(bytes).map_err(failed)?;
                return Ok((Form::Whole(Box::new(whole)), utf8(shown, &plain)?));
            }
            None => {}
        }
        if is_envelope(bytes) {
            let (plain, password) = passwords.open_with(bytes).map_err(failed)?;
            return Ok((Form::Envelope(password), utf8(shown, &plain)?));
        }
        let clear = utf8(shown, bytes)?;
        match Inline::open(shown, &clear, passwords)? {
            Some((inline, clear)) => Ok((Form::Inline(inline), clear)),
            None => Ok((Form::Plain, clear)),
        }
    }

    /// The text to keep in the file.
    ///
    /// # Errors
    /// When the text is no YAML.
    pub(super) fn seal(&mut self, shown: &Path, clear: &str) -> Result<Plain> {
        let bytes = |text: &str| Plain::new(text.as_bytes().to_vec());
        match self {
            Form::Plain => Ok(bytes(clear)),
            Form::Values(vault) => {
                vault.edit(clear).map_err(|error| wrong(shown, &error))?;
                Ok(bytes(vault.sealed()))
            }
            Form::Whole(whole) => sealed(shown, whole, clear),
            Form::Envelope(password) => password.seal(clear.as_bytes()).map(|text| bytes(&text)),
            Form::Inline(inline) => inline.seal(shown, clear).map(|text| bytes(&text)),
        }
    }
}

pub(super) struct Document {
    pub(super) held: Held,
    pub(super) form: Form,
    pub(super) clear: Clear,
    pub(super) passwords: Passwords,
}

impl Document {
    /// Opens a file and keeps others from changing it. One that is not there is new: it will be
    /// rprov's, for a passphrase.
    ///
    /// # Errors
    /// When it cannot be read or opened, or another rprov holds it.
    pub(super) fn open_or_new(path: &Path, args: &PasswordArgs, basis: &Basis) -> Result<Document> {
        let held = Held::take(path)?;
        if held.bytes().is_some() {
            return Document::of(held, args, basis);
        }
        let passwords = Passwords::new(args, basis, Otherwise::AskNew)?;
        let password = passwords.to_encrypt(None)?;
        let recipient = passwords.recipient(&password.bytes)?;
        let vault = Vault::seal("{}\n", &[recipient], &passwords.keyring());
        let vault = vault.map_err(|error| wrong(path, &error))?;
        Ok(Document {
            held,
            form: Form::Values(Box::new(vault)),
            clear: Clear::new("{}\n".to_owned()),
            passwords,
        })
    }

    /// Opens a file that must be there.
    ///
    /// # Errors
    /// As [`Document::open_or_new`].
    pub(super) fn open(path: &Path, args: &PasswordArgs, basis: &Basis) -> Result<Document> {
        let held = Held::take(path)?;
        match held.bytes() {
            Some(_) => Document::of(held, args, basis),
            None => {
                let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
                Err(vec![unreadable(path, &gone).help("`rprov secrets edit` makes it")])
            }
        }
    }

    fn of(held: Held, args: &PasswordArgs, basis: &Basis) -> Result<Document> {
        let passwords = Passwords::new(args, basis, Otherwise::Ask)?;
        let (form, clear) = Form::open(held.shown(), held.bytes().unwrap_or_default(), &passwords)?;
        if matches!(form, Form::Plain) && !values(&clear).is_empty() {
            complain(&not_encrypted(held.shown()));
        }
        Ok(Document { held, form, clear, passwords })
    }

    /// Writes a new clear text to the file; if somebody else has changed it, next to it.
    ///
    /// # Errors
    /// When it cannot be sealed or written.
    pub(super) fn save(&mut self, clear: &str) -> Result<()> {
        let sealed = self.form.seal(self.held.shown(), clear)?;
        match self.held.replace(&sealed) {
            Ok(()) => {
                self.clear = Clear::new(clear.to_owned());
                Ok(())
            }
            Err(Refused::Failed(errors)) => Err(errors),
            Err(Refused::Changed) => {
                Err(self.held.keep(&sealed, "it was changed by somebody else meanwhile"))
            }
        }
    }

    /// Keeps what could not be saved, sealed for the same people; the errors say where.
    ///
    /// # Errors
    /// Always.
    pub(super) fn abandon(&mut self, why: &str, saved: Option<&str>) -> Result<()> {
        let Some(saved) = saved else {
            let error = format!("`{}` is unchanged: {why}", self.held.shown().display());
            return Err(vec![Diagnostic::error(error)]);
        };
        let (sealed, help) = match &self.form {
            Form::Plain => (Plain::new(saved.as_bytes().to_vec()), None),
            Form::Whole(whole) => (sealed(self.held.shown(), whole, saved)?, None),
            Form::Envelope(password) => {
                (Plain::new(password.seal(saved.as_bytes())?.into_bytes()), None)
            }
            Form::Inline(inline) => {
                let password = inline.password()?;
                (Plain::new(password.seal(saved.as_bytes())?.into_bytes()), None)
            }
            Form::Values(vault) => {
                let sealed = self.unsaved(vault, saved)?;
                (sealed, Some("`rprov secrets get unsaved --file` with that file shows it"))
            }
        };
        let mut errors = self.held.keep(&sealed, why);
        if let (Some(help), Some(first)) = (help, errors.first_mut()) {
            *first = first.clone().help(help);
        }
        Err(errors)
    }

    /// A text that may be no YAML, as the only value of a vault for the same recipients.
    fn unsaved(&self, vault: &Vault, saved: &str) -> Result<Plain> {
        let shown = self.held.shown();
        let path = "unsaved".parse().map_err(|error| wrong(shown, &error))?;
        let text = text::set("{}\n", &path, rprov_vault::NewValue::Text(saved))
            .map_err(|error| wrong(shown, &error))?;
        let keyring = self.passwords.keyring();
        let all = vault.recipients();
        // Passphrases that are not at hand are left out.
        let keys: Vec<Recipient> =
            all.iter().filter(|known| !known.is_passphrase()).cloned().collect();
        let sealed = Vault::seal(&text, &all, &keyring)
            .or_else(|_| Vault::seal(&text, &keys, &keyring))
            .map_err(|error| wrong(shown, &error))?;
        Ok(Plain::new(sealed.sealed().as_bytes().to_vec()))
    }
}

/// The values of a clear text: no mappings and lists, and nothing that is not written. None of a text
/// that is no YAML.
pub(super) fn values(clear: &str) -> Vec<Value> {
    let all = text::list(clear).unwrap_or_default();
    all.into_iter().filter(|value| matches!(value.kind, ValueKind::Scalar { .. })).collect()
}

/// Says that values of a file can be read by anybody.
pub(super) fn not_encrypted(shown: &Path) -> String {
    let shown = shown.display();
    format!("note: `{shown}` is not encrypted; `rprov secrets migrate` does that\n")
}

/// What is wrong with a clear text, with the file it belongs to.
pub(super) fn wrong(shown: &Path, error: &rprov_vault::Error) -> Vec<Diagnostic> {
    vec![Diagnostic::error(format!("`{}`: {error}", shown.display()))]
}

/// A text encrypted as a whole.
fn sealed(shown: &Path, whole: &Whole, clear: &str) -> Result<Plain> {
    let mut bytes = Vec::new();
    let done = super::whole::seal(whole, &mut clear.as_bytes(), &mut bytes);
    done.map(|()| Plain::new(bytes)).map_err(|fault| vec![fault.of(shown)])
}

fn utf8(shown: &Path, bytes: &[u8]) -> Result<Clear> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Clear::new(text.to_owned())),
        Err(error) => {
            let at = error.valid_up_to();
            let text = format!("`{}` is not UTF-8 at byte {at}", shown.display());
            Err(vec![
                Diagnostic::error(text)
                    .help("secrets are YAML; `rprov secrets encrypt` takes any file"),
            ])
        }
    }
}
