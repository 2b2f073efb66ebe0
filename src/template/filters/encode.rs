//! Encodings: text to bytes, base64, and back.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[("b64encode", b64encode), ("b64decode", b64decode)];

/// The bytes of a value: its own, or those of its text in UTF-8.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    value.as_bytes().map_or_else(|| print::text(value).into_bytes(), <[u8]>::to_vec)
}

/// A way to write text as bytes, of those that Python names.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Ascii,
    Latin1,
    Utf16 { big: bool, mark: bool },
}

fn encoding(call: &Call<'_, '_, '_>) -> Result<Encoding, Error> {
    let name = call.text(0, "encoding", "utf-8");
    let plain: String =
        name.to_lowercase().chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
    Ok(match plain.as_str() {
        "utf8" => Encoding::Utf8,
        "ascii" | "usascii" => Encoding::Ascii,
        "latin1" | "iso88591" => Encoding::Latin1,
        "utf16" => Encoding::Utf16 { big: false, mark: true },
        "utf16le" => Encoding::Utf16 { big: false, mark: false },
        "utf16be" => Encoding::Utf16 { big: true, mark: false },
        _ => {
            return Err(failed(format!(
                "`{}` does not know the encoding `{name}`: expected utf-8, ascii, latin-1, utf-16, \
                 utf-16-le or utf-16-be",
                call.name
            )));
        }
    })
}

fn encoded(call: &Call<'_, '_, '_>) -> Result<Vec<u8>, Error> {
    let encoding = encoding(call)?;
    let narrow = |limit: u32| {
        let text = print::text(call.value());
        let refused = |c| failed(format!("`{}` cannot encode `{c}` so", call.name));
        let bytes = text.chars().map(|c| match u32::from(c) < limit {
            true => Ok(u32::from(c) as u8),
            false => Err(refused(c)),
        });
        bytes.collect::<Result<Vec<u8>, Error>>()
    };
    match encoding {
        Encoding::Utf8 => Ok(bytes(call.value())),
        Encoding::Ascii => narrow(128),
        Encoding::Latin1 => narrow(256),
        Encoding::Utf16 { big, mark } => {
            let text = print::text(call.value());
            let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
            Ok(units
                .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect())
        }
    }
}

fn decoded(call: &Call<'_, '_, '_>, bytes: Vec<u8>) -> Result<String, Error> {
    let refused = |what: &str| failed(format!("what base64 holds is not {what} text"));
    match encoding(call)? {
        Encoding::Utf8 => String::from_utf8(bytes).map_err(|_| refused("UTF-8")),
        Encoding::Ascii if bytes.is_ascii() => Ok(bytes.into_iter().map(char::from).collect()),
        Encoding::Ascii => Err(refused("ASCII")),
        Encoding::Latin1 => Ok(bytes.into_iter().map(char::from).collect()),
        Encoding::Utf16 { big, mark } => {
            let marked = mark && bytes.starts_with(&[0xfe, 0xff]);
            let skip = usize::from(marked || mark && bytes.starts_with(&[0xff, 0xfe])) * 2;
            let unit = |pair: &[u8]| match big || marked {
                true => u16::from_be_bytes([pair[0], pair[1]]),
                false => u16::from_le_bytes([pair[0], pair[1]]),
            };
            if bytes.len() % 2 == 1 {
                return Err(refused("UTF-16"));
            }
            let units: Vec<u16> = bytes[skip..].chunks_exact(2).map(unit).collect();
            String::from_utf16(&units).map_err(|_| refused("UTF-16"))
        }
    }
}

fn urlsafe(call: &Call<'_, '_, '_>) -> bool {
    call.named.iter().any(|(key, value)| key == "urlsafe" && value.is_true())
}

fn b64encode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let plain = encoded(call)?;
    Ok(Value::from(if urlsafe(call) { URL_SAFE.encode(plain) } else { STANDARD.encode(plain) }))
}

fn b64decode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut text = print::text(call.value());
    if urlsafe(call) {
        text = text.replace('-', "+").replace('_', "/");
    }
    // As Python has it, what is no letter of the alphabet counts as not written.
    text.retain(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
    let plain = STANDARD.decode(&text).map_err(|error| failed(format!("not base64: {error}")))?;
    decoded(call, plain).map(Value::from)
}
