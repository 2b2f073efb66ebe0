//! Tests (`x is …`).

use std::cmp::Ordering;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use rprov_modules::kit::boolean;

use super::call::{Body, Call, described, items, whole};
use super::error::failed;
use super::filters::regex;
use super::{print, python, register, version};

/// Every test by its name.
pub(super) const ALL: &[&[(&str, Body)]] = &[KINDS, RELATIONS, RESULTS, FILES];

fn yes(value: bool) -> Result<Value, Error> {
    Ok(Value::from(value))
}

fn text_case(
    call: &Call<'_, '_, '_>,
    right: fn(char) -> bool,
    wrong: fn(char) -> bool,
) -> Result<Value, Error> {
    let text = print::text(call.value());
    yes(text.chars().any(right) && !text.chars().any(wrong))
}

fn integer(value: &Value) -> bool {
    value.kind() == ValueKind::Number && print::float(value).is_none()
}

fn list_like(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

const KINDS: &[(&str, Body)] = &[
    ("defined", |call| yes(!call.value().is_undefined())),
    ("undefined", |call| yes(call.value().is_undefined())),
    ("none", |call| yes(call.value().is_none())),
    ("boolean", |call| yes(call.value().kind() == ValueKind::Bool)),
    ("true", |call| yes(call.value().kind() == ValueKind::Bool && call.value().is_true())),
    ("false", |call| yes(call.value().kind() == ValueKind::Bool && !call.value().is_true())),
    ("string", |call| yes(call.value().as_str().is_some())),
    ("number", |call| yes(matches!(call.value().kind(), ValueKind::Number | ValueKind::Bool))),
    ("integer", |call| yes(integer(call.value()))),
    ("float", |call| yes(print::float(call.value()).is_some())),
    ("nan", |call| yes(print::float(call.value()).is_some_and(f64::is_nan))),
    ("mapping", |call| yes(call.value().kind() == ValueKind::Map)),
    ("sequence", |call| yes(items(call.value()).is_some())),
    ("iterable", |call| yes(items(call.value()).is_some())),
    ("callable", |call| yes(call.value().kind() == ValueKind::Plain)),
    ("lower", |call| text_case(call, char::is_lowercase, char::is_uppercase)),
    ("upper", |call| text_case(call, char::is_uppercase, char::is_lowercase)),
    ("even", |call| yes(number(call)?.rem_euclid(2) == 0)),
    ("odd", |call| yes(number(call)?.rem_euclid(2) == 1)),
    ("divisibleby", divisible),
    ("filter", |call| {
        let name = print::text(call.value());
        yes(register::names(true).any(|known| known == name))
    }),
    ("test", |call| {
        let name = print::text(call.value());
        yes(register::names(false).any(|known| known == name))
    }),
    ("truthy", |call| truth(call, true)),
    ("falsy", |call| truth(call, false)),
    ("vault_encrypted", |call| yes(print::text(call.value()).starts_with("$ANSIBLE_VAULT;"))),
    ("url", |call| {
        let text = print::text(call.value());
        yes(text.split_once(':').is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        }))
    }),
];

fn number(call: &Call<'_, '_, '_>) -> Result<i64, Error> {
    whole(call.value())
        .filter(|_| call.value().as_str().is_none())
        .ok_or_else(|| call.expected("a whole number"))
}

fn divisible(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let by = call.int(0, "num", 0)?;
    if by == 0 {
        return Err(failed("`divisibleby` cannot divide by zero"));
    }
    yes(number(call)? % by == 0)
}

fn truth(call: &Call<'_, '_, '_>, wanted: bool) -> Result<Value, Error> {
    let value = call.value();
    let converted = if call.flag(0, "convert_bool", false) {
        match value.as_str() {
            Some(text) => boolean(text),
            None => whole(value).filter(|n| (0..=1).contains(n)).map(|n| n == 1),
        }
    } else {
        None
    };
    yes(converted.unwrap_or_else(|| value.is_true()) == wanted)
}

const RELATIONS: &[(&str, Body)] = &[
    ("eq", |call| equal(call, true)),
    ("equalto", |call| equal(call, true)),
    ("==", |call| equal(call, true)),
    ("ne", |call| equal(call, false)),
    ("!=", |call| equal(call, false)),
    ("lt", |call| ordered(call, "<", Ordering::is_lt)),
    ("lessthan", |call| ordered(call, "<", Ordering::is_lt)),
    ("<", |call| ordered(call, "<", Ordering::is_lt)),
    ("le", |call| ordered(call, "<=", Ordering::is_le)),
    ("<=", |call| ordered(call, "<=", Ordering::is_le)),
    ("gt", |call| ordered(call, ">", Ordering::is_gt)),
    ("greaterthan", |call| ordered(call, ">", Ordering::is_gt)),
    (">", |call| ordered(call, ">", Ordering::is_gt)),
    ("ge", |call| ordered(call, ">=", Ordering::is_ge)),
    (">=", |call| ordered(call, ">=", Ordering::is_ge)),
    ("sameas", |call| {
        let other = call.required(0, "other")?;
        yes(call.value().kind() == other.kind()
            && call.value() == other
            && integer(call.value()) == integer(other))
    }),
    ("in", |call| {
        let (container, item) = (call.required(0, "seq")?, call.value());
        contains(container, item)
    }),
    ("contains", |call| {
        let (container, item) = (call.value(), call.required(0, "item")?);
        contains(container, item)
    }),
    ("subset", |call| within(call, false)),
    ("issubset", |call| within(call, false)),
    ("superset", |call| within(call, true)),
    ("issuperset", |call| within(call, true)),
    ("all", |call| yes(call.items()?.iter().all(Value::is_true))),
    ("any", |call| yes(call.items()?.iter().any(Value::is_true))),
    ("match", |call| regex::test(call, "match")),
    ("search", |call| regex::test(call, "search")),
    ("regex", |call| {
        let how = call.text(3, "match_type", "search");
        regex::test(call, &how)
    }),
    ("version", version::test),
    ("version_compare", version::test),
];

