//! Filters on paths as Windows writes them.

use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::value::pair;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("win_basename", |call| Ok(Value::from(split(path(call)?).1))),
    ("win_dirname", |call| Ok(Value::from(split(path(call)?).0))),
    ("win_splitdrive", |call| {
        let (drive, rest) = drive(path(call)?);
        Ok(pair(Value::from(drive), Value::from(rest)))
    }),
];

fn path<'a>(call: &'a Call<'_, '_, '_>) -> Result<&'a str, Error> {
    call.value().as_str().ok_or_else(|| call.expected("a path"))
}

const SEPARATORS: [char; 2] = ['\\', '/'];

/// `C:` or `\\\\host\\share`, and what follows.
fn drive(path: &str) -> (&str, &str) {
    let mut chars = path.chars();
    let (first, second) = (chars.next(), chars.next());
    let separator = |c: Option<char>| c.is_some_and(|c| SEPARATORS.contains(&c));
    if separator(first) && separator(second) {
        let Some(host) = path[2..].find(SEPARATORS).map(|at| at + 2) else { return (path, "") };
        let share = path[host + 1..].find(SEPARATORS).map(|at| at + host + 1);
        return share.map_or((path, ""), |at| path.split_at(at));
    }
    match second {
        Some(':') => path.split_at(first.map_or(0, char::len_utf8) + 1),
        _ => ("", path),
    }
}

/// Directory and name.
fn split(path: &str) -> (String, &str) {
    let (drive, rest) = drive(path);
    let at = rest.rfind(SEPARATORS).map_or(0, |at| at + 1);
    let (head, name) = rest.split_at(at);
    let bare = head.trim_end_matches(SEPARATORS);
    (format!("{drive}{}", if bare.is_empty() { head } else { bare }), name)
}
