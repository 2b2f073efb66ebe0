//! Tests (`x is …`).

use std::cmp::Ordering;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
    ("nan", nan),
    ("isnan", nan),
    ("mapping", |call| yes(call.value().kind() == ValueKind::Map)),
    ("sequence", |call| yes(items(call.value()).is_some())),
    ("iterable", |call| yes(items(call.value()).is_some())),
    ("callable", |call| yes(call.value().kind() == ValueKind::Plain)),
    ("lower", |call| text_case(call, char::is_lowercase, char::is_uppercase)),
    ("upper", |call| text_case(call, char::is_uppercase, char::is_lowercase)),
    ("even", |call| yes(number(call)?.rem_euclid(2) == 0)),
    ("odd", |call| yes(number(call)?.rem_euclid(2) == 1)),
    ("divisibleby", divisible),
    ("filter", |call| plugin(call, true)),
    ("test", |call| plugin(call, false)),
    ("truthy", |call| truth(call, true)),
    ("falsy", |call| truth(call, false)),
    ("vault_encrypted", |call| yes(print::text(call.value()).starts_with("$ANSIBLE_VAULT;"))),
    ("uri", |call| address(call, "")),
    ("url", |call| address(call, "//")),
    ("urn", |call| address(call, "urn")),
];

fn nan(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    yes(print::float(call.value()).is_some_and(f64::is_nan))
}

fn plugin(call: &Call<'_, '_, '_>, filters: bool) -> Result<Value, Error> {
    let name = register::bare(&print::text(call.value())).to_owned();
    yes(register::names(filters).any(|known| known == name))
}

/// An address: `scheme:rest`, for a URL with a host, for a URN as RFC 2141 has it.
fn address(call: &Call<'_, '_, '_>, kind: &str) -> Result<Value, Error> {
    let Some(text) = call.value().as_str() else { return yes(false) };
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let scheme = scheme.to_lowercase();
    let known = match call.given(0, "schemes").and_then(items) {
        Some(schemes) => schemes.iter().any(|known| known.as_str() == Some(&*scheme)),
        None => true,
    };
    yes(known
        && match kind {
            "urn" => scheme == "urn",
            "//" => rest
                .strip_prefix("//")
                .is_some_and(|host| !host.starts_with(['/', '?', '#']) && !host.is_empty()),
            _ => true,
        })
}

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
        let how = call.text(2, "match_type", "search");
        if !["match", "fullmatch", "search"].contains(&how.as_str()) {
            return Err(failed(format!(
                "`match_type` is one of match, fullmatch and search, found `{how}`"
            )));
        }
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
    ("finished", |call| {
        // Only what `async` started says that it goes on.
        let said = python::look(call.value(), &Value::from("finished"))?.is_some();
        yes(result(call, "finished")? || !said)
    }),
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

/// The path to test; what is no text is no file.
fn path(call: &Call<'_, '_, '_>) -> PathBuf {
    PathBuf::from(call.value().as_str().unwrap_or_default())
}

const FILES: &[(&str, Body)] = &[
    ("file", |call| yes(path(call).is_file())),
    ("is_file", |call| yes(path(call).is_file())),
    ("directory", |call| yes(path(call).is_dir())),
    ("is_dir", |call| yes(path(call).is_dir())),
    ("exists", |call| yes(path(call).exists())),
    ("link", |call| yes(path(call).is_symlink())),
    ("is_link", |call| yes(path(call).is_symlink())),
    ("link_exists", |call| yes(path(call).symlink_metadata().is_ok())),
    ("abs", |call| yes(call.string()?.starts_with('/'))),
    ("is_abs", |call| yes(call.string()?.starts_with('/'))),
    ("mount", |call| yes(mount(&path(call)))),
    ("is_mount", |call| yes(mount(&path(call)))),
    ("same_file", same_file),
    ("is_same_file", same_file),
    ("vaulted_file", |call| {
        let path = path(call);
        let read = std::fs::File::open(&path).and_then(|file| {
            let mut start = Vec::new();
            file.take(64).read_to_end(&mut start).map(|_| start)
        });
        let start =
            read.map_err(|error| failed(format!("cannot read `{}`: {error}", path.display())))?;
        yes(rprov_vault::ansible::is_envelope(&start))
    }),
];

/// Whether a directory is on another device than the one above it, or is the root.
fn mount(path: &Path) -> bool {
    let (here, above) = (path.symlink_metadata(), path.join("..").metadata());
    matches!((here, above), (Ok(here), Ok(above))
        if here.is_dir() && (here.dev() != above.dev() || here.ino() == above.ino()))
}

fn same_file(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let identity = |path: &Path| {
        let found = path.metadata();
        found
            .map(|found| (found.dev(), found.ino()))
            .map_err(|error| failed(format!("cannot look at `{}`: {error}", path.display())))
    };
    let other = PathBuf::from(print::text(call.required(0, "path2")?));
    yes(identity(&path(call))? == identity(&other)?)
}
