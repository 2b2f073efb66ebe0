//! Values to YAML text, as PyYAML writes it under Ansible (through libyaml), byte for byte.
//!
//! A YAML 1.1 reader gets back what was written: `yes`, `12:30` and dates are quoted when they are
//! strings. Files made by `to_nice_yaml` are compared with what is on a host, so that a difference
//! in layout would be a change on every run. What PyYAML writes as anchors when one Python object
//! occurs twice is written out here: values have no identity.

mod block;
mod scalar;
mod tree;

use minijinja::Value;

use self::scalar::Analysis;
use self::tree::Tree;

/// How scalars are written where it can be had; else they are in quotes that hold them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Style {
    /// `'text'`
    Single,
    /// `"text"`
    Double,
    /// `|`: line by line.
    Literal,
    /// `>`: long lines are broken at spaces.
    Folded,
}

/// How the text is laid out. The names are PyYAML's, as people pass them to `to_yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Columns per level, 2 to 9; anything else means 2.
    pub indent: usize,
    /// The column after which lines are broken at a space.
    pub width: usize,
    /// `Some(true)`: `{a: 1}` everywhere; `Some(false)`: one line per entry; `None`: collections that
    /// hold only scalars on one line, all others on several.
    pub default_flow_style: Option<bool>,
    /// The style of every scalar; `None`: plain where that reads back the same, else in single quotes.
    pub default_style: Option<Style>,
    pub sort_keys: bool,
    /// Begin with `---`.
    pub explicit_start: bool,
    /// End with `...`.
    pub explicit_end: bool,
}

impl Layout {
    /// What `to_yaml` does without arguments.
    pub const TERSE: Layout = Layout {
        indent: 2,
        width: 80,
        default_flow_style: None,
        default_style: None,
        sort_keys: true,
        explicit_start: false,
        explicit_end: false,
    };
    /// What `to_nice_yaml` does without arguments.
    pub const NICE: Layout = Layout { indent: 4, default_flow_style: Some(false), ..Layout::TERSE };
}

/// The value as a YAML document, with a line break at the end.
///
/// An undefined value is written as `null`: refuse it before.
pub fn to_yaml(value: &Value, layout: &Layout) -> String {
    let mut writer = Writer::new(layout);
    if layout.explicit_start {
        writer.indicator("---", true, false, false);
    }
    writer.node(&Tree::of(value, layout), Place::Root);
    writer.line();
    // Line breaks at the end of a block scalar end only there.
    if layout.explicit_end || writer.open_ended {
        writer.indicator("...", true, false, false);
        writer.line();
    }
    writer.out
}

/// Where a node stands; this decides how a list in it is indented and a scalar quoted.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Item,
    /// A key on one line with its value.
    Key,
    /// A mapping's value, or a key that needs lines of its own (`? …`).
    Value,
}

/// The text so far, and what about its end decides what may follow.
struct Writer {
    out: String,
    column: usize,
    width: usize,
    step: usize,
    style: Option<Style>,
    /// The current level's column; none before the first.
    indent: Option<usize>,
    flow_level: usize,
    /// The last character was white space.
    whitespace: bool,
    /// The line so far holds only white space and `-`, `?`, `:`.
    indention: bool,
    /// The text so far ends in a block scalar with line breaks of its own at its end.
    open_ended: bool,
}

impl Writer {
    fn new(layout: &Layout) -> Writer {
        let step = if (2..=9).contains(&layout.indent) { layout.indent } else { 2 };
        Writer {
            out: String::new(),
            column: 0,
            width: if layout.width > step * 2 { layout.width } else { 80 },
            step,
            style: layout.default_style,
            indent: None,
            flow_level: 0,
            whitespace: true,
            indention: true,
            open_ended: false,
        }
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Starts a line at the current level, unless one has just been started there.
    fn line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, space_before: bool, whitespace: bool, indention: bool) {
        if space_before && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
        self.open_ended = false;
    }

