//! Lookups that only arrange what they are given: the plugins behind `with_…`.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::super::call::{described, items};
use super::super::error::failed;
use super::super::value::{self, pair};
use super::super::{format, print, python};
use super::Lookup;

pub(super) fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// Lists among the terms give their items, one level deep.
pub(super) fn flattened(terms: &[Value]) -> Vec<Value> {
    let one = |term: &Value| {
        if is_list(term) { items(term).unwrap_or_default() } else { vec![term.clone()] }
    };
    terms.iter().flat_map(one).collect()
}

pub(super) fn deeply_flattened(terms: &[Value]) -> Vec<Value> {
    let one = |term: &Value| match is_list(term) {
        true => deeply_flattened(&items(term).unwrap_or_default()),
        false if term.is_none() => Vec::new(),
        false => vec![term.clone()],
    };
    terms.iter().flat_map(one).collect()
}

pub(super) fn dict(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in flattened(&lookup.terms) {
        if term.kind() != ValueKind::Map {
            return Err(failed(format!("`dict` expects mappings, found {}", described(&term))));
        }
        for (key, item) in print::pairs(&term) {
            found.push(value::map(
                [(Value::from("key"), key), (Value::from("value"), item)].into_iter().collect(),
            ));
        }
    }
    Ok(found)
}

/// `start=1 end=5 stride=2 format=x%02d`, `count=3`, or short: `1-5/2:x%02d`.
pub(super) fn sequence(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    let terms = if lookup.terms.is_empty() { vec![Value::from("")] } else { lookup.terms.clone() };
    for term in terms {
        let text = print::text(&term);
        let invalid = || {
            failed(format!(
                "`sequence` cannot read `{text}`: expected as `start=1 end=5` or `1-5/2:item%02d`"
            ))
        };
        let number = |text: &str| {
            let (sign, digits) =
                text.trim().strip_prefix('-').map_or((1, text.trim()), |rest| (-1, rest));
            let parsed = match digits.get(..2) {
                Some("0x" | "0X") => i64::from_str_radix(&digits[2..], 16),
                _ if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8),
                _ => digits.parse(),
            };
            parsed.map(|number| sign * number).map_err(|_| invalid())
        };
        let (mut start, mut end, mut count, mut stride, mut format) =
            (1, None, None, None, "%d".to_owned());
        let mut set = |key: &str, text: &str| -> Result<(), Error> {
            match key {
                "start" => start = number(text)?,
                "end" => end = Some(number(text)?),
                "count" => count = Some(number(text)?),
                "stride" => stride = Some(number(text)?),
                "format" => format = text.to_owned(),
                _ => return Err(invalid()),
            }
            Ok(())
        };
        for (key, value) in &lookup.options {
            set(key, &print::text(value))?;
        }
        if text.contains('=') {
            for word in text.split_whitespace() {
                let (key, value) = word.split_once('=').ok_or_else(invalid)?;
                set(key, value)?;
            }
        } else if !text.trim().is_empty() {
            let (range, shape) = text
                .split_once(':')
                .map_or((text.as_str(), None), |(range, shape)| (range, Some(shape)));
            let (range, step) =
                range.split_once('/').map_or((range, None), |(range, step)| (range, Some(step)));
            let (first, last) = range
                .split_once('-')
                .filter(|(first, _)| !first.is_empty())
                .unwrap_or(("1", range));
            set("start", first)?;
            set("end", last)?;
            step.map(|step| set("stride", step)).transpose()?;
            shape.map(|shape| set("format", shape)).transpose()?;
        }
        let end = match (end, count) {
            (Some(end), None) => end,
            (None, Some(0)) => continue,
            (None, Some(count)) => {
                start + count.saturating_mul(stride.unwrap_or(1)) - stride.unwrap_or(1)
            }
            _ => return Err(failed("`sequence` needs either `end` or `count`")),
        };
        let stride = stride.unwrap_or(if end < start { -1 } else { 1 });
        if stride == 0 || (end - start) / stride > 1_000_000 {
            return Err(failed("`sequence` gives more than a million items"));
        }
        let mut at = start;
        while if stride > 0 { at <= end } else { at >= end } {
            found.push(Value::from(format::percent(&format, &[Value::from(at)], &[])?));
            at += stride;
        }
    }
    Ok(found)
}

