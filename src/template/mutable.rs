//! Lists and mappings that a template may change: those it writes itself (`{% set x = [] %}`).
//!
//! The rewriter wraps literals in `__new` where the text calls a method that changes something;
//! everywhere else containers are the engine's own, which cannot change. What is put in is a copy,
//! so that nothing ever contains itself.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, Value};

use super::call::{Call, items, whole};
use super::error::failed;
use super::print;
use super::value::Map;

/// The methods that change what they are called on.
pub(super) const METHODS: &[&str] = &[
    ".append(",
    ".extend(",
    ".insert(",
    ".remove(",
    ".pop(",
    ".clear(",
    ".update(",
    ".setdefault(",
    ".popitem(",
    ".sort(",
    ".reverse(",
];

/// A list made by the template.
pub(super) struct MutableList(Mutex<Vec<Value>>);

/// A mapping made by the template.
pub(super) struct MutableMap(Mutex<Map>);

impl MutableList {
    fn with<T>(&self, run: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn items(&self) -> Vec<Value> {
        self.with(|items| items.clone())
    }
}

impl MutableMap {
    fn with<T>(&self, run: impl FnOnce(&mut Map) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn entries(&self) -> Map {
        self.with(|entries| entries.clone())
    }
}

impl fmt::Debug for MutableList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("list")
    }
}

impl fmt::Debug for MutableMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mapping")
    }
}

impl Object for MutableList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = key.as_usize()?;
        self.with(|items| items.get(at).cloned())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items())
    }
}

impl Object for MutableMap {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.with(|entries| entries.get(key).cloned())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.with(|entries| entries.keys().cloned().collect()))
    }
}

/// The filter `__new`: a container that may change, with the same content.
pub(super) fn new(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value();
    Ok(match value.kind() {
        ValueKind::Seq if !value.is_tuple() => {
            Value::from_object(MutableList(Mutex::new(items(value).unwrap_or_default())))
        }
        ValueKind::Map => {
            Value::from_object(MutableMap(Mutex::new(print::pairs(value).into_iter().collect())))
        }
        _ => value.clone(),
    })
}

pub(super) fn refused(method: &str, filter: &str) -> Error {
    let instead = if filter == "list" { "x + [item]" } else { "x | combine({…})" };
    failed(format!(
        "`{method}` would change a value that is not the template's own; write `{instead}` instead"
    ))
}

/// Runs a method that changes a container; `None`: it is not one.
pub(super) fn call(value: &Value, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let none = || Ok(Some(Value::from(())));
    let first =
        || args.first().cloned().ok_or_else(|| failed(format!("`{name}` needs an argument")));
    if let Some(list) = value.downcast_object_ref::<MutableList>() {
        match name {
            "append" => {
                let item = first()?;
                list.with(|items| items.push(item));
            }
            "extend" => {
                let more = items(&first()?).ok_or_else(|| failed("`extend` expects a list"))?;
                list.with(|items| items.extend(more));
            }
            "insert" => {
                let item = args
                    .get(1)
                    .cloned()
                    .ok_or_else(|| failed("`insert` needs a position and an item"))?;
                let at = whole(&first()?).unwrap_or(0);
                list.with(|items| {
                    let length = items.len() as i64;
                    let at = if at < 0 { at + length } else { at }.clamp(0, length);
                    items.insert(at as usize, item);
                });
            }
            "remove" => {
                let item = first()?;
                let found = list.with(|items| {
                    items.iter().position(|known| *known == item).map(|at| items.remove(at))
                });
                found
                    .ok_or_else(|| failed(format!("{} is not in the list", print::repr(&item))))?;
            }
            "pop" => {
                let at = args.first().and_then(whole).unwrap_or(-1);
                let found = list.with(|items| {
                    let at = if at < 0 { at + items.len() as i64 } else { at };
                    usize::try_from(at)
                        .ok()
                        .filter(|at| *at < items.len())
                        .map(|at| items.remove(at))
                });
                return found
                    .map(Some)
                    .ok_or_else(|| failed("`pop` from an empty list or beyond its end"));
            }
            "clear" => list.with(Vec::clear),
            "reverse" => list.with(|items| items.reverse()),
            "sort" => list.with(|items| items.sort()),
            _ => return Ok(None),
        }
        return none();
    }
    let Some(map) = value.downcast_object_ref::<MutableMap>() else { return Ok(None) };
    match name {
        "update" => {
            let more = first()?;
            if more.kind() != ValueKind::Map {
                return Err(failed(format!(
                    "`update` expects a mapping, found {}",
                    print::type_name(&more)
                )));
            }
            let more = print::pairs(&more);
            map.with(|entries| entries.extend(more));
        }
        "pop" => {
            let key = first()?;
            let found =
                map.with(|entries| entries.shift_remove(&key)).or_else(|| args.get(1).cloned());
            return found
                .map(Some)
                .ok_or_else(|| failed(format!("`pop` found no key {}", print::repr(&key))));
        }
        "setdefault" => {
            let (key, value) = (first()?, args.get(1).cloned().unwrap_or_else(|| Value::from(())));
            return Ok(Some(map.with(|entries| entries.entry(key).or_insert(value).clone())));
        }
        "clear" => map.with(Map::clear),
        _ => return Ok(None),
    }
    none()
}
