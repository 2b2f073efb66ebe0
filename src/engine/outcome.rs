//! What acting brought: the values for `register`, differences, failure.

use std::sync::Arc;

use rprov_modules::kit::Diff;
use serde_json::{Map, Value};

use super::host::Host;
use super::task::Learning;
use crate::source::Diagnostic;
use crate::template::{Raw, TemplateError};

/// The result of one turn of a task.
#[derive(Debug, Clone, Default)]
pub(super) struct Done {
    pub(super) changed: bool,
    pub(super) skipped: bool,
    pub(super) failure: Option<Failure>,
    pub(super) unreachable: bool,
    /// It could not even be tried: templates, arguments.
    pub(super) refused: bool,
    pub(super) ignored: bool,
    /// `until` never held, while `failed_when`, which has the last word, does not hold either: the
    /// result says that it has failed, the task has not.
    pub(super) gave_up: bool,
    /// Every failed turn of its loop is one to be ignored.
    pub(super) tolerated: bool,
    pub(super) values: Map<String, Value>,
    pub(super) diffs: Vec<Diff>,
    pub(super) unsettled: Vec<Diff>,
    pub(super) warnings: Vec<String>,
    pub(super) delegated: Option<String>,
    /// The host that learns its facts in this one's place.
    pub(super) learner: Option<Arc<Host>>,
    /// What turns have set for such hosts.
    pub(super) elsewhere: Vec<(Arc<Host>, Learning)>,
    pub(super) learnt: Learning,
    /// Its `ansible_facts` are variables, not facts of the host.
    pub(super) sets_variables: bool,
    /// `debug`: the values are the point.
    pub(super) verbose: bool,
    /// It stands for all turns of a loop.
    pub(super) looped: bool,
}

/// Why a task failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) message: String,
    /// The place in the user's files, where there is a better one than the task itself.
    pub(super) diagnostic: Option<Box<Diagnostic>>,
    /// What can be done about it.
    pub(super) help: Option<String>,
    pub(super) unreachable: bool,
    /// The result has its own `msg`.
    quiet: bool,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            diagnostic: None,
            help: None,
            unreachable: false,
            quiet: false,
        }
    }

    /// The first of several errors.
    pub(super) fn from_all(errors: Vec<Diagnostic>) -> Failure {
        match errors.into_iter().next() {
            Some(error) => Failure::from(error),
            None => Failure::new("the variables of the host cannot be read"),
        }
    }

    /// The same with what can be done about it.
    pub(super) fn helped(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }

    /// Keeps the `msg` the module has given.
    pub(super) fn quiet(mut self) -> Failure {
        self.quiet = true;
        self
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Failure {
        Failure {
            diagnostic: Some(Box::new(diagnostic.clone())),
            ..Failure::new(diagnostic.message())
        }
    }
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Failure {
        Failure::from(Diagnostic::from(error))
    }
}

impl Done {
    /// A task that could not be tried.
    pub(super) fn failed(failure: Failure) -> Done {
        Done {
            unreachable: failure.unreachable,
            failure: Some(failure),
            refused: true,
            ..Done::default()
        }
    }

    pub(super) fn is_failed(&self) -> bool {
        self.failure.is_some() || self.unreachable
    }

    /// The variables it sets, as templates see them: for its `until` and for later turns.
    pub(super) fn sets(&self) -> impl Iterator<Item = (String, Raw)> {
        self.learnt.set.iter().map(|(name, value)| (name.clone(), Raw::Value(value.clone())))
    }

    /// What `register` gets.
    pub(super) fn result(&self) -> Value {
        let mut values = self.values.clone();
        values.entry("changed").or_insert(false.into());
        values["changed"] = self.changed.into();
        // As in Ansible: what `when` has skipped, and a loop as a whole, does not say that it has not failed.
        // Nor does what could not be tried for want of a connection.
        let failed =
            self.failure.as_ref().is_some_and(|failure| !failure.unreachable) || self.gave_up;
        let passed_over = self.skipped && self.values.contains_key("skip_reason");
        if failed || !(self.unreachable || passed_over || self.looped) {
            values.insert("failed".into(), failed.into());
        }
        if self.skipped {
            values.insert("skipped".into(), true.into());
        }
        if self.unreachable {
            values.insert("unreachable".into(), true.into());
        }
        if let Some(failure) = &self.failure
            && !(failure.quiet && values.contains_key("msg"))
            && !self.looped
        {
            values.insert("msg".into(), failure.message.clone().into());
        }
        // As Ansible does: lines beside every text of a stream.
        for name in ["stdout", "stderr"] {
            if let Some(Value::String(text)) = values.get(name) {
                let lines: Vec<Value> = text.lines().map(Value::from).collect();
                values.entry(format!("{name}_lines")).or_insert(lines.into());
            }
        }
        Value::Object(values)
    }
}
