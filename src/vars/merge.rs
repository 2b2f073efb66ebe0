//! `hash_behaviour = merge`: mappings that are defined more than once, as one.

use minijinja::value::ValueKind;
use rprov_modules::kit::{Node, NodeKind, Resolved, Span, Tag};

use crate::template::{Raw, to_node};

pub(super) fn is_mapping(value: &Raw) -> bool {
    match value {
        Raw::Node(node) => matches!(node.kind, NodeKind::Map(_)),
        Raw::Value(value) => value.kind() == ValueKind::Map,
    }
}

/// The value of definitions, the one that counts first: mappings with what those below them add, up
/// to the first that is none.
pub(super) fn values<'a>(mut definitions: impl Iterator<Item = &'a Raw>) -> Option<Raw> {
    let top = definitions.next()?;
    if !is_mapping(top) {
        return Some(top.clone());
    }
    let mut merged: Option<Node> = None;
    for lower in definitions.take_while(|lower| is_mapping(lower)) {
        let upper = merged.take().unwrap_or_else(|| node(top));
        merged = Some(combine(node(lower), upper));
    }
    Some(merged.map_or_else(|| top.clone(), Raw::Node))
}

/// Entries in the order of the lower mapping, then those that are new.
fn combine(lower: Node, upper: Node) -> Node {
    let span = upper.span;
    match (lower.kind, upper.kind) {
        (NodeKind::Map(mut entries), NodeKind::Map(more)) => {
            for entry in more {
                let same = entries.iter_mut().find(|old| old.key.text() == entry.key.text());
                match same {
                    Some(old) => old.value = combine(old.value.clone(), entry.value),
                    None => entries.push(entry),
                }
            }
            Node::map(span, entries)
        }
        (_, kind) => Node { kind, span },
    }
}

/// What is final stays final: its text is no template.
fn node(value: &Raw) -> Node {
    match value {
        Raw::Node(node) => node.clone(),
        Raw::Value(value) => {
            let mut node = to_node(value, Span::default());
            freeze(&mut node);
            node
        }
    }
}

fn freeze(node: &mut Node) {
    match &mut node.kind {
        NodeKind::Scalar(scalar) => {
            if scalar.tag.is_none() && scalar.resolve() == Resolved::Str {
                scalar.tag = Some(Tag::Unsafe);
            }
        }
        NodeKind::List(items) => items.iter_mut().for_each(freeze),
        NodeKind::Map(entries) => entries.iter_mut().for_each(|entry| freeze(&mut entry.value)),
    }
}
