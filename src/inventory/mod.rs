//! Hosts, groups and the variables written beside them: INI, YAML, JSON, TOML, directories, scripts,
//! and what `constructed` and `generator` make of them.
//!
//! Several sources become one [`Inventory`]; where they disagree the later one wins. A source that
//! cannot be read or understood is an error, never an empty inventory. The order of hosts within a
//! group is the order in which they were written, and the order of a group's whole membership is
//! Ansible's: its own hosts first, then those of its children, level by level.

mod addition;
mod build;
mod constructed;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
mod generator;
mod ini;
mod literal;
pub mod pattern;
mod program;
mod range;
mod rules;
mod script;
mod sources;
mod toml;
pub(crate) mod wildcard;
pub(crate) mod words;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use rprov_modules::kit::{Node, Span};

pub use self::addition::{Addition, name_and_port};
pub use self::rules::Rules;
use crate::source::Diagnostic;
use crate::vars::Layer;
use crate::vars::files::Reader;

/// The name of a host as the inventory writes it.
pub type HostName = Arc<str>;

/// Variables as they were written: the place of the name, and the value, which may hold templates.
pub type Vars = IndexMap<String, (Span, Node)>;

/// A variable that was set again later: its name, where it was set, and to what.
pub type Overruled = (String, Span, Node);

/// The names that mean "this machine" when the inventory does not know them.
pub const LOCALHOST: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// One host.
#[derive(Debug, Clone)]
pub struct Host {
    pub name: HostName,
    /// Where it was first named.
    pub span: Span,
    /// Variables set in the inventory itself, not in `host_vars/`.
    pub vars: Vars,
    /// What these were before, the latest last.
    pub overruled: Vec<Overruled>,
    /// The file it was first named in, or the `-i a,b,` list; none for an implicit host and for one
    /// that the run itself has added.
    pub file: Option<Arc<Path>>,
    /// Not in the inventory: this machine, under one of the [`LOCALHOST`] names, or a stranger.
    pub implicit: bool,
    groups: Vec<usize>,
}

/// One group.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: Arc<str>,
    /// Where it was first named.
    pub span: Span,
    /// Variables set in the inventory itself, not in `group_vars/`.
    pub vars: Vars,
    /// What these were before, the latest last.
    pub overruled: Vec<Overruled>,
    /// `ansible_group_priority`: between groups of one depth, the greater wins. Default 1.
    pub priority: i64,
    hosts: Vec<usize>,
    children: Vec<usize>,
    parents: Vec<usize>,
    depth: usize,
}

/// All hosts and groups of a run. The groups `all` and `ungrouped` are always there.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    hosts: IndexMap<HostName, Host>,
    groups: IndexMap<Arc<str>, Group>,
    implicit: IndexMap<HostName, Host>,
    directories: Vec<PathBuf>,
    warnings: Vec<Diagnostic>,
    rules: Arc<Rules>,
}

impl Inventory {
    /// Reads the sources in order: paths of files, directories or executable scripts, or lists of
    /// hosts with a comma (`web1,web2,`). No source at all is an inventory of no hosts. `extra` are
    /// the variables of the command line: `constructed` may use them. `rules` are what settings say.
    ///
    /// # Errors
    /// Everything that is wrong in any source, and the warnings.
    pub fn load(
        sources: &[String],
        reader: &Reader,
        extra: &Arc<Layer>,
        rules: &Arc<Rules>,
    ) -> Result<Inventory, Vec<Diagnostic>> {
        let mut build = build::Build::new(rules.clone());
        for source in sources {
            sources::read(source, reader, extra, &mut build);
        }
        build.finish()
    }

    /// An inventory of groups and their hosts by name, as the variable `groups` has them.
    ///
    /// # Errors
    /// A name that no host or group can have.
    pub fn of(
        groups: impl IntoIterator<Item = (String, Vec<String>)>,
    ) -> Result<Inventory, Vec<Diagnostic>> {
        let mut build = build::Build::new(Arc::default());
        for (group, hosts) in groups {
            let group = build.group(&group, Span::default());
            for host in hosts {
                let host = build.host(&host, Span::default());
                build.member(group, host);
            }
        }
        build.finish()
    }

