//! Where vault passwords come from, and the opening of envelopes with them.
//!
//! Nothing is read, run or asked before something encrypted is met; then each place is looked at at
//! most once in a run, whatever the number of threads. The redactor learns every password and
//! everything that is opened before anyone else sees it.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rprov_vault::ansible::{Envelope, Error, Plain};

use super::Result;
use super::args::InputArgs;
use super::project::Project;
use crate::report::{self, Redactor};
use crate::source::{Diagnostic, SourceMap};
use crate::template::{Decrypt, DecryptError};
use crate::vars::files::{Reader, reason};

/// Opened envelopes up to this size are kept: a value in a template is opened again and again.
const KEPT: usize = 64 * 1024;

/// The vault passwords of a run. Cheap to clone; clones share what they found.
#[derive(Clone)]
pub(super) struct Secrets {
    sources: Arc<Vec<Source>>,
    opened: Arc<Mutex<HashMap<Vec<u8>, Plain>>>,
    redactor: Redactor,
}

/// A place where a password may be.
struct Source {
    /// What it is called in messages.
    name: String,
    label: Option<String>,
    place: Place,
    /// Filled when it is first needed: the password, or why there is none.
    found: OnceLock<std::result::Result<Plain, Missing>>,
}

enum Place {
    Prompt,
    /// Run if it is executable.
    File(PathBuf),
    /// A file nobody named: nobody else may be able to read it.
    Private(PathBuf),
    /// Not given; why.
    Nowhere(&'static str),
}

struct Missing {
    reason: String,
    /// What to do about it.
    help: Option<String>,
}

impl Secrets {
    /// Notes the places, and looks at none.
    ///
    /// # Errors
    /// When a `--vault-id` names no source.
    pub(super) fn new(args: &InputArgs, redactor: &Redactor) -> Result<Secrets> {
        let mut sources = Vec::new();
        for id in &args.vault_id {
            let (label, source) = match id.split_once('@') {
                Some((label, source)) => (Some(label).filter(|label| !label.is_empty()), source),
                None => (None, id.as_str()),
            };
            let place = match source {
                "" => {
                    let error = format!("expected `LABEL@SOURCE`, found `{id}`");
                    return Err(vec![
                        Diagnostic::error(error).help("a source is a file, or `prompt`"),
                    ]);
                }
                "prompt" | "prompt_ask_vault_pass" => Place::Prompt,
                file => Place::File(home(file)),
            };
            sources.push(Source::new(format!("--vault-id {id}"), label, place));
        }
        for file in &args.vault_password_file {
            let name = format!("--vault-password-file {file}");
            sources.push(Source::new(name, None, Place::File(home(file))));
        }
        if args.ask_vault_pass {
            sources.push(Source::new("--ask-vault-pass".to_owned(), None, Place::Prompt));
        }
        if sources.is_empty() {
            let name = "--vault-id, --vault-password-file and --ask-vault-pass".to_owned();
            sources.push(Source::new(name, None, Place::Nowhere("not given")));
        }
        let place = match std::env::var("ANSIBLE_VAULT_PASSWORD_FILE") {
            Ok(file) if !file.is_empty() => Place::File(home(&file)),
            _ => Place::Nowhere("not set"),
        };
        sources.push(Source::new("ANSIBLE_VAULT_PASSWORD_FILE".to_owned(), None, place));
        sources.push(match Project::find().map(|project| project.vault_password()) {
            Ok(path) => Source::new(path.display().to_string(), None, Place::Private(path)),
            Err(_) => {
                let place = Place::Nowhere("the working directory is in no project");
                Source::new("vault-password".to_owned(), None, place)
            }
        });
        let (sources, opened) = (Arc::new(sources), Arc::default());
        Ok(Secrets { sources, opened, redactor: redactor.clone() })
    }

    /// Reads files through the vault.
    pub(super) fn reader(&self, map: &SourceMap) -> Reader {
        let secrets = self.clone();
        let decrypt: Decrypt = Arc::new(move |envelope| secrets.open(envelope));
        let redactor = self.redactor.clone();
        Reader::new(map.clone()).with_vault(decrypt, Arc::new(move |text| redactor.learn(text)))
    }

    /// Opens `!vault` values and what lookups read: all of it is a secret.
    pub(super) fn decrypt(&self) -> Decrypt {
        let secrets = self.clone();
        Arc::new(move |envelope| {
            let plain = secrets.open(envelope)?;
            if let Ok(text) = std::str::from_utf8(&plain) {
                secrets.redactor.learn(text);
            }
            Ok(plain)
        })
    }

