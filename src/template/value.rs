//! Between YAML nodes and template values, and what makes a value final.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::{Object, ObjectRepr, Tuple, ValueKind};
use rprov_modules::kit::{Entry, Node, NodeKind, Resolved, Scalar, Span, Tag, python};

use super::lazy::{LazyList, LazyMap};
use super::moment::is_time;
use super::mutable::{MutableList, MutableMap};
use super::print;

/// A mapping as the engine builds it for `{…}`.
pub(super) type Map = IndexMap<Value, Value>;

/// The value of the variable `omit`.
#[derive(Debug)]
struct Omit;

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<<Omit>>")
    }
}

/// The value that says "as if this entry were not written".
pub fn omit() -> Value {
    Value::from_object(Omit)
}

/// Whether the value is `omit`.
pub fn is_omit(value: &Value) -> bool {
    value.kind() == ValueKind::Plain && value.downcast_object_ref::<Omit>().is_some()
}

pub(super) fn map(entries: Map) -> Value {
    Value::from_object(entries)
}

/// A node without templating, with the types of YAML 1.1.
pub fn from_node(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Scalar(scalar) => from_scalar(scalar),
        NodeKind::List(items) => Value::from(items.iter().map(from_node).collect::<Vec<_>>()),
        NodeKind::Map(entries) => map(entries
            .iter()
            .map(|entry| (from_node(&entry.key), from_node(&entry.value)))
            .collect()),
    }
}

pub(super) fn from_scalar(scalar: &Scalar) -> Value {
    match scalar.resolve() {
        Resolved::Null => Value::from(()),
        Resolved::Bool(value) => Value::from(value),
        Resolved::Int(value) => integer(value),
        Resolved::Float(value) => Value::from(value),
        Resolved::Str => Value::from(&*scalar.text),
    }
}

pub(super) fn integer(value: i128) -> Value {
    match i64::try_from(value) {
        Ok(value) => Value::from(value),
        Err(_) => Value::from(value),
    }
}

/// A fact or a result as a value.
pub fn from_json(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => Value::from(value),
            (_, Some(value), _) => Value::from(value),
            (.., value) => Value::from(value.unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
        Json::Object(entries) => map(entries
            .iter()
            .map(|(key, value)| (Value::from(key.as_str()), from_json(value)))
            .collect()),
    }
}

/// A value as a node; every part has the span given. Text stays text whatever it looks like.
pub fn to_node(value: &Value, span: Span) -> Node {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Node::null(span),
        ValueKind::Bool => Node::plain(span, if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => match print::float(value) {
            Some(number) => Node::plain(span, yaml_float(number)),
            None => Node::plain(span, value.to_string()),
        },
        ValueKind::Seq | ValueKind::Iterable => Node::list(
            span,
            value.try_iter().into_iter().flatten().map(|item| to_node(&item, span)).collect(),
        ),
        ValueKind::Map => Node::map(
            span,
            print::pairs(value)
                .iter()
                .map(|(key, value)| Entry { key: to_node(key, span), value: to_node(value, span) })
                .collect(),
        ),
        _ => Node::string(span, print::text(value)),
    }
}

/// The node with every text in it final: what was rendered once is not rendered again.
pub fn fixed(mut node: Node) -> Node {
    fix(&mut node);
    node
}

fn fix(node: &mut Node) {
    match &mut node.kind {
        NodeKind::Scalar(scalar) if scalar.text.contains("{{") || scalar.text.contains("{%") => {
            scalar.tag = Some(Tag::Unsafe);
        }
        NodeKind::Scalar(_) => {}
        NodeKind::List(items) => items.iter_mut().for_each(fix),
        NodeKind::Map(entries) => entries.iter_mut().for_each(|entry| {
            fix(&mut entry.key);
            fix(&mut entry.value);
        }),
    }
}

/// A float so that YAML 1.1 reads a float: the mantissa needs a point.
fn yaml_float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = python::float(number);
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => text,
    }
}

