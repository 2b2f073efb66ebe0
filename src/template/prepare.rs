//! Rewrites template text so that minijinja gives it Ansible's meaning.
//!
//! Three things are changed, and a map of positions is kept so that errors point at the original:
//! - a chain of attributes and items (`a.b['c'][0]`) becomes one call of the `__at` filter, which
//!   knows Python's lookup rules and lets an undefined value pass to the end of the chain;
//! - string literals are decoded by Ansible's rules and written again by minijinja's;
//! - `ansible.builtin.` in front of filter and test names is dropped, and `'…' % x` becomes a call.
//!
//! The rewriter never fails: text it does not understand is copied, and minijinja reports it.

use std::ops::Range;

use super::mutable::METHODS;

/// The delimiters of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) block: (String, String),
    pub(super) variable: (String, String),
    pub(super) comment: (String, String),
}

impl Default for Marks {
    fn default() -> Marks {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        Marks { block: pair("{%", "%}"), variable: pair("{{", "}}"), comment: pair("{#", "#}") }
    }
}

/// Rewritten text and where its pieces come from.
#[derive(Debug, Default, Clone)]
pub(super) struct Prepared {
    pub(super) text: String,
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

    fn append(&mut self, other: Prepared) {
        let base = self.text.len();
        self.text.push_str(&other.text);
        self.map.extend(other.map.into_iter().map(|(out, source)| (out + base, source)));
    }

    /// The offset in the source of an offset in the rewritten text.
    pub(super) fn origin(&self, offset: usize) -> usize {
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
pub(super) enum Piece {
    Text(Range<usize>),
    /// The inside of `{{ … }}`, without delimiters and whitespace control.
    Expression(Range<usize>),
    /// Anything else in delimiters: makes the whole a full template.
    Other,
}

/// How backslashes in string literals are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backslash {
    /// As they stand: in playbooks and variables.
    Plain,
    /// As Python's escapes: in template files.
    Escape,
}

/// Splits a template at its delimiters. `None`: a delimiter is not closed.
pub(super) fn pieces(source: &str, marks: &Marks) -> Option<Vec<Piece>> {
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

fn string_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut i = start + 1;
    while i < bytes.len() && bytes[i] != quote {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(bytes.len())
}

/// Rewrites a whole template.
pub(super) fn template(source: &str, marks: &Marks, backslash: Backslash) -> Prepared {
    let mut out = Prepared::default();
    let mut at = 0;
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
                        out.copy(source, from..stop);
                        at = stop;
                        continue;
                    }
                    out.append(Rewriter::new(source, from..to, backslash).statement());
                } else {
                    out.append(Rewriter::new(source, from..to, backslash).expression());
                }
                let after = end + shut.len();
                out.copy(source, to..after);
                at = after;
            }
        }
    }
    out.copy(source, at..source.len());
    out
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
pub(super) fn expression(source: &str, range: Range<usize>, backslash: Backslash) -> Prepared {
    Rewriter::new(source, range, backslash).expression()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Number,
    Text,
    Punct,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

struct Rewriter<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    range: Range<usize>,
    at: usize,
    /// End of the source copied so far: whitespace before the next token is copied with it.
    copied: usize,
    backslash: Backslash,
    depth: usize,
    /// Whether the containers written here may be changed.
    mutable: bool,
}

const KEYWORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "if",
    "else",
    "elif",
    "in",
    "is",
    "for",
    "recursive",
    "call",
    "include",
    "extends",
    "from",
    "import",
    "as",
    "set",
    "do",
    "with",
    "without",
    "context",
    "filter",
    "ignore",
];

/// Nesting beyond this is copied as it stands, and refused by the parser's own limit.
const DEPTH: usize = 120;

impl<'a> Rewriter<'a> {
    fn new(source: &'a str, range: Range<usize>, backslash: Backslash) -> Rewriter<'a> {
        let tokens = tokens(source, range.clone());
        let mutable = METHODS.iter().any(|method| source.contains(method));
        Rewriter { source, tokens, copied: range.start, range, at: 0, backslash, depth: 0, mutable }
    }

    fn text(&self, index: usize) -> &'a str {
        self.tokens.get(index).map_or("", |t| &self.source[t.start..t.end])
    }

    fn is(&self, index: usize, text: &str) -> bool {
        self.tokens.get(index).is_some_and(|t| t.kind == Kind::Punct) && self.text(index) == text
    }

    fn expression(mut self) -> Prepared {
        let mut out = self.run("");
        out.copy(self.source, self.copied..self.range.end);
        out
    }

