//! `add_host` and `group_by`: the inventory grows, for the rest of the run.

use rprov_modules::kit::Node;
use serde_json::Value as Json;

use super::json;
use crate::engine::outcome::{Done, Failure};
use crate::engine::task::At;
use crate::inventory::{Addition, HostName, name_and_port};
use crate::source::Diagnostic;
use crate::template::{Context, fixed, from_node};

/// The parameters of `add_host` that are no variables of the host.
const NAMES: [&str; 3] = ["name", "hostname", "host"];
const GROUPS: [&str; 3] = ["groups", "groupname", "group"];

pub(super) fn add_host(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    // All at once: what is `omit` is left out.
    let args = at.play.engine.templar.render(&at.task.args, context).map_err(Failure::from)?;
    let first = |names: &[&str]| names.iter().find_map(|name| args.get(name));
    let Some(name) = first(&NAMES).and_then(Node::text).filter(|name| !name.is_empty()) else {
        let error = Diagnostic::error("expected `name`: which host to add");
        return Err(error.at(at.task.span, "adds nothing").into());
    };
    let (name, port) = name_and_port(name);
    let groups = first(&GROUPS).map(names).unwrap_or_default();
    let mut vars = Vec::new();
    for entry in args.entries().unwrap_or_default() {
        let key = entry.key.text().unwrap_or_default();
        if !NAMES.contains(&key) && !GROUPS.contains(&key) {
            vars.push((key.to_owned(), fixed(entry.value.clone())));
        }
    }
    if let Some(port) = port {
        vars.push(("ansible_ssh_port".to_owned(), Node::plain(at.task.span, port.to_string())));
    }
    let shown: serde_json::Map<String, Json> =
        vars.iter().map(|(name, value)| (name.clone(), json(&from_node(value)))).collect();
    let mut done = Done::default();
    done.values.insert(
        "add_host".into(),
        serde_json::json!({ "host_name": name, "groups": groups, "host_vars": shown }),
    );
    let added = HostName::from(name.as_str());
    let addition = Addition::Host { name, groups, vars, span: at.task.span };
    let done = grow(at, addition, done)?;
    if done.changed {
        at.play.gain_host(&added);
    }
    Ok(done)
}

pub(super) fn group_by(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let args = at.play.engine.templar.render(&at.task.args, context).map_err(Failure::from)?;
    let key = args.get("key").and_then(Node::text).filter(|key| !key.is_empty());
    let Some(key) = key.map(str::to_owned) else {
        let error = Diagnostic::error("expected `key`: the group to put the host into");
        return Err(error.at(at.task.span, "groups nothing").into());
    };
    let spaceless = |name: String| name.replace(' ', "-");
    let name = spaceless(key);
    let parents = args.get("parents").map(names).unwrap_or_default();
    let mut parents: Vec<String> = parents.into_iter().map(spaceless).collect();
    if parents.is_empty() {
        parents.push("all".to_owned());
    }
    let mut done = Done::default();
    done.values.insert("add_group".into(), name.clone().into());
    done.values.insert("parent_groups".into(), parents.clone().into());
    let host = at.host.name.clone();
    grow(at, Addition::Group { host, name, parents, span: at.task.span }, done)
}

fn grow(at: &At<'_>, addition: Addition, mut done: Done) -> Result<Done, Failure> {
    let engine = &at.play.engine;
    done.changed = engine.world.add(engine, addition).map_err(Failure::from_all)?;
    Ok(done)
}

/// Names in a list, or in one text with commas.
fn names(node: &Node) -> Vec<String> {
    let texts: Vec<&str> = match node.items() {
        Some(items) => items.iter().filter_map(Node::text).collect(),
        None => node.text().unwrap_or_default().split(',').collect(),
    };
    let mut names = Vec::new();
    for name in texts.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
