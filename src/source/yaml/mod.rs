//! YAML text to [`Node`]s: spans on everything, scalars as they are written.
//!
//! Anchors, aliases and merge keys are resolved here; spans then point to where a value is written,
//! not to where it is used. What aliases copy is limited, so that no small file becomes a huge
//! tree. Nothing recurses: the depth of a tree is limited by [`MAX_DEPTH`].

mod events;
mod fault;
mod keys;
mod older;
mod outdented;
mod scan;
mod tabs;
mod tags;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rprov_modules::kit::{Entry, Node, NodeKind, Span};
use serde::de::IgnoredAny;

use self::events::{Ev, Events, MAX_DEPTH, RawTag, Style};
use self::older::Gap;
use self::outdented::Moved;
use super::{Diagnostic, SourceMap};

/// Anchors, aliases and merge keys may copy this many nodes in one text.
const MAX_COPIES: usize = 1_000_000;

/// All documents of a text. An empty text, or one of comments only, has none.
///
/// # Errors
/// One diagnostic for the first thing that is wrong, with its place.
pub fn parse(map: &SourceMap, path: &Path, text: &str) -> Result<Vec<Node>, Diagnostic> {
    let text: Arc<str> = text.into();
    if u32::try_from(text.len()).is_err() {
        return Err(Diagnostic::error(format!("`{}` is larger than 4 GiB", path.display())));
    }
    let file = map.add(path, text.clone());
    let (documents, doubled) = documents(file, &text, None).or_else(|error| {
        let spaced = text.contains('\t').then(|| tabs::spaced(&text)).flatten();
        let taken = spaced.and_then(|spaced| documents(file, &spaced, None).ok());
        let moved = || documents(file, &text, Some(&outdented::moved(&text)?)).ok();
        taken.or_else(moved).ok_or(error)
    })?;
    map.doubled(doubled)?;
    Ok(documents)
}

/// The documents, and the keys that stand twice.
fn documents(
    file: u32,
    text: &str,
    moved: Option<&Moved>,
) -> Result<(Vec<Node>, Vec<Diagnostic>), Diagnostic> {
    let mut builder = Builder::new(file, text);
    let json = is_json(text);
    for event in Events::new(moved.map_or(text, |moved| &moved.text)) {
        let (event, start, end) = event.map_err(|fault| builder.fault(fault))?;
        let (mut event, start, end) = match moved {
            Some(moved) => moved.placed(event, start, end),
            None => (event, start, end),
        };
        if let Ev::Scalar { text, style: Style::Plain, .. } = &mut event
            && json
            && let Some(number) = yaml_number(text)
        {
            *text = number.into();
        }
        let span = Span { file, start, end };
        if !json {
            builder.older(&event, span)?;
        }
        builder.event(event, span)?;
    }
    if !json {
        builder.tabs_before(text.len())?;
    }
    Ok((builder.documents, builder.doubled))
}

/// Whether a text is JSON as a whole. Ansible reads it by JSON's rules then: `1e3` is a number.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// JSON's `1e3` as YAML 1.1 writes it, `1.0e+3`.
fn yaml_number(text: &str) -> Option<String> {
    let (digits, exponent) = text.split_once(['e', 'E'])?;
    if !digits.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let point = if digits.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    Some(format!("{digits}{point}e{sign}{exponent}"))
}

/// The one value of a text; null if the text is empty.
///
/// # Errors
/// As [`parse`]; also if there is a second document.
pub fn parse_value(map: &SourceMap, path: &Path, text: &str) -> Result<Node, Diagnostic> {
    let mut documents = parse(map, path, text)?.into_iter();
    match (documents.next(), documents.next()) {
        (None, _) => Ok(Node::null(Span { file: map.add(path, text.into()), start: 0, end: 0 })),
        (Some(node), None) => Ok(node),
        (Some(_), Some(second)) => {
            let error = Diagnostic::error("expected one YAML document, found a second one");
            Err(error.at(second.span, "the second one").help("remove the `---` between them"))
        }
    }
}

