//! Values with what came out of a vault masked.

use std::collections::BTreeSet;

use minijinja::Value;
use minijinja::value::ValueKind;
use rprov_modules::kit::{Node, NodeKind, Tag};

use super::Why;
use super::sight::Seen;
use crate::report::MASK;
use crate::template::names::Names;
use crate::template::{Raw, from_node};

impl Why<'_> {
    /// A value with what came out of a vault masked. `node` is what the value was made of.
    pub(super) fn hidden(&self, value: Value, node: &Node, seen: &Seen) -> Value {
        if self.concealed(node.span) {
            return each(&value, &|_| Value::from(MASK));
        }
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.tag == Some(Tag::Vault) => Value::from(MASK),
            NodeKind::Scalar(_) => {
                let mut secrets = Vec::new();
                self.secrets(node, seen, &mut BTreeSet::new(), &mut secrets);
                if secrets.is_empty() {
                    return value;
                }
                // A secret too short to be told from other text hides all of the text.
                let told = secrets.iter().all(|secret| self.redactor.clean(secret) != *secret);
                each(&value, &|value| {
                    let text = value.to_string();
                    Value::from(if told { self.redactor.clean(&text) } else { MASK.to_owned() })
                })
            }
            NodeKind::List(items) => {
                let values = value.try_iter().into_iter().flatten();
                values.zip(items).map(|(value, node)| self.hidden(value, node, seen)).collect()
            }
            NodeKind::Map(entries) => Value::from_pairs(entries.iter().filter_map(|entry| {
                let key = from_node(&entry.key);
                let value = value.get_item(&key).ok().filter(|value| !value.is_undefined())?;
                Some((key, self.hidden(value, &entry.value, seen)))
            })),
        }
    }

    /// What came out of a vault among that which a node reads.
    fn secrets(
        &self,
        node: &Node,
        seen: &Seen,
        met: &mut BTreeSet<String>,
        found: &mut Vec<String>,
    ) {
        for used in Names::of_node(node, self.map).uses {
            let first = seen.layers.definitions(&used.name).next();
            let Some(Raw::Node(node)) = first.map(|(_, binding)| &binding.value) else { continue };
            if !met.insert(used.name) {
                continue;
            }
            if self.concealed(node.span) || vaulted(node) {
                let value = self.templar.value(node, &seen.context).unwrap_or_default();
                scalars(&value, found);
            }
            self.secrets(node, seen, met, found);
        }
    }
}

/// Every scalar in a value, as text.
fn scalars(value: &Value, found: &mut Vec<String>) {
    match value.kind() {
        ValueKind::Map => {
            for key in value.try_iter().into_iter().flatten() {
                scalars(&value.get_item(&key).unwrap_or_default(), found);
            }
        }
        ValueKind::Seq => {
            value.try_iter().into_iter().flatten().for_each(|item| scalars(&item, found))
        }
        _ => found.push(value.to_string()),
    }
}

/// The value with every scalar in it replaced.
fn each(value: &Value, replace: &dyn Fn(&Value) -> Value) -> Value {
    match value.kind() {
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            Value::from_pairs(keys.map(|key| {
                let item = value.get_item(&key).unwrap_or_default();
                (key, each(&item, replace))
            }))
        }
        ValueKind::Seq => {
            value.try_iter().into_iter().flatten().map(|item| each(&item, replace)).collect()
        }
        _ => replace(value),
    }
}

fn vaulted(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => scalar.tag == Some(Tag::Vault),
        NodeKind::List(items) => items.iter().any(vaulted),
        NodeKind::Map(entries) => entries.iter().any(|entry| vaulted(&entry.value)),
    }
}
