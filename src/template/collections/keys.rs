//! Filters that keep, drop and rename keys of mappings.

use fancy_regex::Regex;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, described, items};
use crate::template::error::failed;
use crate::template::filters::regex;
use crate::template::value::{self, Map};
use crate::template::{print, python};

/// Of the mappings of a list.
pub(super) const GENERAL: &[(&str, Body)] = &[
    ("keep_keys", |call| kept(call, true)),
    ("remove_keys", |call| kept(call, false)),
    ("replace_keys", replaced),
];

/// At any depth of lists and mappings.
pub(super) const UTILS: &[(&str, Body)] = &[
    ("keep_keys", |call| {
        let target = target(call, 0)?;
        Ok(deep_kept(call.value(), &target)?.unwrap_or_else(|| value::map(Map::new())))
    }),
    ("remove_keys", |call| {
        let target = target(call, 0)?;
        deep_removed(call.value(), &target)
    }),
    ("replace_keys", |call| {
        let pairs = renames(call)?;
        deep_renamed(call.value(), &pairs)
    }),
];

/// What a key is compared with.
enum Target {
    Equal(String),
    Start(String),
    End(String),
    Pattern(std::sync::Arc<Regex>),
}

impl Target {
    fn new(text: String, how: &str) -> Result<Target, Error> {
        Ok(match how {
            "equal" | "equality" => Target::Equal(text),
            "starts_with" => Target::Start(text),
            "ends_with" => Target::End(text),
            "regex" => Target::Pattern(regex::compile(&text, false, false)?),
            _ => {
                return Err(failed(format!(
                    "`matching_parameter` is one of equal, starts_with, ends_with and regex, found `{how}`"
                )));
            }
        })
    }

    fn fits(&self, key: &str) -> Result<bool, Error> {
        Ok(match self {
            Target::Equal(text) => key == text,
            Target::Start(text) => key.starts_with(text.as_str()),
            Target::End(text) => key.ends_with(text.as_str()),
            Target::Pattern(pattern) => {
                pattern.find(key).map_err(regex::too_hard)?.is_some_and(|found| found.start() == 0)
            }
        })
    }
}