/// What cannot be the value of a variable.
#[derive(Debug)]
pub(super) enum Unfit {
    Undefined,
    Type(&'static str),
    Error(minijinja::Error),
}

/// Makes a value final: lazy parts are evaluated, tuples and views become lists, entries that are
/// `omit` are dropped, undefined parts are errors.
pub(super) fn finalize(value: Value) -> Result<Value, Unfit> {
    deep(value, 0)
}

fn deep(value: Value, depth: usize) -> Result<Value, Unfit> {
    if depth > 100 {
        return Err(Unfit::Type("a structure nested more than 100 deep"));
    }
    match value.kind() {
        ValueKind::Undefined => Err(Unfit::Undefined),
        ValueKind::Invalid => Err(Unfit::Error(
            valid(value).err().unwrap_or_else(|| super::error::failed("invalid value")),
        )),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter().map_err(Unfit::Error)? {
                if !is_omit(&item) {
                    items.push(deep(item, depth + 1)?);
                }
            }
            Ok(Value::from(items))
        }
        ValueKind::Map => {
            let mut entries = Map::new();
            for (key, item) in print::pairs(&value) {
                if !is_omit(&item) {
                    entries.insert(deep(key, depth + 1)?, deep(item, depth + 1)?);
                }
            }
            Ok(map(entries))
        }
        ValueKind::Plain if !is_omit(&value) && !is_time(&value) => Err(Unfit::Type("function")),
        _ => Ok(value),
    }
}

/// A value about to be printed: an undefined part is an error.
pub(super) fn complete(value: &Value) -> Result<Value, minijinja::Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(value.clone());
    }
    finalize(value.clone()).map_err(|unfit| match unfit {
        Unfit::Undefined => minijinja::ErrorKind::UndefinedError.into(),
        Unfit::Type(name) => super::error::failed(format!("a {name} cannot be printed")),
        Unfit::Error(error) => error,
    })
}

/// Evaluates lazy containers, so that filters see plain ones. Objects of others stay as they are.
pub(super) fn settle(value: &Value) -> Result<Value, minijinja::Error> {
    let Some(object) = value.as_object() else {
        return Ok(value.clone());
    };
    if object.downcast_ref::<LazyMap>().is_some() {
        let mut entries = Map::new();
        for (key, item) in print::pairs(value) {
            if !is_omit(&item) {
                entries.insert(key, settle(&valid(item)?)?);
            }
        }
        return Ok(map(entries));
    }
    if object.downcast_ref::<LazyList>().is_some() {
        let mut items = Vec::new();
        for item in value.try_iter()?.filter(|item| !is_omit(item)) {
            items.push(settle(&valid(item)?)?);
        }
        return Ok(Value::from(items));
    }
    if let Some(list) = object.downcast_ref::<MutableList>() {
        return Ok(Value::from(list.items().iter().map(settle).collect::<Result<Vec<_>, _>>()?));
    }
    if let Some(entries) = object.downcast_ref::<MutableMap>() {
        let entries = entries.entries();
        let settled = entries.iter().map(|(key, item)| Ok((key.clone(), settle(item)?)));
        return settled.collect::<Result<Map, minijinja::Error>>().map(map);
    }
    if let Some(items) = object.downcast_ref::<Vec<Value>>() {
        if items.iter().any(has_lazy) {
            let items = items.iter().map(settle).collect::<Result<Vec<_>, _>>()?;
            return Ok(Value::from(items));
        }
    } else if let Some(entries) = object.downcast_ref::<Map>() {
        if entries.values().any(has_lazy) {
            let entries = entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), settle(item)?)))
                .collect::<Result<Map, minijinja::Error>>()?;
            return Ok(map(entries));
        }
    } else if value.kind() == ValueKind::Iterable {
        // A one-pass view: take its items once.
        let mut items = Vec::new();
        for item in value.try_iter()? {
            items.push(settle(&valid(item)?)?);
        }
        return Ok(Value::from(items));
    }
    Ok(value.clone())
}

fn has_lazy(value: &Value) -> bool {
    let Some(object) = value.as_object() else { return false };
    let own = object.downcast_ref::<LazyMap>().is_some()
        || object.downcast_ref::<LazyList>().is_some()
        || object.downcast_ref::<MutableList>().is_some()
        || object.downcast_ref::<MutableMap>().is_some();
    if own {
        return true;
    }
    if let Some(items) = object.downcast_ref::<Vec<Value>>() {
        return items.iter().any(has_lazy);
    }
    object.downcast_ref::<Map>().is_some_and(|entries| entries.values().any(has_lazy))
}

/// A pair, as `dict.items()` gives it.
pub(super) fn pair(a: Value, b: Value) -> Value {
    Value::from(Tuple::new(vec![a, b]))
}

/// The error that a lazy part holds, if it does.
pub(super) fn valid(value: Value) -> Result<Value, minijinja::Error> {
    if value.kind() != ValueKind::Invalid {
        return Ok(value);
    }
    match Value::from(vec![value]).try_iter()?.checked().next() {
        Some(result) => result,
        None => Ok(Value::UNDEFINED),
    }
}
