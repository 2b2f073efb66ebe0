//! The words of an expression, and its string literals.

use std::ops::Range;

pub(super) fn string_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut i = start + 1;
    while i < bytes.len() && bytes[i] != quote {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(bytes.len())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::template) enum Kind {
    Name,
    Number,
    Text,
    Punct,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::template) struct Token {
    pub(in crate::template) kind: Kind,
    pub(in crate::template) start: usize,
    pub(in crate::template) end: usize,
}

pub(in crate::template) fn tokens(source: &str, range: Range<usize>) -> Vec<Token> {
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

/// What the string literals of an expression say, with Python's escapes, and where they stand.
pub(in crate::template) fn literals(source: &str) -> Vec<(String, Range<usize>)> {
    let texts = tokens(source, 0..source.len()).into_iter();
    let texts = texts.filter(|token| token.kind == Kind::Text);
    texts
        .filter_map(|token| {
            let raw = &source[token.start..token.end];
            let inner = raw.get(1..raw.len().checked_sub(1)?)?;
            Some((unescape(inner), token.start..token.end))
        })
        .collect()
}

/// A string literal as minijinja reads it.
pub(super) fn quoted(text: &str) -> String {
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
pub(in crate::template) fn unescape(text: &str) -> String {
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
