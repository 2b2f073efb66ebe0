//! Filters on mappings, and to and from JSON and YAML.

use std::path::Path;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::source::emit::{self, Layout};
use crate::source::{SourceMap, yaml};
use crate::template::call::{Body, Call, items, whole};
use crate::template::error::failed;
use crate::template::value::{self, Map, from_node, pair};
use crate::template::{json, print, python};

use super::choose::sorted;
use super::list::mapping;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("combine", combine),
    ("dict2items", dict2items),
    ("items2dict", items2dict),
    ("items", |call| {
        Ok(Value::from(entries(call)?.into_iter().map(|(k, v)| pair(k, v)).collect::<Vec<_>>()))
    }),
    ("dictsort", dictsort),
    ("to_json", |call| to_json(call, false)),
    ("to_nice_json", |call| to_json(call, true)),
    ("tojson", tojson),
    ("to_yaml", |call| to_yaml(call, Layout::TERSE)),
    ("to_nice_yaml", |call| to_yaml(call, Layout::NICE)),
    ("from_json", from_json),
    ("from_yaml", |call| from_yaml(call, false)),
    ("from_yaml_all", |call| from_yaml(call, true)),
];

fn entries(call: &Call<'_, '_, '_>) -> Result<Vec<(Value, Value)>, Error> {
    match call.value().kind() {
        ValueKind::Map => Ok(print::pairs(call.value())),
        _ => Err(call.expected("a mapping")),
    }
}

/// How `combine` joins two lists under one key.
#[derive(Clone, Copy)]
struct Joining<'a> {
    recursive: bool,
    lists: &'a str,
}

fn combine(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let named = |name: &str| call.named.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    if let Some((other, _)) =
        call.named.iter().find(|(key, _)| key != "recursive" && key != "list_merge")
    {
        return Err(failed(format!(
            "`combine` knows no argument `{other}`: expected recursive or list_merge"
        )));
    }
    let lists = named("list_merge").map_or_else(|| "replace".to_owned(), print::text);
    if !["replace", "keep", "append", "prepend", "append_rp", "prepend_rp"]
        .contains(&lists.as_str())
    {
        return Err(failed(format!(
            "`combine` knows no list_merge `{lists}`: expected replace, keep, append, prepend, append_rp or prepend_rp"
        )));
    }
    let joining =
        Joining { recursive: named("recursive").is_some_and(Value::is_true), lists: &lists };
    let mut all = Vec::new();
    flat(&call.args, &mut all);
    let mut result = Map::new();
    // As Ansible has it, what is null is not there, and what is left alone is as it was.
    all.retain(|value| !value.is_none());
    if let [alone] = &all[..] {
        return Ok(alone.clone());
    }
    for value in all {
        if value.kind() != ValueKind::Map {
            return Err(failed(format!(
                "`combine` expects mappings, found {}",
                crate::template::call::described(&value)
            )));
        }
        result = joined(&result, &value, joining);
    }
    Ok(value::map(result))
}

/// Two mappings as `combine` joins them.
pub(in crate::template) fn merged(low: &Map, high: &Value, recursive: bool, lists: &str) -> Map {
    joined(low, high, Joining { recursive, lists })
}

fn flat(values: &[Value], out: &mut Vec<Value>) {
    for value in values {
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => flat(&items(value).unwrap_or_default(), out),
            _ => out.push(value.clone()),
        }
    }
}

fn joined(low: &Map, high: &Value, how: Joining<'_>) -> Map {
    let mut result = low.clone();
    for (key, new) in print::pairs(high) {
        let value = match result.get(&key) {
            Some(old)
                if how.recursive
                    && old.kind() == ValueKind::Map
                    && new.kind() == ValueKind::Map =>
            {
                let old: Map = print::pairs(old).into_iter().collect();
                value::map(joined(&old, &new, how))
            }
            Some(old) if is_list(old) && is_list(&new) => lists(old, &new, how.lists),
            _ => new,
        };
        result.insert(key, value);
    }
    result
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn lists(old: &Value, new: &Value, how: &str) -> Value {
    let (a, b) = (items(old).unwrap_or_default(), items(new).unwrap_or_default());
    let without = |list: &[Value], other: &[Value]| -> Vec<Value> {
        list.iter().filter(|item| !other.contains(item)).cloned().collect()
    };
    Value::from(match how {
        "keep" => a,
        "append" => [a, b].concat(),
        "prepend" => [b, a].concat(),
        "append_rp" => [without(&a, &b), b].concat(),
        "prepend_rp" => [b.clone(), without(&a, &b)].concat(),
        _ => b,
    })
}

fn dict2items(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (key_name, value_name) =
        (call.text(0, "key_name", "key"), call.text(1, "value_name", "value"));
    let row = |(key, value)| {
        mapping([(Value::from(key_name.as_str()), key), (Value::from(value_name.as_str()), value)])
    };
    Ok(Value::from(entries(call)?.into_iter().map(row).collect::<Vec<_>>()))
}

fn items2dict(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (key_name, value_name) =
        (call.text(0, "key_name", "key"), call.text(1, "value_name", "value"));
    if call.value().as_str().is_some() || call.value().kind() == ValueKind::Map {
        return Err(call.expected("a list of mappings"));
    }
    let mut pairs = Vec::new();
    for item in call.items()? {
        let part = |name: &str| {
            python::look(&item, &Value::from(name))?.ok_or_else(|| {
                failed(format!("`items2dict` expects each item to have `{key_name}` and `{value_name}`, found {}", print::repr(&item)))
            })
        };
        pairs.push((part(&key_name)?, part(&value_name)?));
    }
    Ok(mapping(pairs))
}

fn dictsort(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let case = call.flag(0, "case_sensitive", false);
    let by = call.text(1, "by", "key");
    let reverse = call.flag(2, "reverse", false);
    if by != "key" && by != "value" {
        return Err(failed("`dictsort` sorts by `key` or by `value`"));
    }
    let keyed = entries(call)?.into_iter().map(|(key, value)| {
        let sorted_by = if by == "key" { &key } else { &value };
        let sorted_by = match sorted_by.as_str() {
            Some(text) if !case => Value::from(text.to_lowercase()),
            _ => sorted_by.clone(),
        };
        (sorted_by, pair(key, value))
    });
    sorted(keyed.collect(), reverse).map(Value::from)
}

/// What `to_json` may be told.
const JSON_OPTIONS: &[&str] = &[
    "indent",
    "separators",
    "sort_keys",
    "ensure_ascii",
    "allow_nan",
    "check_circular",
    "default",
    "preprocess_unsafe",
    "profile",
    "skipkeys",
    "vault_to_text",
];

/// JSON that may stand in HTML.
fn tojson(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let indent = call.given(0, "indent").and_then(whole).and_then(|n| usize::try_from(n).ok());
    let indent = indent.map(|width| " ".repeat(width.min(100)));
    let item = if indent.is_some() { "," } else { ", " };
    let style =
        json::Style { indent: indent.as_deref(), sort_keys: true, ascii: true, item, key: ": " };
    let text = json::write(call.value(), &style)?;
    let safe = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\'', "\\u0027")];
    Ok(Value::from(safe.iter().fold(text, |text, (c, escape)| text.replace(*c, escape))))
}

