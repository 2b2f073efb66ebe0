//! The rewriting of one expression or statement, token by token.

use std::ops::Range;

use super::super::mutable::METHODS;
use super::token::{Kind, Token, quoted, tokens, unescape};
use super::{Backslash, Prepared};

pub(super) struct Rewriter<'a> {
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
    pub(super) fn new(source: &'a str, range: Range<usize>, backslash: Backslash) -> Rewriter<'a> {
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

    fn text_of_name(&self, index: usize, text: &str) -> bool {
        self.tokens.get(index).is_some_and(|t| t.kind == Kind::Name) && self.text(index) == text
    }

    pub(super) fn expression(mut self) -> Prepared {
        let several = self.has_commas();
        let mut out = Prepared::default();
        if several {
            out.insert("(", self.range.start);
        }
        out.append(self.run(""));
        out.copy(self.source, self.copied..self.range.end);
        if several {
            out.insert(")", self.range.end);
        }
        out
    }

    /// Whether values with commas stand here without brackets around them: `{{ a, b }}`.
    fn has_commas(&self) -> bool {
        let mut depth = 0usize;
        (0..self.tokens.len()).any(|at| {
            match (self.tokens[at].kind, self.text(at)) {
                (Kind::Punct, "(" | "[" | "{") => depth += 1,
                (Kind::Punct, ")" | "]" | "}") => depth = depth.saturating_sub(1),
                (Kind::Punct, ",") => return depth == 0,
                _ => {}
            }
            false
        })
    }

    pub(super) fn statement(mut self) -> Prepared {
        let mut out = Prepared::default();
        let word = self.text(0);
        // The engine's `do` takes calls alone.
        if word == "do" && self.tokens.len() > 1 {
            let start = self.tokens[0].start;
            out.copy(self.source, self.copied..start);
            out.insert("set __done=(", start);
            (self.at, self.copied) = (1, self.tokens[0].end);
            out.append(self.run(""));
            out.insert(")", self.copied);
            out.copy(self.source, self.copied..self.range.end);
            return out;
        }
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
        if word == "for" {
            let into = (self.at..self.tokens.len()).find(|i| self.text_of_name(*i, "in"));
            while into.is_some_and(|into| self.at <= into) {
                self.raw(&mut out);
            }
            self.listed(&mut out);
        }
        out.append(self.run(""));
        out.copy(self.source, self.copied..self.range.end);
        out
    }

    /// What a loop goes over, as a list if it is written as values with commas alone.
    fn listed(&mut self, out: &mut Prepared) {
        let (mut depth, mut commas, mut end) = (0usize, false, self.at);
        while let Some(token) = self.tokens.get(end) {
            match (token.kind, self.text(end)) {
                (Kind::Punct, "(" | "[" | "{") => depth += 1,
                (Kind::Punct, ")" | "]" | "}") => depth = depth.saturating_sub(1),
                (Kind::Punct, ",") if depth == 0 => commas = true,
                (Kind::Name, "if" | "recursive") if depth == 0 => break,
                _ => {}
            }
            end += 1;
        }
        if !commas {
            return;
        }
        let rest = self.tokens.split_off(end);
        out.insert(" [", self.copied);
        out.append(self.run(""));
        out.insert("]", self.copied);
        self.tokens.extend(rest);
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
            Backslash::Embedded => {
                let literal = unescape(inner);
                match super::super::lazy::is_template(&literal) {
                    true => format!("({}|__embedded)", quoted(&literal)),
                    false => quoted(&literal),
                }
            }
        }
    }

    /// Rewrites until the closing bracket `stop` (not consumed) or the end.
    fn run(&mut self, stop: &str) -> Prepared {
        let mut out = Prepared::default();
        // Operands of comparisons since the last word or comma that binds looser than they do.
        let mut operands: Vec<Prepared> = vec![Prepared::default()];
        let mut operators: Vec<(Prepared, &'static str)> = Vec::new();
        // Where the factors in front of the cursor begin in the last operand, and whether they end
        // there: for `%`, which takes them all.
        let (mut term, mut after_operand) = (0, false);
        // What something is subtracted from.
        let mut minuend: Option<Prepared> = None;
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
            let operator = match (token.kind, text) {
                (Kind::Name, "in") if after_operand => "__in",
                (Kind::Name, "not") if after_operand && self.text_of_name(self.at + 1, "in") => {
                    "__not_in"
                }
                (Kind::Punct, _) => operator,
                _ => "none",
            };
            if operator != "none" {
                if let Some(operand) = operands.last_mut() {
                    subtracted(operand, &mut minuend, token.start);
                }
                let mut written = Prepared::default();
                self.raw(&mut written);
                if operator == "__not_in" {
                    self.raw(&mut written);
                }
                operators.push((written, operator));
                operands.push(Prepared::default());
                (term, after_operand) = (0, false);
                continue;
            }
            let looser = match token.kind {
                // A statement `do` has an expression behind it; `do.x` is a variable.
                Kind::Name if text == "do" && self.is(self.at + 1, ".") => false,
                Kind::Name => KEYWORDS.contains(&text) && text != "is",
                Kind::Punct => matches!(text, "," | ":" | "="),
                _ => false,
            };
            if looser {
                if let Some(operand) = operands.last_mut() {
                    subtracted(operand, &mut minuend, token.start);
                }
                compared(&mut out, &mut operands, &mut operators);
                (term, after_operand) = (0, false);
                self.raw(&mut out);
                continue;
            }
            let Some(operand) = operands.last_mut() else { break };
            // A plus sign in front of a number says nothing.
            if token.kind == Kind::Punct && text == "+" && !after_operand {
                operand.insert(" ", token.start);
                (self.at, self.copied) = (self.at + 1, token.end);
                continue;
            }
            let mut piece = Prepared::default();
            if token.kind == Kind::Punct && text == "%" && after_operand {
                let left = operand.split_off(term);
                let whole = self.percent(left, token.start);
                operand.append(whole);
                continue;
            }
            if token.kind == Kind::Punct && after_operand && matches!(text, "+" | "-" | "~") {
                subtracted(operand, &mut minuend, token.start);
                if text == "-" {
                    minuend = Some(std::mem::take(operand));
                    self.at += 1;
                    self.copied = token.end;
                    (term, after_operand) = (0, false);
                    continue;
                }
            }
            // A sign between two terms ends the one before it; in front of one it belongs to it.
            let sign = token.kind == Kind::Punct && matches!(text, "+" | "-" | "~");
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
            if sign && after_operand {
                term = operand.text.len();
            }
            after_operand = !(token.kind == Kind::Punct
                && matches!(text, "+" | "-" | "~" | "*" | "**" | "/" | "//"));
        }
        if let Some(operand) = operands.last_mut() {
            subtracted(operand, &mut minuend, self.copied);
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
        let mut whole = Prepared::default();
        whole.copy(self.source, lead);
        whole.append(out);
        whole
    }

    /// `factors % operand` becomes `((factors)|__percent(operand))`.
    fn percent(&mut self, factors: Prepared, start: usize) -> Prepared {
        self.at += 1;
        self.copied = self.tokens[self.at - 1].end;
        let mut out = Prepared::default();
        out.insert("((", start);
        out.append(factors);
        out.insert(")|__percent(", start);
        loop {
            if self.is(self.at, "-") {
                self.raw(&mut out);
            } else if self.is(self.at, "+") {
                (self.at, self.copied) = (self.at + 1, self.tokens[self.at].end);
            } else {
                break;
            }
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
        loop {
            if self.is(self.at, "|") {
                self.raw(&mut out);
                self.plugin_name(&mut out);
            } else if self.is(self.at, "**") && self.at + 1 < self.tokens.len() {
                self.raw(&mut out);
                let power = self.chain();
                out.append(power);
            } else {
                break;
            }
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

/// `minuend - operand` becomes `((minuend)|__minus(operand))`: times can be subtracted too.
fn subtracted(operand: &mut Prepared, minuend: &mut Option<Prepared>, at: usize) {
    let Some(minuend) = minuend.take() else { return };
    let right = std::mem::take(operand);
    operand.insert("((", at);
    operand.append(minuend);
    operand.insert(")|__minus(", at);
    operand.append(right);
    operand.insert("))", at);
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
