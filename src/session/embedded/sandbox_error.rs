//! Why a view of this machine could not be made, and what to do instead.

use std::path::{Path, PathBuf};

use super::sandbox::{Mode, container};

/// What went wrong with a view.
#[derive(Debug)]
pub enum SandboxError {
    /// A host name that cannot be used.
    Name {
        /// As given.
        name: String,
    },
    /// Neither `XDG_STATE_HOME` nor `HOME` is an absolute path.
    NoHome,
    /// A program of util-linux cannot be started.
    Tool {
        /// Its name.
        tool: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// The kernel, or what restricts this process, refuses.
    Refused {
        /// By what right it was tried.
        mode: Mode,
        /// What was being done.
        step: String,
        /// What the failing program said.
        words: String,
    },
    /// A process of the view does not die.
    Stuck {
        /// Its id on the machine.
        process: u32,
    },
    /// The SSH server before the view cannot be started.
    Server {
        /// Why.
        error: std::io::Error,
    },
    /// The state directory cannot be used.
    State {
        /// What was being done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        error: std::io::Error,
    },
}

/// For `map_err`.
pub(super) fn io(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> SandboxError + use<> {
    let path = path.to_owned();
    move |error| SandboxError::State { action, path, error }
}

impl SandboxError {
    /// Reads the words of `view.sh`: the last step it began, and what was said since.
    pub(super) fn refused(mode: Mode, words: &str) -> SandboxError {
        let (mut step, mut said) = ("making the namespaces".to_owned(), Vec::new());
        for line in words.lines() {
            match line.strip_prefix("step: ") {
                Some(next) => {
                    next.clone_into(&mut step);
                    said.clear();
                }
                None if line.trim().is_empty() => {}
                None => said.push(line.trim()),
            }
        }
        SandboxError::Refused { mode, step, words: said.join("; ") }
    }

    /// One line on what can be done about it.
    pub fn help(&self) -> String {
        match self {
            SandboxError::Name { .. } => "use letters, digits and hyphens".to_owned(),
            SandboxError::NoHome => "set `HOME` to an absolute path".to_owned(),
            SandboxError::Stuck { process } => format!("look at process {process}, then try again"),
            SandboxError::Server { .. } => "look at the limits of this process".to_owned(),
            SandboxError::State { .. } => {
                "make room or set `XDG_STATE_HOME` to a directory of yours".to_owned()
            }
            SandboxError::Tool { .. } | SandboxError::Refused { .. } => {
                let local = "`env=local` provisions this machine itself, after `--yes`";
                match (self, container()) {
                    (_, Some(sign)) => {
                        format!(
                            "{local}: it seems to be a container ({sign}); or run the container privileged"
                        )
                    }
                    (SandboxError::Refused { mode: Mode::User, .. }, None) => format!(
                        "run as root, or install `uidmap` and have a range in /etc/subuid and /etc/subgid; {local}"
                    ),
                    _ => local.to_owned(),
                }
            }
        }
    }
}

impl std::fmt::Display for SandboxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SandboxError::Name { name } => write!(f, "`{name}` is no host name"),
            SandboxError::NoHome => f.write_str("expected an absolute path in `HOME`, found none"),
            SandboxError::Tool { tool, error } => {
                write!(f, "cannot make a copy-on-write view of this machine: `{tool}`: {error}")
            }
            SandboxError::Refused { mode, step, words } => {
                let right = match mode {
                    Mode::Root => "as root",
                    Mode::User => "in a user namespace",
                };
                f.write_str("cannot make a copy-on-write view of this machine: ")?;
                write!(f, "{step} failed {right}")?;
                if words.is_empty() { Ok(()) } else { write!(f, ": {words}") }
            }
            SandboxError::Server { error } => {
                write!(f, "cannot start the embedded ssh server: {error}")
            }
            SandboxError::Stuck { process } => write!(f, "process {process} does not end"),
            SandboxError::State { action, path, error } => {
                write!(f, "cannot {action} `{}`: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for SandboxError {}
