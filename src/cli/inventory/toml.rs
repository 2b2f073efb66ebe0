//! `--list` and `--host` as TOML: an inventory that can be read again.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::list::{Tree, set};
use super::values::{self, Vars};
use crate::inventory::Group;
use crate::source::Diagnostic;

pub(super) fn of_vars(vars: &Vars) -> Result<String, Vec<Diagnostic>> {
    text(&values::json(vars).into())
}

pub(super) fn of_tree(tree: &Tree<'_>) -> Result<String, Vec<Diagnostic>> {
    let mut writer = Writer { tree, out: Map::new(), hosts: HashSet::new() };
    writer.group(tree.top())?;
    text(&writer.out.into())
}

struct Writer<'a> {
    tree: &'a Tree<'a>,
    out: Map<String, Value>,
    /// Those that have been written: their variables are not repeated.
    hosts: HashSet<String>,
}

impl Writer<'_> {
    fn group(&mut self, group: &Group) -> Result<(), Vec<Diagnostic>> {
        let tree = self.tree;
        let mut own = Map::new();
        let mut children = vec![];
        for child in group.children(tree.inventory) {
            if &*child.name == "ungrouped" && child.own_hosts(tree.inventory).next().is_none() {
                continue;
            }
            if &*group.name != "all" {
                children.push(Value::from(&*child.name));
            }
            self.group(child)?;
        }
        set(&mut own, "children", children.into());
        if &*group.name != "all" {
            let mut hosts = Map::new();
            let here =
                group.own_hosts(tree.inventory).filter(|host| tree.hosts.contains(&host.name));
            for host in here {
                let vars = match self.hosts.insert(host.name.to_string()) {
                    true => values::json(&tree.values.of_host(host)?),
                    false => Map::new(),
                };
                hosts.insert(host.name.to_string(), vars.into());
            }
            set(&mut own, "hosts", hosts.into());
        }
        if tree.export {
            set(&mut own, "vars", values::json(&tree.values.of_group(group)?).into());
        }
        if !own.is_empty() {
            self.out.insert(group.name.to_string(), own.into());
        }
        Ok(())
    }
}

fn text(value: &Value) -> Result<String, Vec<Diagnostic>> {
    if let Some(path) = null(value) {
        let error =
            Diagnostic::error(format!("`{}` is null, and TOML has no null", path.join(".")));
        return Err(vec![error.help("use `--yaml`")]);
    }
    toml::to_string(value)
        .map_err(|error| vec![Diagnostic::error(format!("no TOML can be made of it: {error}"))])
}

/// Where a null is.
fn null(value: &Value) -> Option<Vec<String>> {
    let step = |name: String, value: &Value| {
        let mut path = null(value)?;
        path.insert(0, name);
        Some(path)
    };
    match value {
        Value::Null => Some(vec![]),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| step(at.to_string(), item))
        }
        Value::Object(entries) => {
            entries.iter().find_map(|(name, value)| step(name.clone(), value))
        }
        _ => None,
    }
}
