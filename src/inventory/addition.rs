//! Hosts and groups that a run itself adds: `add_host` and `group_by`.

use rprov_modules::kit::{Node, Span};

use super::build::{ALL, Build};
use super::{HostName, Inventory, LOCALHOST, range};
use crate::source::Diagnostic;
use crate::template::from_node;

/// What a task adds.
#[derive(Debug, Clone)]
pub enum Addition {
    /// A host, new or known, with variables of its own and groups it shall be in.
    Host { name: String, groups: Vec<String>, vars: Vec<(String, Node)>, span: Span },
    /// A group that a host shall be in, and the groups above it.
    Group { host: HostName, name: String, parents: Vec<String>, span: Span },
}

impl Inventory {
    /// The inventory with what a task adds; `None` if all of it is there already.
    ///
    /// # Errors
    /// When a group would become its own child.
    pub fn with(&self, addition: &Addition) -> Result<Option<Inventory>, Vec<Diagnostic>> {
        let mut build = Build::reopen(self.clone());
        let changed = match addition {
            Addition::Host { name, groups, vars, span } => {
                host(&mut build, name, groups, vars, *span)
            }
            Addition::Group { host, name, parents, span } => {
                group(&mut build, host, name, parents, *span)
            }
        };
        match changed {
            true => build.finish().map(Some),
            false => Ok(None),
        }
    }
}

/// The name in `name:22`, and the port.
pub fn name_and_port(text: &str) -> (String, Option<u16>) {
    match range::expand(text) {
        Ok(hosts) if hosts.names.len() == 1 => {
            (hosts.names.into_iter().next().unwrap_or_default(), hosts.port)
        }
        _ => (text.to_owned(), None),
    }
}

fn host(
    build: &mut Build,
    name: &str,
    groups: &[String],
    vars: &[(String, Node)],
    span: Span,
) -> bool {
    let before = build.inventory.hosts.len();
    let host = build.host(name, span);
    let mut changed = build.inventory.hosts.len() > before;
    if changed {
        // As in Ansible, where it comes before all that are in groups below `all`.
        build.member(ALL, host);
    }
    for (name, value) in vars {
        let known = build.inventory.hosts[host].vars.get(name).map(|(_, value)| from_node(value));
        if known != Some(from_node(value)) {
            build.host_var(host, name, span, value.clone());
            changed = true;
        }
    }
    for name in groups {
        changed |= !build.has_group(name);
        let group = build.group(name, span);
        changed |= !build.inventory.hosts[host].groups.contains(&group);
        build.member(group, host);
    }
    changed
}

fn group(build: &mut Build, host: &HostName, name: &str, parents: &[String], span: Span) -> bool {
    let group = build.group(name, span);
    let mut changed = false;
    for parent in parents {
        changed |= !build.has_group(parent);
        let parent = build.group(parent, span);
        if !build.inventory.groups[parent].children.contains(&group) {
            build.child(parent, group, span);
            changed = true;
        }
    }
    let known = build.inventory.hosts.contains_key(host);
    let this_machine = LOCALHOST.contains(&&**host).then(|| build.inventory.host(host).cloned());
    let host = build.host(host, span);
    if let (false, Some(Some(this_machine))) = (known, this_machine) {
        // It stays what it was.
        build.inventory.hosts[host].vars = this_machine.vars;
    }
    if !build.inventory.ancestors(&build.inventory.hosts[host]).contains(&group) {
        build.member(group, host);
        changed = true;
    }
    changed
}
