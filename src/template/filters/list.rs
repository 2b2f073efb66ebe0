//! Filters that arrange lists: sets, products, slices.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use rprov_modules::kit::Span;

use crate::template::call::{Body, Call, items, whole};
use crate::template::error::{ErrorKind, TemplateError, failed, wrap};
use crate::template::value::{self, Map, pair};
use crate::template::{print, python};

use super::choose::attribute;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("sum", sum),
    ("union", |call| sets(call, |a, b| a.iter().chain(b).cloned().collect())),
    ("intersect", |call| {
        sets(call, |a, b| a.iter().filter(|item| b.contains(item)).cloned().collect())
    }),
    ("difference", |call| {
        sets(call, |a, b| a.iter().filter(|item| !b.contains(item)).cloned().collect())
    }),
    ("symmetric_difference", symmetric_difference),
    ("reverse", reverse),
    ("flatten", flatten),
    ("zip", zip),
    ("zip_longest", zip_longest),
    ("product", product),
    ("permutations", |call| arrangements(call, true)),
    ("combinations", |call| arrangements(call, false)),
    ("batch", batch),
    ("slice", slice),
    ("subelements", subelements),
    ("extract", extract),
];

fn sum(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = call.given(0, "attribute").cloned();
    let mut total = call.arg(1, "start").cloned().unwrap_or_else(|| Value::from(0));
    for item in call.items()? {
        let item = match &path {
            Some(path) => attribute(&item, path)?,
            None => item,
        };
        total = add(&total, &item)?;
    }
    Ok(total)
}

pub(in crate::template) fn add(a: &Value, b: &Value) -> Result<Value, Error> {
    let refused = || {
        let (a, b) = (print::type_name(a), print::type_name(b));
        failed(format!("unsupported operand type(s) for +: '{a}' and '{b}'"))
    };
    let number = |value: &Value| match value.kind() {
        ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
        ValueKind::Number => Some(value.clone()),
        _ => None,
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => match (print::float(&a), print::float(&b)) {
            (None, None) => {
                let (a, b) = (i128::try_from(a)?, i128::try_from(b)?);
                a.checked_add(b).map(value::integer).ok_or_else(|| failed("the sum is too large"))
            }
            _ => Ok(Value::from(f64::try_from(a)? + f64::try_from(b)?)),
        },
        _ => match (items(a), items(b)) {
            (Some(mut first), Some(second)) if a.as_str().is_none() && b.as_str().is_none() => {
                first.extend(second);
                Ok(Value::from(first))
            }
            _ => Err(refused()),
        },
    }
}

pub(in crate::template) fn deduplicated(items: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    let mut seen = std::collections::HashSet::new();
    for item in items {
        // As in Python, true is 1 and false 0.
        let same = match item.kind() {
            ValueKind::Bool => Value::from(i64::from(item.is_true())),
            _ => item.clone(),
        };
        if seen.insert(same) {
            kept.push(item);
        }
    }
    kept
}

fn both(call: &Call<'_, '_, '_>) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let other = call.required(0, "b")?;
    let other = items(other).ok_or_else(|| failed(format!("`{}` expects two lists", call.name)))?;
    Ok((call.items()?, other))
}

fn sets(
    call: &mut Call<'_, '_, '_>,
    combine: fn(&[Value], &[Value]) -> Vec<Value>,
) -> Result<Value, Error> {
    let (a, b) = both(call)?;
    Ok(Value::from(deduplicated(combine(&a, &b))))
}

fn symmetric_difference(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let (a, b) = both(call)?;
    let only = |x: &[Value], y: &[Value]| {
        x.iter().filter(|item| !y.contains(item)).cloned().collect::<Vec<_>>()
    };
    Ok(Value::from(deduplicated([only(&a, &b), only(&b, &a)].concat())))
}

fn reverse(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    if let Some(text) = call.value().as_str() {
        return Ok(Value::from(text.chars().rev().collect::<String>()));
    }
    let mut items = call.items()?;
    items.reverse();
    Ok(Value::from(items))
}

