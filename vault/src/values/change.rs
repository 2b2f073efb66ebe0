//! One key set or removed in a clear text, everything else left as it is written.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::Error;
use crate::path::{KeyPath, Step};
use crate::yaml::{self, Item, Kind, Outline};

/// A value to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewValue<'a> {
    /// A string, whatever it looks like; quoted if need be.
    Text(&'a str),
    /// YAML in one line, taken as it is: `5432`, `true`, `'x'`, `[a, b]`.
    Yaml(&'a str),
}

impl NewValue<'_> {
    fn source(self) -> Zeroizing<String> {
        match self {
            NewValue::Text(text) => Zeroizing::new(quoted(text)),
            NewValue::Yaml(source) => Zeroizing::new(source.trim().to_owned()),
        }
    }
}

/// The text with a value at a path; the last keys of the path may be new.
pub(crate) fn set(
    text: &str,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, Error> {
    let outline = yaml::outline(text, 1)?;
    let refuse = |why| Err(Error::Path { path: path.to_string(), why });
    if matches!(value, NewValue::Yaml(source) if source.trim().is_empty() || source.contains(['\n', '\r']))
    {
        return refuse("expected a value in one line");
    }
    let known = (0..=path.0.len())
        .rev()
        .find_map(|length| Some((length, outline.find(&KeyPath(path.0[..length].to_vec()))?)));
    let Some((length, item)) = known else { return refuse("there is nothing to add it to") };
    let source = value.source();
    let rest = &path.0[length..];
    let (at, with) = match &item.kind {
        Kind::Map { flow: false, .. } | Kind::List { flow: false, .. } if rest.is_empty() => {
            return refuse("it holds other values; unset it first");
        }
        Kind::Clear if item.span.is_empty() && rest.is_empty() => match colon(text, item) {
            Some(at) => (at..at, Zeroizing::new(format!(" {}", *source))),
            None => return refuse("its place in the list is empty; edit the file instead"),
        },
        _ if rest.is_empty() => (item.span.clone(), source),
        Kind::Map { flow, length } => match &rest[0] {
            Step::Index(_) => return refuse("expected a key, found the index of a list"),
            Step::Key { .. } => added(text, &outline, item, rest, &source, (*flow, *length)),
        },
        Kind::List { flow, length } => match &rest[0] {
            Step::Index(at) if at == length => {
                added(text, &outline, item, rest, &source, (*flow, *length))
            }
            Step::Index(_) => return refuse("the list has fewer items"),
            Step::Key { .. } => return refuse("expected the index of a list, found a key"),
        },
        Kind::Scalar { .. } | Kind::Clear => {
            return refuse("a part of it is a value, and no mapping or list");
        }
    };
    let new = replaced(text, at, &with);
    let above = KeyPath(path.0[..path.0.len().min(length + 1)].to_vec());
    let others = |outline: &Outline| -> Vec<(KeyPath, Zeroizing<String>)> {
        outline.items.iter().filter(|item| !is_below(item, &above)).map(meaning).collect()
    };
    let read = yaml::outline(&new, 1)?;
    match others(&outline) == others(&read) && read.find(path).is_some() {
        true => Ok(new),
        false => refuse("it cannot be set by itself; edit the file instead"),
    }
}

/// The text without a path and what is below it.
pub(crate) fn unset(text: &str, path: &KeyPath) -> Result<Zeroizing<String>, Error> {
    let outline = yaml::outline(text, 1)?;
    let refuse = |why| Err(Error::Path { path: path.to_string(), why });
    let item = outline.find(path).ok_or_else(|| Error::NoSuchKey(path.to_string()))?;
    let Some((last, above)) = item.path.0.split_last() else {
        return refuse("expected a key, found nothing");
    };
    let above = KeyPath(above.to_vec());
    let Some(parent) = outline.items.iter().find(|item| item.path == above) else {
        return refuse("it is in no mapping or list");
    };
    let children: Vec<&Item> = outline
        .items
        .iter()
        .filter(|other| other.path.0.len() == item.path.0.len() && is_below(other, &above))
        .collect();
    let place = children.iter().position(|child| child.path == item.path).unwrap_or_default();
    let next = children.get(place + 1).map(|next| start(text, next));
    let before = place.checked_sub(1).map(|before| children[before].span.end);
    let from = start(text, item);
    let end = item.span.end.max(from);
    let is_list = matches!(last, Step::Index(_));
    let empty = if is_list { "[]" } else { "{}" };
    let (at, with) = match &parent.kind {
        Kind::Map { flow: true, .. } | Kind::List { flow: true, .. } => match (next, before) {
            (Some(next), _) => (from..next, String::new()),
            (None, Some(before)) => (before..end, String::new()),
            (None, None) => (from..end, String::new()),
        },
        _ if children.len() == 1 => match colon(text, parent).filter(|_| !above.0.is_empty()) {
            Some(colon) => (colon..end, format!(" {empty}")),
            None => (from..end, empty.to_owned()),
        },
        _ => {
            let line = line_start(text, from);
            match (text[line..from].trim().is_empty(), next) {
                (false, Some(next)) => (from..next, String::new()),
                _ => (line..line_end(text, end), String::new()),
            }
        }
    };
    let new = replaced(text, at, &with);
    let expected = outline.items.iter().filter(|other| !is_below(other, &item.path)).map(|other| {
        let (mut path, text) = meaning(other);
        if let (Step::Index(gone), Some(Step::Index(at))) =
            (last, path.0.get_mut(above.0.len()).filter(|_| is_below(other, &above)))
            && *at > *gone
        {
            *at -= 1;
        }
        (path, text)
    });
    let read = yaml::outline(&new, 1)?;
    match expected.eq(read.items.iter().map(meaning)) {
        true => Ok(new),
        false => refuse("it cannot be removed by itself; edit the file instead"),
    }
}

/// Where something is added to a mapping or list, and how it is written.
fn added(
    text: &str,
    outline: &Outline,
    parent: &Item,
    rest: &[Step],
    source: &str,
    (flow, length): (bool, usize),
) -> (Range<usize>, Zeroizing<String>) {
    let first = outline
        .items
        .iter()
        .find(|item| item.path.0.len() == parent.path.0.len() + 1 && is_below(item, &parent.path));
    if parent.path.0.is_empty() && length == 0 {
        return (parent.span.clone(), block(rest, 0, source));
    }
    if flow {
        let at = parent.span.end.saturating_sub(1);
        let separator = if length == 0 { "" } else { ", " };
        // The brackets are there already.
        let inner = in_flow(rest, source);
        let inner = &inner[1..inner.len() - 1];
        let at = text[..at].trim_end().len();
        return (at..at, Zeroizing::new(format!("{separator}{inner}")));
    }
    let column = first.map_or(0, |first| {
        let start = start(text, first);
        text[line_start(text, start)..start].chars().count()
    });
    let at = line_end(text, parent.span.end);
    let newline = if text[..at].ends_with('\n') { "" } else { "\n" };
    let lines = block(rest, column, source);
    (at..at, Zeroizing::new(format!("{newline}{}{}\n", " ".repeat(column), *lines)))
}

/// Nested keys and items in lines, of which the first is indented already.
fn block(steps: &[Step], column: usize, source: &str) -> Zeroizing<String> {
    let Some((step, rest)) = steps.split_first() else {
        return Zeroizing::new(source.to_owned());
    };
    let inner = block(rest, column + 2, source);
    Zeroizing::new(match step {
        Step::Index(_) => format!("- {}", *inner),
        Step::Key { text, .. } if rest.is_empty() => format!("{}: {}", quoted(text), *inner),
        Step::Key { text, .. } => {
            format!("{}:\n{}{}", quoted(text), " ".repeat(column + 2), *inner)
        }
    })
}

fn in_flow(steps: &[Step], source: &str) -> Zeroizing<String> {
    let Some((step, rest)) = steps.split_first() else {
        return Zeroizing::new(source.to_owned());
    };
    let inner = in_flow(rest, source);
    Zeroizing::new(match step {
        Step::Index(_) => format!("[{}]", *inner),
        Step::Key { text, .. } => format!("{{{}: {}}}", quoted(text), *inner),
    })
}

/// A string as YAML reads it back.
fn quoted(text: &str) -> String {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./@-".contains(c))
        && !words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let printable = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if bare {
        return text.to_owned();
    }
    if text.chars().all(printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::with_capacity(text.len() * 2 + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if printable(c) => out.push(c),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// Behind the colon of an item's key; nothing in a list.
fn colon(text: &str, item: &Item) -> Option<usize> {
    match item.path.0.last()? {
        Step::Index(_) => None,
        Step::Key { .. } => {
            let behind = &text[item.key.end..];
            let blank = behind.len() - behind.trim_start().len();
            behind[blank..].starts_with(':').then_some(item.key.end + blank + 1)
        }
    }
}

/// Where an item begins: at its key, or at the dash in front of it.
fn start(text: &str, item: &Item) -> usize {
    let at = item.key.start;
    match item.path.0.last() {
        Some(Step::Index(_)) => {
            let before = text[..at].trim_end();
            if before.ends_with('-') { before.len() - 1 } else { at }
        }
        _ => at,
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The start of the next line.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

fn is_below(item: &Item, path: &KeyPath) -> bool {
    item.path.0.len() >= path.0.len() && {
        let above = item.path.0.iter().zip(&path.0);
        above.into_iter().all(|(a, b)| a.matches(b))
    }
}

/// What must stay as it was when something else is changed.
fn meaning(item: &Item) -> (KeyPath, Zeroizing<String>) {
    let text = match &item.kind {
        Kind::Scalar { text, .. } => text.clone(),
        Kind::Clear | Kind::List { .. } | Kind::Map { .. } => Zeroizing::default(),
    };
    (item.path.clone(), text)
}

fn replaced(text: &str, at: Range<usize>, with: &str) -> Zeroizing<String> {
    let mut new = Zeroizing::new(String::with_capacity(text.len() + with.len()));
    new.push_str(&text[..at.start]);
    new.push_str(with);
    new.push_str(&text[at.end..]);
    new
}
