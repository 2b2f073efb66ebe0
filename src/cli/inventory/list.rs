//! `--list` as JSON: what an inventory script prints.

use std::collections::HashSet;

use serde_json::{Map, Value, json as value};

use super::values::{self, Values};
use crate::inventory::{Group, HostName, Inventory};
use crate::source::Diagnostic;

/// What is listed.
pub(super) struct Tree<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) values: &'a Values,
    pub(super) hosts: HashSet<HostName>,
    /// Groups have their variables, hosts only their own.
    pub(super) export: bool,
}

impl Tree<'_> {
    pub(super) fn top(&self) -> &Group {
        self.inventory.group("all").expect("`all` is always there")
    }
}

pub(super) fn json(tree: &Tree<'_>) -> Result<Value, Vec<Diagnostic>> {
    let mut out = Map::new();
    group(tree, tree.top(), &mut out)?;
    let mut hostvars = Map::new();
    for host in tree.inventory.hosts().filter(|host| tree.hosts.contains(&host.name)) {
        let vars = tree.values.of_host(host)?;
        if !vars.is_empty() {
            hostvars.insert(host.name.to_string(), values::json(&vars).into());
        }
    }
    out.insert("_meta".to_owned(), value!({"hostvars": hostvars, "profile": "inventory_legacy"}));
    Ok(out.into())
}

fn group(
    tree: &Tree<'_>,
    group: &Group,
    out: &mut Map<String, Value>,
) -> Result<(), Vec<Diagnostic>> {
    // In its place before those below it, to see groups that have been written.
    out.insert(group.name.to_string(), Value::Null);
    let mut own = Map::new();
    if &*group.name != "all" {
        let hosts = group.own_hosts(tree.inventory).filter(|host| tree.hosts.contains(&host.name));
        set(&mut own, "hosts", hosts.map(|host| Value::from(&*host.name)).collect());
    }
    let children = group.children(tree.inventory);
    set(&mut own, "children", children.map(|child| Value::from(&*child.name)).collect());
    if tree.export {
        set(&mut own, "vars", values::json(&tree.values.of_group(group)?).into());
    }
    for child in group.children(tree.inventory) {
        if !out.contains_key(&*child.name) {
            self::group(tree, child, out)?;
        }
    }
    match own.is_empty() {
        true => drop(out.remove(&*group.name)),
        false => drop(out.insert(group.name.to_string(), own.into())),
    }
    Ok(())
}

/// Sets what is not empty.
pub(super) fn set(out: &mut Map<String, Value>, name: &str, value: Value) {
    let empty = match &value {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    };
    if !empty {
        out.insert(name.to_owned(), value);
    }
}
