//! Actions the engine carries out itself: they show, decide, wait or set variables.

mod async_status;
mod fetch;
mod gather;
mod grow;
mod include_vars;
mod meta;
mod pause;
mod reach;
mod reboot;
mod say;
mod set_fact;
mod set_stats;
mod validate;

use minijinja::Value;
use serde_json::Value as Json;

pub(super) use self::gather::fact_task;
pub(super) use self::meta::meta;
pub(super) use self::set_stats::Totals;
use super::arguments;
use super::delegate;
use super::job::Wish;
use super::outcome::{Done, Failure};
use super::task::{At, Learning};
use crate::playbook::Builtin;
use crate::source::Diagnostic;
use crate::template::{Context, ErrorKind, is_omit};

pub(super) async fn run(at: &At<'_>, builtin: Builtin, context: &Context) -> Done {
    match Wish::new(at.play, at.task, context) {
        Ok(None) => {}
        Ok(Some(_)) => {
            let error =
                Diagnostic::error(format!("`{}` cannot be run with `async`", at.task.written))
                    .at(at.task.keyword("async").map_or(at.task.span, |node| node.span), "");
            return Done::failed(error.into());
        }
        Err(failure) => return Done::failed(failure),
    }
    let settled = match arguments::settled(at.play, at.task, context) {
        Ok(settled) => settled,
        Err(failure) => return Done::failed(failure),
    };
    let task = settled.as_ref().unwrap_or(at.task);
    let at = &At { play: at.play, host: at.host, task, rest: at.rest, next: at.next };
    let delegate = match delegate::delegate(at, context) {
        Ok(delegate) => delegate,
        Err(failure) => return Done::failed(failure),
    };
    let learner = delegate.as_ref().filter(|delegate| delegate.learns).map(|it| it.host.clone());
    let own = at.host.clone();
    let learns = learner.as_ref().unwrap_or(&own);
    let done = match builtin {
        Builtin::AddHost => grow::add_host(at, context),
        Builtin::GroupBy => grow::group_by(at, context),
        Builtin::AsyncStatus => async_status::async_status(at, context).await,
        Builtin::Debug => say::debug(at, context),
        Builtin::Assert => say::assert(at, context),
        Builtin::Fail => say::fail(at, context),
        Builtin::Fetch => fetch::fetch(at, context).await,
        Builtin::ValidateArgumentSpec => validate::validate(at, context),
        Builtin::SetFact => set_fact::set_fact(at, context),
        Builtin::SetStats => set_stats::set_stats(at, context),
        Builtin::IncludeVars => include_vars::include_vars(at, context, learns),
        Builtin::Pause => pause::pause(at, context).await,
        Builtin::Reboot => reboot::reboot(at, context).await,
        Builtin::WaitForConnection => reach::wait_for_connection(at, context).await,
        // Told apart before a task is acted on.
        Builtin::Meta | Builtin::IncludeRole | Builtin::IncludeTasks => Ok(Done::default()),
    };
    let mut done = done.unwrap_or_else(Done::failed);
    // It acts here all the same; the name is shown, as Ansible does.
    done.delegated = delegate.map(|delegate| delegate.label);
    if learner.is_some() {
        done.learnt = Learning { set: std::mem::take(&mut done.learnt.set), ..Learning::default() };
    }
    done.learner = learner;
    done
}

/// A parameter, rendered; `None` if it is not given, or omitted.
fn parameter(at: &At<'_>, context: &Context, name: &str) -> Result<Option<Value>, Failure> {
    let Some(node) = at.task.args.get(name) else { return Ok(None) };
    let value = at.play.engine.templar.value(node, context)?;
    Ok((!is_omit(&value)).then_some(value))
}

fn text(at: &At<'_>, context: &Context, name: &str) -> Result<Option<String>, Failure> {
    let Some(node) = at.task.args.get(name) else { return Ok(None) };
    match at.play.engine.templar.render(node, context) {
        Ok(node) => Ok(node.text().map(str::to_owned)),
        Err(error) if error.kind == ErrorKind::Omitted => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn json(value: &Value) -> Json {
    serde_json::to_value(value).unwrap_or(Json::Null)
}
