//! Rewrites template text so that minijinja gives it Ansible's meaning.
//!
//! Four things are changed, and a map of positions is kept so that errors point at the original:
//! - a chain of attributes and items (`a.b['c'][0]`) becomes one call of the `__at` filter, which
//!   knows Python's lookup rules and lets an undefined value pass to the end of the chain;
//! - a comparison by order becomes a call that refuses values of different types;
//! - string literals are decoded by Ansible's rules and written again by minijinja's;
//! - `ansible.builtin.` in front of filter and test names is dropped, and `x % y` becomes a call.
//!
//! The rewriter never fails: text it does not understand is copied, and minijinja reports it.

mod blanks;
mod rewrite;
mod token;

use std::ops::Range;

pub(in crate::template) use self::blanks::{plain_blanks, plain_blanks_within};
use self::rewrite::Rewriter;
use self::token::string_end;
pub(in crate::template) use self::token::{Kind, Token, literals, tokens, unescape};

/// The delimiters of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::template) struct Marks {
    pub(in crate::template) block: (String, String),
    pub(in crate::template) variable: (String, String),
    pub(in crate::template) comment: (String, String),
    /// The line break behind a block goes with it.
    pub(in crate::template) trim: bool,
}

impl Default for Marks {
    fn default() -> Marks {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let (block, variable) = (pair("{%", "%}"), pair("{{", "}}"));
        Marks { block, variable, comment: pair("{#", "#}"), trim: true }
    }
}

/// Rewritten text and where its pieces come from.
#[derive(Debug, Default, Clone)]
pub(in crate::template) struct Prepared {
    pub(in crate::template) text: String,
    /// (offset in `text`, offset in the source) at the start of each copied piece; ascending.
    map: Vec<(usize, usize)>,
}

impl Prepared {
    fn copy(&mut self, source: &str, range: Range<usize>) {
        self.map.push((self.text.len(), range.start));
        self.text.push_str(&source[range]);
    }

    fn insert(&mut self, text: &str, at: usize) {
        self.map.push((self.text.len(), at));
        self.text.push_str(text);
    }

    /// Takes off what comes from `at` on.
    fn split_off(&mut self, at: usize) -> Prepared {
        let text = self.text.split_off(at);
        let first = self.map.partition_point(|(out, _)| *out < at);
        let map = self.map.split_off(first);
        Prepared { text, map: map.into_iter().map(|(out, source)| (out - at, source)).collect() }
    }

    fn append(&mut self, other: Prepared) {
        let base = self.text.len();
        self.text.push_str(&other.text);
        self.map.extend(other.map.into_iter().map(|(out, source)| (out + base, source)));
    }

    /// The offset in the source of an offset in the rewritten text.
    pub(in crate::template) fn origin(&self, offset: usize) -> usize {
        let at = self.map.partition_point(|(out, _)| *out <= offset);
        match at.checked_sub(1).map(|i| self.map[i]) {
            Some((out, source)) => {
                // Within an inserted piece the next piece bounds the distance.
                let limit = self.map.get(at).map_or(usize::MAX, |(_, next)| (*next).max(source));
                (source + (offset - out)).min(limit)
            }
            None => offset,
        }
    }
}

/// A stretch of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::template) enum Piece {
    Text(Range<usize>),
    /// The inside of `{{ … }}`, without delimiters and whitespace control.
    Expression(Range<usize>),
    /// Anything else in delimiters: makes the whole a full template.
    Other,
}

/// How backslashes in string literals are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Backslash {
    /// As they stand: in playbooks and variables.
    Plain,
    /// As Python's escapes: in template files.
    Escape,
    /// As Python's escapes, and a template in the literal is evaluated: in conditions.
    Embedded,
}

/// Splits a template at its delimiters. `None`: a delimiter is not closed.
pub(in crate::template) fn pieces(source: &str, marks: &Marks) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let Some((start, kind)) = next_open(source, at, marks) else {
            pieces.push(Piece::Text(at..source.len()));
            break;
        };
        if start > at {
            pieces.push(Piece::Text(at..start));
        }
        match kind {
            Open::Variable => {
                let inner = start + marks.variable.0.len();
                let end = close(source, inner, &marks.variable.1)?;
                let body = &source[inner..end];
                if body.starts_with(['-', '+']) || body.ends_with(['-', '+']) {
                    pieces.push(Piece::Other);
                } else {
                    pieces.push(Piece::Expression(inner..end));
                }
                at = end + marks.variable.1.len();
            }
            Open::Block | Open::Comment => {
                pieces.push(Piece::Other);
                return Some(pieces);
            }
        }
    }
    Some(pieces)
}

