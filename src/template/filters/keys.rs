//! Filters that give the entries of lists and mappings other keys.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::value::{self, Map};
use crate::template::{print, python};

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("rekey_on_member", rekey_on_member),
    ("pprint", |call| Ok(Value::from(print::repr(call.value())))),
];

fn rekey_on_member(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let key = call.required(0, "key")?.clone();
    let overwrite = match call.text(1, "duplicates", "error").as_str() {
        "error" => false,
        "overwrite" => true,
        other => {
            return Err(failed(format!(
                "`duplicates` is one of error and overwrite, found `{other}`"
            )));
        }
    };
    let rows = match call.value().kind() {
        ValueKind::Map => print::pairs(call.value()).into_iter().map(|(_, row)| row).collect(),
        ValueKind::Seq | ValueKind::Iterable => call.items()?,
        _ => return Err(call.expected("a list or a mapping")),
    };
    let mut keyed = Map::new();
    for row in rows {
        if row.kind() != ValueKind::Map {
            return Err(failed("`rekey_on_member` expects mappings in the list"));
        }
        let name = python::look(&row, &key)?
            .ok_or_else(|| failed(format!("an item has no key {}", print::repr(&key))))?;
        if keyed.insert(name.clone(), row).is_some() && !overwrite {
            return Err(failed(format!(
                "two items have the key {}; `duplicates='overwrite'` keeps the last",
                print::repr(&name)
            )));
        }
    }
    Ok(value::map(keyed))
}
