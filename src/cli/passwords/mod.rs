//! Where vault passwords come from, and the opening of envelopes with them.
//!
//! Nothing is read, run or asked before something encrypted is met; then each place is looked at at
//! most once in a run, whatever the number of threads. The redactor learns every password and
//! everything that is opened before anyone else sees it.

mod choose;
mod desktop;
mod ours;
mod source;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use rprov_vault::Keyring;
use rprov_vault::ansible::{Envelope, Error, Plain};

pub(super) use self::choose::{NewArgs, Password};
use self::ours::Keys;
use self::source::{Place, Source, home};
use super::Result;
use super::basis::Basis;
use super::project::Project;
use crate::config::{
    ASK_VAULT_PASS, Config, Origin, Setting, VAULT_ENCRYPT_IDENTITY, VAULT_ID_MATCH,
    VAULT_IDENTITY, VAULT_IDENTITY_LIST, VAULT_PASSWORD_FILE,
};
use crate::report::Redactor;
use crate::source::{Diagnostic, SourceMap};
use crate::template::{Decrypt, DecryptError};
use crate::vars::files::Reader;

/// Opened envelopes up to this size are kept: a value in a template is opened again and again.
const KEPT: usize = 64 * 1024;

/// Where to find vault passwords, as ansible-vault's flags say it.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct PasswordArgs {
    /// Read a vault password from a file, or from the output of a script; may be given several times
    #[arg(long, visible_alias = "vault-pass-file", value_name = "FILE")]
    pub(super) vault_password_file: Vec<String>,
    /// Read the vault password of a label: LABEL@FILE, LABEL@prompt; may be given several times
    #[arg(long, value_name = "[LABEL@]SOURCE")]
    pub(super) vault_id: Vec<String>,
    /// Ask for the vault password
    #[arg(short = 'J', long, visible_alias = "ask-vault-password")]
    pub(super) ask_vault_pass: bool,
    /// Open vaults of rprov with this private SSH key, or file of age identities; may be given several
    /// times (default: ~/.ssh/id_ed25519, ~/.ssh/id_rsa)
    #[arg(long, value_name = "FILE")]
    pub(super) identity: Vec<String>,
}

/// What to do where no password is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// Say so: a run must not stop for a question in its middle. Of keys the passphrase is asked.
    Fail,
    /// Say so, and ask nothing at all.
    Silent,
    /// Ask, if there is a terminal.
    Ask,
    /// Ask twice, as nothing was encrypted with it yet.
    AskNew,
}

/// What settings say of the labels of vault passwords.
struct Labels {
    /// Of passwords and envelopes that have none.
    default: String,
    /// Of the password to encrypt with.
    encrypt: Option<String>,
    /// Whether an envelope is tried with passwords of its label only.
    only_matching: bool,
}

impl Labels {
    fn new(config: &Config) -> Labels {
        let set = |setting| config.text(setting).filter(|label| !label.is_empty());
        Labels {
            default: set(&VAULT_IDENTITY).unwrap_or("default").to_owned(),
            encrypt: set(&VAULT_ENCRYPT_IDENTITY).map(str::to_owned),
            only_matching: config.flag(&VAULT_ID_MATCH),
        }
    }
}

/// The vault passwords of a run. Cheap to clone; clones share what they found.
#[derive(Clone)]
pub(super) struct Passwords {
    sources: Arc<Vec<Source>>,
    labels: Arc<Labels>,
    opened: Arc<Mutex<HashMap<Vec<u8>, Plain>>>,
    /// Private keys, and what has opened files of ours so far.
    keys: Keys,
    keyring: Arc<Mutex<Keyring>>,
    redactor: Redactor,
}

