//! Why a host could not be asked, or not be asked any further.

use std::fmt;

use super::StepOutcome;

/// Everything that ends a session. What a script did wrong is no such error: see [`super::Landed`].
#[derive(Debug)]
pub enum SessionError {
    /// No connection: a name that is not known, a port nobody listens on, silence.
    Unreachable { host: String, why: String },
    /// The host shows a key that it should not have, or that nobody vouched for.
    HostKey { host: String, why: Box<HostKeyProblem> },
    /// Nobody is let in. `tried` says what, in order; `said` is why, in the words of a host that hung up.
    Authentication { host: String, user: String, tried: Vec<String>, said: Option<String> },
    /// The shell of another user did not start.
    Become { host: String, user: String, why: BecomeProblem },
    /// There is no shell that we could talk to.
    Shell { host: String, why: String },
    /// The connection ended while something was asked.
    Lost {
        host: String,
        why: String,
        /// Outcomes of the steps that ended before.
        done: Vec<StepOutcome>,
        /// A further step had been sent: whether it took place is not known. Questions may be
        /// asked again, this step may not be repeated blindly.
        unknown: bool,
    },
    /// What was to be opened cannot be: a configuration file, a key.
    Config(String),
}

/// What is wrong with a host's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeyProblem {
    /// No known_hosts file names the host. `add` is a line for `file`.
    Unknown { algorithm: String, fingerprint: String, file: String, add: String },
    /// Another key than the one that is known, which stands at `place` (`file:line`).
    Changed { algorithm: String, fingerprint: String, known: String, place: String },
    /// Marked `@revoked` at `place`.
    Revoked { fingerprint: String, place: String },
}

/// Why the shell of another user did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BecomeProblem {
    /// A password is asked for, and none was given.
    PasswordMissing,
    /// The password is not the right one.
    PasswordRefused,
    /// It wants a terminal (`requiretty`), and there is none.
    TerminalMissing,
    /// In the words of the host.
    Failed(String),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SessionError::Unreachable { host, why } => write!(f, "cannot reach `{host}`: {why}"),
            SessionError::HostKey { host, why } => write!(f, "the key of `{host}` {why}"),
            SessionError::Authentication { host, user, tried, said } => {
                write!(f, "`{host}` does not let `{user}` in; tried: ")?;
                f.write_str(&if tried.is_empty() { "nothing".into() } else { tried.join(", ") })?;
                said.iter().try_for_each(|said| write!(f, "; it says: {said}"))
            }
            SessionError::Become { host, user, why } => {
                write!(f, "cannot become `{user}` on `{host}`: {why}")
            }
            SessionError::Shell { host, why } => write!(f, "no usable shell on `{host}`: {why}"),
            SessionError::Lost { host, why, unknown, .. } => {
                write!(f, "lost the connection to `{host}`: {why}")?;
                match unknown {
                    true => {
                        f.write_str("; whether the step that was running took place is unknown")
                    }
                    false => Ok(()),
                }
            }
            SessionError::Config(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for SessionError {}

impl fmt::Display for HostKeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostKeyProblem::Unknown { algorithm, fingerprint, .. } => {
                write!(f, "is not known: it shows the {algorithm} key {fingerprint}")
            }
            HostKeyProblem::Changed { algorithm, fingerprint, known, place } => write!(
                f,
                "is another one than before: expected {known} ({place}), found the {algorithm} key {fingerprint}"
            ),
            HostKeyProblem::Revoked { fingerprint, place } => {
                write!(f, "is revoked: {fingerprint} ({place})")
            }
        }
    }
}

impl fmt::Display for BecomeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BecomeProblem::PasswordMissing => {
                f.write_str("a password is asked for, and none was given")
            }
            BecomeProblem::PasswordRefused => f.write_str("the password was refused"),
            BecomeProblem::TerminalMissing => f.write_str("`sudo` insists on a terminal"),
            BecomeProblem::Failed(why) => f.write_str(why),
        }
    }
}

impl SessionError {
    /// The host itself is out of reach, as opposed to one task that cannot be run on it.
    pub fn is_unreachable(&self) -> bool {
        !matches!(self, SessionError::Become { .. })
    }

    /// What the user can do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            SessionError::HostKey { host, why } => match &**why {
                HostKeyProblem::Unknown { file, add, .. } => format!(
                    "compare the fingerprint with the host's own, then run: echo '{add}' >>{file}"
                ),
                HostKeyProblem::Changed { place, .. } => format!(
                    "if `{host}` was reinstalled remove {place}; otherwise somebody may be listening in"
                ),
                HostKeyProblem::Revoked { .. } => return None,
            },
            SessionError::Become { why: BecomeProblem::PasswordMissing, .. } => {
                "give `--ask-become-pass`, or set `ansible_become_password` in the vault".into()
            }
            SessionError::Become { why: BecomeProblem::TerminalMissing, .. } => {
                "only connections by SSH have one: remove `Defaults requiretty` from sudoers".into()
            }
            SessionError::Authentication { said: None, .. } => {
                "check `ansible_user`, and that the agent or `ansible_ssh_private_key_file` holds a key the host accepts".into()
            }
            _ => return None,
        })
    }
}
