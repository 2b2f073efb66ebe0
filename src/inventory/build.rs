//! An inventory while its sources are being read.
//!
//! Readers only add; [`Build::finish`] gives every group its depth, puts hosts without a group into
//! `ungrouped`, hangs groups without a parent under `all`, and makes the implicit localhost.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use rprov_modules::kit::{Node, Resolved, Span};

use super::{Group, Host, HostName, Inventory, LOCALHOST, Rules, Vars, range};
use crate::source::Diagnostic;

pub(super) const ALL: usize = 0;
pub(super) const UNGROUPED: usize = 1;

pub(super) struct Build {
    /// Complete but for what [`Build::finish`] does.
    pub(super) inventory: Inventory,
    /// The file being read: the hosts it names first get it as their `inventory_file`.
    pub(super) file: Option<Arc<Path>>,
    pub(super) rules: Arc<Rules>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Build {
    pub(super) fn new(rules: Arc<Rules>) -> Build {
        let inventory = Inventory { rules: rules.clone(), ..Inventory::default() };
        let mut build = Build { inventory, file: None, rules, diagnostics: vec![] };
        build.group("all", Span::default());
        build.group("ungrouped", Span::default());
        build.inventory.groups[ALL].children.push(UNGROUPED);
        build.inventory.groups[UNGROUPED].parents.push(ALL);
        build
    }

    /// Goes on with an inventory that was finished.
    pub(super) fn reopen(mut inventory: Inventory) -> Build {
        inventory.warnings.clear();
        let rules = inventory.rules.clone();
        Build { inventory, file: None, rules, diagnostics: vec![] }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn error(
        &mut self,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) {
        self.report(Diagnostic::error(message).at(span, label));
    }

    pub(super) fn has_group(&self, name: &str) -> bool {
        self.inventory.groups.contains_key(&*self.rules.group(name))
    }

    pub(super) fn group_names(&self) -> impl Iterator<Item = &str> {
        self.inventory.groups.keys().map(|name| &**name)
    }

    /// The group of that name, made if it is new.
    pub(super) fn group(&mut self, name: &str, span: Span) -> usize {
        let name = self.rules.group(name);
        if let Some(index) = self.inventory.groups.get_index_of(&*name) {
            return index;
        }
        let name: Arc<str> = name.into();
        let (vars, hosts, children, parents) = Default::default();
        let group = Group {
            name: name.clone(),
            span,
            vars,
            overruled: vec![],
            priority: 1,
            hosts,
            children,
            parents,
            depth: 0,
        };
        self.inventory.groups.insert_full(name, group).0
    }

    /// The hosts that an expression names (`web[01:20]:22`), made if they are new. A mistake in the
    /// expression is reported and names no host.
    pub(super) fn hosts(&mut self, expression: &str, span: Span) -> Vec<usize> {
        let expanded = match range::expand(expression) {
            Ok(expanded) => expanded,
            Err((message, help)) => {
                let error = Diagnostic::error(message).at(span, "");
                self.report(match help {
                    Some(help) => error.help(help),
                    None => error,
                });
                return vec![];
            }
        };
        let known = self.inventory.hosts.len();
        let hosts: Vec<usize> = expanded.names.iter().map(|name| self.host(name, span)).collect();
        if let Some(port) = expanded.port {
            // As in Ansible, a host that is named again keeps its port.
            for &host in hosts.iter().filter(|host| **host >= known) {
                self.host_var(host, "ansible_port", span, Node::plain(span, port.to_string()));
            }
        }
        hosts
    }

    /// The host of exactly that name.
    pub(super) fn host(&mut self, name: &str, span: Span) -> usize {
        if let Some(index) = self.inventory.hosts.get_index_of(name) {
            return index;
        }
        let name: HostName = name.into();
        let host = Host {
            name: name.clone(),
            span,
            vars: Vars::new(),
            overruled: vec![],
            file: self.file.clone(),
            implicit: false,
            groups: vec![],
        };
        self.inventory.hosts.insert_full(name, host).0
    }

    pub(super) fn member(&mut self, group: usize, host: usize) {
        if !self.inventory.hosts[host].groups.contains(&group) {
            self.inventory.hosts[host].groups.push(group);
            self.inventory.groups[group].hosts.push(host);
        }
    }

    /// Puts one group under another; a loop is an error at `span`.
    pub(super) fn child(&mut self, parent: usize, child: usize, span: Span) {
        if self.inventory.groups[parent].children.contains(&child) {
            return;
        }
        if self.reaches(child, parent) {
            let (parent, child) =
                (&self.inventory.groups[parent].name, &self.inventory.groups[child].name);
            let message = match parent == child {
                true => format!("group `{child}` cannot be its own child"),
                false => format!(
                    "group `{child}` cannot be a child of `{parent}`, which is below it already"
                ),
            };
            return self.error(message, span, "this closes a loop");
        }
        self.inventory.groups[parent].children.push(child);
        self.inventory.groups[child].parents.push(parent);
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        let (mut seen, mut next) = (vec![from], 0);
        while let Some(&group) = seen.get(next) {
            if group == to {
                return true;
            }
            for &child in &self.inventory.groups[group].children {
                if !seen.contains(&child) {
                    seen.push(child);
                }
            }
            next += 1;
        }
        false
    }

    pub(super) fn host_var(&mut self, host: usize, name: &str, span: Span, value: Node) {
        let host = &mut self.inventory.hosts[host];
        if let Some((span, old)) = host.vars.insert(name.to_owned(), (span, value)) {
            host.overruled.push((name.to_owned(), span, old));
        }
    }

    pub(super) fn group_var(&mut self, group: usize, name: &str, span: Span, value: Node) {
        if name == "ansible_group_priority" {
            let number = value.scalar().map(|scalar| match scalar.resolve() {
                // Beyond all others is enough.
                Resolved::Int(number) => {
                    Some(number.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
                }
                Resolved::Float(number) if number.is_finite() => Some(number as i64),
                Resolved::Bool(flag) => Some(flag.into()),
                _ => scalar.text.trim().parse().ok(),
            });
            match number.flatten() {
                Some(number) => self.inventory.groups[group].priority = number,
                None => self.error(
                    "`ansible_group_priority` is not a number",
                    value.span,
                    "expected a whole number",
                ),
            }
            return;
        }
        let group = &mut self.inventory.groups[group];
        if let Some((span, old)) = group.vars.insert(name.to_owned(), (span, value)) {
            group.overruled.push((name.to_owned(), span, old));
        }
    }

    pub(super) fn finish(mut self) -> Result<Inventory, Vec<Diagnostic>> {
        for group in UNGROUPED + 1..self.inventory.groups.len() {
            if self.inventory.groups[group].parents.is_empty() {
                self.child(ALL, group, Span::default());
            }
        }
        for host in 0..self.inventory.hosts.len() {
            let grouped = self.inventory.hosts[host].groups.iter().any(|group| *group > UNGROUPED);
            if grouped {
                self.inventory.hosts[host].groups.retain(|group| *group != UNGROUPED);
            } else {
                self.member(UNGROUPED, host);
            }
        }
        let hosts = &self.inventory.hosts;
        self.inventory.groups[UNGROUPED]
            .hosts
            .retain(|host| hosts[*host].groups.contains(&UNGROUPED));
        self.set_depths();
        self.warn_of_twins();
        if self.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(self.diagnostics);
        }
        let implicit = implicit(&self.inventory.hosts);
        Ok(Inventory { implicit, warnings: self.diagnostics, ..self.inventory })
    }

    /// A group's depth is its longest way from a group without parents: in the end, from `all`.
    pub(super) fn set_depths(&mut self) {
        // Without loops no way is longer than the number of groups; each pass settles one level.
        let groups = self.inventory.groups.values();
        let mut level: Vec<usize> = groups
            .enumerate()
            .filter(|(_, group)| group.parents.is_empty())
            .map(|(at, _)| at)
            .collect();
        let mut depth = 0;
        while !level.is_empty() {
            let mut below = vec![];
            for group in level {
                self.inventory.groups[group].depth = depth;
                for &child in &self.inventory.groups[group].children {
                    if !below.contains(&child) {
                        below.push(child);
                    }
                }
            }
            level = below;
            depth += 1;
        }
    }

    fn warn_of_twins(&mut self) {
        let Inventory { hosts, groups, .. } = &self.inventory;
        let twins: Vec<_> =
            groups.values().filter_map(|g| Some((g.span, hosts.get(&g.name)?))).collect();
        for (group, host) in
            twins.into_iter().map(|(span, host)| (span, host.clone())).collect::<Vec<_>>()
        {
            let message = format!("`{}` is a host and a group", host.name);
            let warning =
                Diagnostic::warning(message).at(group, "the group").context(host.span, "the host");
            self.report(
                warning.help("a pattern of that name means the host alone; rename one of them"),
            );
        }
    }
}

/// This machine, under each of its names that the inventory does not know, unless one is known.
fn implicit(hosts: &IndexMap<HostName, Host>) -> IndexMap<HostName, Host> {
    if LOCALHOST.iter().any(|name| hosts.contains_key(*name)) {
        return IndexMap::new();
    }
    let make = |name: &str| {
        let name: HostName = name.into();
        let connection = (Span::default(), Node::string(Span::default(), "local"));
        let vars = Vars::from_iter([("ansible_connection".to_owned(), connection)]);
        let host = Host {
            name: name.clone(),
            span: Span::default(),
            vars,
            overruled: vec![],
            file: None,
            implicit: true,
            groups: vec![],
        };
        (name, host)
    };
    LOCALHOST.into_iter().map(make).collect()
}
