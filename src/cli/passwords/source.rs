//! One place where a vault password may be, and the looking there.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rprov_vault::ansible::Plain;

use super::{Labels, desktop};
use crate::report::{self, Redactor};
use crate::vars::files::reason;

/// A place where a password may be.
pub(super) struct Source {
    /// What it is called in messages.
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) place: Place,
    /// Named on the command line, or in settings.
    pub(super) given: bool,
    /// Filled when it is first needed: the password, or why there is none.
    found: OnceLock<Result<Plain, Missing>>,
}

pub(super) enum Place {
    Prompt,
    /// Asked twice: nothing was encrypted with it yet.
    NewPrompt,
    /// Run if it is executable.
    File(PathBuf),
    /// A file nobody named: nobody else may be able to read it.
    Private(PathBuf),
    /// An environment variable that holds the password itself.
    Variable(&'static str),
    /// The desktop's keyring, under the project's directory.
    Desktop(PathBuf),
    /// Not given; why.
    Nowhere(&'static str),
}

pub(super) struct Missing {
    pub(super) reason: String,
    /// What to do about it.
    pub(super) help: Option<String>,
}

impl Source {
    pub(super) fn new(name: impl Into<String>, label: Option<&str>, place: Place) -> Source {
        let label = label.filter(|label| !label.is_empty()).map(str::to_owned);
        Source { name: name.into(), label, place, given: false, found: OnceLock::new() }
    }

    /// The source a `--vault-id` names: `LABEL@SOURCE` or `SOURCE`, where `prompt` asks.
    /// None if it names no source.
    pub(super) fn of_id(flag: &str, id: &str, prompt: Place) -> Option<Source> {
        let (label, source) = match id.split_once('@') {
            Some((label, source)) => (Some(label), source),
            None => (None, id),
        };
        let place = match source {
            "" => return None,
            "prompt" | "prompt_ask_vault_pass" => prompt,
            file => Place::File(home(file)),
        };
        Some(Source::new(format!("{flag} {id}"), label, place).given())
    }

    /// With the label of those that have none, unless that is the usual one, which nobody writes.
    pub(super) fn or_labelled(mut self, labels: &Labels) -> Source {
        if self.label.is_none() && labels.default != "default" {
            self.label = Some(labels.default.clone());
        }
        self
    }

    /// Marks it as named on the command line, or in settings.
    pub(super) fn given(mut self) -> Source {
        self.given = true;
        self
    }

    /// The label, `default` if there is none.
    pub(super) fn label(&self) -> &str {
        self.label.as_deref().unwrap_or("default")
    }

    /// The password; looked for once.
    pub(super) fn password(&self, redactor: &Redactor) -> Result<&Plain, &Missing> {
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

    fn find(&self) -> Result<Plain, Missing> {
        match &self.place {
            Place::Nowhere(reason) => Err(Missing::because(*reason)),
            Place::Prompt => self.ask("Vault password"),
            Place::NewPrompt => {
                let password = self.ask("New vault password")?;
                match *password == *self.ask("Confirm new vault password")? {
                    true => Ok(password),
                    false => Err(Missing::because("the two passwords differ")),
                }
            }
            Place::Variable(name) => match std::env::var_os(name) {
                Some(value) => {
                    let bytes = Plain::new(std::os::unix::ffi::OsStringExt::into_vec(value));
                    Ok(Plain::new(bytes.trim_ascii().to_vec()))
                }
                None => Err(Missing::because("not set")),
            },
            Place::Desktop(project) => desktop::lookup(project).map_err(Missing::because),
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

    fn ask(&self, question: &str) -> Result<Plain, Missing> {
        let question = match &self.label {
            Some(label) => format!("{question} ({label}): "),
            None => format!("{question}: "),
        };
        let answer = report::ask(&question, true)
            .ok_or_else(|| Missing::because("there is no terminal to ask on"))?;
        Ok(Plain::new(answer.trim().as_bytes().to_vec()))
    }

    fn content(&self, path: &Path, mode: u32) -> Result<Plain, Missing> {
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
    fn output(&self, path: &Path) -> Result<Plain, Missing> {
        // Without a slash it would be looked for in `PATH`.
        let program = std::path::absolute(path).map_err(|error| Missing::io(&error))?;
        let mut command = Command::new(program);
        if path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-client")) {
            command.args(["--vault-id", self.label()]);
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

fn mode(path: &Path) -> Result<u32, Missing> {
    let found = std::fs::metadata(path).map_err(|error| Missing::io(&error))?;
    match found.is_dir() {
        true => Err(Missing::because("it is a directory")),
        false => Ok(found.permissions().mode()),
    }
}

/// `~` is the home directory.
pub(super) fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}