    /// The host of that name: of the inventory, or this machine for a [`LOCALHOST`] name. Those names
    /// are one host: if the inventory knows one of them, the others mean it.
    pub fn host(&self, name: &str) -> Option<&Host> {
        let here = |name: &str| LOCALHOST.contains(&name);
        let known = self.hosts.get(name).or_else(|| self.implicit.get(name));
        known.or_else(|| self.hosts().find(|host| here(&host.name)).filter(|_| here(name)))
    }

    /// A host that no inventory knows: what a task delegates to by its bare name.
    pub fn stranger(name: &str) -> Host {
        Host {
            name: name.into(),
            span: Span::default(),
            vars: Vars::new(),
            overruled: vec![],
            file: None,
            implicit: true,
            groups: vec![],
        }
    }

    /// The hosts of the inventory, in the order in which they were first named.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &Host> {
        self.hosts.values()
    }

    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// All groups in the order in which they were first named; `all` and `ungrouped` first.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.values()
    }

    /// The hosts of a group and of all groups below it.
    pub fn members<'a>(&'a self, group: &'a Group) -> Vec<&'a Host> {
        let mut seen = vec![false; self.hosts.len()];
        let mut members = vec![];
        for group in self.descend(group) {
            for &host in &group.hosts {
                if !std::mem::replace(&mut seen[host], true) {
                    members.push(&self.hosts[host]);
                }
            }
        }
        members
    }

    /// A group and all groups below it, level by level.
    fn descend<'a>(&'a self, group: &'a Group) -> Vec<&'a Group> {
        let mut order = vec![group];
        let mut seen = vec![false; self.groups.len()];
        let mut next = 0;
        while let Some(group) = order.get(next).copied() {
            for &child in &group.children {
                if !std::mem::replace(&mut seen[child], true) {
                    order.push(&self.groups[child]);
                }
            }
            next += 1;
        }
        order
    }

    /// The groups a host is in, directly or not, without `all`, in the order in which their
    /// variables are merged: by depth, then priority, then name; the last one wins.
    pub fn groups_of<'a>(&'a self, host: &'a Host) -> Vec<&'a Group> {
        let mut groups: Vec<&Group> = self
            .ancestors(host)
            .into_iter()
            .map(|group| &self.groups[group])
            .filter(|group| &*group.name != "all")
            .collect();
        groups.sort_by(|a, b| (a.depth, a.priority, &a.name).cmp(&(b.depth, b.priority, &b.name)));
        groups
    }

    /// The groups a host is in, directly or not, in no order that matters.
    fn ancestors(&self, host: &Host) -> Vec<usize> {
        let mut found: Vec<usize> = host.groups.clone();
        let mut next = 0;
        while let Some(&group) = found.get(next) {
            for &parent in &self.groups[group].parents {
                if !found.contains(&parent) {
                    found.push(parent);
                }
            }
            next += 1;
        }
        found
    }

    /// `group_names`: the same groups by name.
    pub fn group_names<'a>(&'a self, host: &'a Host) -> Vec<&'a str> {
        let mut names: Vec<&str> =
            self.groups_of(host).into_iter().map(|group| &*group.name).collect();
        names.sort_unstable();
        names
    }

    /// The directories of the sources, in order: `group_vars/` and `host_vars/` are looked for there.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// What is strange about the sources but no error.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

impl Group {
    /// Its direct child groups.
    pub fn children<'a>(&'a self, inventory: &'a Inventory) -> impl Iterator<Item = &'a Group> {
        self.children.iter().map(|&child| &inventory.groups[child])
    }

    /// Its direct hosts.
    pub fn own_hosts<'a>(&'a self, inventory: &'a Inventory) -> impl Iterator<Item = &'a Host> {
        self.hosts.iter().map(|&host| &inventory.hosts[host])
    }
}
