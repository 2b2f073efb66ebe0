//! Filters of community.general that make lists and mappings of lists.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, described, items};
use crate::template::error::failed;
use crate::template::filters::{deduplicated, merged};
use crate::template::value::{self, Map};
use crate::template::{print, python, version};

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("accumulate", accumulate),
    ("counter", counter),
    ("dict", dict),
    ("dict_kv", |call| {
        let key = call.required(0, "key")?.clone();
        Ok(value::map([(key, call.value().clone())].into_iter().collect()))
    }),
    ("groupby_as_dict", groupby_as_dict),
    ("lists_union", |call| combined(call, |a, b| [a, b].concat())),
    ("lists_intersect", |call| {
        combined(call, |a, b| a.iter().filter(|item| b.contains(item)).cloned().collect())
    }),
    ("lists_difference", |call| {
        combined(call, |a, b| a.iter().filter(|item| !b.contains(item)).cloned().collect())
    }),
    ("lists_symmetric_difference", |call| {
        combined(call, |a, b| {
            let only = |x: &[Value], y: &[Value]| {
                x.iter().filter(|item| !y.contains(item)).cloned().collect::<Vec<_>>()
            };
            [only(a, b), only(b, a)].concat()
        })
    }),
    ("lists_mergeby", lists_mergeby),
    ("version_sort", version_sort),
];

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn list(value: &Value, name: &str) -> Result<Vec<Value>, Error> {
    items(value)
        .filter(|_| is_list(value))
        .ok_or_else(|| failed(format!("`{name}` expects lists, found {}", described(value))))
}

/// Sums of the items so far; of text, the text so far.
fn accumulate(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    if !is_list(call.value()) && call.value().as_str().is_none() {
        return Err(call.expected("a list or text"));
    }
    let mut all: Vec<Value> = Vec::new();
    for item in call.items()? {
        let next = match all.last() {
            Some(sum) => match (sum.as_str(), item.as_str()) {
                (Some(text), Some(more)) => Value::from(format!("{text}{more}")),
                _ => crate::template::filters::add(sum, &item)?,
            },
            None => item,
        };
        all.push(next);
    }
    Ok(Value::from(all))
}

fn counter(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    if !is_list(call.value()) && call.value().as_str().is_none() {
        return Err(call.expected("a list or text"));
    }
    let mut counts = Map::new();
    for item in call.items()? {
        if is_list(&item) || item.kind() == ValueKind::Map {
            return Err(failed(format!("`counter` cannot count {}", described(&item))));
        }
        let count = counts.get(&item).and_then(|count| i64::try_from(count.clone()).ok());
        counts.insert(item, Value::from(count.unwrap_or(0) + 1));
    }
    Ok(value::map(counts))
}

fn dict(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    if call.value().kind() == ValueKind::Map {
        return Ok(call.value().clone());
    }
    let mut entries = Map::new();
    for row in call.items()? {
        match items(&row).as_deref() {
            Some([key, item]) => drop(entries.insert(key.clone(), item.clone())),
            _ => return Err(failed(format!("`dict` expects pairs, found {}", described(&row)))),
        }
    }
    Ok(value::map(entries))
}

fn groupby_as_dict(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let attribute = call.required(0, "attribute")?.clone();
    let mut keyed = Map::new();
    for item in list(call.value(), "groupby_as_dict")? {
        if item.kind() != ValueKind::Map {
            return Err(failed(format!(
                "`groupby_as_dict` expects mappings, found {}",
                described(&item)
            )));
        }
        let key = python::look(&item, &attribute)?.ok_or_else(|| {
            failed(format!("an item has no attribute {}", print::repr(&attribute)))
        })?;
        if keyed.insert(key.clone(), item).is_some() {
            return Err(failed(format!("two items have the value {}", print::repr(&key))));
        }
    }
    Ok(value::map(keyed))
}

