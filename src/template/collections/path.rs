//! Filters of ansible.utils that find their way in data: to a place, to every place, to an item.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use rprov_modules::kit::Span;

use crate::template::call::{Body, Call, described, items};
use crate::template::error::{ErrorKind, TemplateError, failed, wrap};
use crate::template::value::{self, Map};
use crate::template::{print, python, register};

pub(super) const FILTERS: &[(&str, Body)] =
    &[("get_path", get_path), ("to_paths", to_paths), ("index_of", index_of)];

/// The keys of `a.b[0]['c.d']`.
fn keys(path: &str) -> Result<Vec<Value>, Error> {
    let refused = || failed(format!("`get_path` cannot read the path `{path}`"));
    let mut keys = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let quote = inner.chars().next().filter(|c| matches!(c, '\'' | '"'));
            let (key, after) = match quote {
                Some(quote) => {
                    let (key, after) = inner[1..].split_once(quote).ok_or_else(refused)?;
                    (Value::from(key), after.strip_prefix(']').ok_or_else(refused)?)
                }
                None => {
                    let (key, after) = inner.split_once(']').ok_or_else(refused)?;
                    (Value::from(key.trim().parse::<i64>().map_err(|_| refused())?), after)
                }
            };
            keys.push(key);
            rest = after;
            continue;
        }
        let bare = rest.strip_prefix('.').unwrap_or(rest);
        let end = bare.find(['.', '[']).unwrap_or(bare.len());
        if end == 0 {
            return Err(refused());
        }
        keys.push(
            bare[..end].parse::<i64>().map_or_else(|_| Value::from(&bare[..end]), Value::from),
        );
        rest = &bare[end..];
    }
    Ok(keys)
}

fn get_path(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = print::text(call.required(0, "path")?);
    let mut value = call.value().clone();
    for key in keys(&path)? {
        value = match python::look(&value, &key)? {
            Some(found) => found,
            None => {
                let message = format!(
                    "`{path}` is undefined: object of type '{}' has no attribute {}",
                    print::type_name(&value),
                    print::repr(&key)
                );
                return Err(wrap(TemplateError::new(
                    ErrorKind::Undefined,
                    message,
                    Span::default(),
                )));
            }
        };
    }
    Ok(if call.flag(1, "wantlist", false) { Value::from(vec![value]) } else { value })
}

fn to_paths(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut found = Map::new();
    match call.given(0, "prepend") {
        None => walk(call.value(), "", &mut found),
        Some(name) => match name.as_str() {
            Some(name) => walk(call.value(), name, &mut found),
            None => return Err(failed(format!("`prepend` is text, found {}", described(name)))),
        },
    }
    let found = value::map(found);
    Ok(if call.flag(1, "wantlist", false) { Value::from(vec![found]) } else { found })
}

fn walk(data: &Value, name: &str, found: &mut Map) {
    match data.kind() {
        ValueKind::Map if data.is_true() => {
            for (key, item) in print::pairs(data) {
                let key = print::text(&key);
                let plain = !key.is_empty()
                    && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let path = match (name.is_empty(), plain) {
                    (true, _) => key,
                    (false, true) => format!("{name}.{key}"),
                    (false, false) if key.contains('\'') => format!("{name}[\"{key}\"]"),
                    (false, false) => format!("{name}['{key}']"),
                };
                walk(&item, &path, found);
            }
        }
        ValueKind::Seq | ValueKind::Iterable if data.is_true() => {
            for (at, item) in items(data).unwrap_or_default().iter().enumerate() {
                walk(item, &format!("{name}[{at}]"), found);
            }
        }
        _ => drop(found.insert(Value::from(name), data.clone())),
    }
}

/// Where in a list the items are that pass a test.
fn index_of(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let name = print::text(call.required(0, "test")?);
    let (negated, bare) = match (name.strip_prefix("not "), name.strip_prefix('!')) {
        (Some(rest), _) => (true, rest),
        (None, Some("=")) => (true, "=="),
        (None, Some(rest)) => (true, rest),
        _ => (false, name.as_str()),
    };
    let test = register::bare(bare).to_owned();
    if !register::names(false).any(|known| known == test) {
        return Err(failed(format!("no test named `{bare}`")));
    }
    let mut other = call.given(1, "value").cloned();
    if test == "in" {
        other = other.map(|value| match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => value,
            _ => Value::from(vec![value]),
        });
    }
    let key = call.given(2, "key").cloned();
    let (wantlist, strict) =
        (call.flag(3, "wantlist", false), call.flag(4, "fail_on_missing", false));
    if !matches!(call.value().kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(call.expected("a list"));
    }
    let mut found = Vec::new();
    for (at, item) in call.items()?.into_iter().enumerate() {
        let subject = match &key {
            None => item,
            Some(_) if item.kind() != ValueKind::Map => {
                return Err(failed(format!(
                    "`index_of` with `key` expects mappings, found {}",
                    described(&item)
                )));
            }
            Some(key) => match python::look(&item, key)? {
                Some(subject) => subject,
                None if strict => {
                    return Err(failed(format!("item {at} has no key {}", print::repr(key))));
                }
                None => continue,
            },
        };
        let args: Vec<Value> = std::iter::once(subject).chain(other.clone()).collect();
        if call.state.perform_test(&test, &args)? != negated {
            found.push(at);
        }
    }
    Ok(match &found[..] {
        [one] if !wantlist => Value::from(*one),
        _ => Value::from(found),
    })
}
