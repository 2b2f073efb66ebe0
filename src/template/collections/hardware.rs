//! Hardware addresses.

use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::chance::Chance;
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[("hwaddr", hwaddr), ("macaddr", hwaddr)];
pub(super) const MOVED: &[(&str, Body)] = &[("random_mac", random_mac)];
pub(super) const TESTS: &[(&str, Body)] = &[("mac", |call| {
    let text = call.value().as_str().unwrap_or_default();
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    Ok(Value::from(digits == 12 && parse(text).is_some()))
})];

/// The bytes of an address in any of its notations.
pub(super) fn parse(text: &str) -> Option<[u8; 6]> {
    let hex = |digits: &str| {
        let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    };
    let groups = |separator: char, count: usize, width: usize| -> Option<u64> {
        let parts: Vec<&str> = text.split(separator).collect();
        if parts.len() != count || parts.iter().any(|part| part.len() > width) {
            return None;
        }
        parts.iter().try_fold(0, |sum, part| Some(sum << (4 * width) | hex(part)?))
    };
    let number = groups(':', 6, 2)
        .or_else(|| groups('-', 6, 2))
        .or_else(|| groups(':', 3, 4))
        .or_else(|| groups('-', 3, 4))
        .or_else(|| groups('.', 3, 4))
        .or_else(|| groups(':', 2, 6))
        .or_else(|| groups('-', 2, 6))
        .or_else(|| hex(text).filter(|_| matches!(text.len(), 11 | 12)))?;
    let bytes = number.to_be_bytes();
    Some([bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

fn hwaddr(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let query = call.text(0, "query", "");
    let text = print::text(call.value());
    let Some(bytes) = parse(&text) else {
        return match query.as_str() {
            "" | "bool" => Ok(Value::from(())),
            _ => Err(failed(format!("`{}` expects a hardware address, found `{text}`", call.name))),
        };
    };
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Value::from(match query.as_str() {
        "" => return Ok(call.value().clone()),
        "bool" => return Ok(Value::from(true)),
        "int" => {
            let number = bytes.iter().fold(0, |sum: i64, byte| sum << 8 | i64::from(*byte));
            return Ok(Value::from(number));
        }
        "bare" => hex.concat().to_uppercase(),
        "cisco" => hex.chunks(2).map(<[String]>::concat).collect::<Vec<_>>().join("."),
        "linux" => hex.join(":"),
        "pgsql" | "postgresql" | "psql" => {
            hex.chunks(3).map(<[String]>::concat).collect::<Vec<_>>().join(":")
        }
        "unix" => bytes.iter().map(|byte| format!("{byte:x}")).collect::<Vec<_>>().join(":"),
        "win" | "eui48" => hex.join("-").to_uppercase(),
        other => {
            return Err(failed(format!(
                "unknown query `{other}`: expected bare, bool, cisco, eui48, int, linux, pgsql, unix or win"
            )));
        }
    }))
}

/// Completes the start of an address; with a seed always alike.
fn random_mac(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let start = call.string()?.to_lowercase();
    let parts: Vec<&str> = start.split(':').collect();
    let byte = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    if parts.len() > 5 || !parts.iter().all(byte) {
        return Err(call.expected("one to five bytes of an address, as `52:54:00`"));
    }
    // Ten digits of which the first is not zero: those not needed are left out at the end.
    let low = 0x10_0000_0000;
    let number = low + Chance::new(call.given(0, "seed"))?.below(0x100_0000_0000 - low);
    let digits = format!("{number:x}");
    let mut out = start.clone();
    for pair in digits.as_bytes().chunks(2).take(6 - parts.len()) {
        out.push(':');
        out.extend(pair.iter().map(|digit| char::from(*digit)));
    }
    Ok(Value::from(out))
}