/// The lists to combine: the value and all arguments; with `flatten` lists among them give theirs.
fn given(call: &Call<'_, '_, '_>, count: usize) -> Result<Vec<Vec<Value>>, Error> {
    let mut all = Vec::new();
    for argument in &call.args[..count] {
        let outer = list(argument, call.name)?;
        let nested = !outer.is_empty() && outer.iter().all(is_list);
        match nested {
            true => {
                for inner in &outer {
                    all.push(list(inner, call.name)?);
                }
            }
            false => all.push(outer),
        }
    }
    Ok(all)
}

fn combined(
    call: &Call<'_, '_, '_>,
    join: fn(&[Value], &[Value]) -> Vec<Value>,
) -> Result<Value, Error> {
    let flatten = match &call.named[..] {
        [] => false,
        [(name, value)] if name == "flatten" => value.is_true(),
        [(name, _), ..] => {
            return Err(failed(format!(
                "`{}` knows no argument `{name}`: expected flatten",
                call.name
            )));
        }
    };
    let lists = match flatten {
        true => given(call, call.args.len())?.into_iter().filter(|list| !list.is_empty()).collect(),
        false => call
            .args
            .iter()
            .map(|argument| list(argument, call.name))
            .collect::<Result<Vec<_>, _>>()?,
    };
    if let [one] = &lists[..] {
        return Ok(Value::from(one.clone()));
    }
    let joined = lists.into_iter().reduce(|a, b| deduplicated(join(&a, &b)));
    Ok(Value::from(deduplicated(joined.unwrap_or_default())))
}

fn lists_mergeby(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let named = |name: &str| call.named.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    if let Some((other, _)) =
        call.named.iter().find(|(key, _)| key != "recursive" && key != "list_merge")
    {
        return Err(failed(format!(
            "`lists_mergeby` knows no argument `{other}`: expected recursive or list_merge"
        )));
    }
    let recursive = named("recursive").is_some_and(Value::is_true);
    let how = named("list_merge").map_or_else(|| "replace".to_owned(), print::text);
    if call.args.len() < 2 {
        return Err(failed("`lists_mergeby` needs the name of a key"));
    }
    let lists: Vec<Vec<Value>> =
        given(call, call.args.len() - 1)?.into_iter().filter(|list| !list.is_empty()).collect();
    match &lists[..] {
        [] => return Ok(Value::from(Vec::<Value>::new())),
        [one] => return Ok(Value::from(one.clone())),
        _ => {}
    }
    let index = match call.args.last() {
        Some(index) if index.as_str().is_some() => index.clone(),
        _ => return Err(failed("`lists_mergeby` expects the name of a key as text")),
    };
    let mut rows: Vec<(Value, Map)> = Vec::new();
    for item in lists.into_iter().flatten() {
        if item.kind() != ValueKind::Map {
            return Err(failed(format!(
                "`lists_mergeby` expects mappings, found {}",
                described(&item)
            )));
        }
        let Some(key) = python::look(&item, &index)? else { continue };
        match rows.iter_mut().find(|(known, _)| *known == key) {
            Some((_, row)) => *row = merged(row, &item, recursive, &how),
            None => rows.push((key, merged(&Map::new(), &item, recursive, &how))),
        }
    }
    let mut fault = None;
    rows.sort_by(|(a, _), (b, _)| {
        python::compare(a, b, "<").unwrap_or_else(|error| {
            fault.get_or_insert(error);
            Ordering::Equal
        })
    });
    match fault {
        Some(error) => Err(error),
        None => {
            Ok(Value::from(rows.into_iter().map(|(_, row)| value::map(row)).collect::<Vec<_>>()))
        }
    }
}

fn version_sort(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let reverse = call.flag(0, "reverse", false);
    let mut texts = Vec::new();
    for item in call.items()? {
        texts.push(item.as_str().map(str::to_owned).ok_or_else(|| {
            failed(format!("`version_sort` expects versions as text, found {}", described(&item)))
        })?);
    }
    let mut fault = None;
    texts.sort_by(|a, b| {
        let order = version::loose(a, b).unwrap_or_else(|error| {
            fault.get_or_insert(error);
            Ordering::Equal
        });
        if reverse { order.reverse() } else { order }
    });
    match fault {
        Some(error) => Err(error),
        None => Ok(Value::from(texts)),
    }
}
