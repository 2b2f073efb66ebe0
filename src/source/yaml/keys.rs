//! The keys of a mapping: which stand twice, and what `<<` brings from elsewhere.

use std::collections::{HashMap, HashSet};

use rprov_modules::kit::{Entry, Node, NodeKind, Resolved};

use crate::source::Diagnostic;

/// Own keys with what `<<` brings: merged keys come first, and own values win.
/// Of own keys that are the same the last one wins, at the place of the first; they are `doubled`.
pub(super) fn merge(
    mut own: Vec<Entry>,
    merges: Vec<Node>,
    doubled: &mut Vec<Diagnostic>,
) -> Result<Vec<Entry>, Diagnostic> {
    if any_twice(&own) {
        own = distinct(own, doubled);
    }
    if merges.is_empty() {
        return Ok(own);
    }
    let mut merged = vec![];
    for node in merges {
        let span = node.span;
        match node.kind {
            NodeKind::Map(entries) => merged.push(entries),
            NodeKind::List(items) => {
                // The first of the list wins: it comes last.
                for item in items.into_iter().rev() {
                    match item.kind {
                        NodeKind::Map(entries) => merged.push(entries),
                        _ => return Err(no_merge(&item)),
                    }
                }
            }
            NodeKind::Scalar(_) => return Err(no_merge(&Node::new(span, node.kind))),
        }
    }
    merged.push(own);
    let mut all: Vec<Option<Entry>> = merged.into_iter().flatten().map(Some).collect();
    let mut chosen: Vec<usize> = vec![];
    let mut index = HashMap::new();
    for (i, entry) in all.iter().flatten().enumerate() {
        let at = *index.entry(Key::of(&entry.key)).or_insert(chosen.len());
        match chosen.get_mut(at) {
            Some(chosen) => *chosen = i,
            None => chosen.push(i),
        }
    }
    drop(index);
    Ok(chosen.into_iter().filter_map(|i| all[i].take()).collect())
}

fn no_merge(node: &Node) -> Diagnostic {
    Diagnostic::error(format!("expected a mapping to merge with `<<`, found {}", node.type_name()))
        .at(node.span, "expected a mapping or a list of mappings")
        .help("write `\"<<\"` in quotes if it is an ordinary key")
}

/// A `<<` that is not quoted.
pub(super) fn is_merge(key: &Node) -> bool {
    key.scalar().is_some_and(|scalar| scalar.plain && scalar.tag.is_none() && &*scalar.text == "<<")
}

/// What makes two keys the same: the value, not how it is written.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Str(&'a str),
    Int(i128),
    Float(u64),
    Bool(bool),
    Null,
}

impl Key<'_> {
    fn of(node: &Node) -> Key<'_> {
        let Some(scalar) = node.scalar() else { return Key::Null };
        match scalar.resolve() {
            Resolved::Str => Key::Str(&scalar.text),
            Resolved::Int(int) => Key::Int(int),
            Resolved::Float(float) => Key::Float(float.to_bits()),
            Resolved::Bool(bool) => Key::Bool(bool),
            Resolved::Null => Key::Null,
        }
    }
}

fn any_twice(entries: &[Entry]) -> bool {
    let keys: Vec<Key<'_>> = entries.iter().map(|entry| Key::of(&entry.key)).collect();
    // Most mappings have a few keys: comparing them all is quicker than hashing.
    if keys.len() <= 16 {
        (1..keys.len()).any(|i| keys[..i].contains(&keys[i]))
    } else {
        let mut seen = HashSet::with_capacity(keys.len());
        !keys.iter().all(|key| seen.insert(key))
    }
}

/// The entries without those that stand again; their values stand at the place of the first.
fn distinct(entries: Vec<Entry>, doubled: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let mut seen = HashMap::new();
    let places: Vec<usize> = entries
        .iter()
        .map(|entry| {
            let next = seen.len();
            *seen.entry(Key::of(&entry.key)).or_insert(next)
        })
        .collect();
    let mut kept: Vec<Entry> = Vec::with_capacity(seen.len());
    for (entry, place) in entries.into_iter().zip(places) {
        match kept.get_mut(place) {
            Some(first) => {
                doubled.push(told(&first.key, &entry.key));
                first.value = entry.value;
            }
            None => kept.push(entry),
        }
    }
    kept
}

fn told(first: &Node, again: &Node) -> Diagnostic {
    Diagnostic::error(format!("the key `{}` is given twice", again.text().unwrap_or_default()))
        .kind("duplicate-key")
        .at(again.span, "again here")
        .context(first.span, "first here")
        .help("remove one of them")
}
