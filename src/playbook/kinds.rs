//! What kind of value each keyword takes: a literal of another kind is told when it is read.
//!
//! As ansible-core has it (`tests/playbook/values.tsv` has its verdicts): numbers may be written as
//! text, booleans count as 0 and 1, and an empty value leaves a keyword as it was.

use rprov_modules::kit::{Node, Resolved, Tag, boolean, nearest};

use super::has_template;
use super::keywords::Keywords;
use super::load::Load;
use crate::source::Diagnostic;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    /// A whole number.
    Integer,
    /// Seconds, parts of them too.
    Number,
    Percentage,
    /// One word or text.
    Text,
    /// The name of a variable.
    Name,
    Mapping,
    /// Texts, or one.
    Texts,
    /// Texts or numbers, or one text.
    Tags,
    /// Numbers of hosts or percentages, or one.
    Batches,
}

const KINDS: &[(&str, Kind)] = &[
    ("any_errors_fatal", Kind::Boolean),
    ("args", Kind::Mapping),
    ("async", Kind::Integer),
    ("become", Kind::Boolean),
    ("become_exe", Kind::Text),
    ("become_flags", Kind::Text),
    ("become_method", Kind::Text),
    ("become_user", Kind::Text),
    ("check_mode", Kind::Boolean),
    ("collections", Kind::Texts),
    ("connection", Kind::Text),
    ("delay", Kind::Number),
    ("delegate_facts", Kind::Boolean),
    ("delegate_to", Kind::Text),
    ("diff", Kind::Boolean),
    ("fact_path", Kind::Text),
    ("force_handlers", Kind::Boolean),
    ("gather_facts", Kind::Boolean),
    ("gather_subset", Kind::Texts),
    ("gather_timeout", Kind::Integer),
    ("hosts", Kind::Texts),
    ("ignore_errors", Kind::Boolean),
    ("ignore_unreachable", Kind::Boolean),
    ("listen", Kind::Texts),
    ("max_fail_percentage", Kind::Percentage),
    ("name", Kind::Text),
    ("no_log", Kind::Boolean),
    ("order", Kind::Text),
    ("poll", Kind::Integer),
    ("port", Kind::Integer),
    ("register", Kind::Name),
    ("remote_user", Kind::Text),
    ("retries", Kind::Integer),
    ("run_once", Kind::Boolean),
    ("serial", Kind::Batches),
    ("strategy", Kind::Text),
    ("tags", Kind::Tags),
    ("throttle", Kind::Integer),
    ("timeout", Kind::Integer),
];

/// The members of `loop_control`.
const LOOP: &[(&str, Option<Kind>)] = &[
    ("break_when", None),
    ("extended", Some(Kind::Boolean)),
    ("extended_allitems", Some(Kind::Boolean)),
    ("index_var", Some(Kind::Name)),
    ("label", Some(Kind::Text)),
    ("loop_var", Some(Kind::Name)),
    ("pause", Some(Kind::Number)),
];

