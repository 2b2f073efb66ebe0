//! Which password to encrypt with.

use clap::Args;
use rprov_vault::ansible::{Plain, seal};

use super::source::{Place, Source, home};
use super::{Passwords, Result, no_source};
use crate::source::Diagnostic;

/// A password, and the label that tells it from others.
#[derive(Clone)]
pub(in crate::cli) struct Password {
    pub(in crate::cli) label: Option<String>,
    pub(in crate::cli) bytes: Plain,
}

impl Password {
    /// An Ansible Vault envelope.
    ///
    /// # Errors
    /// When the label cannot be written in one.
    pub(in crate::cli) fn seal(&self, plain: &[u8]) -> Result<String> {
        seal(plain, &self.bytes, self.label.as_deref())
            .map_err(|error| vec![Diagnostic::error(error.to_string())])
    }
}

/// Where `rekey` is to find the new password; asked for if it is not said.
#[derive(Debug, Default, Args)]
pub(in crate::cli) struct NewArgs {
    /// The new label and password: LABEL@FILE, LABEL@prompt
    #[arg(long, value_name = "[LABEL@]SOURCE", conflicts_with = "new_vault_password_file")]
    pub(in crate::cli) new_vault_id: Option<String>,
    /// The new password's file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) new_vault_password_file: Option<String>,
}

impl Passwords {
    /// The password to encrypt with: that of the label, or the only one given on the command line and
    /// in settings, or the first one found elsewhere.
    ///
    /// # Errors
    /// When there is none, or several were given and no label says which.
    pub(in crate::cli) fn to_encrypt(&self, label: Option<&str>) -> Result<Password> {
        if let Some(label) = label.or(self.labels.encrypt.as_deref()) {
            let labels: Vec<&str> = self.real().map(Source::label).collect();
            let source = self.sources.iter().find(|source| source.label.as_deref() == Some(label));
            let source = source
                .or_else(|| self.real().find(|source| source.label() == label))
                .ok_or_else(|| {
                    let error = format!("no vault password has the label `{label}`");
                    let known = format!("known labels: {}", labels.join(", "));
                    vec![Diagnostic::error(error).help(known)]
                })?;
            return self.found(source);
        }
        let given: Vec<&Source> = self.sources.iter().filter(|source| source.given).collect();
        match given.as_slice() {
            [source] => self.found(source),
            [] => self.first(),
            several => {
                let labels: Vec<&str> = several.iter().map(|source| source.label()).collect();
                let error = Diagnostic::error("with which of several passwords to encrypt?");
                let help = format!(
                    "choose one with `--encrypt-vault-id` or ANSIBLE_VAULT_ENCRYPT_IDENTITY; \
                     given were: {}",
                    labels.join(", ")
                );
                Err(vec![error.help(help)])
            }
        }
    }

    /// The first password there is.
    fn first(&self) -> Result<Password> {
        let mut tried = Vec::new();
        let mut help = None;
        for source in self.in_order(None) {
            match source.password(&self.redactor) {
                Ok(bytes) => {
                    return Ok(Password { label: source.label.clone(), bytes: bytes.clone() });
                }
                Err(missing) => {
                    tried.push(format!("{}: {}", source.name, missing.reason));
                    help = help.or_else(|| missing.help.clone());
                }
            }
        }
        let error = format!("no vault password is known; looked at {}", tried.join("; "));
        Err(vec![Diagnostic::error(error).help(help.unwrap_or_else(|| self.advice()))])
    }

    fn found(&self, source: &Source) -> Result<Password> {
        match source.password(&self.redactor) {
            Ok(bytes) => Ok(Password { label: source.label.clone(), bytes: bytes.clone() }),
            Err(missing) => {
                let error = format!("no vault password: {}: {}", source.name, missing.reason);
                let error = Diagnostic::error(error);
                Err(vec![missing.help.iter().fold(error, |error, help| error.help(help))])
            }
        }
    }

    /// The new password of `rekey`; asked for, twice, if none is named.
    ///
    /// # Errors
    /// When it cannot be had, or does not have the label.
    pub(in crate::cli) fn new_one(&self, new: &NewArgs, label: Option<&str>) -> Result<Password> {
        let source = match (&new.new_vault_id, &new.new_vault_password_file) {
            (Some(id), _) => Source::of_id("--new-vault-id", id, Place::NewPrompt)
                .ok_or_else(|| no_source(id))?,
            (None, Some(file)) => {
                let name = format!("--new-vault-password-file {file}");
                Source::new(name, None, Place::File(home(file)))
            }
            (None, None) => Source::new("a question", None, Place::NewPrompt),
        };
        let source = source.or_labelled(&self.labels);
        let label = label.or(self.labels.encrypt.as_deref());
        if let Some(label) = label.filter(|label| *label != source.label()) {
            let error = format!("expected a new password with the label `{label}`");
            let found = format!("the one given has the label `{}`", source.label());
            return Err(vec![Diagnostic::error(error).note(found)]);
        }
        self.found(&source)
    }

    fn real(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| !matches!(source.place, Place::Nowhere(_)))
    }
}

impl Source {
    pub(super) fn asks(&self) -> bool {
        matches!(self.place, Place::Prompt | Place::NewPrompt)
    }
}