/// [`parse`] for the bytes of a file, which must be UTF-8.
pub fn parse_bytes(map: &SourceMap, path: &Path, bytes: &[u8]) -> Result<Vec<Node>, Diagnostic> {
    parse(map, path, utf8(map, path, bytes)?)
}

/// The text of a file, or where it stops being UTF-8.
pub fn utf8<'a>(map: &SourceMap, path: &Path, bytes: &'a [u8]) -> Result<&'a str, Diagnostic> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let at = error.valid_up_to();
    let start = u32::try_from(at).unwrap_or(u32::MAX);
    // What is valid keeps its place; the first bad byte becomes one character of three bytes.
    let file = map.add(path, String::from_utf8_lossy(bytes).into());
    let diagnostic = Diagnostic::error(format!("`{}` is not UTF-8", path.display()))
        .at(Span { file, start, end: start.saturating_add(3) }, format!("byte {:#04x}", bytes[at]));
    let help = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16: save it as UTF-8",
        _ => "save the file as UTF-8",
    };
    Err(diagnostic.help(help))
}

/// A collection that is still open.
struct Open {
    span: Span,
    flow: bool,
    anchor: usize,
    is_unsafe: bool,
    /// Scalars and collections below, itself included; and levels below.
    weight: usize,
    height: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Node>, merges: Vec<Node> },
}

struct Anchored {
    node: Node,
    weight: usize,
    height: usize,
}

struct Builder<'a> {
    file: u32,
    text: &'a str,
    stack: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    copies: usize,
    documents: Vec<Node>,
    /// Keys that stand twice in a mapping.
    doubled: Vec<Diagnostic>,
    /// The lists (true) and mappings that ended with the last value.
    closed: Vec<(usize, bool)>,
    /// Where the last complete scalar or flow collection ended.
    last: u32,
    has_tabs: bool,
    /// The anchors of this document by name.
    named: HashMap<String, Span>,
    gap: Gap,
}

