//! What people see of a run: events in, lines out.
//!
//! Nothing else in rprov prints during a run. Redaction is the last thing before any sink.

mod adhoc;
mod banners;
mod diff;
mod human;
mod json;
mod line;
mod log;
mod palette;
mod prompt;
mod redact;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use rprov_modules::kit::{Diff, Span};
use serde_json::{Map, Value};

pub use self::adhoc::{AdHoc, Form};
pub use self::diff::Extent;
pub use self::human::{Human, View};
pub use self::json::Json;
pub use self::log::{Log, Logged};
pub use self::palette::Palette;
pub use self::prompt::{answer, ask};
pub(crate) use self::redact::MASK;
pub use self::redact::Redactor;

/// Everything that can be reported of a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// A play begins.
    Play {
        name: String,
        /// It only shows what it would change.
        check: bool,
    },
    /// No host matched the play's pattern, for a reason that is no error.
    NoHosts {
        reason: String,
    },
    /// A task begins on the hosts of the play.
    Task {
        name: String,
        /// The module, as the task names it.
        action: String,
        handler: bool,
        /// It only shows what it would change.
        check: bool,
        /// Where it is written.
        span: Span,
        /// The one host it begins on, where hosts do not wait for each other.
        host: Option<String>,
    },
    /// A host begins the task.
    Start {
        host: String,
        task: String,
    },
    /// A file is included for these hosts.
    Included {
        path: String,
        hosts: Vec<String>,
        /// The label of a loop's item.
        item: Option<String>,
    },
    Result(Box<TaskResult>),
    /// Some items of the loop just reported failed, and `ignore_errors` lets the host go on.
    Ignored,
    /// A failed attempt that will be repeated.
    Retry {
        host: String,
        /// The host that acts in its place.
        delegated: Option<String>,
        task: String,
        left: u32,
    },
    Note(String),
    Warning(String),
    Recap(Vec<(String, Stats)>, Totals),
}

/// What a task did on a host, or one item of its loop.
#[derive(Debug, Clone)]
pub struct TaskResult {
    pub host: String,
    /// The host that acted in its place.
    pub delegated: Option<String>,
    pub status: Status,
    /// The label of a loop's item.
    pub item: Option<String>,
    /// What `register` gets.
    pub values: Map<String, Value>,
    pub diffs: Vec<Diff>,
    /// What the verifying probe still found to change.
    pub unsettled: Vec<Diff>,
    /// `no_log`: nothing but the status may be shown.
    pub censored: bool,
    /// Failed, but `ignore_errors` lets the host go on.
    pub ignored: bool,
    /// `-v` or a `debug` task: show the values.
    pub verbose: bool,
    /// Rendered message about the place of a failure.
    pub place: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Ok,
    Changed,
    Skipped,
    Failed,
    Unreachable,
}

/// A host's line of the recap, counted as Ansible counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    pub ok: u32,
    pub changed: u32,
    pub unreachable: u32,
    pub failed: u32,
    pub skipped: u32,
    pub rescued: u32,
    pub ignored: u32,
}

/// What `set_stats` has counted.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    pub run: Map<String, Value>,
    pub hosts: BTreeMap<String, Map<String, Value>>,
}

/// Takes events as they happen. Called from many tasks at once.
pub trait Reporter: Send + Sync {
    fn report(&self, event: Event);
}

/// Keeps the events: for tests.
#[derive(Debug, Default)]
pub struct Recorder(pub std::sync::Mutex<Vec<Event>>);

impl Reporter for Recorder {
    fn report(&self, event: Event) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(event);
    }
}

impl<R: Reporter + ?Sized> Reporter for Arc<R> {
    fn report(&self, event: Event) {
        (**self).report(event);
    }
}
