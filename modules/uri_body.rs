//! The body of a request, in the formats of the module `uri`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::attributes::split;
use crate::content::sha256;
use crate::copy::python_json;
use crate::kit::{Refusal, Result};

/// A value as Python prints it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Null => "None".into(),
        other => other.to_string(),
    }
}

/// `body_format: json`: text is taken as it is.
pub(crate) fn json(body: &Value) -> Vec<u8> {
    match body {
        Value::String(text) => text.clone(),
        value => python_json(value),
    }
    .into_bytes()
}

/// `body_format: raw`.
pub(crate) fn raw(body: &Value) -> Result<Vec<u8>> {
    match body {
        Value::Array(_) | Value::Object(_) => {
            Err("expected text as `body`; `body_format: json` takes mappings and lists".into())
        }
        value => Ok(text(value).into_bytes()),
    }
}

/// `body_format: form-urlencoded`: a mapping or a list of pairs; lists of values are several fields.
pub(crate) fn form(body: &Value) -> Result<Vec<u8>> {
    let pairs: Vec<(String, &Value)> = match body {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item.as_array().map(Vec::as_slice) {
                Some([key, value]) => Ok((text(key), value)),
                _ => Err(Refusal::new("expected pairs of name and value as `body`")),
            })
            .collect::<Result<_>>()?,
        other => return Ok(text(other).into_bytes()),
    };
    let mut fields = Vec::new();
    for (key, value) in pairs {
        let values = match value {
            Value::Array(values) => values.iter().collect(),
            value => vec![value],
        };
        for value in values.into_iter().filter(|value| !value.is_null()) {
            fields.push(format!("{}={}", plus(&key), plus(&text(value))));
        }
    }
    Ok(fields.join("&").into_bytes())
}

/// Percent-encoded, with `+` for blanks.
fn plus(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b' ' => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) => {
                out.push(byte as char);
            }
            byte => out += &format!("%{byte:02X}"),
        }
        out
    })
}

/// The files of this machine that a form of several parts names, in the order of its fields.
pub(crate) fn files(body: Option<&Value>) -> Vec<&str> {
    let Some(Value::Object(map)) = body else { return vec![] };
    sorted(map).into_iter().filter_map(|(_, value)| file(value)).collect()
}

/// The file a field takes its content from.
fn file(value: &Value) -> Option<&str> {
    let given = |key| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    given("filename").filter(|_| given("content").is_none())
}

fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = map.iter().collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

/// `body_format: form-multipart`: its content type and the body. `files` are the contents of
/// [`files`].
pub(crate) fn parts(body: Option<&Value>, files: &[&[u8]]) -> Result<(String, Vec<u8>)> {
    let Some(Value::Object(map)) = body else {
        return Err("expected a mapping as `body` of `body_format: form-multipart`".into());
    };
    let mut files = files.iter();
    let mut parts = Vec::new();
    for (name, value) in sorted(map) {
        let given =
            |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let wrong = |why: &str| Refusal::new(format!("`{name}` of the form: {why}"));
        let (mut head, mut mime) = (String::new(), "text/plain");
        let content = match value {
            Value::String(text) => text.clone().into_bytes(),
            Value::Object(_) => {
                mime = given("mime_type")
                    .or_else(|| guess(given("filename")?))
                    .unwrap_or("application/octet-stream");
                match (given("content"), file(value)) {
                    (Some(text), _) => text.as_bytes().to_vec(),
                    (None, Some(_)) => {
                        let bytes = files.next().ok_or_else(|| wrong("its file was not read"))?;
                        encode(bytes, given("multipart_encoding"), &mut head).map_err(wrong)?
                    }
                    (None, None) => return Err(wrong("expected `filename` or `content`")),
                }
            }
            _ => return Err(wrong("expected text or a mapping")),
        };
        let mut disposition = format!("form-data; name=\"{}\"", quoted(name));
        if let Some(path) = given("filename") {
            disposition += &format!("; filename=\"{}\"", quoted(split(path).1));
        }
        if [mime, &disposition].iter().any(|line| line.contains(['\r', '\n'])) {
            return Err(wrong("expected one line as name, file name and type"));
        }
        head += &format!("Content-Type: {mime}\r\nContent-Disposition: {disposition}\r\n\r\n");
        parts.push([head.into_bytes(), content].concat());
    }
    // Not in any of them: who could choose a content with its own digest in it?
    let boundary = format!("=={}==", &sha256(&parts.concat())[..32]);
    let mut whole = Vec::new();
    for part in parts {
        whole.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        whole.extend(part);
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((format!("multipart/form-data; boundary=\"{boundary}\""), whole))
}

fn encode(
    bytes: &[u8],
    encoding: Option<&str>,
    head: &mut String,
) -> Result<Vec<u8>, &'static str> {
    match encoding.unwrap_or("base64") {
        "base64" => {
            *head += "Content-Transfer-Encoding: base64\r\n";
            let text = STANDARD.encode(bytes).into_bytes();
            Ok(text.chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect())
        }
        "7or8bit" => {
            let encoding = if bytes.is_ascii() { "7bit" } else { "8bit" };
            *head += &format!("Content-Transfer-Encoding: {encoding}\r\n");
            Ok(bytes.to_vec())
        }
        _ => Err("expected `base64` or `7or8bit` as `multipart_encoding`"),
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"")
}

/// What a file's ending says of its type.
fn guess(name: &str) -> Option<&'static str> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "txt" | "log" | "conf" | "c" | "h" => "text/plain",
        "htm" | "html" => "text/html",
        "css" => "text/css",
        "csv" => "text/csv",
        "js" => "text/javascript",
        "py" => "text/x-python",
        "xml" => "text/xml",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "tar" => "application/x-tar",
        "sh" => "application/x-sh",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "ico" => "image/vnd.microsoft.icon",
        _ => return None,
    })
}
