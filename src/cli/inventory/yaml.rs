//! `--list` and `--host` as YAML: an inventory that can be read again.

use std::collections::HashSet;

use minijinja::Value;
use rprov_modules::kit::{Node, NodeKind};

use super::list::Tree;
use super::values::{Vars, envelope};
use crate::inventory::Group;
use crate::source::Diagnostic;
use crate::source::emit::{Layout, to_yaml};
use crate::template::from_node;

const LAYOUT: Layout = Layout { default_flow_style: Some(false), ..Layout::TERSE };

pub(super) fn of_vars(vars: &Vars) -> String {
    let mut envelopes = Envelopes::default();
    let value = envelopes.vars(vars);
    envelopes.text(&value)
}

pub(super) fn of_tree(tree: &Tree<'_>) -> Result<String, Vec<Diagnostic>> {
    let mut writer = Writer {
        tree,
        envelopes: Envelopes::default(),
        groups: HashSet::new(),
        hosts: HashSet::new(),
    };
    let top = tree.top();
    let value = writer.group(top)?;
    if value.len() == Some(0) {
        return Ok("{}\n".to_owned());
    }
    let value = Value::from_pairs([(top.name.to_string(), value)]);
    Ok(writer.envelopes.text(&value))
}

struct Writer<'a> {
    tree: &'a Tree<'a>,
    envelopes: Envelopes,
    /// Those that have been written: their contents are not repeated.
    groups: HashSet<String>,
    hosts: HashSet<String>,
}

impl Writer<'_> {
    /// What a group has; empty if it has nothing.
    fn group(&mut self, group: &Group) -> Result<Value, Vec<Diagnostic>> {
        let tree = self.tree;
        let mut children: Vec<(String, Value)> = vec![];
        for child in group.children(tree.inventory) {
            let name = child.name.to_string();
            match self.groups.insert(name.clone()) {
                false => children.push((name, empty())),
                true => {
                    let value = self.group(child)?;
                    if value.len() != Some(0) {
                        children.push((name, value));
                    }
                }
            }
        }
        let mut hosts: Vec<(String, Value)> = vec![];
        // As Ansible does it: who is only in `all` is in `ungrouped`.
        let own = group.own_hosts(tree.inventory);
        let own = own.filter(|host| &*group.name != "all" && tree.hosts.contains(&host.name));
        for host in own {
            let vars = match self.hosts.insert(host.name.to_string()) {
                true => self.envelopes.vars(&tree.values.of_host(host)?),
                false => empty(),
            };
            hosts.push((host.name.to_string(), vars));
        }
        let vars = match tree.export {
            true => self.envelopes.vars(&tree.values.of_group(group)?),
            false => empty(),
        };
        let parts = [
            ("children", Value::from_pairs(children)),
            ("hosts", Value::from_pairs(hosts)),
            ("vars", vars),
        ];
        Ok(Value::from_pairs(parts.into_iter().filter(|(_, part)| part.len() != Some(0))))
    }
}

fn empty() -> Value {
    Value::from_pairs(std::iter::empty::<(String, Value)>())
}

/// Vault envelopes on their way through the emitter, which knows no tags: a word that is nowhere
/// else stands for each.
#[derive(Default)]
struct Envelopes {
    words: Vec<(String, String)>,
}

impl Envelopes {
    fn vars(&mut self, vars: &Vars) -> Value {
        let pairs: Vec<_> =
            vars.iter().map(|(name, node)| (name.clone(), self.value(node))).collect();
        Value::from_pairs(pairs)
    }

    fn value(&mut self, node: &Node) -> Value {
        match (&node.kind, envelope(node)) {
            (_, Some(text)) => {
                let word = format!("vault{:032x}", rand::random::<u128>());
                self.words.push((word.clone(), text.to_owned()));
                Value::from(word)
            }
            (NodeKind::List(items), _) => items.iter().map(|item| self.value(item)).collect(),
            (NodeKind::Map(entries), _) => {
                let pairs: Vec<_> = entries
                    .iter()
                    .map(|entry| (from_node(&entry.key), self.value(&entry.value)))
                    .collect();
                Value::from_pairs(pairs)
            }
            _ => from_node(node),
        }
    }

    fn text(&self, value: &Value) -> String {
        let mut text = to_yaml(value, &LAYOUT);
        for (word, envelope) in &self.words {
            let Some(at) = text.find(word.as_str()) else { continue };
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let indent = text[line..at].len() - text[line..at].trim_start_matches([' ', '-']).len();
            let mut tagged = "!vault |".to_owned();
            for line in envelope.lines() {
                tagged.push('\n');
                tagged.push_str(&" ".repeat(indent + 2));
                tagged.push_str(line.trim());
            }
            text.replace_range(at..at + word.len(), &tagged);
        }
        text
    }
}
