//! Filters on text.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, items};
use crate::template::error::failed;
use crate::template::print;

use super::number;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("lower", |call| mapped(call, |text| text.to_lowercase())),
    ("upper", |call| mapped(call, |text| text.to_uppercase())),
    ("capitalize", |call| mapped(call, capitalize)),
    ("title", |call| mapped(call, title)),
    ("trim", trim),
    ("replace", replace),
    ("wordcount", wordcount),
    ("format", format),
    ("__percent", percent),
    ("quote", quote),
    ("split", split),
    ("join", join),
    ("splitlines", |call| {
        Ok(Value::from(call.string()?.lines().map(Value::from).collect::<Vec<_>>()))
    }),
];

fn mapped(call: &Call<'_, '_, '_>, change: impl Fn(&str) -> String) -> Result<Value, Error> {
    Ok(Value::from(change(&print::text(call.value()))))
}

pub(in crate::template) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

/// Words start after spaces, hyphens and opening brackets, as in Jinja.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for c in text.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        start = c.is_whitespace() || "-({[<".contains(c);
    }
    out
}

fn trim(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    Ok(Value::from(match call.given(0, "chars").map(print::text) {
        Some(chars) => text.trim_matches(|c| chars.contains(c)),
        None => text.trim(),
    }))
}

fn replace(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let (old, new) = (print::text(call.required(0, "old")?), print::text(call.required(1, "new")?));
    let count = call.int(2, "count", -1)?;
    Ok(Value::from(match usize::try_from(count) {
        Ok(count) => text.replacen(&old, &new, count),
        Err(_) => text.replace(&old, &new),
    }))
}

fn wordcount(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    Ok(Value::from(
        text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .count(),
    ))
}

fn format(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    if !call.named.is_empty() && call.args.len() > 1 {
        return Err(failed("`format` takes either positional or named arguments"));
    }
    crate::template::format::percent(&text, &call.args[1..], &call.named).map(Value::from)
}

/// `text % values`, or the remainder of two numbers.
fn percent(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    match call.value().as_str() {
        Some(text) => filled(text, call.required(0, "value")?),
        None => number::remainder(call.value(), call.required(0, "value")?),
    }
}

/// A tuple is all the arguments, a mapping the named ones.
fn filled(text: &str, argument: &Value) -> Result<Value, Error> {
    let named: Vec<(String, Value)> = match argument.kind() {
        ValueKind::Map if text.contains("%(") => print::pairs(argument)
            .into_iter()
            .map(|(key, value)| (key.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let args = if argument.is_tuple() {
        items(argument).unwrap_or_default()
    } else {
        vec![argument.clone()]
    };
    crate::template::format::percent(text, if named.is_empty() { &args } else { &[] }, &named)
        .map(Value::from)
}

fn quote(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = if call.value().is_none() { String::new() } else { print::text(call.value()) };
    Ok(Value::from(shell_quoted(&text)))
}

/// `shlex.quote` of Python.
pub(in crate::template) fn shell_quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

fn split(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.string()?;
    let most = call.int(1, "maxsplit", -1)?;
    let separator = call.given(0, "sep").map(print::text);
    Ok(Value::from(parts(text, separator.as_deref(), most)?))
}

/// `str.split` of Python.
pub(in crate::template) fn parts(
    text: &str,
    separator: Option<&str>,
    most: i64,
) -> Result<Vec<Value>, Error> {
    let most = usize::try_from(most).map_or(usize::MAX, |most| most.saturating_add(1));
    Ok(match separator {
        Some("") => return Err(failed("empty separator")),
        Some(separator) => text.splitn(most, separator).map(Value::from).collect(),
        None => {
            let mut rest = text.trim_start();
            let mut found = Vec::new();
            while !rest.is_empty() {
                if found.len() + 1 == most {
                    found.push(Value::from(rest.trim_end()));
                    break;
                }
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                found.push(Value::from(&rest[..end]));
                rest = rest[end..].trim_start();
            }
            found
        }
    })
}

fn join(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let separator = call.text(0, "d", "");
    let attribute = call.given(1, "attribute").cloned();
    let mut texts = Vec::new();
    for item in call.items()? {
        let item = match &attribute {
            Some(attribute) => super::choose::attribute(&item, attribute)?,
            None => item,
        };
        crate::template::call::defined(call.state, &item)?;
        texts.push(print::text(&item));
    }
    Ok(Value::from(texts.join(&separator)))
}
