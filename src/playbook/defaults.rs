//! `module_defaults`: parameters that tasks take unless they give them themselves.
//!
//! As in Ansible an inner level's entry replaces the outer one's for the same module as a whole, and
//! entries for groups of modules are weaker than those for a module.

use rprov_modules::kit::{Node, nearest};

use super::collections::Named;
use super::keywords::Keywords;
use super::load::Load;
use super::{Action, Chain, absent, task};
use crate::source::Diagnostic;

const GROUP: &str = "group/";
/// Groups that ansible-core itself names: they only consist of those of collections.
const CORE_GROUPS: &[(&str, &[&str])] = &[
    ("acme", &["community.crypto.acme"]),
    ("aws", &["amazon.aws.aws", "community.aws.aws"]),
    ("azure", &["azure.azcollection.azure"]),
    ("cpm", &["wti.remote.cpm"]),
    ("docker", &["community.general.docker", "community.docker.docker"]),
    ("gcp", &["google.cloud.gcp"]),
    ("k8s", &["community.general.k8s", "community.okd.k8s", "kubernetes.core.k8s"]),
    ("os", &["openstack.cloud.os"]),
    ("ovirt", &["ovirt.ovirt.ovirt", "community.general.ovirt"]),
    ("vmware", &["community.vmware.vmware"]),
];

/// What an entry is for.
enum Whom {
    Group(String),
    Action(Action),
}

impl Whom {
    fn same(&self, other: &Whom) -> bool {
        match (self, other) {
            (Whom::Group(one), Whom::Group(other)) => one == other,
            (Whom::Action(one), Whom::Action(other)) => one.same(*other),
            _ => false,
        }
    }
}