    fn node(&mut self, tree: &Tree, place: Place) {
        let outer = self.indent;
        match tree {
            Tree::Scalar { text, plain, string } => {
                self.indent = Some(self.deeper(true));
                self.scalar(text, *plain, *string, place);
            }
            Tree::List { items, flow } if self.flow_level > 0 || *flow || items.is_empty() => {
                self.flow('[', ']', items, |writer, item| writer.node(item, Place::Item));
            }
            Tree::Map { entries, flow } if self.flow_level > 0 || *flow || entries.is_empty() => {
                self.flow('{', '}', entries, Writer::flow_entry);
            }
            Tree::List { items, .. } => {
                // The value of a key: the dashes stand below the key.
                if place != Place::Value || self.indention {
                    self.indent = Some(self.deeper(false));
                }
                for item in items {
                    self.line();
                    self.indicator("-", true, false, true);
                    self.node(item, Place::Item);
                }
            }
            Tree::Map { entries, .. } => {
                self.indent = Some(self.deeper(false));
                for (key, value) in entries {
                    self.line();
                    if is_simple_key(key) {
                        self.node(key, Place::Key);
                        self.indicator(":", false, false, false);
                    } else {
                        self.indicator("?", true, false, true);
                        self.node(key, Place::Value);
                        self.line();
                        self.indicator(":", true, false, true);
                    }
                    self.node(value, Place::Value);
                }
            }
        }
        self.indent = outer;
    }

    fn in_flow(&self) -> bool {
        self.flow_level > 0
    }

    fn deeper(&self, flow: bool) -> usize {
        match self.indent {
            Some(indent) => indent + self.step,
            None if flow => self.step,
            None => 0,
        }
    }

    fn flow<T>(&mut self, open: char, close: char, items: &[T], each: impl Fn(&mut Writer, &T)) {
        self.indicator(open.encode_utf8(&mut [0; 4]), true, true, false);
        self.indent = Some(self.deeper(true));
        self.flow_level += 1;
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.width {
                self.line();
            }
            each(self, item);
        }
        self.flow_level -= 1;
        self.indicator(close.encode_utf8(&mut [0; 4]), false, false, false);
    }

    fn flow_entry(&mut self, (key, value): &(Tree, Tree)) {
        if is_simple_key(key) {
            self.node(key, Place::Key);
            self.indicator(":", false, false, false);
        } else {
            self.indicator("?", true, false, false);
            self.node(key, Place::Value);
            if self.column > self.width {
                self.line();
            }
            self.indicator(":", true, false, false);
        }
        self.node(value, Place::Value);
    }

    fn scalar(&mut self, text: &str, plain: bool, string: bool, place: Place) {
        let is = Analysis::of(text);
        let key = place == Place::Key;
        let style = match self.style {
            Some(Style::Literal | Style::Folded) if !is.block || self.in_flow() || key => {
                Some(Style::Double)
            }
            Some(_) if key && is.multiline => Some(Style::Double),
            other => other,
        };
        let plain_allowed = if self.in_flow() { is.plain_in_flow } else { is.plain_in_block };
        let plain = style.is_none()
            && plain
            && plain_allowed
            && !(text.is_empty() && (self.in_flow() || key));
        if !plain && !string {
            // Without this mark a reader would take it for text.
            self.indicator("!", true, false, false);
        }
        match style {
            _ if plain => self.plain(text, !key),
            Some(Style::Literal) => self.literal(text),
            Some(Style::Folded) => self.folded(text),
            None | Some(Style::Single) if is.single_quoted && !(key && is.multiline) => {
                self.single_quoted(text, !key);
            }
            _ => self.double_quoted(text, !key),
        }
    }
}

/// Short and on one line: it can stand before its `:`.
fn is_simple_key(key: &Tree) -> bool {
    match key {
        Tree::Scalar { text, .. } => text.len() <= 128 && !Analysis::of(text).multiline,
        collection => collection.is_empty(),
    }
}