fn any(targets: &[Target], key: &Value) -> Result<bool, Error> {
    let key = print::text(key);
    for target in targets {
        if target.fits(&key)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn target(call: &Call<'_, '_, '_>, index: usize) -> Result<Vec<Target>, Error> {
    let target = call.required(index, "target")?;
    let how = call.text(index + 1, "matching_parameter", "equal");
    let texts = match target.as_str() {
        Some(text) => vec![Value::from(text)],
        None => items(target).unwrap_or_default(),
    };
    if texts.is_empty() {
        return Err(failed(format!("`{}` expects at least one `target`", call.name)));
    }
    if how == "regex" && texts.len() > 1 && call.name != "keep_keys" {
        return Err(failed("`matching_parameter='regex'` takes one `target`"));
    }
    let one = |text: &Value| match text.as_str() {
        Some(text) => Target::new(text.to_owned(), &how),
        None => Err(failed(format!("`target` is text, found {}", described(text)))),
    };
    texts.iter().map(one).collect()
}

/// The mappings of the filtered list; their keys are text.
fn rows(call: &Call<'_, '_, '_>) -> Result<Vec<Vec<(Value, Value)>>, Error> {
    if !matches!(call.value().kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(call.expected("a list of mappings"));
    }
    let one = |row: &Value| {
        let pairs = print::pairs(row);
        match row.kind() == ValueKind::Map && pairs.iter().all(|(key, _)| key.as_str().is_some()) {
            true => Ok(pairs),
            false => Err(failed(format!(
                "`{}` expects mappings with keys of text, found {}",
                call.name,
                described(row)
            ))),
        }
    };
    call.items()?.iter().map(one).collect()
}

fn kept(call: &Call<'_, '_, '_>, wanted: bool) -> Result<Value, Error> {
    let (rows, target) = (rows(call)?, target(call, 0)?);
    let mut out = Vec::new();
    for row in rows {
        let mut kept = Map::new();
        for (key, item) in row {
            if any(&target, &key)? == wanted {
                kept.insert(key, item);
            }
        }
        out.push(value::map(kept));
    }
    Ok(Value::from(out))
}

/// Pairs of what a key is now and what it is to be.
fn renames(call: &Call<'_, '_, '_>) -> Result<Vec<(Target, String)>, Error> {
    let how = call.text(1, "matching_parameter", "equal");
    let target = call.required(0, "target")?;
    let rows = items(target).filter(|_| target.as_str().is_none()).unwrap_or_default();
    if rows.is_empty() {
        return Err(failed("`replace_keys` expects a list of `before` and `after`"));
    }
    let one = |row: &Value| {
        let part = |name: &str| match python::look(row, &Value::from(name))? {
            Some(text) if text.as_str().is_some() => Ok(print::text(&text)),
            _ => Err(failed("`replace_keys` expects `before` and `after` as text in each target")),
        };
        Ok((Target::new(part("before")?, &how)?, part("after")?))
    };
    rows.iter().map(one).collect()
}

fn renamed(key: Value, pairs: &[(Target, String)]) -> Result<Value, Error> {
    for (before, after) in pairs {
        if before.fits(&print::text(&key))? {
            return Ok(Value::from(after.as_str()));
        }
    }
    Ok(key)
}

fn replaced(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (rows, pairs) = (rows(call)?, renames(call)?);
    let mut out = Vec::new();
    for row in rows {
        let mut entries = Map::new();
        for (key, item) in row {
            entries.insert(renamed(key, &pairs)?, item);
        }
        out.push(value::map(entries));
    }
    Ok(Value::from(out))
}

fn children(value: &Value) -> Option<Vec<Value>> {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable).then(|| items(value)).flatten()
}

/// What is under a key that fits; none if nothing is.
fn deep_kept(data: &Value, target: &[Target]) -> Result<Option<Value>, Error> {
    if let Some(list) = children(data) {
        let mut kept = Vec::new();
        for item in &list {
            kept.extend(deep_kept(item, target)?);
        }
        return Ok((!kept.is_empty()).then(|| Value::from(kept)));
    }
    if data.kind() != ValueKind::Map {
        return Ok(None);
    }
    let mut kept = Map::new();
    for (key, item) in print::pairs(data) {
        if any(target, &key)? {
            kept.insert(key, item);
        } else if let Some(inner) = deep_kept(&item, target)? {
            kept.insert(key, inner);
        }
    }
    Ok((!kept.is_empty()).then(|| value::map(kept)))
}

fn deep_removed(data: &Value, target: &[Target]) -> Result<Value, Error> {
    if let Some(list) = children(data) {
        let all = list.iter().map(|item| deep_removed(item, target));
        return Ok(Value::from(all.collect::<Result<Vec<_>, _>>()?));
    }
    if data.kind() != ValueKind::Map {
        return Ok(data.clone());
    }
    let mut kept = Map::new();
    for (key, item) in print::pairs(data) {
        if !any(target, &key)? {
            kept.insert(key, deep_removed(&item, target)?);
        }
    }
    Ok(value::map(kept))
}

fn deep_renamed(data: &Value, pairs: &[(Target, String)]) -> Result<Value, Error> {
    if let Some(list) = children(data) {
        let all = list.iter().map(|item| deep_renamed(item, pairs));
        return Ok(Value::from(all.collect::<Result<Vec<_>, _>>()?));
    }
    if data.kind() != ValueKind::Map {
        return Ok(data.clone());
    }
    // What gets another name comes last, as there.
    let (mut entries, mut last) = (Map::new(), Map::new());
    for (key, item) in print::pairs(data) {
        let name = renamed(key.clone(), pairs)?;
        let into = if name == key { &mut entries } else { &mut last };
        into.insert(name, deep_renamed(&item, pairs)?);
    }
    entries.extend(last);
    Ok(value::map(entries))
}
