//! A YAML tree that remembers where it came from.
//!
//! Scalars keep their text and whether they were quoted: the field that receives a scalar decides
//! its type, so `mode: 0644` is the mode 0644 and `version: 3.10` is not 3.1. Where no field
//! decides (a variable), [`Scalar::resolve`] gives the type that PyYAML's YAML 1.1 rules give.

use std::sync::Arc;

use super::resolve::{self, Resolved};

/// A range of bytes in one source file. File 0 means "no file": a value made by the program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub file: u32,
    pub start: u32,
    pub end: u32,
}

/// A YAML value and the place where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    pub span: Span,
    pub kind: NodeKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One `key: value` of a mapping. Keys are nearly always strings, but YAML allows any scalar.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: Node,
    pub value: Node,
}

/// A leaf: its text, and what decides its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    pub text: Arc<str>,
    /// Written without quotes and not as a block: only then is the text resolved to a type.
    pub plain: bool,
    pub tag: Option<Tag>,
}

/// A YAML tag that means something to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// `!vault`: the text is an Ansible Vault envelope.
    Vault,
    /// `!unsafe`: the text is never a template.
    Unsafe,
    /// Any other, as written.
    Other(String),
}

/// Spans do not count: two nodes are equal when they say the same thing.
impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.kind == other.kind
    }
}

impl Scalar {
    pub fn resolve(&self) -> Resolved {
        if self.plain && self.tag.is_none() { resolve::plain(&self.text) } else { Resolved::Str }
    }
}

impl Node {
    pub fn new(span: Span, kind: NodeKind) -> Node {
        Node { span, kind }
    }

    /// A string, whatever it looks like.
    pub fn string(span: Span, text: impl Into<Arc<str>>) -> Node {
        Node::new(span, NodeKind::Scalar(Scalar { text: text.into(), plain: false, tag: None }))
    }

    /// A scalar whose text decides its type, as if written without quotes.
    pub fn plain(span: Span, text: impl Into<Arc<str>>) -> Node {
        Node::new(span, NodeKind::Scalar(Scalar { text: text.into(), plain: true, tag: None }))
    }

    pub fn null(span: Span) -> Node {
        Node::plain(span, "null")
    }

    pub fn list(span: Span, items: Vec<Node>) -> Node {
        Node::new(span, NodeKind::List(items))
    }

    pub fn map(span: Span, entries: Vec<Entry>) -> Node {
        Node::new(span, NodeKind::Map(entries))
    }

    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar, whatever its type.
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|scalar| &*scalar.text)
    }

    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            NodeKind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a string key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|e| e.key.text() == Some(key)).map(|e| &e.value)
    }

    /// Sets a key of a mapping, in place if it is there. Does nothing to a node that is no mapping.
    pub fn set(&mut self, key: &str, value: Node) {
        let span = value.span;
        if let NodeKind::Map(entries) = &mut self.kind {
            match entries.iter_mut().find(|e| e.key.text() == Some(key)) {
                Some(entry) => entry.value = value,
                None => entries.push(Entry { key: Node::string(span, key), value }),
            }
        }
    }

    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.resolve() == Resolved::Null)
    }

    /// "a string", "a list" …: for messages.
    pub fn type_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
            NodeKind::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => "nothing",
                Resolved::Bool(_) => "a boolean",
                Resolved::Int(_) | Resolved::Float(_) => "a number",
                Resolved::Str => "a string",
            },
        }
    }
}