/// A whole number, as keywords take it: `3`, `"3"`, `3.0`, `0x10`, `true`.
pub(crate) fn integer(node: &Node) -> Option<i64> {
    let number = number(node)?;
    // Beyond this a fraction could not be told.
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// A number, as keywords take it.
pub(crate) fn number(node: &Node) -> Option<f64> {
    let scalar = node.scalar()?;
    match scalar.resolve() {
        Resolved::Bool(truth) => Some(f64::from(u8::from(truth))),
        Resolved::Int(int) => Some(int as f64),
        Resolved::Float(float) => Some(float),
        Resolved::Str => scalar.text.trim().replace('_', "").parse().ok(),
        Resolved::Null => None,
    }
}

/// Percent, with its sign or without.
fn percentage(node: &Node) -> Option<f64> {
    match node.text().filter(|text| text.contains('%')) {
        Some(text) => text.replace('%', "").trim().parse().ok(),
        None => number(node),
    }
}

/// What is wrong with a keyword's value, once rendered: the same as is told of literals.
///
/// # Errors
/// The value is of another kind than the keyword's.
pub(crate) fn fits(keyword: &str, value: &Node) -> Result<(), Diagnostic> {
    match KINDS.iter().find(|(name, _)| *name == keyword) {
        Some((_, kind)) => fit(*kind, keyword, value),
        None => Ok(()),
    }
}

/// The same for a member of `loop_control`.
///
/// # Errors
/// As [`fits`].
pub(crate) fn fits_loop(member: &str, value: &Node) -> Result<(), Diagnostic> {
    match LOOP.iter().find(|(name, _)| *name == member) {
        Some((_, Some(kind))) => fit(*kind, member, value),
        _ => Ok(()),
    }
}

/// Whether a literal is of a kind; `keyword` is what it is the value of.
///
/// # Errors
/// It is not.
pub(super) fn fit(kind: Kind, keyword: &str, node: &Node) -> Result<(), Diagnostic> {
    let parts = || node.items().map_or_else(|| vec![node], |items| items.iter().collect());
    match kind {
        // `hosts` has to be there, and says so itself.
        _ if node.is_null() && !matches!(kind, Kind::Tags) => Ok(()),
        Kind::Texts => parts().into_iter().try_for_each(|part| one(kind, keyword, part)),
        Kind::Batches => parts().into_iter().try_for_each(|part| one(kind, keyword, part)),
        Kind::Tags => match node.items() {
            Some(items) => items.iter().try_for_each(|item| match item.scalar() {
                Some(_) => Ok(()),
                None => wrong(kind, keyword, item),
            }),
            None if is_text(node) => Ok(()),
            None => wrong(kind, keyword, node),
        },
        _ => one(kind, keyword, node),
    }
}

fn one(kind: Kind, keyword: &str, node: &Node) -> Result<(), Diagnostic> {
    // The name of a variable is no template, but in `loop_control`.
    if is_open(node) && keyword != "register" {
        return Ok(());
    }
    let fits = match kind {
        Kind::Boolean => node.text().and_then(boolean).is_some(),
        Kind::Integer => integer(node).is_some(),
        Kind::Number => number(node).is_some(),
        Kind::Percentage => percentage(node).is_some(),
        Kind::Text => node.scalar().is_some(),
        Kind::Mapping => node.entries().is_some(),
        Kind::Texts => is_text(node),
        Kind::Name => node.text().is_some_and(is_name) && is_text(node),
        Kind::Batches => match node.text().and_then(|text| text.strip_suffix('%')) {
            Some(percent) => percent.trim().parse::<u32>().is_ok(),
            None => integer(node).is_some(),
        },
        Kind::Tags => node.scalar().is_some(),
    };
    if fits { Ok(()) } else { wrong(kind, keyword, node) }
}

/// Whether a value is only known once it is rendered or decrypted.
fn is_open(node: &Node) -> bool {
    node.scalar().is_some_and(|scalar| match scalar.tag {
        Some(Tag::Vault) => true,
        Some(Tag::Unsafe) => false,
        _ => has_template(&scalar.text),
    })
}

fn is_text(node: &Node) -> bool {
    node.scalar().is_some_and(|scalar| scalar.resolve() == Resolved::Str)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn wrong(kind: Kind, keyword: &str, node: &Node) -> Result<(), Diagnostic> {
    let what = match kind {
        Kind::Boolean => "a boolean",
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::Percentage => "a percentage",
        Kind::Text => "text",
        Kind::Mapping => "a mapping",
        Kind::Name => "the name of a variable",
        Kind::Texts => "text or a list of texts",
        Kind::Tags => "a tag or a list of tags",
        Kind::Batches => "a number of hosts or a percentage",
    };
    let found = match node.text() {
        Some(text) if !text.is_empty() && text.len() <= 60 => format!("`{text}`"),
        Some("") => "nothing".to_owned(),
        _ => node.type_name().to_owned(),
    };
    let error = Diagnostic::error(format!("expected {what} for `{keyword}`, found {found}"));
    Err(error.at(node.span, "").help(match kind {
        Kind::Boolean => format!("write `{keyword}: true` or `{keyword}: false`"),
        Kind::Integer | Kind::Number => format!("write `{keyword}: 3`, or a template"),
        Kind::Percentage => format!("write `{keyword}: 25`"),
        Kind::Mapping => format!("write `{keyword}: {{name: value}}`"),
        Kind::Text => format!("write one word or text behind `{keyword}:`"),
        Kind::Name => "letters, digits and `_`, no digit in front".to_owned(),
        Kind::Texts => format!("write `{keyword}: [one, two]`, numbers in quotes"),
        Kind::Tags => format!("write `{keyword}: [one, two]`"),
        Kind::Batches => format!("write `{keyword}: 2`, `{keyword}: \"30%\"` or a list of such"),
    }))
}

impl Load<'_> {
    /// Tells literals of a wrong kind.
    pub(super) fn check_kinds(&mut self, keywords: &Keywords) {
        for (name, node) in keywords.iter() {
            if let Err(error) = fits(name, node) {
                self.fail(error);
            }
        }
        let Some(control) = keywords.get("loop_control").filter(|node| !is_open(node)) else {
            return;
        };
        let Some(entries) = control.entries() else {
            let error =
                format!("expected a mapping for `loop_control`, found {}", control.type_name());
            let error = Diagnostic::error(error).at(control.span, "");
            return self.fail(error.help("write `loop_control: {label: \"{{ item.name }}\"}`"));
        };
        for entry in entries {
            let member = entry.key.text().unwrap_or_default();
            if LOOP.iter().any(|(name, _)| *name == member) {
                self.errors.extend(fits_loop(member, &entry.value).err());
                continue;
            }
            let error = Diagnostic::error(format!("`{member}` is no part of `loop_control`"));
            let error = error.kind("unknown-keyword").at(entry.key.span, "unknown");
            let known = || LOOP.iter().map(|(name, _)| *name);
            self.fail(match nearest(member, known()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("known: {}", known().collect::<Vec<_>>().join(", "))),
            });
        }
    }
}
