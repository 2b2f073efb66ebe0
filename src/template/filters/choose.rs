//! Filters that look into the items of a list: at an attribute, through a filter or a test, in order.

use std::cmp::Ordering;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};
use rprov_modules::kit::{Span, nearest};

use crate::template::call::{Body, Call, defined};
use crate::template::error::{ErrorKind, TemplateError, failed, wrap};
use crate::template::lazy::{Miss, here};
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
    ("sort", sort),
    ("unique", unique),
    ("groupby", groupby),
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
        wrap(TemplateError::new(ErrorKind::Undefined, lacks(item, path), Span::default()))
    })
}

fn lacks(item: &Value, path: &Value) -> String {
    format!("object of type '{}' has no attribute {}", print::type_name(item), print::repr(path))
}

fn map(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let items = call.any_items()?;
    let named =
        |name: &str| call.named.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if call.args.len() < 2 {
        let path =
            named("attribute").ok_or_else(|| failed("`map` needs a filter or `attribute=`"))?;
        let default = named("default");
        if let Some((other, _)) =
            call.named.iter().find(|(key, _)| key != "attribute" && key != "default")
        {
            return Err(failed(format!(
                "`map` knows no argument `{other}`: expected attribute or default"
            )));
        }
        let mut values = Vec::with_capacity(items.len());
        for item in &items {
            // What is not there is undefined, and an error only when it is used.
            values.push(match (reach(item, &path)?, &default) {
                (Some(value), _) => value,
                (None, Some(default)) => default.clone(),
                (None, None) => nothing(call.state, &lacks(item, &path)),
            });
        }
        return Ok(Value::from(values));
    }
    let filter = register::bare(&print::text(&call.args[1])).to_owned();
    known(&filter, true)?;
    let rest = arguments(call, 2);
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        let args: Vec<Value> = std::iter::once(item).chain(rest.iter().cloned()).collect();
        values.push(call.state.apply_filter(&filter, &args)?);
    }
    Ok(Value::from(values))
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
    let items = call.any_items()?;
    let path = by_attribute.then(|| call.required(0, "attribute").cloned()).transpose()?;
    let at = 1 + usize::from(by_attribute);
    let test = call.args.get(at).map(|test| register::bare(&print::text(test)).to_owned());
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
pub(in crate::template) fn nothing(state: &State<'_, '_>, message: &str) -> Value {
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
    let items = call.any_items()?;
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

/// What items have in common, and those items; its parts have numbers and names.
#[derive(Debug)]
pub(in crate::template) struct Group(Value, Value);

impl Group {
    /// A part by its name.
    pub(in crate::template) fn named(&self, key: &Value) -> Value {
        match key.as_str() {
            Some("grouper") => self.0.clone(),
            Some("list") => self.1.clone(),
            _ => Value::UNDEFINED,
        }
    }
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_usize()? {
            0 => Some(self.0.clone()),
            1 => Some(self.1.clone()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }
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
            .map(|(_, found, group)| Value::from_object(Group(found, Value::from(group))))
            .collect::<Vec<_>>(),
    ))
}
