//! Mistakes in files of variables, told together with those in playbooks.

use std::collections::HashMap;
use std::path::Path;

use rprov_modules::kit::Node;

use crate::inventory::{Host, Inventory, pattern};
use crate::playbook::{Play, has_template};
use crate::source::Diagnostic;
use crate::vars::InventoryVars;
use crate::vars::files::VAULTED;

/// What is wrong with the `group_vars/` and `host_vars/` of the hosts that the plays are for. Plays
/// whose hosts are computed are left to the run.
pub(super) fn of_plays<'a>(
    plays: impl Iterator<Item = &'a Play>,
    inventory: &Inventory,
    limit: Option<&pattern::Limit>,
    vars: &InventoryVars,
) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut beside: HashMap<&Path, InventoryVars> = HashMap::new();
    for play in plays {
        let vars = beside.entry(&play.dir).or_insert_with(|| vars.beside(&play.dir));
        let patterns = play.hosts.items().unwrap_or(std::slice::from_ref(&play.hosts));
        let patterns: Vec<&str> = patterns.iter().filter_map(Node::text).collect();
        let pattern = pattern::of_list(patterns);
        if has_template(&pattern) {
            continue;
        }
        // What is wrong with the pattern is told when the play begins.
        let selected = pattern::select(inventory, &pattern, play.hosts.span, limit);
        let hosts = selected.map(|selection| selection.hosts).unwrap_or_default();
        collect(hosts.iter().filter_map(|name| inventory.host(name)), vars, &mut faults);
    }
    faults
}

/// The same for every host there is, where the plays are not known. That a file cannot be decrypted
/// does not count: perhaps nobody needs it.
pub(super) fn of_all(inventory: &Inventory, vars: &InventoryVars) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    collect(inventory.hosts(), vars, &mut faults);
    faults.retain(|fault| fault.check() != Some(VAULTED));
    faults
}

fn collect<'a>(
    hosts: impl Iterator<Item = &'a Host>,
    vars: &InventoryVars,
    faults: &mut Vec<Diagnostic>,
) {
    for fault in hosts.flat_map(|host| vars.layers(host).err().unwrap_or_default()) {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
}
