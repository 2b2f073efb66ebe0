//! The keys of a mapping: none twice, and what `<<` brings from elsewhere.

use std::collections::{HashMap, HashSet};

use rprov_modules::kit::{Entry, Node, NodeKind, Resolved};

use crate::source::Diagnostic;

/// Own keys with what `<<` brings: merged keys come first, and own values win.
pub(super) fn merge(own: Vec<Entry>, merges: Vec<Node>) -> Result<Vec<Entry>, Diagnostic> {
    check_duplicates(&own)?;
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

fn check_duplicates(entries: &[Entry]) -> Result<(), Diagnostic> {
    let keys: Vec<Key<'_>> = entries.iter().map(|entry| Key::of(&entry.key)).collect();
    // Most mappings have a few keys: comparing them all is quicker than hashing.
    let again = if keys.len() <= 16 {
        (1..keys.len()).find(|&i| keys[..i].contains(&keys[i]))
    } else {
        let mut seen = HashSet::with_capacity(keys.len());
        keys.iter().position(|key| !seen.insert(key))
    };
    let Some(again) = again else { return Ok(()) };
    let key = &entries[again].key;
    let mut error =
        Diagnostic::error(format!("the key `{}` is given twice", key.text().unwrap_or_default()))
            .kind("duplicate-key")
            .at(key.span, "again here");
    if let Some(first) = keys.iter().position(|first| *first == keys[again]) {
        error = error.context(entries[first].key.span, "first here");
    }
    Err(error.help("remove one of them"))
}
