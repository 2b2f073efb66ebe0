//! Filters of community.general on text and types.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use unicode_normalization::UnicodeNormalization;

use crate::template::call::{Body, Call, items};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("crc32", |call| Ok(Value::from(format!("{:x}", crc32fast::hash(call.string()?.as_bytes()))))),
    ("unicode_normalize", normalized),
    ("reveal_ansible_type", |call| {
        let alias = call.given(0, "alias").map(print::pairs).unwrap_or_default();
        let found = kind(call.value());
        Ok(Value::from(replaced(&found, &alias)))
    }),
];

fn normalized(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.string()?;
    Ok(Value::from(match call.text(0, "form", "NFC").as_str() {
        "NFC" => text.nfc().collect::<String>(),
        "NFD" => text.nfd().collect(),
        "NFKC" => text.nfkc().collect(),
        "NFKD" => text.nfkd().collect(),
        other => {
            return Err(failed(format!(
                "expected the form NFC, NFD, NFKC or NFKD, found `{other}`"
            )));
        }
    }))
}

/// The types of a value and of what it holds.
fn kind(value: &Value) -> String {
    let joined = |values: &[Value]| {
        let mut kinds: Vec<&str> = values.iter().map(print::type_name).collect();
        kinds.sort();
        kinds.dedup();
        kinds.join("|")
    };
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            format!("list[{}]", joined(&items(value).unwrap_or_default()))
        }
        ValueKind::Map => {
            let (keys, values): (Vec<Value>, Vec<Value>) = print::pairs(value).into_iter().unzip();
            format!("dict[{}, {}]", joined(&keys), joined(&values))
        }
        _ => print::type_name(value).to_owned(),
    }
}

fn replaced(text: &str, alias: &[(Value, Value)]) -> String {
    alias.iter().fold(text.to_owned(), |text, (from, to)| {
        text.replace(&print::text(from), &print::text(to))
    })
}