impl Passwords {
    /// Notes the places, and looks at none.
    ///
    /// # Errors
    /// When a `--vault-id` names no source.
    pub(super) fn new(
        args: &PasswordArgs,
        basis: &Basis,
        otherwise: Otherwise,
    ) -> Result<Passwords> {
        let prompt = || match otherwise {
            Otherwise::AskNew => Place::NewPrompt,
            Otherwise::Ask | Otherwise::Fail | Otherwise::Silent => Place::Prompt,
        };
        let mut sources = Vec::new();
        for id in &args.vault_id {
            sources.push(Source::of_id("--vault-id", id, prompt()).ok_or_else(|| no_source(id))?);
        }
        for file in &args.vault_password_file {
            let name = format!("--vault-password-file {file}");
            sources.push(Source::new(name, None, Place::File(home(file))).given());
        }
        if args.ask_vault_pass {
            sources.push(Source::new("--ask-vault-pass", None, prompt()).given());
        }
        if sources.is_empty() {
            let name = "--vault-id, --vault-password-file and --ask-vault-pass";
            sources.push(Source::new(name, None, Place::Nowhere("not given")));
        }
        settings(&mut sources, &basis.config, prompt)?;
        match Project::find() {
            Ok(project) => {
                let path = project.vault_password();
                sources.push(Source::new(path.display().to_string(), None, Place::Private(path)));
                let name = "the system keyring";
                sources.push(Source::new(name, None, Place::Desktop(project.directory())));
            }
            Err(_) => {
                let place = Place::Nowhere("the working directory is in no project");
                sources.push(Source::new("vault-password", None, place));
            }
        }
        let may_ask = matches!(otherwise, Otherwise::Ask | Otherwise::AskNew);
        // Who is to be asked anyway is not asked again.
        if may_ask && !sources.iter().any(Source::asks) {
            sources.push(Source::new("a question", None, prompt()));
        }
        let labels = Labels::new(&basis.config);
        let sources = sources.into_iter().map(|source| source.or_labelled(&labels)).collect();
        Ok(Passwords {
            sources: Arc::new(sources),
            labels: Arc::new(labels),
            opened: Arc::default(),
            keys: Keys::new(&args.identity, otherwise != Otherwise::Silent),
            keyring: Arc::default(),
            redactor: basis.redactor.clone(),
        })
    }

    /// Reads files through the vault.
    pub(super) fn reader(&self, map: &SourceMap) -> Reader {
        let passwords = self.clone();
        let decrypt: Decrypt =
            Arc::new(move |envelope| passwords.open(envelope).map(|plain| plain.to_vec()));
        let redactor = self.redactor.clone();
        Reader::new(map.clone()).with_vault(decrypt, Arc::new(move |text| redactor.learn(text)))
    }

    /// Opens `!vault` values and what lookups read: all of it is a secret.
    pub(super) fn decrypt(&self) -> Decrypt {
        let passwords = self.clone();
        Arc::new(move |envelope| {
            let plain = passwords.open(envelope)?;
            if let Ok(text) = std::str::from_utf8(&plain) {
                passwords.redactor.learn(text);
            }
            Ok(plain.to_vec())
        })
    }