fn flatten(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let levels = call.given(0, "levels").and_then(whole);
    let skip = call.flag(1, "skip_nulls", true);
    let mut out = Vec::new();
    flat(&call.items()?, levels, skip, &mut out);
    Ok(Value::from(out))
}

fn flat(items: &[Value], levels: Option<i64>, skip: bool, out: &mut Vec<Value>) {
    for item in items {
        let null = item.is_none() || matches!(item.as_str(), Some("None" | "null"));
        if skip && null {
            continue;
        }
        if matches!(item.kind(), ValueKind::Seq | ValueKind::Iterable)
            && levels.is_none_or(|levels| levels >= 1)
        {
            let inner: Vec<Value> = item.try_iter().into_iter().flatten().collect();
            flat(&inner, levels.map(|levels| levels - 1), skip, out);
        } else {
            out.push(item.clone());
        }
    }
}

fn lists(call: &Call<'_, '_, '_>) -> Result<Vec<Vec<Value>>, Error> {
    let all = call
        .args
        .iter()
        .map(|list| items(list).ok_or_else(|| failed(format!("`{}` expects lists", call.name))));
    all.collect()
}

fn tuple(items: Vec<Value>) -> Value {
    Value::from(minijinja::value::Tuple::new(items))
}

fn zip(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let lists = lists(call)?;
    let shortest = lists.iter().map(Vec::len).min().unwrap_or(0);
    let rows = (0..shortest).map(|i| tuple(lists.iter().map(|list| list[i].clone()).collect()));
    Ok(Value::from(rows.collect::<Vec<_>>()))
}

fn zip_longest(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let fill = call
        .named
        .iter()
        .find(|(key, _)| key == "fillvalue")
        .map_or(Value::from(()), |(_, v)| v.clone());
    let lists = lists(call)?;
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let item = |list: &Vec<Value>, i: usize| list.get(i).cloned().unwrap_or_else(|| fill.clone());
    let rows = (0..longest).map(|i| tuple(lists.iter().map(|list| item(list, i)).collect()));
    Ok(Value::from(rows.collect::<Vec<_>>()))
}

/// More rows than this are refused: nobody means them.
const ROWS: usize = 1_000_000;

fn product(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let repeat =
        call.named.iter().find(|(key, _)| key == "repeat").and_then(|(_, v)| whole(v)).unwrap_or(1);
    let lists = lists(call)?;
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for _ in 0..repeat.max(0) {
        for list in &lists {
            if rows.len().saturating_mul(list.len()) > ROWS {
                return Err(failed("`product` gives more than a million items"));
            }
            rows = rows
                .iter()
                .flat_map(|row| {
                    list.iter().map(|item| [&row[..], std::slice::from_ref(item)].concat())
                })
                .collect();
        }
    }
    Ok(Value::from(rows.into_iter().map(tuple).collect::<Vec<_>>()))
}

/// Permutations or combinations of `n` items, in Python's order.
fn arrangements(call: &mut Call<'_, '_, '_>, ordered: bool) -> Result<Value, Error> {
    let items = call.items()?;
    if !ordered {
        call.required(0, "set_size")?;
    }
    let default = items.len();
    let size =
        usize::try_from(call.int(0, "set_size", i64::try_from(default).unwrap_or(0))?).unwrap_or(0);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size {
        let mut next = Vec::new();
        for row in &rows {
            let free = |i: &usize| {
                if ordered { !row.contains(i) } else { row.last().is_none_or(|last| i > last) }
            };
            next.extend((0..items.len()).filter(free).map(|i| [&row[..], &[i]].concat()));
            if next.len() > ROWS {
                return Err(failed(format!("`{}` gives more than a million items", call.name)));
            }
        }
        rows = next;
    }
    let row = |row: Vec<usize>| tuple(row.into_iter().map(|i| items[i].clone()).collect());
    Ok(Value::from(rows.into_iter().map(row).collect::<Vec<_>>()))
}

