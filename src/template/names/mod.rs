//! The names that templates and expressions use, and where, found without evaluating anything.
//!
//! - A name is free where nothing in the template binds it: no `set`, `for`, `macro`, `call`,
//!   `with` or `import` in force at that place. Filters, tests, functions that every template
//!   sees, names of arguments and attributes are no names.
//! - What is found is found for certain; what cannot be told from the text alone (a lookup whose
//!   name or argument is computed, a text that is no template) is listed as [`Names::open`]. Who
//!   asks "can this use x?" must take an open place for a yes.

mod plugins;
#[cfg(test)]
mod tests;
mod walk;

use std::ops::Range;

use rprov_modules::kit::{Node, NodeKind, Scalar, Span, Tag};

use crate::source::SourceMap;

pub use self::plugins::plugin_names;
pub(crate) use self::plugins::unknown_plugins;
use self::walk::Walker;
use super::FileOptions;
use super::fault::Place;
use super::file::header;
use super::lazy::is_template;
use super::prepare::{self, Marks, Segment};

/// One use of a free name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub name: String,
    /// The constant attributes and items that follow: `a.b['c'][0]` has `b`, `c`, `0`.
    pub path: Vec<String>,
    /// It may be undefined here: `default` follows, or it is asked in this text whether it is
    /// defined.
    pub guarded: bool,
    /// The name alone.
    pub span: Span,
}

/// What kind of plugin is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PluginKind {
    Filter,
    Test,
    Lookup,
}

/// One use of a filter, test or lookup by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    pub kind: PluginKind,
    /// As it is written, with its collection if it has one.
    pub name: String,
    pub span: Span,
}

/// What a template uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// In the order of the text.
    pub uses: Vec<Use>,
    /// Template files named by `include`, `import`, `extends` and `lookup('template', …)`.
    pub files: Vec<(String, Span)>,
    /// Places that may use any name.
    pub open: Vec<Span>,
    /// Filters, tests and lookups whose names are written out.
    pub plugins: Vec<Plugin>,
}

impl Names {
    /// Of every template in a node: scalars, keys, and what lists and mappings hold. Text without
    /// delimiters and `!unsafe` text use nothing; `!vault` text is an open place.
    pub fn of_node(node: &Node, map: &SourceMap) -> Names {
        let mut names = Names::default();
        names.node(node, map);
        names
    }

    /// Of a condition or another bare expression (`when`, `until`, `that`, `debug: var=`), or of a
    /// list of such. Delimiters are taken too.
    pub fn of_condition(node: &Node, map: &SourceMap) -> Names {
        let mut names = Names::default();
        names.condition(node, map);
        names
    }

    /// Of a template file, its header line read. `options.file` is its number in the source map.
    pub fn of_file(text: &str, options: &FileOptions, map: &SourceMap) -> Names {
        let mut names = Names::default();
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let mut options = options.clone();
        let Ok((body, skipped)) = header(text, &mut options) else {
            names.open.push(Span { file: options.file, start: 0, end: offset(text.len()) });
            return names;
        };
        let span = Span { file: options.file, start: offset(skipped), end: offset(text.len()) };
        names.template(body, &Marks::from(&options), true, &Place::within(body, span, map));
        names
    }

    /// Puts what another text uses behind this one's.
    pub fn extend(&mut self, other: Names) {
        self.uses.extend(other.uses);
        self.files.extend(other.files);
        self.open.extend(other.open);
        self.plugins.extend(other.plugins);
    }

    fn node(&mut self, node: &Node, map: &SourceMap) {
        match &node.kind {
            NodeKind::Scalar(Scalar { tag: Some(Tag::Unsafe), .. }) => {}
            NodeKind::Scalar(Scalar { tag: Some(Tag::Vault), .. }) => self.open.push(node.span),
            NodeKind::Scalar(scalar) => {
                if is_template(&scalar.text) {
                    let place = Place::within(&scalar.text, node.span, map);
                    self.template(&scalar.text, &Marks::default(), false, &place);
                }
            }
            NodeKind::List(items) => items.iter().for_each(|item| self.node(item, map)),
            NodeKind::Map(entries) => entries.iter().for_each(|entry| {
                self.node(&entry.key, map);
                self.node(&entry.value, map);
            }),
        }
    }

    fn condition(&mut self, node: &Node, map: &SourceMap) {
        match &node.kind {
            NodeKind::List(items) => items.iter().for_each(|item| self.condition(item, map)),
            NodeKind::Scalar(scalar) if scalar.tag.is_none() && !is_template(&scalar.text) => {
                let place = Place::within(&scalar.text, node.span, map);
                let mut walker = Walker::new(&scalar.text, false);
                walker.expression(0..scalar.text.len());
                self.take(walker, &place);
            }
            _ => self.node(node, map),
        }
    }

    /// `escapes`: string literals are read as in a template file.
    fn template(&mut self, text: &str, marks: &Marks, escapes: bool, place: &Place<'_>) {
        let (segments, whole) = match prepare::segments(text, marks) {
            Ok(segments) => (segments, true),
            Err(segments) => (segments, false),
        };
        let mut walker = Walker::new(text, escapes);
        for segment in segments {
            match segment {
                Segment::Expression(range) => walker.expression(range),
                Segment::Statement(range) => walker.statement(range),
            }
        }
        self.take(walker, place);
        if !whole {
            self.open.push(place.span(None));
        }
    }

    fn take(&mut self, walker: Walker<'_>, place: &Place<'_>) {
        let at = |range: Range<usize>| place.span(Some(range));
        let found = walker.found();
        self.uses.extend(found.uses.into_iter().map(|used| Use {
            name: used.name,
            path: used.path,
            guarded: used.guarded,
            span: at(used.range),
        }));
        self.files.extend(found.files.into_iter().map(|(name, range)| (name, at(range))));
        self.plugins.extend(found.plugins.into_iter().map(|(kind, name, range)| Plugin {
            kind,
            name,
            span: at(range),
        }));
        self.open.extend(found.open.into_iter().map(at));
    }
}
