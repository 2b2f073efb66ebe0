//! YAML as far as sealing needs it: where the values are, and what everything around them says.
//!
//! Nothing is resolved here: a value is the bytes it is written with, so it comes back exactly.

use std::collections::HashSet;
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle, Tag};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;
use crate::path::{KeyPath, Step};

/// Collections may be nested this deep.
const MAX_DEPTH: usize = 200;

/// A value, or a mapping or list.
pub(crate) struct Item {
    pub(crate) path: KeyPath,
    /// Where it is written; of a block scalar without the line ends it may end in.
    pub(crate) span: Range<usize>,
    /// Where its key is written, or the item of a list begins.
    pub(crate) key: Range<usize>,
    pub(crate) kind: Kind,
    /// Of the first character, from 1.
    pub(crate) line: usize,
}

pub(crate) enum Kind {
    Scalar {
        /// What the text means: without quotes, escapes and indentation.
        text: Zeroizing<String>,
        plain: bool,
        tag: Option<String>,
    },
    /// An alias, or a value that is not written at all.
    Clear,
    List {
        flow: bool,
        length: usize,
    },
    Map {
        flow: bool,
        length: usize,
    },
}

impl Item {
    /// Whether it is a value that is written, and so encrypted.
    pub(crate) fn is_value(&self) -> bool {
        matches!(self.kind, Kind::Scalar { .. })
    }
}

/// A document taken apart.
pub(crate) struct Outline {
    /// In the order of the text, collections before what they hold.
    pub(crate) items: Vec<Item>,
    /// A digest of all keys, in their order, and of anchors, aliases, tags and kinds of values; not
    /// of the values themselves.
    pub(crate) keys: [u8; 32],
}

impl Outline {
    pub(crate) fn values(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.is_value())
    }

    /// What a path leads to. Of keys that differ in quotes only, the first.
    pub(crate) fn find(&self, path: &KeyPath) -> Option<&Item> {
        self.items.iter().find(|item| item.path.leads_to(path))
    }
}

/// Takes a text apart. Lines are counted from `first`.
pub(crate) fn outline(text: &str, first: usize) -> Result<Outline, Error> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut reader = Reader {
        text,
        first,
        open: vec![],
        items: vec![],
        digest: Sha256::new(),
        documents: 0,
        last: 0,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            let what = format!("this is no YAML: {}", error.kind());
            Error::Yaml { line: first + at.line() - 1, column: at.col() + 1, what }
        })?;
        let range = span.byte_range().unwrap_or_default();
        reader.event(event, range, span.start.line(), span.start.col())?;
    }
    if reader.items.is_empty() {
        return Err(Error::Yaml {
            line: first,
            column: 1,
            what: "expected keys and values, found nothing".to_owned(),
        });
    }
    Ok(Outline { items: reader.items, keys: reader.digest.finalize().into() })
}

/// A collection that is still open.
struct Open {
    /// Its number among the items.
    item: usize,
    path: KeyPath,
    is_map: bool,
    length: usize,
    /// The key whose value comes next.
    key: Option<(Step, Range<usize>)>,
    keys: HashSet<Step>,
}

struct Reader<'a> {
    text: &'a str,
    first: usize,
    open: Vec<Open>,
    items: Vec<Item>,
    digest: Sha256,
    documents: usize,
    /// Where the last scalar, alias or bracket ended.
    last: usize,
}

