//! `async_status`: what has become of a job, or nothing more of it.

use rprov_modules::kit::Node;
use serde_json::{Map, Value};

use super::text;
use crate::engine::job::{self, Memo};
use crate::engine::outcome::{Done, Failure};
use crate::engine::perform::{self, GONE, Trouble, about, standing};
use crate::engine::target::{self, Seen};
use crate::engine::task::At;
use crate::engine::{delegate, supply};
use crate::session::{Job, Standing};
use crate::source::Diagnostic;
use crate::template::Context;

pub(super) async fn async_status(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let Some(id) = text(at, context, "jid")? else {
        return Err(Diagnostic::error("expected `jid`: the `ansible_job_id` of a job")
            .at(at.task.span, "")
            .into());
    };
    let cleanup = match text(at, context, "mode")?.as_deref() {
        None | Some("status") => false,
        Some("cleanup") => true,
        Some(other) => {
            let span = at.task.args.get("mode").map_or(at.task.span, |node: &Node| node.span);
            let error = format!("expected `status` or `cleanup`, found `{other}`");
            return Err(Diagnostic::error(error).at(span, "").into());
        }
    };
    let delegate = delegate::delegate(at, context)?;
    let acting = delegate.as_ref().map_or(at.host, |delegate| &delegate.host);
    let vars = delegate.as_ref().map_or(context, |delegate| &delegate.view);
    let seen = Seen { play: at.play, task: at.task, vars, own: context };
    let become_ = target::become_(seen)?;
    let environment = supply::environment(at.play, at.task, context)?;
    let mut link = acting.link.lock().await;
    let opened = perform::open(seen, acting, become_.as_ref(), &mut link).await;
    let (become_, facts) = match opened {
        Ok(opened) => opened,
        Err(trouble) => return Ok(perform::told(trouble)),
    };
    let directory = job::directory(seen, &environment, &facts)?;
    let job = Job { directory, id };
    if let Some(done) = link.jobs.foretold(&job) {
        return Ok(Done {
            values: [done.values, about(&job, true)].into_iter().flatten().collect(),
            ..done
        });
    }
    let mut done = Done { values: about(&job, true), ..Done::default() };
    if !job.is_plain() {
        done.failure = Some(Failure::new("could not find job"));
        return Ok(done);
    }
    let found = match standing(&mut link, &become_, &job).await {
        Ok(found) => found,
        Err(trouble) => return Ok(perform::told(trouble)),
    };
    if cleanup && found != Standing::Missing {
        if !at.play.engine.options.check
            && let Err(error) = link.flight(&become_, &[job.remove()], &[]).await
        {
            return Ok(perform::told(Trouble::Session(error)));
        }
        let file = done.values.remove("results_file").unwrap_or_default();
        done.values.insert("erased".into(), file);
        done.values.insert("started".into(), false.into());
        done.values.insert("finished".into(), false.into());
        return Ok(done);
    }
    if found != Standing::Running {
        link.jobs.ended(&job);
    }
    match found {
        Standing::Missing => done.failure = Some(Failure::new("could not find job")),
        Standing::Running => {
            done.values.insert("finished".into(), false.into());
        }
        Standing::Gone => done.failure = Some(Failure::new(GONE)),
        Standing::Ended { about, steps, late } => match Memo::read(&about) {
            Some(memo) => {
                let mut result = job::result(&memo.plan(), &steps, late);
                result.values.extend(done.values);
                return Ok(result);
            }
            None => done.failure = Some(Failure::new("the result of the job makes no sense")),
        },
        Standing::Foreign(text) => return Ok(foreign(&text, done.values)),
    }
    Ok(done)
}

/// The result of a job that Ansible itself has started.
fn foreign(text: &str, about: Map<String, Value>) -> Done {
    let Ok(Value::Object(mut values)) = serde_json::from_str::<Value>(text) else {
        let failure = Failure::new("the result of the job makes no sense");
        return Done { values: about, failure: Some(failure), ..Done::default() };
    };
    let truth = |value: Option<&Value>| match value {
        Some(Value::Bool(truth)) => *truth,
        Some(value) => value.as_i64().is_some_and(|number| number != 0),
        None => false,
    };
    let finished = !values.contains_key("finished") || truth(values.get("finished"));
    let changed = truth(values.get("changed"));
    let failed = truth(values.get("failed"));
    let message = values.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned();
    values.extend(about);
    values.insert("finished".into(), finished.into());
    Done { changed, values, failure: failed.then(|| Failure::new(message)), ..Done::default() }
}
