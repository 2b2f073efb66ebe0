//! `debug`, `assert` and `fail`: they show and decide.

use rprov_modules::kit::{Node, boolean};
use serde_json::Value as Json;

use super::{json, parameter, text};
use crate::engine::outcome::{Done, Failure};
use crate::engine::task::At;
use crate::source::Diagnostic;
use crate::template::{Context, ErrorKind};

pub(super) fn debug(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let message = parameter(at, context, "msg")?;
    let var = match at.task.args.get("var") {
        Some(node) => text(at, context, "var")?.map(|name| (name, node.span)),
        None => None,
    };
    if let (Some(_), Some((_, span))) = (&message, &var) {
        let error = Diagnostic::error("expected `msg` or `var`, found both");
        return Err(error.at(*span, "one too many").into());
    }
    let mut done = Done { verbose: true, ..Done::default() };
    let verbosity = text(at, context, "verbosity")?.and_then(|t| t.parse::<u8>().ok()).unwrap_or(0);
    if verbosity > at.play.engine.options.verbosity {
        done.skipped = true;
        done.verbose = false;
        done.values.insert("skipped_reason".into(), "Verbosity threshold not met.".into());
        return Ok(done);
    }
    if let Some((name, span)) = var {
        let value = match at.play.engine.templar.expression(&name, span, context) {
            Ok(value) => json(&value),
            Err(error) if error.kind == ErrorKind::Undefined => "VARIABLE IS NOT DEFINED!".into(),
            Err(error) => return Err(error.into()),
        };
        done.values.insert(name, value);
        return Ok(done);
    }
    let message = message.map_or("Hello world!".into(), |value| json(&value));
    done.values.insert("msg".into(), message);
    Ok(done)
}

pub(super) fn assert(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let Some(that) = at.task.args.get("that") else {
        return Err(Diagnostic::error("expected `that`: what must hold")
            .at(at.task.span, "")
            .into());
    };
    let message = |names: &[&str]| -> Result<Option<Json>, Failure> {
        for name in names {
            if let Some(value) = parameter(at, context, name)? {
                return Ok(Some(json(&value)));
            }
        }
        Ok(None)
    };
    let mut done = Done::default();
    let terms: Vec<&Node> = that.items().map_or_else(|| vec![that], |items| items.iter().collect());
    for term in terms {
        if !at.play.engine.templar.condition(term, context)? {
            let why = message(&["fail_msg", "msg"])?.unwrap_or("Assertion failed".into());
            done.values.insert("assertion".into(), term.text().unwrap_or_default().into());
            done.values.insert("evaluated_to".into(), false.into());
            done.values.insert("msg".into(), why);
            done.failure = Some(
                Failure::from(Diagnostic::error("this does not hold").at(term.span, "false"))
                    .quiet(),
            );
            return Ok(done);
        }
    }
    let said = message(&["success_msg"])?.unwrap_or("All assertions passed".into());
    done.values.insert("msg".into(), said);
    done.verbose = !text(at, context, "quiet")?.and_then(|t| boolean(&t)).unwrap_or(false);
    Ok(done)
}

pub(super) fn fail(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let message =
        text(at, context, "msg")?.unwrap_or_else(|| "Failed as requested from task".to_owned());
    Ok(Done { failure: Some(Failure::new(message)), ..Done::default() })
}