impl Reader<'_> {
    fn event(
        &mut self,
        event: Event<'_>,
        span: Range<usize>,
        line: usize,
        column: usize,
    ) -> Result<(), Error> {
        let line = self.first + line.max(1) - 1;
        let last = match &event {
            Event::Scalar(..) | Event::Alias(..) => std::mem::replace(&mut self.last, span.end),
            Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd
                if span.len() == 1 =>
            {
                std::mem::replace(&mut self.last, span.end)
            }
            _ => self.last,
        };
        let refuse =
            |what: &str| Err(Error::Yaml { line, column: column + 1, what: what.to_owned() });
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return refuse("expected one YAML document, found a second one");
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if self.is_key() {
                    self.note(b'k', anchor, tag.as_deref());
                    self.digest.update([u8::from(!plain)]);
                    self.digest.update((text.len() as u64).to_le_bytes());
                    self.digest.update(text.as_bytes());
                    let step = Step::Key { text: text.into_owned(), quoted: !plain };
                    let Some(open) = self.open.last_mut() else { return Ok(()) };
                    if !open.keys.insert(step.clone()) {
                        return refuse("the same key is there twice");
                    }
                    open.key = Some((step, span));
                    return Ok(());
                }
                if self.open.is_empty() {
                    return refuse(
                        "expected a mapping or a list, found one value (encrypt the file as a whole)",
                    );
                }
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let span = match block {
                    true => self.block(last, span),
                    false => Some(span),
                };
                let Some(span) = span else {
                    return refuse("expected `|` or `>` right before a block of text");
                };
                let kind = match plain && span.is_empty() {
                    true => Kind::Clear,
                    false => Kind::Scalar {
                        text: Zeroizing::new(text.into_owned()),
                        plain,
                        tag: tag.as_deref().map(Tag::original),
                    },
                };
                self.note(
                    if matches!(kind, Kind::Clear) { b'n' } else { b's' },
                    anchor,
                    tag.as_deref(),
                );
                self.place(kind, span, line);
            }
            Event::Alias(anchor) => {
                if self.is_key() {
                    return refuse("expected a key, found an alias");
                }
                self.note(b'*', anchor, None);
                self.place(Kind::Clear, span, line);
            }
            Event::SequenceStart(style, anchor, tag) => {
                if self.is_key() {
                    return refuse("expected a key, found a list");
                }
                self.note(b'[', anchor, tag.as_deref());
                let flow = style == StructureStyle::Flow;
                self.enter(Kind::List { flow, length: 0 }, span, line);
            }
            Event::MappingStart(style, anchor, tag) => {
                if self.is_key() {
                    return refuse("expected a key, found a mapping");
                }
                self.note(b'{', anchor, tag.as_deref());
                let flow = style == StructureStyle::Flow;
                self.enter(Kind::Map { flow, length: 0 }, span, line);
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(span),
            _ => {}
        }
        Ok(())
    }

    /// Whether a key of a mapping comes next.
    fn is_key(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_map && open.key.is_none())
    }

    /// Counts something into the digest of the keys.
    fn note(&mut self, what: u8, anchor: usize, tag: Option<&Tag>) {
        let tag = tag.map(|tag| format!("{}\0{}", tag.handle(), tag.suffix())).unwrap_or_default();
        self.digest.update([what]);
        self.digest.update((anchor as u64).to_le_bytes());
        self.digest.update((tag.len() as u64).to_le_bytes());
        self.digest.update(tag.as_bytes());
    }

    /// A block scalar's place, from `|` or `>` on, and without the line ends behind it. `last` is
    /// where the scalar, alias or bracket before it ended.
    fn block(&self, last: usize, content: Range<usize>) -> Option<Range<usize>> {
        let mut rest = self.text.get(last..)?;
        let start = loop {
            let next = rest.trim_start();
            match next.chars().next()? {
                '|' | '>' => break self.text.len() - next.len(),
                ':' | '-' | '?' => rest = &next[1..],
                '&' | '!' => rest = &next[next.find(char::is_whitespace)?..],
                '#' if next.len() < rest.len() => rest = &next[next.find('\n')?..],
                _ => return None,
            }
        };
        let head = self.text[start + 1..]
            .trim_start_matches(|c: char| "+-".contains(c) || c.is_ascii_digit());
        let head = self.text.len() - head.len();
        let block = self.text.get(start..content.end)?;
        // It may reach into the indentation of what comes next.
        let whole = matches!(self.text.as_bytes().get(content.end), None | Some(b'\n' | b'\r'));
        let lines = if whole { block.len() } else { block.rfind('\n').unwrap_or(block.len()) };
        let end = block[..lines].trim_end_matches(['\n', '\r']).len();
        Some(start..head.max(start + end))
    }

    /// A value, alias or collection in its place; the number of the item.
    fn place(&mut self, kind: Kind, span: Range<usize>, line: usize) -> usize {
        let (path, key) = match self.open.last_mut() {
            None => (KeyPath::default(), span.clone()),
            Some(open) => {
                let mut path = open.path.clone();
                let (step, key) = match open.key.take() {
                    Some(key) => key,
                    None => (Step::Index(open.length), span.clone()),
                };
                open.length += 1;
                path.0.push(step);
                (path, key)
            }
        };
        self.items.push(Item { path, span, key, kind, line });
        self.items.len() - 1
    }

    fn enter(&mut self, kind: Kind, span: Range<usize>, line: usize) {
        let is_map = matches!(kind, Kind::Map { .. });
        let item = self.place(kind, span, line);
        let path = self.items[item].path.clone();
        self.open.push(Open { item, path, is_map, length: 0, key: None, keys: HashSet::new() });
    }

    fn leave(&mut self, span: Range<usize>) {
        self.digest.update([b'.']);
        let Some(open) = self.open.pop() else { return };
        // A block collection's end has no place of its own: it ends with what it holds.
        let inner = self.items.last().map_or(0, |item| item.span.end);
        let item = &mut self.items[open.item];
        match &mut item.kind {
            Kind::List { flow, length } | Kind::Map { flow, length } => {
                *length = open.length;
                item.span.end = if *flow { span.end } else { inner.max(item.span.start) };
            }
            Kind::Scalar { .. } | Kind::Clear => {}
        }
    }
}
