//! `--graph`: groups and hosts as a tree.

use std::fmt::Write;

use rprov_modules::kit::Node;

use super::values::{Values, Vars, envelope};
use crate::inventory::{Group, Inventory};
use crate::report::MASK;
use crate::source::Diagnostic;
use crate::template::{from_node, shown};

/// `vars`: show variables, too.
pub(super) fn draw(
    inventory: &Inventory,
    top: &Group,
    vars: Option<&Values>,
) -> Result<String, Vec<Diagnostic>> {
    let mut out = String::new();
    group(inventory, top, 0, vars, &mut out)?;
    Ok(out)
}

fn group(
    inventory: &Inventory,
    group: &Group,
    depth: usize,
    vars: Option<&Values>,
    out: &mut String,
) -> Result<(), Vec<Diagnostic>> {
    line(out, &format!("@{}:", group.name), depth);
    for child in group.children(inventory) {
        self::group(inventory, child, depth + 1, vars, out)?;
    }
    if &*group.name != "all" {
        for host in group.own_hosts(inventory) {
            line(out, &host.name, depth + 1);
            if let Some(values) = vars {
                variables(out, &values.of_host(host)?, depth + 2);
            }
        }
    }
    if let Some(values) = vars {
        variables(out, &values.of_group(group)?, depth + 1);
    }
    Ok(())
}

fn variables(out: &mut String, vars: &Vars, depth: usize) {
    for (name, node) in vars {
        line(out, &format!("{{{name} = {}}}", text(node)), depth);
    }
}

/// As Python prints it.
fn text(node: &Node) -> String {
    match envelope(node) {
        Some(_) => MASK.to_owned(),
        None if node.is_null() => "None".to_owned(),
        None => shown(&from_node(node)),
    }
}

fn line(out: &mut String, text: &str, depth: usize) {
    let _ = match depth {
        0 => writeln!(out, "{text}"),
        depth => writeln!(out, "{}|--{text}", "  |".repeat(depth - 1) + "  "),
    };
}