impl<'a> Builder<'a> {
    fn new(file: u32, text: &'a str) -> Builder<'a> {
        Builder {
            file,
            text,
            stack: vec![],
            anchors: HashMap::new(),
            copies: 0,
            documents: vec![],
            doubled: vec![],
            closed: vec![],
            last: 0,
            has_tabs: text.contains('\t'),
            named: HashMap::new(),
            gap: Gap::default(),
        }
    }

    fn event(&mut self, event: Ev<'_>, span: Span) -> Result<(), Diagnostic> {
        if !matches!(event, Ev::End) {
            self.closed.clear();
        }
        match event {
            Ev::DocumentStart => self.anchors.clear(),
            Ev::Scalar { text, style, anchor, tag } => {
                self.last = span.end;
                let scalar = tags::scalar(&text, style, tag, span)?;
                self.place(Node::new(span, NodeKind::Scalar(scalar)), anchor, 1, 0)?;
            }
            Ev::ListStart { flow, anchor, tag } => {
                self.open(span, flow, anchor, tag, Kind::List(vec![]))?;
            }
            Ev::MapStart { flow, anchor, tag } => {
                let kind = Kind::Map { entries: vec![], key: None, merges: vec![] };
                self.open(span, flow, anchor, tag, kind)?;
            }
            Ev::End => self.close(span)?,
            Ev::Alias(anchor) => {
                self.last = span.end;
                let Some(anchored) = self.anchors.get(&anchor) else {
                    let error = Diagnostic::error("an alias stands inside of what it repeats");
                    return Err(error.at(span, "this would never end"));
                };
                let (weight, height) = (anchored.weight, anchored.height);
                self.copy(weight, span)?;
                let node = self.anchors[&anchor].node.clone();
                self.place(node, 0, weight, height)?;
            }
        }
        Ok(())
    }

    /// Counts copied nodes before they are copied.
    fn copy(&mut self, weight: usize, span: Span) -> Result<(), Diagnostic> {
        self.copies = self.copies.saturating_add(weight);
        if self.copies <= MAX_COPIES {
            return Ok(());
        }
        Err(Diagnostic::error(format!("aliases repeat more than {MAX_COPIES} values"))
            .at(span, "the limit is passed here")
            .help("write the values out, or nest fewer aliases in one another"))
    }

    fn open(
        &mut self,
        span: Span,
        flow: bool,
        anchor: usize,
        tag: Option<RawTag>,
        kind: Kind,
    ) -> Result<(), Diagnostic> {
        let is_unsafe = match tag {
            Some(tag) if tag.name == "!unsafe" => true,
            Some(tag)
                if !matches!(
                    &*tag.name,
                    "!!map" | "!!seq" | "!!omap" | "!!set" | "!!pairs" | "!"
                ) =>
            {
                return Err(tags::unknown_tag(&tag, span.file, "a list or mapping"));
            }
            _ => false,
        };
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.stack.push(Open { span, flow, anchor, is_unsafe, weight: 1, height: 0, kind });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Diagnostic> {
        let open = self.stack.pop().expect("every end has its start");
        let mut span = open.span;
        if open.flow {
            self.last = end.end;
        } else {
            self.closed.push((span.start as usize, matches!(open.kind, Kind::List(_))));
        }
        // A block collection ends where its last value does; the parser says where the next begins.
        span.end = self.last.max(span.end);
        let kind = match open.kind {
            Kind::List(items) => NodeKind::List(items),
            Kind::Map { entries, merges, .. } => {
                NodeKind::Map(keys::merge(entries, merges, &mut self.doubled)?)
            }
        };
        let mut node = Node::new(span, kind);
        if open.is_unsafe {
            tags::mark_unsafe(&mut node);
        }
        self.place(node, open.anchor, open.weight, open.height + 1)
    }

    /// Puts a finished node where it belongs.
    fn place(
        &mut self,
        node: Node,
        anchor: usize,
        weight: usize,
        height: usize,
    ) -> Result<(), Diagnostic> {
        if self.stack.len() + height > MAX_DEPTH {
            return Err(too_deep(node.span));
        }
        if anchor != 0 {
            self.copy(weight, node.span)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, height });
        }
        let Some(open) = self.stack.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        open.weight += weight;
        open.height = open.height.max(height);
        match &mut open.kind {
            Kind::List(items) => items.push(node),
            Kind::Map { entries, key, merges } => match key.take() {
                None if node.scalar().is_none() => {
                    let open = open.span;
                    return Err(self.collection_as_key(&node, open));
                }
                None => *key = Some(node),
                Some(key) if keys::is_merge(&key) => merges.push(node),
                Some(key) => entries.push(Entry { key, value: node }),
            },
        }
        Ok(())
    }

    /// Where the open `[` and `{` stand.
    fn open_brackets(&self) -> Vec<usize> {
        self.stack.iter().filter(|open| open.flow).map(|open| open.span.start as usize).collect()
    }

    /// Where the lists (true) and mappings with a line per entry begin that are open, or were
    /// until the last value; the innermost first.
    fn blocks(&self) -> Vec<(usize, bool)> {
        let open = self.stack.iter().rev().filter(|open| !open.flow);
        let open = open.map(|open| (open.span.start as usize, matches!(open.kind, Kind::List(_))));
        self.closed.iter().copied().chain(open).collect()
    }

    fn collection_as_key(&self, key: &Node, outer: Span) -> Diagnostic {
        if self.text[outer.start as usize..].starts_with("{{") {
            return self.unquoted_template(outer.start as usize);
        }
        Diagnostic::error(format!("{} cannot be a key", key.type_name()))
            .at(key.span, "expected a key")
            .help("quote it if it is meant as text")
    }
}

fn too_deep(span: Span) -> Diagnostic {
    let at = Span { end: span.start, ..span };
    Diagnostic::error(format!("more than {MAX_DEPTH} levels of lists and mappings")).at(at, "")
}
