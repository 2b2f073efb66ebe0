//! `--list` and `--host` as TOML: an inventory that can be read again.

use std::collections::HashSet;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::list::{Part, Tree, set};
use super::values::{self, Vars};
use crate::inventory::Group;
use crate::source::Diagnostic;

pub(super) fn of_vars(vars: &Vars) -> Result<String, Vec<Diagnostic>> {
    text(&values::json(vars))
}

pub(super) fn of_tree(tree: &Tree<'_>) -> Result<String, Vec<Diagnostic>> {
    let mut writer = Writer { tree, out: Part::new(), hosts: HashSet::new() };
    writer.group(tree.top())?;
    text(&Value::from_pairs(writer.out))
}

struct Writer<'a> {
    tree: &'a Tree<'a>,
    out: Part,
    /// Those that have been written: their variables are not repeated.
    hosts: HashSet<String>,
}

impl Writer<'_> {
    fn group(&mut self, group: &Group) -> Result<(), Vec<Diagnostic>> {
        let tree = self.tree;
        let mut own = Part::new();
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
            let mut hosts = Part::new();
            let here =
                group.own_hosts(tree.inventory).filter(|host| tree.hosts.contains(&host.name));
            for host in here {
                let vars = match self.hosts.insert(host.name.to_string()) {
                    true => values::json(&tree.values.of_host(host)?),
                    false => Value::from_pairs(Part::new()),
                };
                hosts.insert(host.name.to_string(), vars);
            }
            set(&mut own, "hosts", Value::from_pairs(hosts));
        }
        if tree.export {
            set(&mut own, "vars", values::json(&tree.values.of_group(group)?));
        }
        if !own.is_empty() {
            self.out.insert(group.name.to_string(), Value::from_pairs(own));
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
    let mut parts = value.try_iter().into_iter().flatten();
    match value.kind() {
        ValueKind::None => Some(vec![]),
        ValueKind::Seq => parts.enumerate().find_map(|(at, item)| step(at.to_string(), &item)),
        ValueKind::Map => {
            parts.find_map(|name| step(name.to_string(), &value.get_item(&name).ok()?))
        }
        _ => None,
    }
}