    fn open(&self, text: &[u8]) -> std::result::Result<Vec<u8>, DecryptError> {
        let opened = || self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plain) = opened().get(text) {
            return Ok(plain.to_vec());
        }
        let damaged = |error: Error| DecryptError { reason: error.to_string(), help: None };
        let envelope = Envelope::parse(text).map_err(damaged)?;
        let mut tried = Vec::new();
        let (mut wrong, mut help) = (false, None);
        for source in self.in_order(envelope.label()) {
            let found = match source.password(&self.redactor) {
                Ok(password) => envelope.open(password),
                Err(missing) => {
                    tried.push(format!("{}: {}", source.name, missing.reason));
                    help = help.or_else(|| missing.help.clone());
                    continue;
                }
            };
            match found {
                Ok(plain) => {
                    if text.len() <= KEPT {
                        opened().insert(text.to_vec(), plain.clone());
                    }
                    return Ok(plain.to_vec());
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
        let label = label.unwrap_or("default");
        let fits = move |source: &&Source| source.label.as_deref().unwrap_or("default") == label;
        let others = self.sources.iter().filter(move |source| !fits(source));
        self.sources.iter().filter(fits).chain(others)
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

impl Source {
    fn new(name: String, label: Option<&str>, place: Place) -> Source {
        Source { name, label: label.map(str::to_owned), place, found: OnceLock::new() }
    }

    fn password(&self, redactor: &Redactor) -> std::result::Result<&Plain, &Missing> {
        let find = || {
            let password = self.find()?;
            match std::str::from_utf8(&password) {
                _ if password.is_empty() => return Err(Missing::because("it is empty")),
                Ok(text) => redactor.learn(text),
                Err(_) => {}
            }
            Ok(password)
        };
        self.found.get_or_init(find).as_ref()
    }

    fn find(&self) -> std::result::Result<Plain, Missing> {
        match &self.place {
            Place::Nowhere(reason) => Err(Missing::because(*reason)),
            Place::Prompt => {
                let question = match &self.label {
                    Some(label) => format!("Vault password ({label}): "),
                    None => "Vault password: ".to_owned(),
                };
                let answer = report::ask(&question, true)
                    .ok_or_else(|| Missing::because("there is no terminal to ask on"))?;
                Ok(Plain::new(answer.trim().as_bytes().to_vec()))
            }
            Place::File(path) => {
                let mode = mode(path)?;
                self.content(path, mode)
            }
            Place::Private(path) => {
                let mode = mode(path)?;
                // A script holds no password, but who can write it can run what they like.
                let (others, can, chmod) = match mode & 0o111 {
                    0 => (0o077, "readable", "chmod 600"),
                    _ => (0o022, "writable", "chmod go-w"),
                };
                match mode & others {
                    0 => self.content(path, mode),
                    _ => Err(Missing {
                        reason: format!(
                            "refused, as it is {can} by other users (mode {:04o})",
                            mode & 0o7777
                        ),
                        help: Some(format!("run `{chmod} {}`", path.display())),
                    }),
                }
            }
        }
    }

    fn content(&self, path: &Path, mode: u32) -> std::result::Result<Plain, Missing> {
        if mode & 0o111 != 0 {
            return self.output(path);
        }
        let bytes = Plain::new(std::fs::read(path).map_err(|error| Missing::io(&error))?);
        if rprov_vault::ansible::is_envelope(&bytes) {
            return Err(Missing::because("it is encrypted itself"));
        }
        Ok(Plain::new(bytes.trim_ascii().to_vec()))
    }

    /// What a script prints. One whose name ends in `-client` is told the label.
    fn output(&self, path: &Path) -> std::result::Result<Plain, Missing> {
        // Without a slash it would be looked for in `PATH`.
        let program = std::path::absolute(path).map_err(|error| Missing::io(&error))?;
        let mut command = Command::new(program);
        if path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-client")) {
            command.args(["--vault-id", self.label.as_deref().unwrap_or("default")]);
        }
        let output = command.stderr(Stdio::inherit()).stdin(Stdio::inherit()).output();
        let output = output.map_err(|error| {
            Missing::because(format!("it is executable and cannot be run: {}", reason(&error)))
        })?;
        let stdout = Plain::new(output.stdout);
        if !output.status.success() {
            return Err(Missing::because(format!("the script ended with {}", output.status)));
        }
        let end = stdout.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |at| at + 1);
        let start = stdout[..end].iter().take_while(|byte| b"\r\n".contains(byte)).count();
        Ok(Plain::new(stdout[start..end].to_vec()))
    }
}

impl Missing {
    fn because(reason: impl Into<String>) -> Missing {
        Missing { reason: reason.into(), help: None }
    }

    fn io(error: &std::io::Error) -> Missing {
        Missing::because(reason(error))
    }
}

fn mode(path: &Path) -> std::result::Result<u32, Missing> {
    let found = std::fs::metadata(path).map_err(|error| Missing::io(&error))?;
    match found.is_dir() {
        true => Err(Missing::because("it is a directory")),
        false => Ok(found.permissions().mode()),
    }
}

/// `~` is the home directory.
fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}
