//! Filters on lists.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};
use rprov_modules::kit::{Span, nearest};

use crate::template::call::{Body, Call, defined, items, whole};
use crate::template::error::{ErrorKind, TemplateError, failed, wrap};
use crate::template::lazy::{Miss, here};
use crate::template::value::{self, Map, pair};
use crate::template::{print, python, register};

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("map", map),
    ("select", |call| selected(call, true, false)),
    ("reject", |call| selected(call, false, false)),
    ("selectattr", |call| selected(call, true, true)),
    ("rejectattr", |call| selected(call, false, true)),
    ("first", |call| end_item(call, true)),
    ("last", |call| end_item(call, false)),
    ("min", |call| extreme(call, Ordering::Less)),
    ("max", |call| extreme(call, Ordering::Greater)),
    ("sum", sum),
    ("sort", sort),
    ("unique", unique),
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
    ("groupby", groupby),
    ("subelements", subelements),
    ("extract", extract),
    ("random", random),
    ("shuffle", shuffle),
];

/// `a.b.0` of an item, as `map(attribute=…)` reads it; undefined if it is not there.
fn reach(item: &Value, path: &Value) -> Result<Option<Value>, Error> {
    let Some(text) = path.as_str() else { return python::look(item, path) };
    let mut value = item.clone();
    for part in text.split('.') {
        let key = part.parse::<i64>().map_or_else(|_| Value::from(part), Value::from);
        let found = match python::look(&value, &key)? {
            None if key.as_str().is_none() => python::look(&value, &Value::from(part))?,
            found => found,
        };
        match found {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// As [`reach`]; what is not there is an error.
pub(super) fn attribute(item: &Value, path: &Value) -> Result<Value, Error> {
    reach(item, path)?.ok_or_else(|| {
        let kind = print::type_name(item);
        let message = format!("object of type '{kind}' has no attribute {}", print::repr(path));
        wrap(TemplateError::new(ErrorKind::Undefined, message, Span::default()))
    })
}

fn map(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let items = call.items()?;
    let named =
        |name: &str| call.named.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if call.args.len() < 2 {
        let path =
            named("attribute").ok_or_else(|| failed("`map` needs a filter or `attribute=`"))?;
        let default = named("default");
        let values = items.iter().map(|item| match &default {
            Some(default) => Ok(reach(item, &path)?.unwrap_or_else(|| default.clone())),
            None => attribute(item, &path),
        });
        return values.collect::<Result<Vec<_>, _>>().map(Value::from);
    }
    let filter = plugin(&print::text(&call.args[1]));
    known(&filter, true)?;
    let rest = arguments(call, 2);
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        let args: Vec<Value> = std::iter::once(item).chain(rest.iter().cloned()).collect();
        values.push(call.state.apply_filter(&filter, &args)?);
    }
    Ok(Value::from(values))
}

/// A filter's or test's name without the built-in collection.
fn plugin(name: &str) -> String {
    name.strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name)
        .to_owned()
}

/// Refuses a filter or test that does not exist.
fn known(name: &str, filter: bool) -> Result<(), Error> {
    if register::names(filter).any(|known| known == name) {
        return Ok(());
    }
    let what = if filter { "filter" } else { "test" };
    let error =
        TemplateError::new(ErrorKind::Failed, format!("no {what} named `{name}`"), Span::default());
    Err(wrap(match nearest(name, register::names(filter)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }))
}

/// The arguments after the first `skip`, ready to be passed on.
fn arguments(call: &Call<'_, '_, '_>, skip: usize) -> Vec<Value> {
    let mut rest: Vec<Value> = call.args.iter().skip(skip).cloned().collect();
    if !call.named.is_empty() {
        let named: minijinja::value::Kwargs =
            call.named.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        rest.push(Value::from(named));
    }
    rest
}

fn selected(call: &mut Call<'_, '_, '_>, wanted: bool, by_attribute: bool) -> Result<Value, Error> {
    let items = call.items()?;
    let path = by_attribute.then(|| call.required(0, "attribute").cloned()).transpose()?;
    let at = 1 + usize::from(by_attribute);
    let test = call.args.get(at).map(|test| plugin(&print::text(test)));
    if let Some(test) = &test {
        known(test, false)?;
    }
    let rest = arguments(call, at + 1);
    let mut kept = Vec::new();
    for item in items {
        let subject = match &path {
            Some(path) => reach(&item, path)?,
            None => Some(item.clone()),
        };
        let holds = match (&test, subject) {
            (Some(test), subject) => {
                let missing = subject.is_none();
                if missing && !matches!(test.as_str(), "defined" | "undefined") {
                    attribute(&item, path.as_ref().unwrap_or(&Value::UNDEFINED))?;
                }
                let args: Vec<Value> = std::iter::once(subject.unwrap_or_default())
                    .chain(rest.iter().cloned())
                    .collect();
                call.state.perform_test(test, &args)?
            }
            (None, Some(subject)) => {
                defined(call.state, &subject)?;
                subject.is_true()
            }
            (None, None) => attribute(&item, path.as_ref().unwrap_or(&Value::UNDEFINED))?.is_true(),
        };
        if holds == wanted {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

/// An undefined value that says why.
fn nothing(state: &State<'_, '_>, message: &str) -> Value {
    if let Some(evaluation) = here(state) {
        evaluation.miss(Miss {
            text: String::new(),
            message: message.to_owned(),
            help: None,
            inner: None,
        });
    }
    Value::UNDEFINED
}

fn end_item(call: &mut Call<'_, '_, '_>, first: bool) -> Result<Value, Error> {
    let items = call.items()?;
    let item = if first { items.first() } else { items.last() };
    let side = if first { "first" } else { "last" };
    Ok(item
        .cloned()
        .unwrap_or_else(|| nothing(call.state, &format!("no {side} item: the list is empty"))))
}

/// What items are compared by: an attribute, case put aside if so wished.
fn key(item: &Value, path: Option<&Value>, case: bool) -> Result<Value, Error> {
    let value = match path {
        Some(path) => attribute(item, path)?,
        None => item.clone(),
    };
    Ok(match value.as_str() {
        Some(text) if !case => Value::from(text.to_lowercase()),
        _ => value,
    })
}

fn extreme(call: &mut Call<'_, '_, '_>, side: Ordering) -> Result<Value, Error> {
    let named = |name: &str| call.named.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let case = named("case_sensitive").is_some_and(Value::is_true);
    let path = named("attribute");
    let mut best: Option<(Value, Value)> = None;
    for item in call.items()? {
        let by = key(&item, path, case)?;
        let better = match &best {
            Some((_, known)) => {
                python::compare(&by, known, if side == Ordering::Less { "<" } else { ">" })? == side
            }
            None => true,
        };
        if better {
            best = Some((item, by));
        }
    }
    Ok(best
        .map(|(item, _)| item)
        .unwrap_or_else(|| nothing(call.state, "no smallest or largest item: the list is empty")))
}

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

fn add(a: &Value, b: &Value) -> Result<Value, Error> {
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

/// Sorts stably by Python's order; the first pair without an order is the error.
pub(super) fn sorted(mut keyed: Vec<(Value, Value)>, reverse: bool) -> Result<Vec<Value>, Error> {
    let mut fault = None;
    keyed.sort_by(|(a, _), (b, _)| {
        let order = python::compare(a, b, "<").unwrap_or_else(|error| {
            fault.get_or_insert(error);
            Ordering::Equal
        });
        if reverse { order.reverse() } else { order }
    });
    match fault {
        Some(error) => Err(error),
        None => Ok(keyed.into_iter().map(|(_, item)| item).collect()),
    }
}

fn sort(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let reverse = call.flag(0, "reverse", false);
    let case = call.flag(1, "case_sensitive", false);
    let path = call.given(2, "attribute").cloned();
    let mut keyed = Vec::new();
    for item in call.items()? {
        let by = match path.as_ref().map(|path| (path, path.as_str().unwrap_or_default())) {
            Some((_, text)) if text.contains(',') => {
                let keys =
                    text.split(',').map(|part| key(&item, Some(&Value::from(part.trim())), case));
                Value::from(keys.collect::<Result<Vec<_>, _>>()?)
            }
            Some((path, _)) => key(&item, Some(path), case)?,
            None => key(&item, None, case)?,
        };
        keyed.push((by, item));
    }
    sorted(keyed, reverse).map(Value::from)
}

fn unique(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let case = call.flag(0, "case_sensitive", false);
    let path = call.given(1, "attribute").cloned();
    let mut seen: Vec<Value> = Vec::new();
    let mut kept = Vec::new();
    for item in call.items()? {
        let by = key(&item, path.as_ref(), case)?;
        if !seen.contains(&by) {
            seen.push(by);
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

fn deduplicated(items: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    let mut seen = std::collections::HashSet::new();
    for item in items {
        if seen.insert(item.clone()) {
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
                .flat_map(|row| list.iter().map(|item| [&row[..], &[item.clone()]].concat()))
                .collect();
        }
    }
    Ok(Value::from(rows.into_iter().map(tuple).collect::<Vec<_>>()))
}

/// Permutations or combinations of `n` items, in Python's order.
fn arrangements(call: &mut Call<'_, '_, '_>, ordered: bool) -> Result<Value, Error> {
    let items = call.items()?;
    let default = if ordered { items.len() } else { 0 };
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
    let count = usize::try_from(call.int(0, "slices", 1)?).unwrap_or(0).clamp(1, ROWS);
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

fn groupby(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = call.required(0, "attribute")?.clone();
    let default = call.given(1, "default").cloned();
    let case = call.flag(2, "case_sensitive", false);
    let mut keyed = Vec::new();
    for item in call.items()? {
        let found = match (&default, reach(&item, &path)?) {
            (_, Some(found)) => found,
            (Some(default), None) => default.clone(),
            (None, None) => attribute(&item, &path)?,
        };
        let by = if case { found.clone() } else { key(&found, None, false)? };
        keyed.push((by.clone(), Value::from(vec![by, found, item])));
    }
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for row in sorted(keyed, false)? {
        let row: Vec<Value> = row.try_iter()?.collect();
        let [by, found, item] = &row[..] else { continue };
        match groups.last_mut().filter(|(known, ..)| known == by) {
            Some((_, _, group)) => group.push(item.clone()),
            None => groups.push((by.clone(), found.clone(), vec![item.clone()])),
        }
    }
    Ok(Value::from(
        groups
            .into_iter()
            .map(|(_, found, group)| pair(found, Value::from(group)))
            .collect::<Vec<_>>(),
    ))
}

fn subelements(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = call.required(0, "subelements")?.clone();
    let skip = call.flag(1, "skip_missing", false);
    let parents = match call.value().kind() {
        ValueKind::Map => print::pairs(call.value()).into_iter().map(|(_, value)| value).collect(),
        _ => call.items()?,
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
                Some(value) => python::look(&value, part)?,
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

/// A generator that the same seed always starts alike; its numbers are not Python's.
fn generator(seed: Option<&Value>) -> impl rand::Rng {
    use rand::SeedableRng;
    match seed {
        Some(seed) => {
            use sha2::Digest;
            rand::rngs::StdRng::from_seed(sha2::Sha256::digest(print::text(seed)).into())
        }
        None => rand::rngs::StdRng::from_rng(&mut rand::rng()),
    }
}

fn random(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    use rand::RngExt;
    let named = |name: &str| call.named.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let mut generator = generator(named("seed"));
    if let Some(end) = whole(call.value()).filter(|_| call.value().as_str().is_none()) {
        let start = call.int(0, "start", 0)?;
        let step = call.int(1, "step", 1)?;
        if step <= 0 || start >= end {
            return Err(failed(format!(
                "`random` has nothing to choose from between {start} and {end}"
            )));
        }
        let count = (end - start + step - 1) / step;
        return Ok(Value::from(start + step * generator.random_range(0..count)));
    }
    let items = call.items()?;
    match items.len() {
        0 => Ok(nothing(call.state, "no random item: the list is empty")),
        length => Ok(items[generator.random_range(0..length)].clone()),
    }
}

fn shuffle(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    use rand::seq::SliceRandom;
    let seed = call.given(0, "seed").cloned();
    let mut items = call.items()?;
    items.shuffle(&mut generator(seed.as_ref()));
    Ok(Value::from(items))
}

/// A mapping from pairs.
pub(super) fn mapping(pairs: impl IntoIterator<Item = (Value, Value)>) -> Value {
    value::map(pairs.into_iter().collect::<Map>())
}
