//! What a value becomes for a parameter of another type, as Ansible converts it.
//!
//! One difference is meant: a number without quotes is the text it is written as (`version: 3.10`).

use std::borrow::Cow;

use super::node::{Node, NodeKind, Scalar};
use super::python;
use super::resolve::Resolved;

/// A value as text: booleans, lists and mappings as Python writes them.
pub(super) fn text(node: &Node) -> Cow<'_, str> {
    let NodeKind::Scalar(scalar) = &node.kind else {
        let mut out = String::new();
        repr(node, &mut out);
        return out.into();
    };
    match scalar.resolve() {
        Resolved::Null => "".into(),
        Resolved::Bool(true) => "True".into(),
        Resolved::Bool(false) => "False".into(),
        Resolved::Float(number) if !plain(scalar) => python::float(number).into(),
        Resolved::Float(_) | Resolved::Int(_) | Resolved::Str => Cow::Borrowed(&*scalar.text),
    }
}

/// Whether a number is written in digits, without an exponent and the like.
fn plain(scalar: &Scalar) -> bool {
    let digits = scalar.text.trim_start_matches(['-', '+']);
    digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// A value as Python shows it within a list or mapping.
fn repr(node: &Node, out: &mut String) {
    match &node.kind {
        NodeKind::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                repr(item, out);
            }
            out.push(']');
        }
        NodeKind::Map(entries) => {
            out.push('{');
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                repr(&entry.key, out);
                out.push_str(": ");
                repr(&entry.value, out);
            }
            out.push('}');
        }
        NodeKind::Scalar(scalar) => match scalar.resolve() {
            Resolved::Null => out.push_str("None"),
            Resolved::Bool(true) => out.push_str("True"),
            Resolved::Bool(false) => out.push_str("False"),
            Resolved::Int(number) => out.push_str(&number.to_string()),
            Resolved::Float(number) => out.push_str(&python::float(number)),
            Resolved::Str => python::text(out, &scalar.text),
        },
    }
}

/// A whole number: also `1.0`, a boolean, and such texts of digits in quotes.
pub(super) fn whole(node: &Node) -> Option<i128> {
    let scalar = node.scalar()?;
    match scalar.resolve() {
        Resolved::Int(number) => Some(number),
        Resolved::Bool(on) => Some(i128::from(on)),
        Resolved::Float(number) => of_float(number),
        Resolved::Str => {
            let digits = scalar.text.trim().replace('_', "");
            digits.parse().ok().or_else(|| of_float(digits.parse().ok()?))
        }
        Resolved::Null => None,
    }
}

/// A float without a fraction, as far as the numbers of parameters go.
fn of_float(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() < 1e30).then_some(number as i128)
}

/// A number, whole or not.
pub(super) fn number(node: &Node) -> Option<f64> {
    let scalar = node.scalar()?;
    match scalar.resolve() {
        Resolved::Int(number) => Some(number as f64),
        Resolved::Bool(on) => Some(f64::from(u8::from(on))),
        Resolved::Float(number) => Some(number),
        Resolved::Str => scalar.text.trim().replace('_', "").parse().ok(),
        Resolved::Null => None,
    }
}

/// What Ansible takes for true and false; of numbers 1 and 0, not as `1.0` in quotes.
pub(super) fn truth(node: &Node) -> Option<bool> {
    let scalar = node.scalar()?;
    match scalar.resolve() {
        Resolved::Bool(on) => Some(on),
        Resolved::Int(_) | Resolved::Float(_) => match number(node)? {
            1.0 => Some(true),
            0.0 => Some(false),
            _ => None,
        },
        Resolved::Str if scalar.text.contains('.') => None,
        Resolved::Str => super::boolean(&scalar.text),
        Resolved::Null => None,
    }
}

/// The choice that a value is, if it is any: a boolean is the one word that says the same.
pub(super) fn choice(node: &Node, choices: &'static [&'static str]) -> Option<&'static str> {
    let written = node.text()?;
    let named = |word: &str| choices.iter().find(|choice| **choice == word).copied();
    named(written).or_else(|| named(&text(node))).or_else(|| {
        let on = match &*text(node) {
            "True" => true,
            "False" => false,
            _ => return None,
        };
        let mut same = choices.iter().filter(|choice| super::boolean(choice) == Some(on));
        same.next().filter(|_| same.next().is_none()).copied()
    })
}

/// `a=b c="d e"` as names and texts; none if a word has no `=`.
pub(super) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut words: Vec<String> = vec![String::new()];
    let mut quote = None;
    let mut letters = text.trim().chars();
    while let Some(c) = letters.next() {
        let word = words.last_mut()?;
        match (c, quote) {
            ('\\', _) => word.extend(letters.next()),
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if open == c => quote = None,
            (',' | ' ', None) => words.push(String::new()),
            _ => word.push(c),
        }
    }
    let words = words.into_iter().filter(|word| !word.is_empty());
    words
        .map(|word| word.split_once('=').map(|(name, text)| (name.to_owned(), text.to_owned())))
        .collect()
}
