//! Lookups that only arrange what they are given: the plugins behind `with_…`.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::super::call::{described, items};
use super::super::error::failed;
use super::super::value::{self, pair};
use super::super::{print, python};
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
        false => vec![term.clone()],
    };
    terms.iter().flat_map(one).collect()
}

pub(super) fn dict(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    let terms = if lookup.is_loop() { flattened(&lookup.terms) } else { lookup.terms.clone() };
    for term in terms {
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
    for term in &lookup.terms {
        let list = items(term).unwrap_or_else(|| vec![term.clone()]);
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
