//! Special variables: what the run itself says, under Ansible's names.
//!
//! As in Ansible, what belongs to a host (`inventory_hostname`, `group_names`) stands at the level
//! of the host's inventory variables and can be overridden; what belongs to the run cannot.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use minijinja::Value;
use rprov_modules::kit::Node;

use super::Layer;
use crate::inventory::{Host, HostName, Inventory};
use crate::template::Raw;

/// The version of Ansible whose behaviour rprov has: `ansible_version`.
const ANSIBLE: [u32; 3] = [2, 19, 0];

/// [`super::Level::Default`].
pub(super) fn defaults() -> Layer {
    let mut layer = Layer::default();
    layer.set("ansible_managed", "Ansible managed");
    // As long as none are gathered.
    layer.set("ansible_facts", crate::template::from_json(&serde_json::json!({})));
    layer
}

/// What is known of a host from the inventory alone; part of [`super::Level::InventoryHost`].
pub(super) fn host(inventory: &Inventory, host: &Host) -> Layer {
    let mut layer = Layer::default();
    let short = host.name.split('.').next().unwrap_or_default();
    layer.set("inventory_hostname", &*host.name);
    layer.set("inventory_hostname_short", short);
    layer.set("group_names", strings(inventory.group_names(host)));
    let text = |path: Option<&Path>| {
        path.map_or(Value::from(()), |path| Value::from(path.to_string_lossy()))
    };
    if !host.implicit {
        let directory =
            host.file.as_deref().and_then(Path::parent).filter(|dir| !dir.as_os_str().is_empty());
        layer.set("inventory_file", text(host.file.as_deref()));
        layer.set("inventory_dir", text(directory));
    }
    layer
}

/// What holds for a whole run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    pub playbook_dir: PathBuf,
    pub check: bool,
    pub diff: bool,
    /// How many `-v`.
    pub verbosity: u8,
    /// Hosts at a time.
    pub forks: usize,
    /// `--tags`; empty is `all`.
    pub tags: Vec<String>,
    pub skip_tags: Vec<String>,
    pub limit: Option<String>,
    /// The `ansible.cfg` that was read.
    pub config_file: Option<PathBuf>,
    /// The values of `-i`.
    pub sources: Vec<String>,
}

/// What holds for a play: its name and its hosts.
#[derive(Debug, Clone, Copy)]
pub struct Play<'a> {
    pub name: &'a str,
    /// All hosts the play was started for.
    pub all: &'a [&'a HostName],
    /// Those of them that have not failed.
    pub hosts: &'a [&'a HostName],
    /// Those of the current batch (`serial`) that have not failed.
    pub batch: &'a [&'a HostName],
}

/// What holds in the tasks of a role.
#[derive(Debug, Clone)]
pub struct Role<'a> {
    pub name: &'a str,
    pub collection: Option<&'a str>,
    pub path: &'a Path,
    /// Names and paths of the roles whose tasks include it, the nearest first.
    pub parents: Vec<(&'a str, &'a Path)>,
}

impl Run {
    /// For [`super::Level::Special`]. `hostvars` comes from [`super::hostvars::hostvars`].
    pub fn layer(&self, inventory: &Inventory, hostvars: Value) -> Layer {
        let mut layer = Layer::default();
        let tags: &[String] = if self.tags.is_empty() { &["all".to_owned()] } else { &self.tags };
        let [major, minor, revision] = ANSIBLE;
        let full = format!("{major}.{minor}.{revision}");
        layer.set("playbook_dir", self.playbook_dir.to_string_lossy());
        layer.extend(hosts(inventory, hostvars));
        layer.set("ansible_check_mode", self.check);
        layer.set("ansible_diff_mode", self.diff);
        layer.set("ansible_verbosity", u64::from(self.verbosity));
        layer.set("ansible_forks", Value::from(self.forks));
        layer.set("ansible_run_tags", strings(tags));
        layer.set("ansible_skip_tags", strings(&self.skip_tags));
        layer.set("ansible_inventory_sources", strings(&self.sources));
        match &self.config_file {
            Some(file) => layer.set("ansible_config_file", file.to_string_lossy()),
            None => layer.set("ansible_config_file", ()),
        }
        layer.set("ansible_playbook_python", "/usr/bin/python3");
        if let Some(limit) = &self.limit {
            layer.set("ansible_limit", limit.as_str());
        }
        let string = format!("{full} (rprov {})", env!("CARGO_PKG_VERSION"));
        let version = [
            ("string", Value::from(string)),
            ("full", Value::from(full)),
            ("major", Value::from(major)),
            ("minor", Value::from(minor)),
            ("revision", Value::from(revision)),
        ];
        layer.set("ansible_version", Value::from_pairs(version));
        layer
    }
}

