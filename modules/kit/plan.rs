//! Plans: the differences between a host and a goal, each with the step that removes it.

use std::{fmt::Display, sync::Arc};

use serde_json::{Map, Value};

use super::script::Script;

pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// Why a module declines: shown to the user against the task.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub message: String,
    /// What `register` gets beside `msg`.
    pub values: Map<String, Value>,
}

impl Refusal {
    pub fn new(message: impl Into<String>) -> Refusal {
        Refusal { message: message.into(), values: Map::new() }
    }

    #[must_use]
    pub fn value(mut self, key: &str, value: impl Into<Value>) -> Refusal {
        self.values.insert(key.into(), value.into());
        self
    }
}

impl<S: Into<String>> From<S> for Refusal {
    fn from(message: S) -> Self {
        Refusal::new(message)
    }
}

/// What separates a host from a goal, in the order it should be removed. No change means `ok`.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// What an act has changed already, while the host was asked: the task counts as changed.
    pub acted: Vec<Diff>,
    /// What `register` gets. When something changed, these are the values of the plan made by the
    /// verifying probe, so they describe the host as it then is.
    pub values: Map<String, Value>,
    /// What `register` gets besides, over `values`, only if something changed (`before`, …).
    pub on_change: Map<String, Value>,
    /// Whether the same probe plans nothing once the steps are done. False for what cannot be
    /// quiet twice (a command without `creates`, a restart): it is not verified.
    pub settles: bool,
    /// Whether the same probe tells of the outcome even where it never settles (`touch`).
    pub describes: bool,
    pub warnings: Vec<String>,
}

/// Differences, and the one step that removes them.
///
/// There is no other way to build a step, so nothing can change without appearing in the diff, and
/// a check cannot disagree with a real run.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub diffs: Vec<Diff>,
    pub step: Step,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Diff {
    /// A file's content.
    Text { path: String, before: Text, after: Text },
    /// A property: `mode`, `owner`, `version`, `state`, … of `subject` (a path, a name).
    Field { subject: String, name: &'static str, before: String, after: String },
    /// An event with no before and after: "restart nginx".
    Note(String),
}

/// One side of a [`Diff::Text`].
#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    Absent,
    Bytes(Arc<[u8]>),
    /// Too large to show; `sha256` in hex, empty if not known.
    Large {
        size: u64,
        sha256: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A script of the module. A non-zero exit status fails the task. Lines `note: …` on its
    /// standard error are shown to people whether it fails or not.
    Run { script: Script, output: Output },
    /// The user's own command. Its streams and status are in the result.
    Command(Command),
    /// Replaces a file atomically.
    Put(Put),
}

/// What becomes of a step's standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Output {
    #[default]
    Discard,
    /// `stdout`, `stderr` (and their `_lines`) and `rc` of the result.
    Streams,
    /// Lines of `key=value`, each a value of the result.
    Values,
    /// A JSON object: what is in it are values of the result.
    Json,
}

/// A file to be written: temporary file beside it, content synced, mode and owner set, validated,
/// then renamed over `path`. At any time `path` is the old file or the new one.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    pub path: String,
    pub content: Arc<[u8]>,
    /// Permission bits. Default: those of the file there is, else 0666 less the umask.
    pub mode: Option<u32>,
    /// Name or number. Default: as the file there is.
    pub owner: Option<String>,
    pub group: Option<String>,
    /// A command, word by word, run on the temporary file before the rename: `%s` in a word stands
    /// for its path. If it fails nothing is changed.
    pub validate: Option<Vec<String>>,
    /// Keep the old file as `PATH.PID.DATE@TIME~`; its name is `backup_file` in the result.
    pub backup: bool,
}