    fn open(&self, text: &[u8]) -> std::result::Result<Plain, DecryptError> {
        let opened = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plain) = opened().get(text) {
            return Ok(plain.clone());
        }
        let plain = match rprov_vault::mode(text) {
            Some(_) => self.content(text)?,
            None => self.open_with(text)?.0,
        };
        if text.len() <= KEPT {
            opened().insert(text.to_vec(), plain.clone());
        }
        Ok(plain)
    }

    /// What is in an envelope of Ansible Vault, and the password that opened it.
    ///
    /// # Errors
    /// When it is damaged, or no password fits; every place that was looked at is named.
    pub(super) fn open_with(
        &self,
        text: &[u8],
    ) -> std::result::Result<(Plain, Password), DecryptError> {
        let damaged = |error: Error| DecryptError { reason: error.to_string(), help: None };
        let envelope = Envelope::parse(text).map_err(damaged)?;
        let mut tried = Vec::new();
        let (mut wrong, mut help) = (false, None);
        let wanted = envelope.label().unwrap_or(&self.labels.default);
        for source in self.in_order(Some(wanted)) {
            if self.labels.only_matching && source.given && source.label() != wanted {
                let own = source.label();
                tried.push(format!(
                    "{}: its label is `{own}`, and vault_id_match is set",
                    source.name
                ));
                continue;
            }
            let password = match source.password(&self.redactor) {
                Ok(password) => password,
                Err(missing) => {
                    tried.push(format!("{}: {}", source.name, missing.reason));
                    help = help.or_else(|| missing.help.clone());
                    continue;
                }
            };
            match envelope.open(password) {
                Ok(plain) => {
                    let label = envelope.label().map(str::to_owned);
                    return Ok((plain, Password { label, bytes: password.clone() }));
                }
                Err(Error::WrongPassword) => {
                    wrong = true;
                    tried.push(format!("{}: wrong password", source.name));
                }
                Err(error) => return Err(damaged(error)),
            }
        }
        let what = match wrong {
            true => "no vault password fits, or the envelope was altered",
            false => "no vault password is known",
        };
        let label =
            envelope.label().map_or(String::new(), |label| format!(" (its label is `{label}`)"));
        Err(DecryptError {
            reason: format!("{what}{label}; looked at {}", tried.join("; ")),
            help: help.or_else(|| (!wrong).then(|| self.advice())),
        })
    }

    /// Those of the label first, as the user gave them.
    fn in_order(&self, label: Option<&str>) -> impl Iterator<Item = &Source> {
        let label = label.unwrap_or(&self.labels.default);
        let fits = move |source: &&Source| source.label() == label;
        // Nobody is asked before all other places were looked at, unless they want to be.
        let asks = |source: &&Source| !source.given && source.asks();
        let others = self.sources.iter().filter(move |source| !fits(source));
        let all = self.sources.iter().filter(fits).chain(others);
        let (last, first): (Vec<_>, Vec<_>) = all.partition(asks);
        first.into_iter().chain(last)
    }

    fn advice(&self) -> String {
        let flags = "give the password with `--vault-password-file FILE` or `--ask-vault-pass`";
        let private = self.sources.iter().find_map(|source| match &source.place {
            Place::Private(path) => Some(path),
            _ => None,
        });
        private.map_or(flags.to_owned(), |path| {
            format!("{flags}, or write it to `{}` (mode 0600, ignored by git)", path.display())
        })
    }
}

/// The places that settings name: environment variables and `ansible.cfg`.
fn settings(sources: &mut Vec<Source>, config: &Config, prompt: impl Fn() -> Place) -> Result<()> {
    let name = |setting: &Setting| match config.origin(setting) {
        Origin::File(_) => format!("`{}` in ansible.cfg", setting.keys[0]),
        Origin::Variable(name) => name.to_owned(),
        Origin::Default => setting.variables[0].to_owned(),
    };
    let ids = config.list(&VAULT_IDENTITY_LIST);
    let list = name(&VAULT_IDENTITY_LIST);
    for id in &ids {
        let mut source = Source::of_id(&list, id, prompt()).ok_or_else(|| no_source(id))?;
        // A relative path in ansible.cfg is beside it.
        if let (Place::File(path), Origin::File(_), Some(file)) =
            (&mut source.place, config.origin(&VAULT_IDENTITY_LIST), &config.file)
        {
            *path = file.parent().unwrap_or(Path::new("")).join(&*path);
        }
        sources.push(source);
    }
    if ids.is_empty() {
        sources.push(Source::new(list, None, Place::Nowhere("not set")));
    }
    let file = name(&VAULT_PASSWORD_FILE);
    sources.push(match config.text(&VAULT_PASSWORD_FILE) {
        Some(path) => Source::new(file, None, Place::File(path.into())).given(),
        None => Source::new(file, None, Place::Nowhere("not set")),
    });
    if config.flag(&ASK_VAULT_PASS) {
        sources.push(Source::new(name(&ASK_VAULT_PASS), None, prompt()).given());
    }
    let own = "RPROV_VAULT_PASSWORD";
    sources.push(Source::new(own, None, Place::Variable(own)));
    Ok(())
}

fn no_source(id: &str) -> Vec<Diagnostic> {
    let error = format!("expected `LABEL@SOURCE`, found `{id}`");
    vec![Diagnostic::error(error).help("a source is a file, or `prompt`")]
}