fn equal(call: &Call<'_, '_, '_>, wanted: bool) -> Result<Value, Error> {
    yes((call.value() == call.required(0, "other")?) == wanted)
}

fn ordered(
    call: &Call<'_, '_, '_>,
    operator: &str,
    holds: fn(Ordering) -> bool,
) -> Result<Value, Error> {
    python::compare(call.value(), call.required(0, "other")?, operator)
        .map(|order| Value::from(holds(order)))
}

fn contains(container: &Value, item: &Value) -> Result<Value, Error> {
    if let Some(text) = container.as_str() {
        let item = item.as_str().ok_or_else(|| {
            failed(format!(
                "'in <string>' requires string as left operand, not {}",
                print::type_name(item)
            ))
        })?;
        return yes(text.contains(item));
    }
    match items(container) {
        Some(items) => yes(items.contains(item)),
        None => Err(failed(format!(
            "argument of type '{}' is not iterable",
            print::type_name(container)
        ))),
    }
}

fn within(call: &Call<'_, '_, '_>, reverse: bool) -> Result<Value, Error> {
    let other = call.required(0, "b")?;
    let refused =
        || failed(format!("`{}` expects two lists, found {}", call.name, described(other)));
    let (a, b) = (call.items()?, items(other).ok_or_else(refused)?);
    let (small, large) = if reverse { (b, a) } else { (a, b) };
    yes(small.iter().all(|item| large.contains(item)))
}

const RESULTS: &[(&str, Body)] = &[
    ("changed", changed),
    ("change", changed),
    ("failed", |call| yes(result(call, "failed")?)),
    ("failure", |call| yes(result(call, "failed")?)),
    ("succeeded", |call| yes(!result(call, "failed")?)),
    ("success", |call| yes(!result(call, "failed")?)),
    ("successful", |call| yes(!result(call, "failed")?)),
    ("skipped", |call| yes(result(call, "skipped")?)),
    ("skip", |call| yes(result(call, "skipped")?)),
    ("unreachable", |call| yes(result(call, "unreachable")?)),
    ("reachable", |call| yes(!result(call, "unreachable")?)),
    ("started", |call| yes(result(call, "started")?)),
    ("finished", |call| yes(result(call, "finished")?)),
    ("timedout", |call| yes(result(call, "timedout")?)),
];

/// What a task registered: a mapping, in which `key` may be true.
fn result(call: &Call<'_, '_, '_>, key: &str) -> Result<bool, Error> {
    if call.value().kind() != ValueKind::Map {
        return Err(call.expected("the registered result of a task"));
    }
    Ok(python::look(call.value(), &Value::from(key))?.is_some_and(|value| value.is_true()))
}

fn changed(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    if result(call, "changed")? {
        return yes(true);
    }
    // A loop's result that does not say itself: any of its items.
    let known = python::look(call.value(), &Value::from("changed"))?.is_some();
    let rows = python::look(call.value(), &Value::from("results"))?.filter(list_like);
    let any = rows.as_ref().and_then(items).unwrap_or_default().iter().any(|row| {
        python::look(row, &Value::from("changed"))
            .ok()
            .flatten()
            .is_some_and(|value| value.is_true())
    });
    yes(!known && any)
}

fn path(call: &Call<'_, '_, '_>) -> Result<String, Error> {
    call.string().map(str::to_owned)
}

const FILES: &[(&str, Body)] = &[
    ("file", |call| yes(Path::new(&path(call)?).is_file())),
    ("is_file", |call| yes(Path::new(&path(call)?).is_file())),
    ("directory", |call| yes(Path::new(&path(call)?).is_dir())),
    ("is_dir", |call| yes(Path::new(&path(call)?).is_dir())),
    ("exists", |call| yes(Path::new(&path(call)?).exists())),
    ("link", |call| yes(Path::new(&path(call)?).is_symlink())),
    ("is_link", |call| yes(Path::new(&path(call)?).is_symlink())),
    ("link_exists", |call| yes(Path::new(&path(call)?).symlink_metadata().is_ok())),
    ("abs", |call| yes(path(call)?.starts_with('/'))),
    ("is_abs", |call| yes(path(call)?.starts_with('/'))),
    ("mount", |call| {
        let path = path(call)?;
        let here = Path::new(&path).symlink_metadata();
        let above = Path::new(&path).join("..").metadata();
        yes(
            matches!((here, above), (Ok(here), Ok(above)) if here.is_dir() && (here.dev() != above.dev() || here.ino() == above.ino())),
        )
    }),
    ("same_file", |call| {
        let other = print::text(call.required(0, "path2")?);
        let (a, b) = (Path::new(&path(call)?).metadata(), Path::new(&other).metadata());
        yes(matches!((a, b), (Ok(a), Ok(b)) if a.dev() == b.dev() && a.ino() == b.ino()))
    }),
];