/// A command of the playbook's author.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    pub program: Program,
    /// Directory to run in.
    pub chdir: Option<String>,
    /// Its standard input, exactly; nothing if `None`.
    pub stdin: Option<Arc<[u8]>>,
    /// Drop the newlines at the end of `stdout` and `stderr` in the result. Default: true.
    pub strip_ends: bool,
    /// A non-zero exit status fails the task.
    pub must_succeed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Program {
    /// Run without a shell.
    Argv(Vec<String>),
    /// Run by `executable -c text`; `/bin/sh` by default.
    Shell { text: String, executable: Option<String> },
    /// Text for the login shell itself, nothing added.
    Raw { text: String, executable: Option<String> },
    /// A local script: sent, run with `args` (by `executable` if given), removed.
    Upload { name: String, content: Arc<[u8]>, args: Vec<String>, executable: Option<String> },
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            changes: vec![],
            acted: vec![],
            values: Map::new(),
            on_change: Map::new(),
            settles: true,
            describes: false,
            warnings: vec![],
        }
    }
}

impl Plan {
    pub fn none() -> Plan {
        Plan::default()
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Tells what an act has changed.
    #[must_use]
    pub fn acted(mut self, diff: Diff) -> Plan {
        self.acted.push(diff);
        self
    }

    /// Adds a value to the result.
    #[must_use]
    pub fn value(mut self, key: &str, value: impl Into<Value>) -> Plan {
        self.values.insert(key.into(), value.into());
        self
    }

    /// Adds a value to the result of a change.
    #[must_use]
    pub fn value_on_change(mut self, key: &str, value: impl Into<Value>) -> Plan {
        self.on_change.insert(key.into(), value.into());
        self
    }

    #[must_use]
    pub fn warn(mut self, warning: impl Into<String>) -> Plan {
        self.warnings.push(warning.into());
        self
    }

    /// Says that the same probe would plan the same again.
    #[must_use]
    pub fn never_settles(mut self) -> Plan {
        self.settles = false;
        self
    }

    /// Says that the same probe would plan the same again, and tells what has become of it all the same.
    #[must_use]
    pub fn only_describes(mut self) -> Plan {
        (self.settles, self.describes) = (false, true);
        self
    }

    #[must_use]
    pub fn change(mut self, diff: Diff, step: Step) -> Plan {
        self.changes.push(Change { diffs: vec![diff], step });
        self
    }

    /// Several differences removed by one step; nothing if there is no difference.
    #[must_use]
    pub fn changes(mut self, diffs: Vec<Diff>, step: Step) -> Plan {
        if !diffs.is_empty() {
            self.changes.push(Change { diffs, step });
        }
        self
    }

    /// Runs `fix` if `want` is given and differs from `now`.
    #[must_use]
    pub fn field<T: Display + PartialEq>(
        self,
        subject: &str,
        name: &'static str,
        now: Option<T>,
        want: Option<T>,
        fix: impl FnOnce(&T) -> Script,
    ) -> Plan {
        match want {
            Some(want) if now.as_ref() != Some(&want) => {
                let step = Step::run(fix(&want));
                self.change(
                    Diff::field(
                        subject,
                        name,
                        now.map_or_else(String::new, |t| t.to_string()),
                        want,
                    ),
                    step,
                )
            }
            _ => self,
        }
    }

    /// Runs a script that has no before and after.
    #[must_use]
    pub fn run(self, what: impl Into<String>, script: Script) -> Plan {
        self.change(Diff::Note(what.into()), Step::run(script))
    }

    /// All changes of `other` after those of `self`; its values over those of `self`.
    #[must_use]
    pub fn followed_by(mut self, other: Plan) -> Plan {
        self.changes.extend(other.changes);
        self.acted.extend(other.acted);
        self.values.extend(other.values);
        self.on_change.extend(other.on_change);
        self.settles &= other.settles;
        self.describes |= other.describes;
        self.warnings.extend(other.warnings);
        self
    }
}

impl Diff {
    pub fn field(
        subject: &str,
        name: &'static str,
        before: impl Display,
        after: impl Display,
    ) -> Diff {
        Diff::Field {
            subject: subject.into(),
            name,
            before: before.to_string(),
            after: after.to_string(),
        }
    }
}

impl Step {
    pub fn run(script: Script) -> Step {
        Step::Run { script, output: Output::Discard }
    }
}

impl Text {
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Text {
        Text::Bytes(bytes.into())
    }
}
