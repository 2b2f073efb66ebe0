//! The variables of hosts and groups, as they are written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value;
use rprov_modules::kit::{Node, NodeKind, Tag};

use crate::cli::basis::Basis;
use crate::inventory::{Group, Host, Inventory};
use crate::source::Diagnostic;
use crate::template::{Raw, Scope, from_node};
use crate::vars::files::Reader;
use crate::vars::{InventoryVars, Layer, Layers, Level};

/// Variables by name, in the order of their names.
pub(super) type Vars = Vec<(String, Node)>;

/// What rprov says of every host itself.
const OWN: [&str; 5] = [
    "inventory_hostname",
    "inventory_hostname_short",
    "group_names",
    "inventory_file",
    "inventory_dir",
];

/// Finds variables.
pub(super) struct Values {
    vars: InventoryVars,
    /// Whether files beside a playbook belong to groups: only if that was named.
    beside: bool,
    extra: Arc<Layer>,
    export: bool,
}

impl Values {
    /// `playbook_dir` is whose `group_vars` and `host_vars` count, too. With `export` a host has only
    /// variables of its own.
    pub(super) fn new(
        basis: &Basis,
        inventory: Arc<Inventory>,
        reader: Reader,
        extra: Arc<Layer>,
        playbook_dir: Option<&Path>,
        export: bool,
    ) -> Values {
        // As in Ansible, the working directory stands for the playbook's, but not in an export.
        let dir = match (playbook_dir, export) {
            (Some(dir), _) => Some(dir.to_owned()),
            (None, true) => None,
            (None, false) => Some(PathBuf::new()),
        };
        let vars = InventoryVars::new(inventory, dir, reader).merging(basis.merges());
        Values { vars, beside: playbook_dir.is_some(), extra, export }
    }

    /// # Errors
    /// What is wrong in files of variables.
    pub(super) fn of_host(&self, host: &Host) -> Result<Vars, Vec<Diagnostic>> {
        Ok(named(match self.export {
            true => self.vars.of_host(host)?,
            false => self.vars.layers(host)?.with(Level::Extra, self.extra.clone()),
        }))
    }

    /// # Errors
    /// What is wrong in files of variables.
    pub(super) fn of_group(&self, group: &Group) -> Result<Vars, Vec<Diagnostic>> {
        let mut vars = named(self.vars.of_group(group, self.beside)?);
        if group.priority != 1 {
            let node = Node::plain(Default::default(), group.priority.to_string());
            vars.push(("ansible_group_priority".to_owned(), node));
            vars.sort_by(|a, b| a.0.cmp(&b.0));
        }
        Ok(vars)
    }
}

fn named(layers: Layers) -> Vars {
    let mut names = layers.names();
    names.sort_unstable();
    let value = |name: String| match layers.get(&name)? {
        Raw::Node(node) if !OWN.contains(&&*name) => Some((name, node)),
        _ => None,
    };
    names.into_iter().filter_map(value).collect()
}

/// The envelope of a `!vault` value.
pub(super) fn envelope(node: &Node) -> Option<&str> {
    let scalar = node.scalar()?;
    (scalar.tag == Some(Tag::Vault)).then_some(&*scalar.text)
}

/// As Ansible writes them in JSON: vaulted and unsafe text is told from other text.
pub(super) fn json(vars: &Vars) -> Value {
    let pairs: Vec<_> = vars.iter().map(|(name, node)| (name.clone(), plain(node))).collect();
    Value::from_pairs(pairs)
}

fn plain(node: &Node) -> Value {
    match &node.kind {
        NodeKind::List(items) => items.iter().map(plain).collect(),
        NodeKind::Map(entries) => {
            let entry = |entry: &rprov_modules::kit::Entry| {
                let key = serde_json::to_value(from_node(&entry.key)).unwrap_or_default();
                let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                (key, plain(&entry.value))
            };
            let pairs: Vec<_> = entries.iter().map(entry).collect();
            Value::from_pairs(pairs)
        }
        NodeKind::Scalar(scalar) => match scalar.tag {
            Some(Tag::Vault) => Value::from_pairs([("__ansible_vault", &*scalar.text)]),
            Some(Tag::Unsafe) => Value::from_pairs([("__ansible_unsafe", &*scalar.text)]),
            _ => from_node(node),
        },
    }
}
