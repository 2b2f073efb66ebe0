//! JSON as Python's `json` module writes and reads it.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::error::failed;
use super::moment::is_time;
use super::print;
use super::value::{self, Map};

/// The options of `json.dumps`.
pub(super) struct Style<'a> {
    pub(super) indent: Option<&'a str>,
    pub(super) sort_keys: bool,
    /// Write everything beyond ASCII as `\u` escapes.
    pub(super) ascii: bool,
    /// Between items and between key and value.
    pub(super) item: &'a str,
    pub(super) key: &'a str,
}

/// `json.dumps(value)`.
pub(super) fn write(value: &Value, style: &Style<'_>) -> Result<String, Error> {
    let mut out = String::new();
    put(&mut out, value, style, 0)?;
    Ok(out)
}

/// As Ansible shows data: indented by four, keys in order, nothing escaped that need not be. What has no
/// JSON at all is left out.
pub(crate) fn pretty_json(value: &Value) -> String {
    let style = Style { indent: Some("    "), sort_keys: true, ascii: false, item: ",", key: ": " };
    write(value, &style).unwrap_or_default()
}

fn put(out: &mut String, value: &Value, style: &Style<'_>, depth: usize) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => match print::float(value) {
            Some(number) if number.is_nan() => out.push_str("NaN"),
            Some(number) if number.is_infinite() => {
                out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            _ => out.push_str(&print::text(value)),
        },
        ValueKind::String => put_text(out, value.as_str().unwrap_or_default(), style.ascii),
        ValueKind::Bytes => put_text(
            out,
            &String::from_utf8_lossy(value.as_bytes().unwrap_or_default()),
            style.ascii,
        ),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.collect();
            if items.is_empty() {
                out.push_str("[]");
                return Ok(());
            }
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(out, style, i, depth + 1);
                put(out, item, style, depth + 1)?;
            }
            finish(out, style, depth);
            out.push(']');
        }
        ValueKind::Map => {
            let mut pairs = print::pairs(value);
            if pairs.is_empty() {
                out.push_str("{}");
                return Ok(());
            }
            if style.sort_keys {
                pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
            out.push('{');
            for (i, (key, item)) in pairs.iter().enumerate() {
                separate(out, style, i, depth + 1);
                match key.kind() {
                    ValueKind::String => put(out, key, style, depth)?,
                    ValueKind::None | ValueKind::Bool | ValueKind::Number => {
                        out.push('"');
                        put(out, key, style, depth)?;
                        out.push('"');
                    }
                    _ => {
                        return Err(failed("keys in JSON must be text, numbers, booleans or none"));
                    }
                }
                out.push_str(style.key);
                put(out, item, style, depth + 1)?;
            }
            finish(out, style, depth);
            out.push('}');
        }
        ValueKind::Plain if is_time(value) => {
            put_text(out, &value.to_string().replacen(' ', "T", 1), style.ascii);
        }
        ValueKind::Undefined => return Err(minijinja::ErrorKind::UndefinedError.into()),
        _ => {
            return Err(failed(format!(
                "a value of type `{}` cannot be written as JSON",
                print::type_name(value)
            )));
        }
    }
    Ok(())
}

fn separate(out: &mut String, style: &Style<'_>, index: usize, depth: usize) {
    if index > 0 {
        out.push_str(style.item);
    }
    if let Some(indent) = style.indent {
        out.push('\n');
        out.push_str(&indent.repeat(depth));
    }
}

fn finish(out: &mut String, style: &Style<'_>, depth: usize) {
    if let Some(indent) = style.indent {
        out.push('\n');
        out.push_str(&indent.repeat(depth));
    }
}

fn put_text(out: &mut String, text: &str, ascii: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || ascii && !(' '..='~').contains(&c) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `json.loads(text)`.
pub(super) fn read(text: &str) -> Result<Value, Error> {
    let parsed: serde_json::Value =
        serde_json::from_str(text).map_err(|error| failed(format!("not JSON: {error}")))?;
    Ok(from_json(parsed))
}

fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(value) => Value::from(value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::from(value),
            (_, Some(value)) => Value::from(value),
            _ => Value::from(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => {
            Value::from(items.into_iter().map(from_json).collect::<Vec<_>>())
        }
        serde_json::Value::Object(entries) => value::map(
            entries
                .into_iter()
                .map(|(key, item)| (Value::from(key), from_json(item)))
                .collect::<Map>(),
        ),
    }
}
