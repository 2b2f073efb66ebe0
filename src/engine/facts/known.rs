//! The facts of a host, and the variables they are.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::template::from_json;
use crate::vars::Layer;

/// What modules have returned as `ansible_facts`. Layers are replaced, never changed in place.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Known {
    /// By the names they were given under: `ansible_distribution`, `packages`.
    all: Arc<Map<String, Value>>,
    /// Each under its name, and `ansible_facts`.
    pub(in crate::engine) vars: Arc<Layer>,
    /// They are in `ansible_facts` alone, but for local ones.
    hidden: bool,
}

/// The mark that Ansible leaves, too.
const GATHERED: &str = "_ansible_facts_gathered";

impl Known {
    pub(in crate::engine) fn new(hidden: bool) -> Known {
        Known { hidden, ..Known::default() }
    }

    pub(in crate::engine) fn clear(&mut self) {
        *self = Known::new(self.hidden);
    }

    pub(in crate::engine) fn all(&self) -> &Map<String, Value> {
        &self.all
    }

    /// The task that gathers facts has run on this host.
    pub(in crate::engine) fn gathered(&self) -> bool {
        self.all.get(GATHERED) == Some(&Value::Bool(true))
    }

    pub(in crate::engine) fn add(&mut self, facts: &Map<String, Value>) {
        let all = Arc::make_mut(&mut self.all);
        all.extend(facts.iter().map(|(name, value)| (name.clone(), value.clone())));
        if facts.get("module_setup") == Some(&Value::Bool(true)) {
            all.insert(GATHERED.to_owned(), true.into());
        }
        let mut layer = Layer::default();
        let mut short = Map::new();
        for (name, value) in all.iter() {
            // Local facts keep their name, as in Ansible.
            let bare = match name.as_str() {
                "ansible_local" => name,
                name => name.strip_prefix("ansible_").unwrap_or(name),
            };
            short.insert(bare.to_owned(), value.clone());
            if may_be_variable(name) && (!self.hidden || name == "ansible_local") {
                layer.set(name, from_json(value));
            }
        }
        if self.hidden && !all.contains_key("ansible_local") {
            layer.set("ansible_local", from_json(&Value::Object(Map::new())));
        }
        layer.set("ansible_facts", from_json(&Value::Object(short)));
        self.vars = Arc::new(layer);
    }
}

/// No fact of a host may say how the host is reached.
fn may_be_variable(name: &str) -> bool {
    let connects = matches!(
        name,
        "ansible_connection"
            | "ansible_host"
            | "ansible_port"
            | "ansible_user"
            | "ansible_password"
            | "ansible_shell_type"
            | "ansible_shell_executable"
            | GATHERED
    ) || name.starts_with("ansible_become")
        || (name.starts_with("ansible_ssh_") && !name.starts_with("ansible_ssh_host_key_"))
        || (name.starts_with("ansible_") && name.ends_with("_interpreter"));
    !connects
}
