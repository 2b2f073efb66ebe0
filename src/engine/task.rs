//! One task on one host: condition, loop, attempts, result, register, notify.

mod attempt;
mod finish;
mod keywords;
mod notify;
mod turns;

use std::sync::Arc;

use minijinja::Value;
use rprov_modules::kit::Node;

use super::host::Host;
use super::list::Rest;
use super::outcome::{Done, Failure};
use super::play::PlayRun;
use super::{include, loops, show};
use crate::playbook::{Action, Task};
use crate::report::Event;
use crate::template::{Context, ErrorKind};
use crate::vars::Layer;

/// What became of a task on a host.
pub(super) enum Outcome {
    Done {
        learnt: Learning,
    },
    /// Files or roles to run next on this host.
    Include(Vec<include::Wanted>),
}

/// What a host has learnt in a task: with `run_once` the others learn it, too.
#[derive(Debug, Clone, Default)]
pub(super) struct Learning {
    /// `register` and `set_fact`.
    pub(super) set: Vec<(String, Value)>,
    pub(super) facts: Option<serde_json::Map<String, serde_json::Value>>,
    /// `include_vars`.
    pub(super) included: Option<Layer>,
}

/// Runs a task on a host, reports it, and keeps what it registers.
pub(super) async fn run(
    play: &Arc<PlayRun>,
    host: &Arc<Host>,
    task: &Arc<Task>,
    rest: &Arc<Rest>,
    next: usize,
) -> Outcome {
    if play.engine.options.starts {
        let (host, task) = (host.name.to_string(), show::title(play, task, host));
        play.engine.reporter.report(Event::Start { host, task });
    }
    let context = match play.context(host, Some(task)) {
        Ok(context) => context,
        Err(errors) => {
            show::refuse(play, host, &errors);
            return Outcome::Done { learnt: Learning::default() };
        }
    };
    let (named, refused) = match named(play, task, &context) {
        Ok(named) => (named, None),
        Err(failure) => (None, Some(failure)),
    };
    let task = named.as_ref().unwrap_or(task);
    let at = At { play, host, task, rest, next };
    if let Some(failure) = refused {
        return at.finish(&context, at.unless_skipped(&context, failure));
    }
    match loops::turns(&play.engine.templar, task, &context) {
        Ok(None) => {
            let (mut done, include) = at.attempt(&context, &[]).await;
            if let Some(mut include) = include {
                let mut result = std::mem::take(&mut include.result);
                result.insert("changed".to_owned(), false.into());
                at.register(result);
                return Outcome::Include(vec![include]);
            }
            at.notify(&context, &mut done);
            at.finish(&context, done)
        }
        Ok(Some(turns)) => at.each(&context, turns).await,
        // A loop over nothing known is no fault where the condition is false anyway.
        Err(error) if error.kind == ErrorKind::Undefined => {
            at.finish(&context, at.unless_skipped(&context, error.into()))
        }
        Err(error) => at.finish(&context, Done::failed(error.into())),
    }
}

/// What a task is whose action is a template; `None` for any other.
fn named(play: &PlayRun, task: &Task, context: &Context) -> Result<Option<Arc<Task>>, Failure> {
    if !matches!(task.action, Action::Templated) {
        return Ok(None);
    }
    let engine = &play.engine;
    let written = Node::string(task.span, task.written.as_str());
    let name = engine.templar.render(&written, context).map_err(Failure::from)?;
    let name = name.text().unwrap_or_default();
    let task = engine.loader.named(task, name, &play.play.dir).map_err(Failure::from_all)?;
    Ok(Some(Arc::new(task)))
}

/// A task at its place.
pub(super) struct At<'a> {
    pub(super) play: &'a Arc<PlayRun>,
    pub(super) host: &'a Arc<Host>,
    pub(super) task: &'a Arc<Task>,
    pub(super) rest: &'a Arc<Rest>,
    pub(super) next: usize,
}
