//! The YAML parser behind a small enum of our own, so that it can be exchanged.
//!
//! Positions are bytes of the text. Comments and directives do not show up here.

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, StrInput, StructureStyle};

/// Collections may be nested this deep, aliases included: everything that walks a tree may recurse.
pub(super) const MAX_DEPTH: usize = 200;

/// One step of a YAML text. Anchors are numbers from 1; 0 is none.
#[derive(Debug)]
pub(super) enum Ev<'a> {
    DocumentStart,
    Scalar {
        text: Cow<'a, str>,
        style: Style,
        anchor: usize,
        tag: Option<RawTag>,
    },
    ListStart {
        flow: bool,
        anchor: usize,
        tag: Option<RawTag>,
    },
    MapStart {
        flow: bool,
        anchor: usize,
        tag: Option<RawTag>,
    },
    /// The end of the innermost open list or mapping.
    End,
    Alias(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    Block,
}

/// A tag with its handle resolved, and where it stands.
#[derive(Debug)]
pub(super) struct RawTag {
    /// `!vault`, or `!!str` for `tag:yaml.org,2002:str`.
    pub name: String,
    pub start: u32,
    pub end: u32,
}

/// Why the text is not YAML, as far as the parser knows.
#[derive(Debug)]
pub(super) struct Fault {
    pub at: u32,
    pub kind: FaultKind,
}

#[derive(Debug, PartialEq)]
pub(super) enum FaultKind {
    /// A quoted scalar that does not end where it should.
    Quote,
    /// Text after a closing quote.
    AfterQuote,
    /// `: ` where no key can stand.
    Colon,
    /// A block mapping goes on with something that is no key.
    NoKey,
    /// `[` or `{` without its end.
    Unclosed,
    Tab,
    /// `'a'# b`
    Comment,
    UnknownAlias,
    TooDeep,
    /// `a: - b`
    Dash,
    /// An unknown escape between double quotes.
    Escape,
    /// No `,` or end where one is due in a flow collection.
    Separator,
    /// `]` or `}` without its start.
    Stray,
    /// A character that no plain scalar can begin with.
    BadStart(char),
    Other(String),
}

pub(super) struct Events<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
}

impl<'a> Events<'a> {
    pub(super) fn new(text: &'a str) -> Events<'a> {
        let mut options = Options::default();
        options.emit_comments = false;
        options.flow_nesting_limit = MAX_DEPTH;
        options.block_nesting_limit = MAX_DEPTH;
        Events { parser: Parser::new_from_str_with_options(text, options), text }
    }

    /// Whether the text ends on a line of this block scalar, without a line break.
    fn is_cut_off(&self, end: usize) -> bool {
        let last = self.text.rfind('\n').map_or(self.text, |newline| &self.text[newline + 1..]);
        end == self.text.len() && !last.trim_matches([' ', '\r']).is_empty()
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<(Ev<'a>, u32, u32), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (event, span) = match self.parser.next()? {
                Ok(next) => next,
                Err(error) => {
                    let at = error.marker().byte_offset().unwrap_or(self.text.len());
                    let at = at.min(self.text.len()) as u32;
                    return Some(Err(Fault { at, kind: kind(error.kind()) }));
                }
            };
            let range = span.byte_range().unwrap_or_default();
            let raw = |tag: Option<Cow<'_, granit_parser::Tag>>| {
                let tag = tag?;
                let place = span.tag_span().and_then(|span| span.byte_range()).unwrap_or_default();
                let name = match tag.suffix_in_namespace("tag:yaml.org,2002:") {
                    Some(name) => format!("!!{name}"),
                    None => tag.original(),
                };
                Some(RawTag { name, start: place.start as u32, end: place.end as u32 })
            };
            let event = match event {
                Event::DocumentStart(..) => Ev::DocumentStart,
                Event::Scalar(text, style, anchor, tag) => {
                    let style = match style {
                        ScalarStyle::Plain => Style::Plain,
                        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    };
                    let text = match style {
                        // The parser writes `~` for a value that is not there.
                        Style::Plain if range.is_empty() => Cow::Borrowed(""),
                        Style::Block if self.is_cut_off(range.end) => cut_off(text),
                        _ => text,
                    };
                    Ev::Scalar { text, style, anchor, tag: raw(tag) }
                }
                Event::SequenceStart(style, anchor, tag) => {
                    Ev::ListStart { flow: style == StructureStyle::Flow, anchor, tag: raw(tag) }
                }
                Event::MappingStart(style, anchor, tag) => {
                    Ev::MapStart { flow: style == StructureStyle::Flow, anchor, tag: raw(tag) }
                }
                Event::SequenceEnd | Event::MappingEnd => Ev::End,
                Event::Alias(anchor) => Ev::Alias(anchor),
                _ => continue,
            };
            return Some(Ok((event, range.start as u32, range.end as u32)));
        }
    }
}

/// PyYAML adds no line break where the file has none; the parser does.
fn cut_off(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.strip_suffix('\n') {
        Some(text) => Cow::Owned(text.to_owned()),
        None => text,
    }
}

fn kind(kind: &ErrorKind) -> FaultKind {
    use ErrorKind as K;
    match kind {
        K::UnclosedQuotedScalar
        | K::InvalidQuotedScalarIndent
        | K::DocumentIndicatorInQuotedScalar => FaultKind::Quote,
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            FaultKind::AfterQuote
        }
        K::MappingValueNotAllowed | K::InvalidColonPlacement => FaultKind::Colon,
        K::ExpectedBlockMappingKey
        | K::ExpectedBlockSequenceEntry
        | K::SimpleKeyExpected
        | K::InvalidSimpleKey
        | K::InvalidIndentation => FaultKind::NoKey,
        K::UnclosedFlowCollection { .. }
        | K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping => FaultKind::Unclosed,
        K::TabNotAllowed | K::TabInBlockIndentation | K::TabInIndentation | K::TabInPlainScalar => {
            FaultKind::Tab
        }
        K::CommentNotSeparated => FaultKind::Comment,
        K::ExpectedFlowMappingSeparator | K::ExpectedFlowSequenceSeparator => FaultKind::Separator,
        K::MisplacedFlowCollectionEnd => FaultKind::Stray,
        K::BlockSequenceEntryNotAllowed => FaultKind::Dash,
        K::UnknownQuotedScalarEscape => FaultKind::Escape,
        K::UnexpectedCharacter { character } => FaultKind::BadStart(*character),
        K::UnknownAnchor => FaultKind::UnknownAlias,
        K::RecursionLimitExceeded => FaultKind::TooDeep,
        other => FaultKind::Other(other.to_string()),
    }
}