fn batch(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let size = usize::try_from(call.int(0, "linecount", 1)?).unwrap_or(0).max(1);
    let fill = call.given(1, "fill_with").cloned();
    let mut rows: Vec<Vec<Value>> = call.items()?.chunks(size).map(<[Value]>::to_vec).collect();
    if let (Some(fill), Some(last)) = (fill, rows.last_mut()) {
        last.resize(size.min(ROWS), fill);
    }
    Ok(Value::from(rows.into_iter().map(Value::from).collect::<Vec<_>>()))
}

fn slice(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let count = call.int(0, "slices", 1)?;
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| failed(format!("`slice` expects a number above 0, found {count}")))?
        .min(ROWS);
    let fill = call.given(1, "fill_with").cloned();
    let items = call.items()?;
    let (each, extra) = (items.len() / count, items.len() % count);
    let mut rows = Vec::with_capacity(count);
    let mut start = 0;
    for i in 0..count {
        let end = start + each + usize::from(i < extra);
        let mut row = items[start..end].to_vec();
        if let Some(fill) = fill.as_ref().filter(|_| i >= extra && extra > 0) {
            row.push(fill.clone());
        }
        rows.push(Value::from(row));
        start = end;
    }
    Ok(Value::from(rows))
}

fn subelements(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = call.required(0, "subelements")?.clone();
    let skip = call.flag(1, "skip_missing", false);
    let parents = match call.value().kind() {
        ValueKind::Map => print::pairs(call.value()).into_iter().map(|(_, value)| value).collect(),
        ValueKind::Seq | ValueKind::Iterable => call.items()?,
        _ => return Err(call.expected("a list or a mapping of mappings")),
    };
    let parts: Vec<Value> = match path.as_str() {
        Some(text) => text.split('.').map(Value::from).collect(),
        None => items(&path).unwrap_or_default(),
    };
    let mut rows = Vec::new();
    for parent in parents {
        let mut value = Some(parent.clone());
        for part in &parts {
            value = match value {
                Some(value) if value.kind() == ValueKind::Map => python::look(&value, part)?,
                Some(value) => {
                    let (path, found) = (print::repr(part), print::repr(&value));
                    return Err(failed(format!(
                        "the key {path} should point to a mapping, got {found}"
                    )));
                }
                None => None,
            };
        }
        match value {
            Some(value) if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) => {
                rows.extend(value.try_iter()?.map(|child| pair(parent.clone(), child)));
            }
            Some(value) => {
                let (path, found) = (print::repr(&path), print::repr(&value));
                return Err(failed(format!("the key {path} should point to a list, got {found}")));
            }
            None if skip => {}
            None => {
                return Err(failed(format!(
                    "could not find {} key in iterated item",
                    print::repr(&path)
                )));
            }
        }
    }
    Ok(Value::from(rows))
}

fn extract(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut value = call.required(0, "container")?.clone();
    let more = match call.given(1, "morekeys") {
        Some(keys) if keys.as_str().is_none() => items(keys).unwrap_or_else(|| vec![keys.clone()]),
        Some(key) => vec![key.clone()],
        None => Vec::new(),
    };
    for key in std::iter::once(call.value().clone()).chain(more) {
        value = attribute_exact(&value, &key)?;
    }
    Ok(value)
}

fn attribute_exact(value: &Value, key: &Value) -> Result<Value, Error> {
    match python::look(value, key)? {
        Some(found) => Ok(found),
        None => {
            let kind = print::type_name(value);
            let message = format!("object of type '{kind}' has no attribute {}", print::repr(key));
            Err(wrap(TemplateError::new(ErrorKind::Undefined, message, Span::default())))
        }
    }
}

/// A mapping from pairs.
pub(super) fn mapping(pairs: impl IntoIterator<Item = (Value, Value)>) -> Value {
    value::map(pairs.into_iter().collect::<Map>())
}
