//! `--list` as JSON: what an inventory script prints.

use std::collections::HashSet;

use indexmap::IndexMap;
use minijinja::Value;

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

/// A mapping that is being made.
pub(super) type Part = IndexMap<String, Value>;

impl Tree<'_> {
    pub(super) fn top(&self) -> &Group {
        self.inventory.group("all").expect("`all` is always there")
    }
}

pub(super) fn json(tree: &Tree<'_>) -> Result<Value, Vec<Diagnostic>> {
    let mut out = Part::new();
    group(tree, tree.top(), &mut out)?;
    let mut hostvars = vec![];
    for host in tree.inventory.hosts().filter(|host| tree.hosts.contains(&host.name)) {
        let vars = tree.values.of_host(host)?;
        if !vars.is_empty() {
            hostvars.push((host.name.to_string(), values::json(&vars)));
        }
    }
    let meta =
        [("hostvars", Value::from_pairs(hostvars)), ("profile", Value::from("inventory_legacy"))];
    out.insert("_meta".to_owned(), Value::from_pairs(meta));
    Ok(Value::from_pairs(out))
}

fn group(tree: &Tree<'_>, group: &Group, out: &mut Part) -> Result<(), Vec<Diagnostic>> {
    // In its place before those below it, to see groups that have been written.
    out.insert(group.name.to_string(), Value::from(()));
    let mut own = Part::new();
    if &*group.name != "all" {
        let hosts = group.own_hosts(tree.inventory).filter(|host| tree.hosts.contains(&host.name));
        set(&mut own, "hosts", hosts.map(|host| Value::from(&*host.name)).collect());
    }
    let children = group.children(tree.inventory);
    set(&mut own, "children", children.map(|child| Value::from(&*child.name)).collect());
    if tree.export {
        set(&mut own, "vars", values::json(&tree.values.of_group(group)?));
    }
    for child in group.children(tree.inventory) {
        if !out.contains_key(&*child.name) {
            self::group(tree, child, out)?;
        }
    }
    match own.is_empty() {
        true => drop(out.shift_remove(&*group.name)),
        false => drop(out.insert(group.name.to_string(), Value::from_pairs(own))),
    }
    Ok(())
}

/// Sets what is not empty.
pub(super) fn set(out: &mut Part, name: &str, value: Value) {
    if value.len() != Some(0) {
        out.insert(name.to_owned(), value);
    }
}
