//! What a filter, test or function is called with: arguments by position or by name.

use minijinja::value::{StringInput, ValueKind};
use minijinja::{Error, State, Value};

use super::error::failed;
use super::lazy::here;
use super::print;
use super::value::settle;

/// One call of a filter (the value is the first argument), a test or a function.
pub(super) struct Call<'a, 't, 'e> {
    pub(super) name: &'static str,
    pub(super) state: &'a mut State<'t, 'e>,
    pub(super) args: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
}

/// What is done to the arguments before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arguments {
    /// Nothing: they may be undefined.
    AsTheyAre,
    /// An undefined one is an error.
    Defined,
    /// As `Defined`, and lazy containers are evaluated.
    Evaluated,
}

pub(super) type Body = fn(&mut Call<'_, '_, '_>) -> Result<Value, Error>;

impl<'a, 't, 'e> Call<'a, 't, 'e> {
    /// Takes the arguments apart.
    pub(super) fn new(
        name: &'static str,
        state: &'a mut State<'t, 'e>,
        rest: Vec<Value>,
        how: Arguments,
    ) -> Result<Call<'a, 't, 'e>, Error> {
        let mut args = rest;
        let mut named = Vec::new();
        if args.last().is_some_and(Value::is_kwargs) {
            for (key, value) in args.pop().map(|last| print::pairs(&last)).unwrap_or_default() {
                named.push((key.to_string(), value));
            }
        }
        for value in args.iter_mut().chain(named.iter_mut().map(|(_, value)| value)) {
            if how != Arguments::AsTheyAre {
                defined(state, value)?;
            }
            if how == Arguments::Evaluated {
                *value = settle(value)?;
            }
        }
        Ok(Call { name, state, args, named })
    }

    /// The value that is filtered or tested.
    pub(super) fn value(&self) -> &Value {
        static NOTHING: Value = Value::UNDEFINED;
        self.args.first().unwrap_or(&NOTHING)
    }

    /// An argument, counted without the filtered value.
    pub(super) fn arg(&self, index: usize, name: &str) -> Option<&Value> {
        let named = || self.named.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        self.args.get(index + 1).or_else(named)
    }

    /// As [`Call::arg`]; `none` counts as not given.
    pub(super) fn given(&self, index: usize, name: &str) -> Option<&Value> {
        self.arg(index, name).filter(|value| !value.is_none())
    }

    pub(super) fn required(&self, index: usize, name: &str) -> Result<&Value, Error> {
        self.arg(index, name)
            .ok_or_else(|| failed(format!("`{}` needs the argument `{name}`", self.name)))
    }

    pub(super) fn text(&self, index: usize, name: &str, default: &str) -> String {
        self.given(index, name).map_or_else(|| default.to_owned(), print::text)
    }

    pub(super) fn flag(&self, index: usize, name: &str, default: bool) -> bool {
        self.arg(index, name).map_or(default, Value::is_true)
    }

    pub(super) fn int(&self, index: usize, name: &str, default: i64) -> Result<i64, Error> {
        match self.given(index, name) {
            None => Ok(default),
            Some(value) => whole(value).ok_or_else(|| {
                failed(format!(
                    "`{}` expects a whole number for `{name}`, found {}",
                    self.name,
                    described(value)
                ))
            }),
        }
    }

    /// The filtered value as text; only a string is one.
    pub(super) fn string(&self) -> Result<&str, Error> {
        self.value().as_str().ok_or_else(|| self.expected("a string"))
    }

    /// The items of the filtered value; an undefined one is an error.
    pub(super) fn items(&self) -> Result<Vec<Value>, Error> {
        let items = self.any_items()?;
        items.iter().try_for_each(|item| defined(self.state, item))?;
        Ok(items)
    }

    /// The items of the filtered value, also undefined ones.
    pub(super) fn any_items(&self) -> Result<Vec<Value>, Error> {
        items(self.value()).ok_or_else(|| self.expected("a list"))
    }

    /// Says that a text is a secret, and gives it back.
    pub(super) fn secret(&self, text: String) -> Value {
        if let Some(here) = here(self.state) {
            here.templar.tell(&text);
        }
        Value::from(text)
    }

    /// "expected X, found Y" about the filtered value.
    pub(super) fn expected(&self, what: &str) -> Error {
        failed(format!("`{}` expects {what}, found {}", self.name, described(self.value())))
    }
}

/// Refuses an undefined value in the engine's own way, which knows where it came from.
pub(super) fn defined(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() { StringInput::new(state, value).map(drop) } else { Ok(()) }
}

/// A value and its type, for messages.
pub(super) fn described(value: &Value) -> String {
    let text = print::repr(value);
    match value.kind() {
        ValueKind::None => "none".to_owned(),
        ValueKind::Seq | ValueKind::Iterable => "a list".to_owned(),
        ValueKind::Map => "a mapping".to_owned(),
        _ if text.chars().count() > 60 => format!("a value of type `{}`", print::type_name(value)),
        _ => format!("`{text}`"),
    }
}

/// The items of a list or a string, the keys of a mapping.
pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::String | ValueKind::Map => {
            value.try_iter().ok().map(Iterator::collect)
        }
        _ => None,
    }
}

/// A whole number, also one given as a boolean.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value.kind() {
        ValueKind::Bool => Some(i64::from(value.is_true())),
        ValueKind::Number => match print::float(value) {
            Some(number) if number.fract() == 0.0 => Some(number as i64),
            Some(_) => None,
            None => i64::try_from(value.clone()).ok(),
        },
        ValueKind::String => value.as_str().and_then(|text| text.trim().parse().ok()),
        _ => None,
    }
}
