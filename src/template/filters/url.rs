//! Filters that take URLs apart and put them together.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, items};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("urlencode", urlencode),
    ("urldecode", |call| Ok(Value::from(decoded(&print::text(call.value()))))),
    ("urlsplit", urlsplit),
];

fn urlencode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value();
    let pairs = match value.kind() {
        ValueKind::Map => print::pairs(value),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut pairs = Vec::new();
            for item in call.items()? {
                match items(&item).as_deref() {
                    Some([key, value]) if item.as_str().is_none() => {
                        pairs.push((key.clone(), value.clone()))
                    }
                    _ => return Err(call.expected("text, a mapping or a list of pairs")),
                }
            }
            pairs
        }
        _ => return Ok(Value::from(percent_encoded(&print::text(value), "/"))),
    };
    let plus = |value: &Value| percent_encoded(&print::text(value), " ").replace(' ', "+");
    Ok(Value::from(
        pairs.iter().map(|(k, v)| format!("{}={}", plus(k), plus(v))).collect::<Vec<_>>().join("&"),
    ))
}

fn percent_encoded(text: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"_.-~".contains(&byte)
            || safe.as_bytes().contains(&byte)
        {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `unquote_plus` of Python: a `%` without two digits stays.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, digits.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn urlsplit(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let url = call.string()?;
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) =
        rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (user, host) =
        netloc.rsplit_once('@').map_or((None, netloc), |(user, host)| (Some(user), host));
    let (username, password) =
        match user.map(|user| user.split_once(':').map_or((user, None), |(u, p)| (u, Some(p)))) {
            Some((username, password)) => (Some(username), password),
            None => (None, None),
        };
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let optional = |text: Option<&str>| text.map_or(Value::from(()), Value::from);
    let hostname = Some(name.to_lowercase()).filter(|name| !name.is_empty());
    let port = match port.filter(|port| !port.is_empty()) {
        None => Value::from(()),
        Some(port) => port
            .parse::<u16>()
            .map(Value::from)
            .map_err(|_| failed(format!("`urlsplit` expects a port number, found `{port}`")))?,
    };
    let parts = [
        ("fragment", Value::from(fragment)),
        ("hostname", optional(hostname.as_deref())),
        ("netloc", Value::from(netloc)),
        ("password", optional(password)),
        ("path", Value::from(path)),
        ("port", port),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme.to_lowercase())),
        ("username", optional(username)),
    ];
    match call.given(0, "query").map(print::text).filter(|query| !query.is_empty()) {
        None => Ok(crate::template::value::map(
            parts.into_iter().map(|(k, v)| (Value::from(k), v)).collect(),
        )),
        Some(wanted) => parts
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
            .ok_or_else(|| failed(format!("`urlsplit` knows no component `{wanted}`"))),
    }
}