#[derive(Clone, Copy)]
enum Open {
    Variable,
    Block,
    Comment,
}

/// The next opening delimiter; of several at one place the longest.
fn next_open(source: &str, from: usize, marks: &Marks) -> Option<(usize, Open)> {
    [
        (&marks.variable.0, Open::Variable),
        (&marks.block.0, Open::Block),
        (&marks.comment.0, Open::Comment),
    ]
    .into_iter()
    .filter_map(|(mark, kind)| {
        source[from..].find(mark.as_str()).map(|i| (from + i, mark.len(), kind))
    })
    .min_by_key(|(start, length, _)| (*start, usize::MAX - length))
    .map(|(start, _, kind)| (start, kind))
}

/// The offset of the closing delimiter, not counting those in strings and in brackets.
fn close(source: &str, from: usize, mark: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut depth = 0usize;
    let mut i = from;
    while i < bytes.len() {
        if depth == 0 && source.is_char_boundary(i) && source[i..].starts_with(mark) {
            return Some(i);
        }
        match bytes[i] {
            quote @ (b'"' | b'\'') => i = string_end(bytes, i, quote),
            b'(' | b'[' | b'{' => {
                depth += 1;
                i += 1;
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                i += 1;
            }
            _ => i += 1,
        }
    }
    // Brackets that do not match: take the first delimiter and let the parser complain.
    source[from..].find(mark).map(|found| from + found)
}

/// Rewrites a whole template.
pub(in crate::template) fn template(source: &str, marks: &Marks, backslash: Backslash) -> Prepared {
    let mut out = Prepared::default();
    let mut at = 0;
    // The macros that are open: their name if they collect arguments.
    let mut collecting: Vec<Option<String>> = Vec::new();
    let mut ended = None;
    while let Some((start, kind)) = next_open(source, at, marks) {
        out.copy(source, at..start);
        at = start;
        match kind {
            Open::Comment => {
                let end = source[start..]
                    .find(marks.comment.1.as_str())
                    .map(|i| start + i + marks.comment.1.len());
                let Some(end) = end else { break };
                out.copy(source, start..end);
                at = end;
            }
            Open::Variable | Open::Block => {
                let (open, shut) = match kind {
                    Open::Variable => (&marks.variable.0, &marks.variable.1),
                    _ => (&marks.block.0, &marks.block.1),
                };
                let inner = start + open.len();
                let Some(end) = close(source, inner, shut) else { break };
                let from = inner + usize::from(source[inner..end].starts_with(['-', '+']));
                let to = end - usize::from(end > from && source[..end].ends_with(['-', '+']));
                out.copy(source, start..from);
                if matches!(kind, Open::Block) {
                    let word = source[from..to].trim();
                    if word == "raw" {
                        let rest = end + shut.len();
                        let stop = raw_end(source, rest, marks).unwrap_or(source.len());
                        out.copy(source, from..rest);
                        // What is raw is so from its first line break on; the engine takes one away.
                        if marks.trim && to == end && source[rest..].starts_with('\n') {
                            out.insert("\n", rest);
                        }
                        out.copy(source, rest..stop);
                        at = stop;
                        continue;
                    }
                    let mut words = word.split(|c: char| !(c.is_alphanumeric() || c == '_'));
                    match words.next() {
                        Some("macro") => {
                            let name = words.find(|word| !word.is_empty()).unwrap_or_default();
                            let body = source.get(end..).unwrap_or_default();
                            let body = &body[..macro_end(body).unwrap_or(0)];
                            let used = |word: &str| has_word(body, word);
                            let collects = used("varargs") || used("kwargs");
                            collecting.push(collects.then(|| name.to_owned()));
                        }
                        Some("endmacro") => ended = collecting.pop().flatten(),
                        _ => {}
                    }
                    let statement = Rewriter::new(source, from..to, backslash).statement();
                    match collecting.last().filter(|_| word.starts_with("macro")) {
                        Some(Some(_)) => out.append(with_collected(statement, to)),
                        _ => out.append(statement),
                    }
                } else {
                    out.append(Rewriter::new(source, from..to, backslash).expression());
                }
                let after = end + shut.len();
                out.copy(source, to..after);
                if let Some(name) = ended.take() {
                    // Closed as the macro is, so that white space after it goes the same way.
                    out.insert(&format!("{open} set {name} = {name}|__collecting "), to);
                    out.copy(source, to..after);
                }
                at = after;
            }
        }
    }
    out.copy(source, at..source.len());
    out
}

/// The inside of something in delimiters, without whitespace control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::template) enum Segment {
    Expression(Range<usize>),
    /// A block's words, `raw` and what it holds left out.
    Statement(Range<usize>),
}

