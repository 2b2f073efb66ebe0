//! `validate_argument_spec`: whether the variables of a role are what it says it takes.

use serde_json::{Map, Value, json};

use super::{json as to_json, parameter};
use crate::engine::argspec;
use crate::engine::outcome::{Done, Failure};
use crate::engine::task::At;
use crate::source::Diagnostic;
use crate::template::{Context, Raw, from_node};

pub(super) fn validate(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let Some(node) = at.task.args.get("argument_spec") else {
        return Err(Diagnostic::error("expected `argument_spec`: what is taken")
            .at(at.task.span, "")
            .into());
    };
    // Descriptions may hold what looks like a template.
    let spec = match parameter(at, context, "argument_spec") {
        Ok(Some(value)) => to_json(&value),
        _ => to_json(&from_node(node)),
    };
    let Value::Object(spec) = spec else {
        let error = "expected arguments by name in `argument_spec`";
        return Err(Diagnostic::error(error).at(node.span, "a mapping belongs here").into());
    };
    let mut given = Map::new();
    for name in spec.keys() {
        let value = match context.scope.get(name) {
            None => continue,
            Some(Raw::Value(value)) => value,
            Some(Raw::Node(node)) => at.play.engine.templar.value(&node, context)?,
        };
        given.insert(name.clone(), to_json(&value));
    }
    match parameter(at, context, "provided_arguments")?.map(|value| to_json(&value)) {
        None | Some(Value::Null) => {}
        Some(Value::Object(more)) => given.extend(more),
        Some(_) => {
            let error = "expected arguments by name in `provided_arguments`";
            return Err(Diagnostic::error(error).at(at.task.span, "").into());
        }
    }
    let about = parameter(at, context, "validate_args_context")?;
    let mut done = Done::default();
    done.values.insert(
        "validate_args_context".into(),
        about.map_or_else(|| json!({}), |value| to_json(&value)),
    );
    let faults = argspec::faults(&spec, given);
    if faults.is_empty() {
        done.values.insert("msg".into(), "The arg spec validation passed".into());
        return Ok(done);
    }
    let message = format!("Validation of arguments failed:\n{}", faults.join("\n"));
    done.values.insert("argument_errors".into(), faults.into());
    done.values.insert("argument_spec_data".into(), Value::Object(spec));
    done.failure = Some(Failure::new(message));
    Ok(done)
}
