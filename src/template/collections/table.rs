//! CSV and INI to data, and INI back.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, items};
use crate::template::error::failed;
use crate::template::ini::{Reading, parse};
use crate::template::print;
use crate::template::value::{self, Map};

pub(super) const FILTERS: &[(&str, Body)] =
    &[("from_csv", from_csv), ("from_ini", from_ini), ("to_ini", to_ini)];

fn from_csv(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.string()?;
    let dialect = call.text(0, "dialect", "excel");
    let delimiter = match (call.given(2, "delimiter").map(print::text), dialect.as_str()) {
        (Some(text), _) if text.len() == 1 => text.as_bytes()[0],
        (Some(text), _) => {
            return Err(failed(format!("`delimiter` is one character, found `{text}`")));
        }
        (None, "excel" | "unix") => b',',
        (None, "excel-tab") => b'\t',
        (None, other) => {
            return Err(failed(format!(
                "expected the dialect excel, excel-tab or unix, found `{other}`"
            )));
        }
    };
    let skip = call.flag(3, "skipinitialspace", false);
    let strict = call.flag(4, "strict", false);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let names = call.given(1, "fieldnames").and_then(items);
    let mut names = names.map(|names| names.iter().map(print::text).collect::<Vec<_>>());
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| failed(format!("`from_csv`: {error}")))?;
        let clean = |cell: &str| match skip {
            true => cell.trim_start().to_owned(),
            false => cell.to_owned(),
        };
        let cells: Vec<String> = row.iter().map(clean).collect();
        let Some(names) = &names else {
            names = Some(cells);
            continue;
        };
        if strict && cells.len() != names.len() {
            return Err(failed(format!(
                "`from_csv` expects {} cells in each row, found {}",
                names.len(),
                cells.len()
            )));
        }
        let mut entries: Map = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let cell = cells.get(at).map_or(Value::from(()), |cell| Value::from(cell.as_str()));
                (Value::from(name.as_str()), cell)
            })
            .collect();
        if let Some(more) = cells.get(names.len()..).filter(|more| !more.is_empty()) {
            entries.insert(Value::from(()), Value::from(more.to_vec()));
        }
        rows.push(value::map(entries));
    }
    Ok(Value::from(rows))
}

fn from_ini(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let reading = Reading { case_sensitive: true, keys_alone: false };
    let sections =
        parse(call.string()?, reading).map_err(|error| failed(format!("`from_ini`: {error}")))?;
    let section = |section: &crate::template::ini::Section| {
        let entries = section.iter().map(|(key, text)| {
            let text = text.as_deref().map_or(Value::from(()), Value::from);
            (Value::from(key.as_str()), text)
        });
        value::map(entries.collect())
    };
    Ok(value::map(
        sections.iter().map(|(name, found)| (Value::from(name.as_str()), section(found))).collect(),
    ))
}

fn to_ini(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let sections = print::pairs(call.value());
    if call.value().kind() != ValueKind::Map || sections.is_empty() {
        return Err(call.expected("a mapping of sections"));
    }
    let mut out = String::new();
    for (name, entries) in sections {
        if entries.kind() != ValueKind::Map {
            return Err(failed(format!(
                "`to_ini` expects a mapping in section {}",
                print::repr(&name)
            )));
        }
        out.push_str(&format!("[{}]\n", print::text(&name)));
        for (key, value) in print::pairs(&entries) {
            let text = match value.is_none() {
                true => "None".to_owned(),
                false => print::text(&value).replace('\n', "\n\t"),
            };
            out.push_str(&format!("{} = {text}\n", print::text(&key)));
        }
        out.push('\n');
    }
    out.pop();
    Ok(Value::from(out))
}
