//! `set_stats`: values for the end of the run, and [`Totals`], where they add up.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rprov_modules::kit::boolean;
use serde_json::{Map, Value, json};

use super::text;
use crate::engine::outcome::{Done, Failure};
use crate::engine::task::At;
use crate::source::Diagnostic;
use crate::template::Context;

pub(super) fn set_stats(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let flag = |name: &str, default: bool| -> Result<bool, Failure> {
        let given = text(at, context, name)?;
        Ok(given.map_or(default, |text| boolean(&text).unwrap_or(false)))
    };
    let stats = json!({
        "data": data(at, context)?,
        "per_host": flag("per_host", false)?,
        "aggregate": flag("aggregate", true)?,
    });
    let values = Map::from_iter([("ansible_stats".to_owned(), stats)]);
    Ok(Done { values, ..Done::default() })
}

fn data(at: &At<'_>, context: &Context) -> Result<Map<String, Value>, Failure> {
    let Some(node) = at.task.args.get("data") else { return Ok(Map::new()) };
    let value = at.play.engine.templar.value(node, context)?;
    let Value::Object(data) = super::json(&value) else {
        let error = Diagnostic::error("expected `data` to be a mapping").at(node.span, "");
        return Err(error.help("write `name: value` below it").into());
    };
    let name = |name: &&String| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    match data.keys().find(|key| !name(key)) {
        None => Ok(data),
        Some(wrong) => {
            let error = Diagnostic::error(format!("`{wrong}` is no name for a variable"));
            Err(error.at(node.span, "").help("use letters, digits and underscores").into())
        }
    }
}

/// What tasks have counted so far.
#[derive(Debug, Default)]
pub(in crate::engine) struct Totals(Mutex<Sums>);

#[derive(Debug, Default)]
struct Sums {
    run: Map<String, Value>,
    hosts: BTreeMap<String, Map<String, Value>>,
}

impl Totals {
    /// Takes in what a task on a host returns as `ansible_stats`.
    pub(in crate::engine) fn add(&self, host: &str, stats: &Value) {
        let Some(data) = stats.get("data").and_then(Value::as_object) else { return };
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A module that does not say means the host.
        let sum = match stats.get("per_host").and_then(Value::as_bool) {
            Some(false) => &mut sums.run,
            _ => sums.hosts.entry(host.to_owned()).or_default(),
        };
        let aggregate = stats.get("aggregate").and_then(Value::as_bool).unwrap_or(false);
        for (name, value) in data {
            match sum.get_mut(name).filter(|_| aggregate) {
                Some(known) => more(known, value),
                None => drop(sum.insert(name.clone(), value.clone())),
            }
        }
    }

    /// Those of the run, and those of hosts.
    pub(in crate::engine) fn all(
        &self,
    ) -> (Map<String, Value>, BTreeMap<String, Map<String, Value>>) {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (sums.run.clone(), sums.hosts.clone())
    }
}

/// Adds what can be added: numbers, texts, lists and mappings, each to its like.
fn more(known: &mut Value, value: &Value) {
    match (known, value) {
        (Value::Object(known), Value::Object(value)) => {
            for (name, value) in value {
                match (known.get_mut(name), value) {
                    (Some(inner @ Value::Object(_)), Value::Object(_)) => more(inner, value),
                    _ => drop(known.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(known), Value::Array(value)) => known.extend(value.iter().cloned()),
        (Value::String(known), Value::String(value)) => known.push_str(value),
        (known @ Value::Number(_), Value::Number(value)) => {
            let sum = match (known.as_i64(), value.as_i64()) {
                (Some(a), Some(b)) => a.checked_add(b).map(Value::from),
                (None, None) => known.as_f64().zip(value.as_f64()).map(|(a, b)| (a + b).into()),
                // A whole number and a fraction are no likes.
                _ => None,
            };
            if let Some(sum) = sum {
                *known = sum;
            }
        }
        _ => {}
    }
}