    fn statement(mut self) -> Prepared {
        let mut out = Prepared::default();
        let word = self.text(0);
        if self.tokens.first().is_some_and(|t| t.kind == Kind::Name) {
            self.raw(&mut out);
        }
        // Targets are no lookups: `set ns.x = …`, `block name`, `macro name(…)`.
        if word == "set" {
            let equals = (self.at..self.tokens.len()).find(|i| self.is(*i, "="));
            while equals.is_some_and(|equals| self.at <= equals) {
                self.raw(&mut out);
            }
        }
        out.append(self.run(""));
        out.copy(self.source, self.copied..self.range.end);
        out
    }

    /// Copies the next token and the space before it.
    fn raw(&mut self, out: &mut Prepared) {
        let token = self.tokens[self.at];
        if token.kind == Kind::Text {
            out.copy(self.source, self.copied..token.start);
            let literal = self.literal(token);
            out.insert(&literal, token.start);
        } else {
            out.copy(self.source, self.copied..token.end);
        }
        self.copied = token.end;
        self.at += 1;
    }

    fn literal(&self, token: Token) -> String {
        let raw = &self.source[token.start..token.end];
        let quote = &raw[..1];
        let Some(inner) = raw[1..].strip_suffix(quote) else { return raw.to_owned() };
        match self.backslash {
            Backslash::Plain => quoted(inner),
            Backslash::Escape => quoted(&unescape(inner)),
        }
    }

