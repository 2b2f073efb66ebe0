//! Which expressions Jinja's parser takes. The engine's own takes some more, and fails at them late.
//!
//! Only a verdict: what an expression means is the engine's business. Nesting is limited, since the
//! engine's parser has a limit of its own.

use std::ops::Range;

use super::prepare::{Kind, Marks, Segment, Token, segments, tokens};

/// Deeper than this nothing is looked at.
const DEPTH: usize = 100;

/// Words that stand between values.
const WORDS: &[&str] = &["and", "else", "if", "in", "is", "not", "or"];

/// Where an expression stands, which decides what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// `{{ … }}`: also several values with commas.
    Printed,
    /// A condition without braces.
    Condition,
}

/// What Jinja does not take, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) range: Range<usize>,
}

/// The first thing in an expression that Jinja's parser refuses.
pub(super) fn expression(source: &str, range: Range<usize>, place: Where) -> Option<Refused> {
    let mut parser = Parser::new(source, range);
    let parsed = match place {
        Where::Printed => parser.values(true),
        Where::Condition => parser.expression(),
    };
    parsed.and_then(|()| parser.end()).err().flatten()
}

/// The first thing in the expressions of a whole template that Jinja's parser refuses.
pub(super) fn template(source: &str, marks: &Marks) -> Option<Refused> {
    let found = segments(source, marks).unwrap_or_else(|found| found);
    found.into_iter().find_map(|segment| match segment {
        // `+}}` is no whitespace control.
        Segment::Expression(range) if source[range.end..].starts_with('+') => {
            let sign = range.end..range.end + 1;
            Some(Refused { message: "expected a value behind `+`".to_owned(), range: sign })
        }
        Segment::Expression(range) => expression(source, range, Where::Printed),
        Segment::Statement(range) => statement(source, range),
    })
}

/// Statements that hold an expression and little else; the engine judges the others.
fn statement(source: &str, range: Range<usize>) -> Option<Refused> {
    let mut parser = Parser::new(source, range);
    let word = parser.text();
    parser.at += 1;
    let parsed = match word {
        "if" | "elif" => parser.values(false).and_then(|()| parser.end()),
        "do" => parser.values(true).and_then(|()| parser.end()),
        "include" => parser.expression(),
        "extends" => parser.expression().and_then(|()| parser.end()),
        "from" => parser.expression().and_then(|()| match parser.takes_name("import") {
            true => parser.any_name(),
            false => parser.refuse("expected `import`"),
        }),
        "for" => {
            while parser.kind().is_some() && !parser.is_name("in") {
                parser.at += 1;
            }
            parser.loop_over()
        }
        "set" => {
            while parser.kind().is_some() && !parser.is("=") && !parser.is("|") {
                parser.at += 1;
            }
            match parser.takes("=") {
                true => parser.values(true).and_then(|()| parser.end()),
                // What is set to a block.
                false => Ok(()),
            }
        }
        _ => Ok(()),
    };
    parsed.err().flatten()
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    range: Range<usize>,
    at: usize,
    depth: usize,
}

/// `Err(None)` is an expression that is not looked at any further.
type Parsed = Result<(), Option<Refused>>;

impl<'a> Parser<'a> {
    fn new(source: &'a str, range: Range<usize>) -> Parser<'a> {
        let tokens = tokens(source, range.clone());
        Parser { source, tokens, range, at: 0, depth: 0 }
    }

    fn kind(&self) -> Option<Kind> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    fn text(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| &self.source[token.start..token.end])
    }

    fn is(&self, text: &str) -> bool {
        self.kind() == Some(Kind::Punct) && self.text() == text
    }

    fn is_name(&self, name: &str) -> bool {
        self.kind() == Some(Kind::Name) && self.text() == name
    }

    fn takes(&mut self, text: &str) -> bool {
        let takes = self.is(text);
        self.at += usize::from(takes);
        takes
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let takes = self.is_name(name);
        self.at += usize::from(takes);
        takes
    }

    fn expect(&mut self, text: &str) -> Parsed {
        match self.takes(text) {
            true => Ok(()),
            false => self.refuse(&format!("expected `{text}`")),
        }
    }