/// The terms as lists; a term that is none is a list of one.
fn lists(lookup: &Lookup<'_>) -> Vec<Vec<Value>> {
    let one = |term: &Value| {
        if is_list(term) { items(term).unwrap_or_default() } else { vec![term.clone()] }
    };
    lookup.terms.iter().map(one).collect()
}

pub(super) fn nested(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    if lookup.terms.is_empty() {
        return Err(failed("`nested` needs at least one list"));
    }
    for list in lists(lookup) {
        if rows.len().saturating_mul(list.len()) > 1_000_000 {
            return Err(failed("`nested` gives more than a million items"));
        }
        rows = rows
            .iter()
            .flat_map(|row| {
                list.iter().map(|item| [&row[..], &flattened(std::slice::from_ref(item))].concat())
            })
            .collect();
    }
    Ok(rows.into_iter().map(Value::from).collect())
}

pub(super) fn together(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let lists = lists(lookup);
    let longest = lists
        .iter()
        .map(Vec::len)
        .max()
        .ok_or_else(|| failed("`together` needs at least one list"))?;
    let item =
        |list: &Vec<Value>, i: usize| list.get(i).cloned().unwrap_or_else(|| Value::from(()));
    Ok((0..longest)
        .map(|i| Value::from(lists.iter().map(|list| item(list, i)).collect::<Vec<_>>()))
        .collect())
}

pub(super) fn indexed_items(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    Ok(flattened(&lookup.terms)
        .into_iter()
        .enumerate()
        .map(|(i, item)| pair(Value::from(i), item))
        .collect())
}

pub(super) fn random_choice(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    use rand::RngExt;
    match lookup.terms.len() {
        0 => Ok(Vec::new()),
        length => Ok(vec![lookup.terms[rand::rng().random_range(0..length)].clone()]),
    }
}

pub(super) fn subelements(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let [list, path, rest @ ..] = &lookup.terms[..] else {
        return Err(failed("`subelements` needs a list and the name of a key"));
    };
    let skip = match rest.first() {
        Some(flags) => {
            python::look(flags, &Value::from("skip_missing"))?.is_some_and(|skip| skip.is_true())
        }
        None => lookup.flag("skip_missing", false),
    };
    let parents = match list.kind() {
        ValueKind::Map => print::pairs(list).into_iter().map(|(_, value)| value).collect(),
        _ => items(list).unwrap_or_default(),
    };
    let path = print::text(path);
    let parts: Vec<&str> = path.split('.').collect();
    let mut rows = Vec::new();
    for parent in parents {
        let mut found = Some(parent.clone());
        for part in &parts {
            found = match found {
                Some(value) => python::look(&value, &Value::from(*part))?,
                None => None,
            };
        }
        match found {
            Some(children) if is_list(&children) => {
                let rest = without(&parent, &parts);
                rows.extend(
                    items(&children)
                        .unwrap_or_default()
                        .into_iter()
                        .map(|child| pair(rest.clone(), child)),
                );
            }
            None if skip => {}
            _ => {
                return Err(failed(format!(
                    "`subelements` expects a list under `{path}`, found {}",
                    print::repr(&parent)
                )));
            }
        }
    }
    Ok(rows)
}

/// The mapping without the entry at a path.
fn without(value: &Value, path: &[&str]) -> Value {
    let kept = print::pairs(value).into_iter().filter_map(|(key, item)| match path {
        [only] if key.as_str() == Some(only) => None,
        [first, rest @ ..] if key.as_str() == Some(first) => Some((key, without(&item, rest))),
        _ => Some((key, item)),
    });
    value::map(kept.collect())
}
