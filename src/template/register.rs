//! The one environment: every filter, test, function and setting, made once per process.

use std::sync::{LazyLock, PoisonError};

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, UndefinedBehavior, Value};

use super::call::{Arguments, Body, Call};
use super::lazy::here;
use super::{
    collections, evaluate, filters, functions, lookups, methods, mutable, passed, print, python,
    tests, value,
};

/// Instructions one evaluation may take: enough for any template, an end for an endless one.
const FUEL: u64 = 50_000_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(build);

pub(super) fn environment() -> &'static Environment<'static> {
    &ENVIRONMENT
}

/// Whether the name is a function or value that every template sees.
pub(super) fn is_global(name: &str) -> bool {
    ENVIRONMENT.globals().any(|(global, _)| global == name)
}

/// The functions and values that every template sees.
pub(super) fn globals() -> impl Iterator<Item = &'static str> {
    ENVIRONMENT.globals().map(|(name, _)| name)
}

/// A filter's, test's or lookup's name without the built-in collection.
pub(super) fn bare(name: &str) -> &str {
    let builtin = name.strip_prefix("ansible.builtin.");
    builtin.or_else(|| name.strip_prefix("ansible.legacy.")).unwrap_or(name)
}

/// The names of all filters or all tests.
pub(super) fn names(of_filters: bool) -> impl Iterator<Item = &'static str> {
    let (ours, own) =
        if of_filters { (filters::ALL, BUILTIN_FILTERS) } else { (tests::ALL, BUILTIN_TESTS) };
    let more = if of_filters { &*collections::FILTERS } else { &*collections::TESTS };
    let ours = ours.iter().flat_map(|list| list.iter()).map(|(name, _)| *name);
    ours.filter(|name| !name.starts_with("__"))
        .chain(own.iter().copied())
        .chain(more.iter().map(|(full, ..)| full.as_str()))
}

/// Filters and tests of the engine that mean what Ansible's do.
const BUILTIN_FILTERS: &[&str] = &["safe", "attr"];
const BUILTIN_TESTS: &[&str] = &["safe", "escaped"];

/// Filters that may be given what is undefined.
const TOLERANT: &[&str] =
    &["default", "d", "mandatory", "type_debug", "ternary", "__at", "__new", "__in", "__not_in"];

/// Filters that look at no part of a container, so that parts may stay unevaluated.
const SHALLOW: &[&str] = &["length", "count"];

fn build() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_debug(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(200);
    environment.set_unknown_method_callback(methods::call);
    environment.set_formatter(format);
    if let Ok(syntax) = minijinja::syntax::SyntaxConfig::builder()
        .trim_blocks(true)
        .keep_trailing_newline(true)
        .build()
    {
        environment.set_syntax(syntax);
    }
    add_filter(&mut environment, "__at", python::at);
    add_filter(&mut environment, "__minus", filters::minus);
    add_filter(&mut environment, "__collecting", functions::collecting);
    add_filter(&mut environment, "__embedded", evaluate::embedded);
    add_filter(&mut environment, "__new", mutable::new);
    for (name, body) in python::COMPARISONS {
        add_filter(&mut environment, name, *body);
    }
    for (name, body) in filters::ALL.iter().flat_map(|list| list.iter()) {
        add_filter(&mut environment, name, *body);
    }
    for (name, body) in tests::ALL.iter().flat_map(|list| list.iter()) {
        add_test(&mut environment, name, name, *body);
    }
    for (full, name, body) in collections::FILTERS.iter() {
        add_named(&mut environment, full, name, *body);
    }
    for (full, name, body) in collections::TESTS.iter() {
        add_test(&mut environment, full, name, *body);
    }
    environment.add_global("omit", value::omit());
    for name in ["True", "False"] {
        environment.add_global(name, Value::from(name == "True"));
    }
    environment.add_global("None", Value::from(()));
    functions::register(&mut environment);
    lookups::register(&mut environment);
    environment
}

fn add_filter(environment: &mut Environment<'static>, name: &'static str, body: Body) {
    add_named(environment, name, name, body);
}

/// A filter under its full name; `name` is what messages call it.
fn add_named(
    environment: &mut Environment<'static>,
    full: &'static str,
    name: &'static str,
    body: Body,
) {
    let arguments = match full {
        _ if TOLERANT.contains(&full) => Arguments::AsTheyAre,
        _ if SHALLOW.contains(&full) => Arguments::Defined,
        _ => Arguments::Evaluated,
    };
    environment.add_filter(
        full,
        move |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let call = Call::new(name, state, rest.into_values(), arguments);
            let result = call.and_then(|mut call| body(&mut call));
            match full == "mandatory" || full.starts_with("__") {
                true => result,
                false => passed::on(state, name, result),
            }
        },
    );
}

fn add_test(
    environment: &mut Environment<'static>,
    full: &'static str,
    name: &'static str,
    body: Body,
) {
    let arguments = match full {
        "defined" | "undefined" => Arguments::AsTheyAre,
        _ => Arguments::Evaluated,
    };
    environment.add_test(
        full,
        move |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<bool, Error> {
            body(&mut Call::new(name, state, rest.into_values(), arguments)?)
                .map(|value| value.is_true())
        },
    );
}

/// Prints a value into a template as Python does, and remembers it in case it stands alone.
fn format(
    out: &mut minijinja::Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(());
    }
    let text = match value.kind() {
        ValueKind::String => print::text(value),
        _ => print::text(&value::complete(value)?),
    };
    if let Some(evaluation) = here(state) {
        let mut printed = evaluation.printed.lock().unwrap_or_else(PoisonError::into_inner);
        printed.values += 1;
        printed.bytes += text.len();
        printed.last = Some(value.clone());
    }
    out.write_str(&text).map_err(Error::from)
}
