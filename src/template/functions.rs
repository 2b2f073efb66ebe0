//! The functions that every template may call, but for lookups.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Object, ObjectRepr, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};

use super::call::{Arguments, Body, Call, items};
use super::chance::Chance;
use super::error::failed;
use super::filters::choose::nothing;
use super::filters::time;
use super::value::{self, Map};
use super::{passed, print, python};

const FUNCTIONS: &[(&str, Body)] = &[
    ("now", |call| {
        let format = call.given(1, "fmt").map(print::text);
        time::now(call.flag(0, "utc", false), format.as_deref())
    }),
    ("undef", |call| {
        let hint = call.text(0, "hint", "a value must be given");
        Ok(nothing(call.state, &hint))
    }),
    ("dict", |call| mapping(call).map(value::map)),
    ("namespace", |call| minijinja::functions::namespace(Some(value::map(mapping(call)?).into()))),
    ("cycler", cycler),
    ("joiner", |call| {
        let separator = call.text(0, "sep", ", ");
        Ok(Value::from_object(Joiner { separator, used: Mutex::new(false) }))
    }),
    ("lipsum", lipsum),
];

pub(super) fn register(environment: &mut Environment<'static>) {
    for (name, body) in FUNCTIONS {
        let (name, body) = (*name, *body);
        environment.add_function(
            name,
            move |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<Value, Error> {
                let result = arguments(name, state, rest).and_then(|mut call| body(&mut call));
                passed::on(state, name, result)
            },
        );
    }
}

/// The arguments of a function, counted as those of a filter are: after a first one.
pub(super) fn arguments<'a, 't, 'e>(
    name: &'static str,
    state: &'a mut State<'t, 'e>,
    rest: Rest<ValueOrKwargs>,
) -> Result<Call<'a, 't, 'e>, Error> {
    let args = std::iter::once(Value::from(())).chain(rest.into_values()).collect();
    Call::new(name, state, args, Arguments::Evaluated)
}

/// Entries from a mapping or a list of pairs, and those given by name.
fn mapping(call: &mut Call<'_, '_, '_>) -> Result<Map, Error> {
    let mut entries = Map::new();
    match call.args.get(1) {
        Some(map) if map.kind() == ValueKind::Map => entries.extend(print::pairs(map)),
        Some(list) => {
            let refused =
                || failed(format!("`{}` expects a mapping or a list of pairs", call.name));
            for row in items(list).ok_or_else(refused)? {
                match items(&row).as_deref() {
                    Some([key, item]) => drop(entries.insert(key.clone(), item.clone())),
                    _ => return Err(refused()),
                }
            }
        }
        None => {}
    }
    entries.extend(call.named.iter().map(|(key, item)| (Value::from(key.as_str()), item.clone())));
    Ok(entries)
}

/// Gives its items in turn.
#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    at: Mutex<usize>,
}

fn cycler(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let items = call.args[1..].to_vec();
    match items.is_empty() {
        true => Err(failed("`cycler` needs at least one item")),
        false => Ok(Value::from_object(Cycler { items, at: Mutex::new(0) })),
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        (key.as_str() == Some("current")).then(|| self.items[at].clone())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        _: &[Value],
    ) -> Result<Value, Error> {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        match method {
            "next" => {
                let item = self.items[*at].clone();
                *at = (*at + 1) % self.items.len();
                Ok(item)
            }
            "reset" => {
                *at = 0;
                Ok(Value::from(()))
            }
            _ => Err(minijinja::ErrorKind::UnknownMethod.into()),
        }
    }
}

/// Nothing when it is called first, its separator from then on.
#[derive(Debug)]
struct Joiner {
    separator: String,
    used: Mutex<bool>,
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *used, true);
        Ok(Value::from(if before { self.separator.as_str() } else { "" }))
    }
}

/// Words without meaning.
const WORDS: &[&str] = &[
    "amet",
    "aqua",
    "bonum",
    "caelum",
    "dies",
    "dolor",
    "fides",
    "fons",
    "gens",
    "homo",
    "iter",
    "labor",
    "lorem",
    "lux",
    "magna",
    "mare",
    "mons",
    "nox",
    "omnia",
    "pax",
    "porta",
    "quies",
    "ratio",
    "sapientia",
    "silva",
    "tempus",
    "terra",
    "urbs",
    "veritas",
    "via",
    "vita",
    "vox",
];

/// Paragraphs of text that only fills space.
fn lipsum(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let count = call.int(0, "n", 5)?.clamp(0, 1000);
    let html = call.flag(1, "html", true);
    let least = call.int(2, "min", 20)?.clamp(1, 10_000) as u64;
    let most = call.int(3, "max", 100)?.clamp(2, 10_001) as u64;
    let mut chance = Chance::System;
    let mut paragraphs = Vec::new();
    for _ in 0..count {
        let length = least + chance.below(most.saturating_sub(least).max(1));
        let words: Vec<&str> = (0..length).map(|_| *chance.choice(WORDS)).collect();
        let text = super::filters::text::capitalize(&words.join(" ")) + ".";
        paragraphs.push(if html { format!("<p>{text}</p>") } else { text });
    }
    Ok(Value::from(paragraphs.join(if html { "\n" } else { "\n\n" })))
}

/// A macro that uses `varargs` or `kwargs`: the rewriter lets it take both as arguments of its own.
pub(super) struct Collecting {
    inner: Value,
    /// The arguments it names itself.
    names: Vec<String>,
}

impl fmt::Debug for Collecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("macro")
    }
}

/// The filter `__collecting`.
pub(super) fn collecting(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let inner = call.value().clone();
    let arguments = python::look(&inner, &Value::from("arguments"))?;
    let names = arguments.as_ref().and_then(items).unwrap_or_default();
    let names = names.iter().map(print::text).filter(|name| name != "varargs" && name != "kwargs");
    Ok(Value::from_object(Collecting { names: names.collect(), inner }))
}

impl Object for Collecting {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "arguments" => Some(Value::from(self.names.clone())),
            _ => self.inner.get_item(key).ok().filter(|value| !value.is_undefined()),
        }
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (args, named) = match args.split_last() {
            Some((last, rest)) if last.is_kwargs() => (rest, print::pairs(last)),
            _ => (args, Vec::new()),
        };
        let count = args.len().min(self.names.len());
        let (own, more): (Vec<_>, Vec<_>) = named.into_iter().partition(|(key, _)| {
            key.as_str().is_some_and(|key| key == "caller" || self.names.iter().any(|n| n == key))
        });
        let mut named: Vec<(String, Value)> =
            own.into_iter().map(|(key, value)| (print::text(&key), value)).collect();
        named.push(("varargs".to_owned(), Value::from(args[count..].to_vec())));
        named.push(("kwargs".to_owned(), value::map(more.into_iter().collect())));
        let named: minijinja::value::Kwargs = named.into_iter().collect();
        let mut all = args[..count].to_vec();
        all.push(Value::from(named));
        self.inner.call(state, &all)
    }
}