/// All expressions and statements in order. `Err`: those before a delimiter that is not closed.
pub(in crate::template) fn segments(
    source: &str,
    marks: &Marks,
) -> Result<Vec<Segment>, Vec<Segment>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, kind)) = next_open(source, at, marks) {
        let (open, shut) = match kind {
            Open::Comment => &marks.comment,
            Open::Variable => &marks.variable,
            Open::Block => &marks.block,
        };
        let inner = start + open.len();
        let end = match kind {
            Open::Comment => source[inner..].find(shut.as_str()).map(|i| inner + i),
            _ => close(source, inner, shut),
        };
        let Some(end) = end else { return Err(found) };
        let from = inner + usize::from(source[inner..end].starts_with(['-', '+']));
        let to = end - usize::from(end > from && source[..end].ends_with(['-', '+']));
        at = end + shut.len();
        match kind {
            Open::Comment => {}
            Open::Variable => found.push(Segment::Expression(from..to)),
            Open::Block if source[from..to].trim() == "raw" => match raw_end(source, at, marks) {
                Some(stop) => at = stop,
                None => return Err(found),
            },
            Open::Block => found.push(Segment::Statement(from..to)),
        }
    }
    Ok(found)
}

/// The declaration of a macro with two arguments more.
fn with_collected(mut statement: Prepared, at: usize) -> Prepared {
    let Some(close) = statement.text.rfind(')') else { return statement };
    let tail = statement.split_off(close);
    let declared = statement.text.split_once('(').is_some_and(|(_, list)| !list.trim().is_empty());
    statement.insert(if declared { "," } else { "" }, at);
    statement.insert("varargs=[],kwargs={}", at);
    statement.append(tail);
    statement
}

/// Where a macro's body ends, macros in it left out.
fn macro_end(body: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, _) in body.match_indices("macro") {
        if body[..at].ends_with("end") {
            match depth {
                0 => return Some(at),
                _ => depth -= 1,
            }
        } else if body[..at].trim_end_matches(['-', '+', ' ']).ends_with('%') {
            depth += 1;
        }
    }
    None
}

fn has_word(text: &str, word: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(letter) && !text[at + word.len()..].starts_with(letter)
    })
}

/// The offset after `{% endraw %}`.
fn raw_end(source: &str, from: usize, marks: &Marks) -> Option<usize> {
    let mut at = from;
    while let Some(found) = source[at..].find(marks.block.0.as_str()) {
        let inner = at + found + marks.block.0.len();
        let end = inner + source[inner..].find(marks.block.1.as_str())?;
        if source[inner..end].trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+')
            == "endraw"
        {
            return Some(end + marks.block.1.len());
        }
        at = inner;
    }
    None
}

/// Rewrites one expression.
pub(in crate::template) fn expression(
    source: &str,
    range: Range<usize>,
    backslash: Backslash,
) -> Prepared {
    Rewriter::new(source, range, backslash).expression()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite(text: &str) -> String {
        expression(text, 0..text.len(), Backslash::Plain).text
    }

    #[test]
    fn chains_become_one_lookup() {
        assert_eq!(rewrite("a"), "a");
        assert_eq!(rewrite("a.b['c'][0]"), r#"(a|__at("a.b['c'][0]","b","c",0))"#);
        assert_eq!(
            rewrite("a.b.get('x').c"),
            r#"((a|__at("a.b","b")).get("x")|__at("a.b.get('x').c","c"))"#
        );
        assert_eq!(
            rewrite("a.b is defined and not c.d"),
            r#"(a|__at("a.b","b")) is defined and not (c|__at("c.d","d"))"#
        );
        assert_eq!(
            rewrite("x | ansible.builtin.default(a.b)"),
            r#"x | default((a|__at("a.b","b")))"#
        );
        assert_eq!(rewrite("x in [1]"), "((x)|__in( [1]))");
        assert_eq!(rewrite("not a in b"), "not(( a)|__in( b))");
        assert_eq!(rewrite("1 not in b or c"), "((1)|__not_in( b)) or c");
        assert_eq!(rewrite("a[1:2]"), "a[1:2]");
        assert_eq!(
            rewrite("'%s' % a.b|upper"),
            r#"(("%s")|__percent( (a|__at("a.b","b"))|upper))"#
        );
    }

    #[test]
    fn positions_lead_back() {
        let text = "foo + a.b + bar";
        let prepared = expression(text, 0..text.len(), Backslash::Plain);
        let at = prepared.text.find("bar").expect("copied");
        assert_eq!(prepared.origin(at), text.find("bar").expect("there"));
    }
}