impl Play<'_> {
    /// For [`super::Level::Special`], above the run's.
    pub fn layer(&self) -> Layer {
        let mut layer = Layer::default();
        layer.set("ansible_play_name", self.name);
        layer.set("ansible_play_hosts_all", strings(self.all));
        layer.set("ansible_play_hosts", strings(self.hosts));
        layer.set("ansible_play_batch", strings(self.batch));
        layer.set("play_hosts", strings(self.batch));
        layer
    }
}

/// The part of [`Run::layer`] that changes when a run adds hosts or groups.
pub fn hosts(inventory: &Inventory, hostvars: Value) -> Layer {
    let mut layer = Layer::default();
    layer.set("groups", groups(inventory));
    layer.set("hostvars", hostvars);
    layer
}

/// For [`super::Level::Special`] in the tasks of a role.
pub fn role(role: Role<'_>) -> Layer {
    let mut layer = Layer::default();
    let short = match role.collection {
        Some(collection) => role.name.strip_prefix(collection).and_then(|n| n.strip_prefix('.')),
        None => None,
    };
    layer.set("role_name", short.unwrap_or(role.name));
    layer.set("ansible_role_name", role.name);
    layer.set("ansible_collection_name", role.collection.unwrap_or_default());
    layer.set("role_path", plain(role.path).to_string_lossy());
    if !role.parents.is_empty() {
        layer.set("ansible_parent_role_names", strings(role.parents.iter().map(|(name, _)| name)));
        let paths = role.parents.iter().map(|(_, path)| plain(path).to_string_lossy().into_owned());
        layer.set("ansible_parent_role_paths", strings(paths));
    }
    layer
}

/// For [`super::Level::Special`]: the names of a play's roles, and of those they depend on.
pub fn role_names(own: &[String], dependent: &[String]) -> Arc<Layer> {
    let once = |names: &mut dyn Iterator<Item = &String>| {
        names.cloned().collect::<indexmap::IndexSet<String>>()
    };
    let mut layer = Layer::default();
    layer.set("ansible_play_role_names", strings(own));
    layer.set("role_names", strings(own));
    layer.set("ansible_dependent_role_names", strings(once(&mut dependent.iter())));
    layer.set("ansible_role_names", strings(once(&mut dependent.iter().chain(own))));
    Arc::new(layer)
}

/// An absolute path without `..`.
fn plain(dir: &Path) -> PathBuf {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let mut plain = PathBuf::new();
    for part in std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).components() {
        match part {
            std::path::Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// For [`super::Level::Special`]: what only the place of a task decides. `vars` are all variables.
pub fn place(vars: Value, environment: Vec<Node>, search: &[PathBuf]) -> Layer {
    let mut layer = Layer::default();
    layer.set("vars", vars);
    let environment = Node::list(Default::default(), environment);
    layer.insert("environment", Raw::Node(environment), Default::default());
    let mut dirs: Vec<String> = Vec::new();
    for dir in search.iter().map(|dir| plain(dir).to_string_lossy().into_owned()) {
        if !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    layer.set("ansible_search_path", strings(dirs));
    layer
}

/// `groups`: the hosts of every group by name.
fn groups(inventory: &Inventory) -> Value {
    let members = |group| strings(inventory.members(group).iter().map(|host| &host.name));
    Value::from_pairs(inventory.groups().map(|group| (group.name.to_string(), members(group))))
}

fn strings<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Value {
    Value::from(items.into_iter().map(|item| Value::from(item.as_ref())).collect::<Vec<_>>())
}
