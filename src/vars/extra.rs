//! Extra variables: `-e name=value`, `-e '{"json": 1}'`, `-e @file`, and `name=value` words.
//!
//! A value given as `name=value` is always a string; JSON and YAML keep their types. Templates in
//! them are templates.

use std::path::Path;

use rprov_modules::kit::{Node, Span};

use super::Layer;
use super::files::Reader;
use crate::source::{self, Diagnostic};
use crate::template::Raw;

/// Reads the arguments of all `-e`, in order: later ones win.
///
/// # Errors
/// Everything that is wrong in any of them.
pub fn parse(arguments: &[String], reader: &Reader) -> Result<Layer, Vec<Diagnostic>> {
    let (mut layer, mut errors) = (Layer::default(), vec![]);
    for argument in arguments {
        match one(argument, reader) {
            Ok(more) => layer.extend(more),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(layer) } else { Err(errors) }
}

/// A word of the command line: `name=value`, the value as it is. `None` when it is no such word.
pub fn word(word: &str, reader: &Reader) -> Option<Layer> {
    let (name, value) = word.split_once('=').filter(|(name, _)| is_name(name))?;
    let file = reader.map.add(Path::new("command line"), word.into());
    let at = |start: usize, end: usize| span(file, start, end);
    let mut layer = Layer::default();
    let node = Node::string(at(name.len() + 1, word.len()), value);
    layer.insert(name, Raw::Node(node), at(0, name.len()));
    Some(layer)
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn span(file: u32, start: usize, end: usize) -> Span {
    let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span { file, start: at(start), end: at(end) }
}

fn one(argument: &str, reader: &Reader) -> Result<Layer, Diagnostic> {
    if let Some(path) = argument.trim_start().strip_prefix('@') {
        return reader.layer(Path::new(path.trim_end()));
    }
    let path = Path::new("-e");
    if argument.trim_start().starts_with(['{', '[']) {
        return Layer::from_node(&source::yaml::parse_value(&reader.map, path, argument)?);
    }
    let file = reader.map.add(path, argument.into());
    let mut layer = Layer::default();
    let words = words(argument).map_err(|at| {
        let error = Diagnostic::error("cannot split this into words");
        let error = error.at(span(file, at, at + 1), "this quote is never closed");
        error.help("in a value it is written `\\'`, in other quotes, or as JSON")
    })?;
    for (start, word) in words {
        let at = |from: usize, to: usize| span(file, start + from, start + to);
        let whole = at(0, word.len());
        let Some(split) = equals(word) else {
            let error =
                Diagnostic::error(format!("expected `name=value`, found `{word}`")).at(whole, "");
            return Err(match Path::new(word).is_file() {
                true => error.help(format!("to read a file, write `-e @{word}`")),
                false => error.help("quote a value that has spaces: `-e \"name='a b'\"`"),
            });
        };
        let name = unescape(&word[..split]);
        if !is_name(name.trim()) {
            let error = Diagnostic::error(format!("`{name}` is no name for a variable"))
                .at(at(0, split), "");
            return Err(error.help("use letters, digits and underscores, and no digit first"));
        }
        let value = unescape(&word[split + 1..]);
        let node = Node::string(at(split + 1, word.len()), unquote(value.trim()));
        layer.insert(name.trim(), Raw::Node(node), at(0, split));
    }
    Ok(layer)
}

/// Words with their places. Quotes and template braces hold blanks together and stay in the word.
///
/// # Errors
/// The place of a quote that is never closed.
fn words(text: &str) -> Result<Vec<(usize, &str)>, usize> {
    let (mut words, mut start, mut quote, mut depth) = (vec![], None, None, 0usize);
    let mut before = '\0';
    for (at, c) in text.char_indices() {
        if c.is_whitespace() && quote.is_none() && depth == 0 {
            words.extend(start.take().map(|start: usize| (start, &text[start..at])));
        } else {
            start.get_or_insert(at);
            match (quote, c) {
                (None, '\'' | '"') if before != '\\' => quote = Some((c, at)),
                (Some((open, _)), c) if open == c && before != '\\' => quote = None,
                (None, '{' | '%' | '#') if before == '{' => depth += 1,
                (None, '}') if matches!(before, '}' | '%' | '#') => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        before = c;
    }
    words.extend(start.map(|start| (start, &text[start..])));
    quote.map_or(Ok(words), |(_, at)| Err(at))
}

/// The first `=` that is not escaped.
fn equals(word: &str) -> Option<usize> {
    let mut from = 1;
    loop {
        let at = from + word.get(from..)?.find('=')?;
        if !word[..at].ends_with('\\') {
            return Some(at);
        }
        from = at + 1;
    }
}

fn unquote(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            // `\"` at the end is no closing quote.
            if !inside.ends_with('\\') {
                return inside;
            }
        }
    }
    text
}

/// `\n`, `\t`, `\\`, `\"`, `\x41`, `\u00e9` and their kind; other backslashes stay.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let hex = |digits: usize| {
            let code = u32::from_str_radix(rest.get(1..=digits)?, 16).ok()?;
            Some((char::from_u32(code)?, digits + 1))
        };
        let decoded = match rest.chars().next() {
            Some('n') => Some(('\n', 1)),
            Some('t') => Some(('\t', 1)),
            Some('r') => Some(('\r', 1)),
            Some('a') => Some(('\x07', 1)),
            Some('b') => Some(('\x08', 1)),
            Some('f') => Some(('\x0c', 1)),
            Some('v') => Some(('\x0b', 1)),
            Some(c @ ('\\' | '\'' | '"')) => Some((c, 1)),
            Some('x') => hex(2),
            Some('u') => hex(4),
            Some('U') => hex(8),
            _ => None,
        };
        match decoded {
            Some((c, len)) => {
                out.push(c);
                rest = &rest[len..];
            }
            None => out.push('\\'),
        }
    }
    out.push_str(rest);
    out
}