    /// Rewrites until the closing bracket `stop` (not consumed) or the end.
    fn run(&mut self, stop: &str) -> Prepared {
        let mut out = Prepared::default();
        // Operands of comparisons since the last word or comma that binds looser than they do.
        let mut operands: Vec<Prepared> = vec![Prepared::default()];
        let mut operators: Vec<(Prepared, &'static str)> = Vec::new();
        self.depth += 1;
        while self.at < self.tokens.len() {
            let token = self.tokens[self.at];
            let text = self.text(self.at);
            if token.kind == Kind::Punct && !stop.is_empty() && text == stop {
                break;
            }
            let operator = match text {
                "<" => "__lt",
                "<=" => "__le",
                ">" => "__gt",
                ">=" => "__ge",
                "==" | "!=" => "",
                _ => "none",
            };
            if token.kind == Kind::Punct && operator != "none" {
                let mut written = Prepared::default();
                self.raw(&mut written);
                operators.push((written, operator));
                operands.push(Prepared::default());
                continue;
            }
            let looser = match token.kind {
                Kind::Name => KEYWORDS.contains(&text) && text != "is",
                Kind::Punct => matches!(text, "," | ":" | "="),
                _ => false,
            };
            if looser {
                compared(&mut out, &mut operands, &mut operators);
                self.raw(&mut out);
                continue;
            }
            let Some(operand) = operands.last_mut() else { break };
            let mut piece = Prepared::default();
            if token.kind == Kind::Punct && text == "|" {
                self.raw(&mut piece);
                self.plugin_name(&mut piece);
            } else if token.kind == Kind::Name && text == "is" {
                self.raw(&mut piece);
                if self.text(self.at) == "not" {
                    self.raw(&mut piece);
                }
                self.plugin_name(&mut piece);
            } else if self.depth < DEPTH
                && (matches!(token.kind, Kind::Name | Kind::Text)
                    || matches!(text, "(" | "[" | "{"))
            {
                piece = self.chain();
            } else {
                self.raw(&mut piece);
            }
            operand.append(piece);
        }
        compared(&mut out, &mut operands, &mut operators);
        self.depth -= 1;
        out
    }

    /// The name of a filter or test, without its collection, and its arguments in parentheses.
    fn plugin_name(&mut self, out: &mut Prepared) {
        if self.tokens.get(self.at).is_none_or(|t| t.kind != Kind::Name) {
            return;
        }
        if self.text(self.at) == "in" {
            return self.raw(out);
        }
        let mut last = self.at;
        while self.is(last + 1, ".")
            && self.tokens.get(last + 2).is_some_and(|t| t.kind == Kind::Name)
        {
            last += 2;
        }
        if last > self.at {
            let collection = &self.source[self.tokens[self.at].start..self.tokens[last - 1].start];
            if matches!(collection, "ansible.builtin" | "ansible.legacy") {
                out.copy(self.source, self.copied..self.tokens[self.at].start);
                self.at = last;
                self.copied = self.tokens[last].start;
            }
        }
        while self.at <= last {
            self.raw(out);
        }
        if self.is(self.at, "(") {
            self.bracket(out);
        }
    }

    /// A bracketed group with its brackets.
    fn bracket(&mut self, out: &mut Prepared) {
        let stop = match self.text(self.at) {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        self.raw(out);
        let inner = self.run(stop);
        out.append(inner);
        if self.at < self.tokens.len() {
            self.raw(out);
        }
    }

    /// A primary and everything attached to it.
    fn chain(&mut self) -> Prepared {
        let start = self.tokens[self.at].start;
        let lead = self.copied..start;
        self.copied = start;
        let name = self.tokens[self.at].kind == Kind::Name;
        let text = self.tokens[self.at].kind == Kind::Text;
        let head = self.text(self.at);
        let mut out = Prepared::default();
        if matches!(head, "[" | "{") && !text && self.mutable {
            out.insert("(", start);
            self.bracket(&mut out);
            out.insert("|__new)", self.copied);
        } else if matches!(head, "(" | "[" | "{") && !text {
            self.bracket(&mut out);
        } else if text && self.tokens.get(self.at + 1).is_some_and(|next| next.kind == Kind::Text) {
            // Neighbouring literals are one.
            out.insert("(", start);
            self.raw(&mut out);
            while self.tokens.get(self.at).is_some_and(|next| next.kind == Kind::Text) {
                out.insert("~", self.copied);
                self.raw(&mut out);
            }
            out.insert(")", self.copied);
        } else {
            self.raw(&mut out);
        }
        let mut pending: Vec<Prepared> = Vec::new();
        loop {
            let attribute = self.is(self.at, ".")
                && self
                    .tokens
                    .get(self.at + 1)
                    .is_some_and(|t| matches!(t.kind, Kind::Name | Kind::Number));
            if attribute && !self.is(self.at + 2, "(") {
                let token = self.tokens[self.at + 1];
                let word = self.text(self.at + 1);
                if name && head == "loop" && pending.is_empty() && out.text == "loop" {
                    self.raw(&mut out);
                    self.raw(&mut out);
                    continue;
                }
                let mut argument = Prepared::default();
                match token.kind {
                    Kind::Number => argument.copy(self.source, token.start..token.end),
                    _ => argument.insert(&quoted(word), token.start),
                }
                pending.push(argument);
                self.at += 2;
                self.copied = token.end;
            } else if attribute {
                out = self.flush(out, &mut pending, start);
                self.raw(&mut out);
                self.raw(&mut out);
                self.bracket(&mut out);
            } else if self.is(self.at, "[") {
                if self.is_slice() {
                    out = self.flush(out, &mut pending, start);
                    self.bracket(&mut out);
                } else {
                    self.at += 1;
                    self.copied = self.tokens[self.at - 1].end;
                    let argument = self.run("]");
                    if self.at >= self.tokens.len() || argument.text.trim().is_empty() {
                        // Not closed, or empty: give it back for the parser to refuse.
                        out = self.flush(out, &mut pending, start);
                        out.insert("[", self.copied);
                        out.append(argument);
                        break;
                    }
                    pending.push(argument);
                    self.copied = self.tokens[self.at].end;
                    self.at += 1;
                }
            } else if self.is(self.at, "(") {
                out = self.flush(out, &mut pending, start);
                self.bracket(&mut out);
            } else {
                break;
            }
        }
        out = self.flush(out, &mut pending, start);
        if text && self.is(self.at, "%") {
            out = self.percent(out, start);
        }
        let mut whole = Prepared::default();
        whole.copy(self.source, lead);
        whole.append(out);
        whole
    }

    /// `'…' % operand` becomes `('…'|__percent(operand))`.
    fn percent(&mut self, format: Prepared, start: usize) -> Prepared {
        self.at += 1;
        self.copied = self.tokens[self.at - 1].end;
        let mut out = Prepared::default();
        out.insert("(", start);
        out.append(format);
        out.insert("|__percent(", start);
        while self.is(self.at, "-") || self.is(self.at, "+") {
            self.raw(&mut out);
        }
        if self.at < self.tokens.len() {
            let operand = match self.tokens[self.at].kind {
                Kind::Number | Kind::Punct if !matches!(self.text(self.at), "(" | "[" | "{") => {
                    let mut number = Prepared::default();
                    self.raw(&mut number);
                    number
                }
                _ => self.chain(),
            };
            out.append(operand);
        }
        while self.is(self.at, "|") {
            self.raw(&mut out);
            self.plugin_name(&mut out);
        }
        out.insert("))", self.copied);
        out
    }

    fn flush(&self, out: Prepared, pending: &mut Vec<Prepared>, start: usize) -> Prepared {
        if pending.is_empty() {
            return out;
        }
        let mut whole = Prepared::default();
        whole.insert("(", start);
        whole.append(out);
        whole.insert("|__at(", start);
        whole.text.push_str(&quoted(&self.source[start..self.copied]));
        for argument in pending.drain(..) {
            whole.text.push(',');
            whole.append(argument);
        }
        whole.insert("))", self.copied);
        whole
    }

    /// Whether the bracket at the cursor holds a slice.
    fn is_slice(&self) -> bool {
        let mut depth = 0usize;
        for i in self.at..self.tokens.len() {
            if self.tokens[i].kind != Kind::Punct {
                continue;
            }
            match self.text(i) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => {
                    depth -= 1;
                    if depth == 0 {
                        return false;
                    }
                }
                ":" if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }
}

/// Writes operands and the comparisons between them; one alone that asks for order becomes a call,
/// because the engine would order values of different types.
fn compared(
    out: &mut Prepared,
    operands: &mut Vec<Prepared>,
    operators: &mut Vec<(Prepared, &'static str)>,
) {
    let parts = std::mem::replace(operands, vec![Prepared::default()]);
    let between = std::mem::take(operators);
    let single = match &between[..] {
        [(_, name)]
            if !name.is_empty() && parts.iter().all(|part| !part.text.trim().is_empty()) =>
        {
            Some(*name)
        }
        _ => None,
    };
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return };
    let start = first.map.first().map_or(0, |(_, source)| *source);
    if single.is_some() {
        out.insert("((", start);
    }
    out.append(first);
    for ((written, name), part) in between.into_iter().zip(parts) {
        let at = written.map.first().map_or(start, |(_, source)| *source);
        match single {
            Some(_) => {
                out.insert(&format!(")|{name}("), at);
                out.append(part);
                out.insert("))", at);
            }
            None => {
                out.append(written);
                out.append(part);
            }
        }
    }
}

fn tokens(source: &str, range: Range<usize>) -> Vec<Token> {
    let bytes = source.as_bytes();
    let mut tokens: Vec<Token> = Vec::new();
    let mut i = range.start;
    while i < range.end {
        let start = i;
        let c = source[i..].chars().next().unwrap_or(' ');
        if c.is_whitespace() {
            i += c.len_utf8();
            continue;
        }
        let kind = if c == '"' || c == '\'' {
            i = string_end(bytes, i, bytes[i]).min(range.end);
            while !source.is_char_boundary(i) {
                i += 1;
            }
            Kind::Text
        } else if c.is_ascii_digit() {
            let after_dot =
                tokens.last().is_some_and(|t| t.end == start && &source[t.start..t.end] == ".");
            let digits = |i: &mut usize| {
                while *i < range.end && (bytes[*i].is_ascii_alphanumeric() || bytes[*i] == b'_') {
                    *i += 1;
                }
            };
            digits(&mut i);
            if !after_dot && i + 1 < range.end && bytes[i] == b'.' && bytes[i + 1].is_ascii_digit()
            {
                i += 1;
                digits(&mut i);
            }
            let exponent =
                source[start..i].ends_with(['e', 'E']) && !source[start..i].starts_with("0x");
            if exponent && i < range.end && matches!(bytes[i], b'+' | b'-') {
                i += 1;
                digits(&mut i);
            }
            Kind::Number
        } else if c.is_alphabetic() || c == '_' {
            i += source[i..range.end]
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(range.end - i);
            Kind::Name
        } else {
            let two = source.get(i..i + 2).unwrap_or("");
            i += if matches!(two, "==" | "!=" | "<=" | ">=" | "**" | "//") {
                2
            } else {
                c.len_utf8()
            };
            Kind::Punct
        };
        tokens.push(Token { kind, start, end: i });
    }
    tokens
}

/// A string literal as minijinja reads it.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Python's string escapes; unknown ones stay as they are.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            out.push('\\');
            break;
        };
        let hex = |digits: usize| {
            rest.get(1..1 + digits)
                .and_then(|h| u32::from_str_radix(h, 16).ok())
                .and_then(char::from_u32)
        };
        let (value, length) = match c {
            'n' => (Some('\n'), 1),
            't' => (Some('\t'), 1),
            'r' => (Some('\r'), 1),
            'a' => (Some('\x07'), 1),
            'b' => (Some('\x08'), 1),
            'f' => (Some('\x0c'), 1),
            'v' => (Some('\x0b'), 1),
            '\\' | '\'' | '"' => (Some(c), 1),
            '\n' => {
                rest = &rest[1..];
                continue;
            }
            'x' => (hex(2), 3),
            'u' => (hex(4), 5),
            'U' => (hex(8), 9),
            '0'..='7' => {
                let digits = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
                (u32::from_str_radix(&rest[..digits], 8).ok().and_then(char::from_u32), digits)
            }
            _ => (None, 0),
        };
        match value {
            Some(value) => {
                out.push(value);
                rest = &rest[length..];
            }
            None => out.push('\\'),
        }
    }
    out.push_str(rest);
    out
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
        assert_eq!(rewrite("x in [1]"), "x in [1]");
        assert_eq!(rewrite("a[1:2]"), "a[1:2]");
        assert_eq!(
            rewrite("'%s' % a.b|upper"),
            r#"("%s"|__percent((a|__at("a.b","b"))|upper))"#.replace("(a", " (a")
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