impl Load<'_> {
    /// Checks the names in the `module_defaults` of one level.
    pub(super) fn check_defaults(&mut self, keywords: &Keywords) {
        let Some(node) = keywords.get("module_defaults").filter(|node| !node.is_null()) else {
            return;
        };
        for part in parts(node) {
            let Some(entries) = part.entries() else {
                let found = part.type_name();
                self.fail(
                    Diagnostic::error(format!("expected parameters by module, found {found}"))
                        .at(part.span, "")
                        .help("write `module_defaults: {copy: {mode: \"0644\"}}`"),
                );
                continue;
            };
            for entry in entries {
                let name = entry.key.text().unwrap_or_default();
                if entry.value.items().is_some() {
                    let error = Diagnostic::error("expected parameters, found a list");
                    self.fail(error.at(entry.value.span, "a mapping belongs here"));
                }
                if let Some(group) = name.strip_prefix(GROUP) {
                    self.check_group(group, &entry.key);
                } else if task::action(name).is_none()
                    && !in_collection(name)
                    && !absent::exists_elsewhere(name)
                {
                    let error = Diagnostic::error(format!("there is no module `{name}`"))
                        .at(entry.key.span, "these defaults are for nothing");
                    let short = name.rsplit('.').next().unwrap_or(name);
                    self.fail(match nearest(short, task::known_actions()) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None => error.help("README lists the modules there are"),
                    });
                }
            }
        }
    }

    fn check_group(&mut self, group: &str, key: &Node) {
        let core = |name: &str| CORE_GROUPS.iter().any(|(known, _)| *known == name);
        match Named::new(group) {
            None | Some(Named { collection: "ansible.builtin", .. }) => {
                let short = group.strip_prefix("ansible.builtin.").unwrap_or(group);
                if !core(short) {
                    let known: Vec<&str> = CORE_GROUPS.iter().map(|(name, _)| *name).collect();
                    self.fail(
                        Diagnostic::error(format!("there is no group of modules `{group}`"))
                            .at(key.span, "these defaults are for nothing")
                            .help(format!(
                                "groups of ansible-core: {}; those of a collection have its name before theirs",
                                known.join(", ")
                            )),
                    );
                }
            }
            Some(named) => match self.collection(named.collection) {
                // Nothing of it can be used anyway.
                Err(_) => {}
                Ok(_) => {
                    if self.members(group, &mut Vec::new()).is_none() {
                        let error =
                            Diagnostic::error(format!("there is no group of modules `{group}`"));
                        self.fail(error.at(key.span, "these defaults are for nothing").note(
                            format!(
                                "`meta/runtime.yml` of the collection `{}` names the groups it has",
                                named.collection
                            ),
                        ));
                    }
                }
            },
        }
    }

    /// The defaults of an action, the weakest first: those of its groups, then its own.
    pub(super) fn defaults(&mut self, action: Action, chain: &Chain) -> Vec<Node> {
        let mut entries: Vec<(Whom, &Node)> = Vec::new();
        for level in chain.all("module_defaults") {
            for entry in
                parts(level).into_iter().flat_map(|part| part.entries().unwrap_or_default())
            {
                let name = entry.key.text().unwrap_or_default();
                let whom = match name.strip_prefix(GROUP) {
                    Some(group) => Whom::Group(group.to_owned()),
                    None => match task::action(name) {
                        Some(action) => Whom::Action(action),
                        None => continue,
                    },
                };
                match entries.iter_mut().find(|(known, _)| known.same(&whom)) {
                    Some(known) => known.1 = &entry.value,
                    None => entries.push((whom, &entry.value)),
                }
            }
        }
        let mut found: Vec<Node> = Vec::new();
        for (whom, node) in &entries {
            if let Whom::Group(group) = whom
                && self.members(group, &mut Vec::new()).is_some_and(|members| {
                    members
                        .iter()
                        .any(|name| task::action(name).is_some_and(|member| member.same(action)))
                })
            {
                found.push((*node).clone());
            }
        }
        let own = Whom::Action(action);
        found.extend(
            entries.iter().filter(|(whom, _)| whom.same(&own)).map(|(_, node)| (*node).clone()),
        );
        found.retain(|node| !node.is_null());
        found
    }

    /// The full names of a group's modules; `None` if it is not known.
    fn members(&self, group: &str, seen: &mut Vec<String>) -> Option<Vec<String>> {
        if seen.iter().any(|known| known == group) {
            return Some(Vec::new());
        }
        seen.push(group.to_owned());
        let core = group.strip_prefix("ansible.builtin.").unwrap_or(group);
        if let Some((_, others)) = CORE_GROUPS.iter().find(|(name, _)| *name == core) {
            return Some(
                others.iter().filter_map(|other| self.members(other, seen)).flatten().collect(),
            );
        }
        let named = Named::new(group)?;
        let dir = self.collection(named.collection).ok()?;
        let runtime = self.loader.file(&dir.join("meta/runtime.yml"), None).ok()?;
        let groups = runtime.get("action_groups")?;
        let list = groups.get(group).or_else(|| groups.get(named.name))?;
        let full = |name: &str| match Named::new(name) {
            Some(_) => name.to_owned(),
            None => format!("{}.{name}", named.collection),
        };
        let mut members = Vec::new();
        for item in list.items().unwrap_or_default() {
            match item.text() {
                Some(name) => members.push(full(name)),
                None => {
                    let extended = item.get("metadata").and_then(|about| about.get("extend_group"));
                    for name in extended.map(parts).unwrap_or_default() {
                        let name = full(name.text().unwrap_or_default());
                        members.extend(self.members(&name, seen).unwrap_or_default());
                    }
                }
            }
        }
        Some(members)
    }
}

/// One, or a list of them.
fn parts(node: &Node) -> Vec<&Node> {
    node.items().map_or_else(|| vec![node], |items| items.iter().collect())
}

/// A module of a collection: a task that uses it says so itself if it is not there.
fn in_collection(name: &str) -> bool {
    Named::new(name)
        .is_some_and(|named| !matches!(named.collection, "ansible.builtin" | "ansible.legacy"))
}