fn to_json(call: &mut Call<'_, '_, '_>, nice: bool) -> Result<Value, Error> {
    if let Some((other, _)) =
        call.named.iter().find(|(name, _)| !JSON_OPTIONS.contains(&name.as_str()))
    {
        return Err(failed(format!(
            "`{}` knows no argument `{other}`: expected {}",
            call.name,
            JSON_OPTIONS.join(", ")
        )));
    }
    let named = |name: &str| call.named.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let indent = match named("indent").or_else(|| call.args.get(1).filter(|_| nice)) {
        Some(value) if value.is_none() => None,
        Some(value) => Some(match value.as_str() {
            Some(text) => text.to_owned(),
            None => {
                " ".repeat(whole(value).and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(100))
            }
        }),
        None if nice => Some("    ".to_owned()),
        None => None,
    };
    let separators = named("separators").and_then(items).filter(|pair| pair.len() == 2);
    let (item, key) = match &separators {
        Some(pair) => (print::text(&pair[0]), print::text(&pair[1])),
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    let style = json::Style {
        indent: indent.as_deref(),
        sort_keys: named("sort_keys").map_or(nice, Value::is_true),
        ascii: named("ensure_ascii").is_none_or(Value::is_true),
        item: &item,
        key: &key,
    };
    json::write(call.value(), &style).map(Value::from)
}

fn to_yaml(call: &mut Call<'_, '_, '_>, mut layout: Layout) -> Result<Value, Error> {
    let size = |value: &Value| whole(value).and_then(|n| usize::try_from(n).ok());
    for (name, value) in &call.named {
        match name.as_str() {
            "indent" => layout.indent = size(value).unwrap_or(layout.indent),
            "width" => layout.width = size(value).unwrap_or(layout.width),
            "default_flow_style" => {
                layout.default_flow_style = (!value.is_none()).then(|| value.is_true())
            }
            "default_style" => layout.default_style = style(value)?,
            "sort_keys" => layout.sort_keys = value.is_true(),
            "explicit_start" => layout.explicit_start = value.is_true(),
            "explicit_end" => layout.explicit_end = value.is_true(),
            // Text is always written as it is.
            "allow_unicode" => {}
            other => return Err(failed(format!("`{}` knows no argument `{other}`", call.name))),
        }
    }
    if let Some(indent) = call.args.get(1).and_then(size) {
        layout.indent = indent;
    }
    Ok(Value::from(emit::to_yaml(call.value(), &layout)))
}

fn style(value: &Value) -> Result<Option<emit::Style>, Error> {
    Ok(match value.as_str() {
        None if value.is_none() => None,
        Some("") => None,
        Some("'") => Some(emit::Style::Single),
        Some("\"") => Some(emit::Style::Double),
        Some("|") => Some(emit::Style::Literal),
        Some(">") => Some(emit::Style::Folded),
        _ => {
            return Err(failed(format!(
                "expected the `default_style` to be `'`, `\"`, `|` or `>`, found `{value}`"
            )));
        }
    })
}

fn from_json(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    json::read(call.string()?)
}

fn from_yaml(call: &mut Call<'_, '_, '_>, all: bool) -> Result<Value, Error> {
    let Some(text) = call.value().as_str() else { return Ok(call.value().clone()) };
    let map = SourceMap::default();
    let broken =
        |error: crate::source::Diagnostic| failed(format!("not YAML: {}", error.message()));
    let mut documents = yaml::parse(&map, Path::new("text"), text)
        .map_err(broken)?
        .iter()
        .map(from_node)
        .collect::<Vec<_>>();
    if all {
        return Ok(Value::from(documents));
    }
    match documents.len() {
        0 => Ok(Value::from(())),
        1 => Ok(documents.remove(0)),
        count => {
            Err(failed(format!("expected one YAML document, found {count}; use `from_yaml_all`")))
        }
    }
}