    fn any_name(&mut self) -> Parsed {
        match self.kind() {
            Some(Kind::Name) => {
                self.at += 1;
                Ok(())
            }
            _ => self.refuse("expected a name"),
        }
    }

    fn end(&self) -> Parsed {
        match self.kind() {
            None => Ok(()),
            Some(_) => self.refuse("expected the end of the expression"),
        }
    }

    /// "expected X, found Y", at the token in turn.
    fn refuse(&self, expected: &str) -> Parsed {
        let (range, found) = match self.tokens.get(self.at) {
            Some(token) => (token.start..token.end, format!("`{}`", self.text())),
            None => (self.range.end..self.range.end, "its end".to_owned()),
        };
        Err(Some(Refused { message: format!("{expected}, found {found}"), range }))
    }

    /// One expression, or several with commas between them.
    fn values(&mut self, conditional: bool) -> Parsed {
        loop {
            match conditional {
                true => self.expression()?,
                false => self.either()?,
            }
            if !self.takes(",") || self.kind().is_none() || self.is(")") {
                return Ok(());
            }
        }
    }

    /// What stands behind the names of a `for`.
    fn loop_over(&mut self) -> Parsed {
        if !self.takes_name("in") {
            return Ok(());
        }
        loop {
            self.either()?;
            if !self.takes(",") || self.kind().is_none() || self.is_name("recursive") {
                break;
            }
        }
        if self.takes_name("if") {
            self.expression()?;
        }
        self.takes_name("recursive");
        self.end()
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(None);
        }
        self.either()?;
        while self.takes_name("if") {
            self.either()?;
            if self.takes_name("else") {
                self.expression()?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn either(&mut self) -> Parsed {
        loop {
            loop {
                self.negation()?;
                if !self.takes_name("and") {
                    break;
                }
            }
            if !self.takes_name("or") {
                return Ok(());
            }
        }
    }

    fn negation(&mut self) -> Parsed {
        while self.takes_name("not") {}
        loop {
            self.calculation()?;
            let not_in = self.is_name("not")
                && self.tokens.get(self.at + 1).is_some_and(|next| {
                    next.kind == Kind::Name && &self.source[next.start..next.end] == "in"
                });
            if not_in {
                self.at += 2;
            } else if !(["==", "!=", "<", "<=", ">", ">="].iter().any(|sign| self.takes(sign))
                || self.takes_name("in"))
            {
                return Ok(());
            }
        }
    }

    /// Operands with signs between them; how tightly which sign binds is no matter here.
    fn calculation(&mut self) -> Parsed {
        loop {
            self.signed(true)?;
            if !["+", "-", "~", "*", "/", "//", "%", "**"].iter().any(|sign| self.takes(sign)) {
                return Ok(());
            }
        }
    }

    fn signed(&mut self, filtered: bool) -> Parsed {
        match self.takes("-") || self.takes("+") {
            true => {
                self.depth += 1;
                if self.depth > DEPTH {
                    return Err(None);
                }
                self.signed(false)?;
                self.depth -= 1;
            }
            false => self.primary()?,
        }
        self.attached()?;
        if filtered {
            self.filters()?;
        }
        Ok(())
    }

    fn primary(&mut self) -> Parsed {
        match self.kind() {
            Some(Kind::Name) if !WORDS.contains(&self.text()) => self.at += 1,
            Some(Kind::Number) if is_number(self.text()) => self.at += 1,
            Some(Kind::Text) => {
                while self.kind() == Some(Kind::Text) {
                    self.at += 1;
                }
            }
            _ if self.takes("(") => {
                if !self.is(")") {
                    self.values(true)?;
                }
                self.expect(")")?;
            }
            _ if self.takes("[") => self.listed("]", Parser::expression)?,
            _ if self.takes("{") => self.listed("}", |parser| {
                parser.expression()?;
                parser.expect(":")?;
                parser.expression()
            })?,
            _ => return self.refuse("expected a value"),
        }
        Ok(())
    }

    /// Entries with commas between them, up to the bracket.
    fn listed(&mut self, close: &str, mut entry: impl FnMut(&mut Self) -> Parsed) -> Parsed {
        while !self.takes(close) {
            entry(self)?;
            if !self.is(close) {
                self.expect(",")?;
            }
        }
        Ok(())
    }

    /// `.name`, `[…]` and `(…)`.
    fn attached(&mut self) -> Parsed {
        loop {
            if self.takes(".") {
                match self.kind() {
                    Some(Kind::Name) => self.at += 1,
                    Some(Kind::Number) if self.text().bytes().all(|byte| byte.is_ascii_digit()) => {
                        self.at += 1;
                    }
                    _ => return self.refuse("expected a name or number"),
                }
            } else if self.takes("[") {
                self.listed("]", Parser::subscript)?;
            } else if self.takes("(") {
                self.arguments()?;
            } else {
                return Ok(());
            }
        }
    }

    /// An index or `from:to:step`.
    fn subscript(&mut self) -> Parsed {
        if !self.is(":") {
            self.expression()?;
        }
        for _ in 0..2 {
            if self.takes(":") && !(self.is(":") || self.is("]") || self.is(",")) {
                self.expression()?;
            }
        }
        Ok(())
    }

    /// The arguments of a call and the bracket behind them.
    fn arguments(&mut self) -> Parsed {
        let (mut named, mut list, mut mapping) = (false, false, false);
        self.listed(")", |parser| {
            let begin = parser.at;
            let fits = if parser.takes("*") {
                let fits = !list && !mapping;
                list = true;
                fits
            } else if parser.takes("**") {
                let fits = !mapping;
                mapping = true;
                fits
            } else if parser.kind() == Some(Kind::Name) && parser.next_is("=") {
                parser.at += 2;
                named = true;
                !mapping
            } else {
                !(named || list || mapping)
            };
            if !fits {
                parser.at = begin;
                return parser.refuse("expected a named argument");
            }
            parser.expression()
        })
    }

    fn next_is(&self, text: &str) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|next| {
            next.kind == Kind::Punct && &self.source[next.start..next.end] == text
        })
    }

