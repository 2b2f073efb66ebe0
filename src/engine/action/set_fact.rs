//! `set_fact`: variables of the host.

use rprov_modules::kit::boolean;

use super::json;
use crate::engine::outcome::{Done, Failure};
use crate::engine::task::At;
use crate::source::Diagnostic;
use crate::template::Context;

/// They are set once it is known that the task has not failed.
pub(super) fn set_fact(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let mut done = Done::default();
    let mut facts = serde_json::Map::new();
    let mut set = Vec::new();
    let mut cacheable = false;
    let args = match at.task.args.entries() {
        Some(_) => at.task.args.clone(),
        None => at.play.engine.templar.render(&at.task.args, context)?,
    };
    for entry in args.entries().unwrap_or_default() {
        let name = match entry.key.text() {
            Some(name) if crate::playbook::has_template(name) => {
                crate::engine::perform::text(&at.play.engine.templar, &entry.key, context)?
                    .unwrap_or_default()
            }
            name => name.unwrap_or_default().to_owned(),
        };
        if name == "cacheable" {
            cacheable = entry.value.text().and_then(boolean).unwrap_or(false);
            continue;
        }
        if name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || !name.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            return Err(Diagnostic::error(format!("`{name}` is no name for a variable"))
                .at(entry.key.span, "")
                .help("use letters, digits and underscores")
                .into());
        }
        let value = at.play.engine.templar.value(&entry.value, context)?;
        facts.insert(name.clone(), json(&value));
        set.push((name, value));
    }
    if set.is_empty() {
        return Err(Diagnostic::error("expected at least one variable to set")
            .at(at.task.span, "sets nothing")
            .help("write `name: value` below it")
            .into());
    }
    done.learnt.set = set;
    done.sets_variables = !cacheable;
    done.values.insert("ansible_facts".into(), facts.into());
    Ok(done)
}
