//! Defaults, types and choices.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, defined};
use crate::template::error::failed;
use crate::template::{print, value};

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("default", default),
    ("d", default),
    ("mandatory", mandatory),
    ("bool", bool_),
    ("int", int),
    ("float", float),
    ("string", string),
    ("list", list),
    ("length", length),
    ("count", length),
    ("ternary", ternary),
    ("type_debug", type_debug),
];

fn default(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let lax = call.flag(1, "boolean", false);
    let value = call.value();
    if !value.is_undefined() && (!lax || value.is_true()) {
        return Ok(value.clone());
    }
    Ok(call.arg(0, "default_value").cloned().unwrap_or_else(|| Value::from("")))
}

fn mandatory(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    if !call.value().is_undefined() {
        return Ok(call.value().clone());
    }
    match call.given(0, "msg") {
        Some(message) => Err(failed(print::text(message))),
        None => super::super::call::defined(call.state, call.value()).map(|()| Value::UNDEFINED),
    }
}

/// What Ansible's `bool` takes for true and false; anything else is false, as there.
fn bool_(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value();
    Ok(match value.kind() {
        ValueKind::Bool => value.clone(),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().to_lowercase();
            Value::from(matches!(text.as_str(), "yes" | "on" | "true" | "1"))
        }
        ValueKind::Number => Value::from(*value == Value::from(1)),
        _ => Value::from(false),
    })
}

fn int(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let default = call.arg(0, "default").cloned().unwrap_or_else(|| Value::from(0));
    let base = call.int(1, "base", 10)?;
    let value = call.value();
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        ValueKind::Number => match print::float(value) {
            Some(number) if number.is_finite() => value::integer(number as i128),
            Some(_) => default,
            None => value.clone(),
        },
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            parse_int(text, base)
                .map(value::integer)
                .or_else(|| {
                    parse_float(text).filter(|n| n.is_finite()).map(|n| value::integer(n as i128))
                })
                .unwrap_or(default)
        }
        _ => default,
    })
}

/// `int(text, base)` of Python: spaces around, a sign, underscores between digits, a prefix.
pub(super) fn parse_int(text: &str, base: i64) -> Option<i128> {
    let text = text.trim();
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let lower = digits.to_ascii_lowercase();
    let mut radix = base;
    let mut digits = lower.as_str();
    for (prefix, of) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = digits.strip_prefix(prefix).filter(|_| base == of || base == 0) {
            digits = rest;
            radix = of;
        }
    }
    if radix == 0 {
        radix = 10;
    }
    let clean = digits.replace('_', "");
    if digits.starts_with('_')
        || digits.ends_with('_')
        || digits.contains("__")
        || !(2..=36).contains(&radix)
    {
        return None;
    }
    if clean.starts_with(['+', '-']) {
        return None;
    }
    i128::from_str_radix(&clean, u32::try_from(radix).ok()?).ok().map(|number| sign * number)
}

/// `float(text)` of Python.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn float(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let default = call.arg(0, "default").cloned().unwrap_or_else(|| Value::from(0.0));
    let value = call.value();
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => Value::from(f64::try_from(value.clone()).unwrap_or_default()),
        ValueKind::String => {
            parse_float(value.as_str().unwrap_or_default()).map_or(default, Value::from)
        }
        _ => default,
    })
}

fn string(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Ok(Value::from(print::text(&value::complete(call.value())?)))
}

fn list(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    call.items().map(Value::from)
}

fn length(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    call.value().len().map(Value::from).ok_or_else(|| {
        failed(format!("object of type '{}' has no length", print::type_name(call.value())))
    })
}

/// The choice that is not taken may be undefined.
fn ternary(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value();
    defined(call.state, value)?;
    if let (true, Some(none)) = (value.is_none(), call.given(2, "none_val")) {
        return Ok(none.clone());
    }
    let (index, name) = if value.is_true() { (0, "true_val") } else { (1, "false_val") };
    call.required(index, name).cloned()
}

fn type_debug(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    Ok(Value::from(print::type_name(call.value())))
}