    /// Filters, tests, and calls of what they give.
    fn filters(&mut self) -> Parsed {
        loop {
            if self.takes("|") {
                self.plugin()?;
                if self.takes("(") {
                    self.arguments()?;
                }
            } else if self.takes_name("is") {
                self.test()?;
            } else if self.takes("(") {
                self.arguments()?;
            } else {
                return Ok(());
            }
        }
    }

    fn plugin(&mut self) -> Parsed {
        self.any_name()?;
        while self.takes(".") {
            self.any_name()?;
        }
        Ok(())
    }

    fn test(&mut self) -> Parsed {
        self.takes_name("not");
        self.plugin()?;
        if self.takes("(") {
            return self.arguments();
        }
        let begins = match self.kind() {
            Some(Kind::Name) => !matches!(self.text(), "else" | "or" | "and"),
            Some(Kind::Punct) => matches!(self.text(), "[" | "{"),
            kind => kind.is_some(),
        };
        if !begins {
            return Ok(());
        }
        if self.is_name("is") {
            return self.refuse("expected one test, or `and` between two");
        }
        self.primary()?;
        self.attached()
    }
}

/// Whether Jinja reads all of it as one number.
fn is_number(text: &str) -> bool {
    let digits = |text: &str, digit: fn(&u8) -> bool| {
        text.split('_').all(|part| !part.is_empty() && part.as_bytes().iter().all(digit))
    };
    let lower = text.to_ascii_lowercase();
    for (prefix, digit) in [
        ("0x", u8::is_ascii_hexdigit as fn(&u8) -> bool),
        ("0o", |byte| (b'0'..=b'7').contains(byte)),
        ("0b", |byte| matches!(byte, b'0' | b'1')),
    ] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            return digits(rest.strip_prefix('_').unwrap_or(rest), digit);
        }
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower.as_str(), None),
    };
    let exponent = exponent.is_none_or(|exponent| {
        digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent), u8::is_ascii_digit)
    });
    let whole = mantissa.split('.').all(|part| digits(part, u8::is_ascii_digit));
    let octal = mantissa.len() > 1
        && mantissa.starts_with('0')
        && lower.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        && mantissa.bytes().any(|byte| !matches!(byte, b'0' | b'_'));
    whole && exponent && !octal
}
