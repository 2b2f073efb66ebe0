//! The variables of one host in one task: layers of definitions, the highest level on top.
//!
//! Layers are immutable and shared; a stack of them is a few dozen pointers, so making one for
//! every task costs nothing. Each definition knows where it was written, overridden ones included.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;
use rprov_modules::kit::{Node, Resolved, Span};

use super::{Level, merge};
use crate::source::Diagnostic;
use crate::template::{Raw, Scope};

/// One definition: the value, and the place of the name it was given under.
#[derive(Debug, Clone)]
pub struct Binding {
    pub value: Raw,
    pub origin: Span,
}

/// Definitions that belong together: of one file, one `vars:`, one group.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    bindings: IndexMap<String, Binding>,
    /// What a later source has defined again, the latest last: it counts where mappings are merged.
    under: Vec<(String, Binding)>,
}

impl Layer {
    /// The entries of a mapping; nothing at all is an empty layer.
    ///
    /// # Errors
    /// When the node is no mapping or one of its keys is no string.
    pub fn from_node(node: &Node) -> Result<Layer, Diagnostic> {
        if node.is_null() {
            return Ok(Layer::default());
        }
        let Some(entries) = node.entries() else {
            let message = format!("expected a mapping of variables, found {}", node.type_name());
            return Err(Diagnostic::error(message)
                .at(node.span, "")
                .help("write `name: value`, one per line"));
        };
        let mut layer = Layer::default();
        for entry in entries {
            let name = entry.key.scalar().filter(|key| key.resolve() == Resolved::Str);
            let Some(name) = name else {
                let message =
                    format!("expected the name of a variable, found {}", entry.key.type_name());
                return Err(Diagnostic::error(message)
                    .at(entry.key.span, "")
                    .help("put it in quotes"));
            };
            layer.insert(&*name.text, Raw::Node(entry.value.clone()), entry.key.span);
        }
        Ok(layer)
    }

    /// Defines a variable; an earlier definition in this layer is forgotten.
    pub fn insert(&mut self, name: impl Into<String>, value: Raw, origin: Span) {
        self.bindings.insert(name.into(), Binding { value, origin });
    }

    /// Remembers a definition that another one of this layer has overruled.
    pub(crate) fn overrule(&mut self, name: &str, value: Raw, origin: Span) {
        self.under.push((name.to_owned(), Binding { value, origin }));
    }

    /// The definitions of a variable, the one that counts first.
    fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Binding> {
        let own = self.get(name);
        // What was overruled was overruled by something.
        let under = own.map(|_| self.under.iter().rev().filter(move |(other, _)| other == name));
        own.into_iter().chain(under.into_iter().flatten().map(|(_, binding)| binding))
    }

    /// Defines a variable whose value is final and was made by the program.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.insert(name, Raw::Value(value.into()), Span::default());
    }

    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.bindings.get(name)
    }

    /// The definitions in the order in which they were made.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Binding)> {
        self.bindings.iter().map(|(name, binding)| (&**name, binding))
    }

    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// Adds all definitions of another layer, which win.
    pub fn extend(&mut self, other: Layer) {
        // What the other had below its own comes above what this one had.
        let mut lower = other.under;
        for (name, binding) in other.bindings {
            if let Some(old) = self.bindings.insert(name.clone(), binding) {
                self.under.push((name, old));
            }
        }
        self.under.append(&mut lower);
    }
}

/// Layers in order of their level: what a task on a host sees.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    stack: Vec<(Level, Arc<Layer>)>,
    /// `hash_behaviour = merge`.
    merge: bool,
}

impl Layers {
    /// Puts a layer above all others of its level. An empty one is left out.
    pub fn push(&mut self, level: Level, layer: Arc<Layer>) {
        if !layer.is_empty() {
            let at = self.stack.partition_point(|(other, _)| *other <= level);
            self.stack.insert(at, (level, layer));
        }
    }

    /// Puts layers above all others of their level, one after the other.
    pub fn extend<'a>(&mut self, level: Level, layers: impl IntoIterator<Item = &'a Arc<Layer>>) {
        layers.into_iter().for_each(|layer| self.push(level, layer.clone()));
    }

    /// All of them, the lowest first.
    pub fn layers(&self) -> impl Iterator<Item = &Arc<Layer>> {
        self.stack.iter().map(|(_, layer)| layer)
    }

    /// From now on mappings that are defined more than once are merged.
    #[must_use]
    pub fn merging(mut self, merge: bool) -> Layers {
        self.merge = merge;
        self
    }

    /// The same with one more layer.
    #[must_use]
    pub fn with(mut self, level: Level, layer: Arc<Layer>) -> Layers {
        self.push(level, layer);
        self
    }

    /// Every definition of a variable, the one that counts first.
    pub fn definitions<'a>(&'a self, name: &str) -> impl Iterator<Item = (Level, &'a Binding)> {
        let all = move |(level, layer): &'a (Level, Arc<Layer>)| {
            let level = *level;
            layer.all(name).map(move |binding| (level, binding))
        };
        self.stack.iter().rev().flat_map(all)
    }
}

impl Scope for Layers {
    fn get(&self, name: &str) -> Option<Raw> {
        if !self.merge {
            return self.definitions(name).next().map(|(_, binding)| binding.value.clone());
        }
        merge::values(self.definitions(name).map(|(_, binding)| &binding.value))
    }

    fn given(&self, name: &str) -> Option<Raw> {
        let highest = self.definitions(name).next();
        highest.filter(|(level, _)| *level > Level::Implied).and_then(|_| self.get(name))
    }

    fn names(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let all = self.stack.iter().flat_map(|(_, layer)| layer.iter());
        all.filter(|(name, _)| seen.insert(*name)).map(|(name, _)| name.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_level_wins_and_within_it_the_last() {
        let layer = |value: i64| {
            let mut layer = Layer::default();
            layer.set("x", value);
            Arc::new(layer)
        };
        let layers = Layers::default()
            .with(Level::Extra, layer(3))
            .with(Level::InventoryGroup, layer(1))
            .with(Level::InventoryGroup, layer(2));
        let values: Vec<String> = layers
            .definitions("x")
            .map(|(_, binding)| match &binding.value {
                Raw::Value(value) => value.to_string(),
                Raw::Node(_) => String::new(),
            })
            .collect();
        assert_eq!(values, ["3", "2", "1"]);
        assert_eq!(layers.names(), ["x"]);
    }
}
