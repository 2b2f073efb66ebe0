//! Lookups and functions: values from the controller's files, variables, programs and clock.

mod files;
mod lists;
mod password;

use std::sync::Arc;

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use rprov_modules::kit::Span;

use self::files::{file, fileglob, first_found, lines, pipe, template};
use self::lists::{
    deeply_flattened, dict, flattened, indexed_items, nested, random_choice, sequence, subelements,
    together,
};
use self::password::password;
use super::call::{Arguments, Call, items};
use super::error::{ErrorKind, TemplateError, failed, unwrap, wrap};
use super::fault::did_you_mean;
use super::filters::time;
use super::lazy::{Evaluation, here};
use super::value::{self, Map};
use super::{Context, Templar, print};

pub(super) use self::files::glob;

/// What a lookup runs with: its evaluation, terms and options.
struct Lookup<'a> {
    evaluation: &'a Arc<Evaluation>,
    terms: Vec<Value>,
    options: Vec<(String, Value)>,
}

type Plugin = fn(&Lookup<'_>) -> Result<Vec<Value>, Error>;

const PLUGINS: &[(&str, Plugin)] = &[
    ("file", file),
    ("template", template),
    ("env", env),
    ("vars", vars),
    ("first_found", first_found),
    ("fileglob", fileglob),
    ("pipe", pipe),
    ("lines", lines),
    ("items", |lookup| Ok(flattened(&lookup.terms))),
    ("flattened", |lookup| Ok(deeply_flattened(&lookup.terms))),
    ("list", |lookup| Ok(lookup.terms.clone())),
    ("dict", dict),
    ("sequence", sequence),
    ("nested", nested),
    ("together", together),
    ("indexed_items", indexed_items),
    ("random_choice", random_choice),
    ("subelements", subelements),
    ("password", password),
];

impl Lookup<'_> {
    fn option(&self, name: &str) -> Option<&Value> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.option(name).map_or(default, |value| match value.as_str() {
            Some(text) => rprov_modules::kit::boolean(text).unwrap_or(default),
            None => value.is_true(),
        })
    }

    fn cx(&self) -> &Context {
        &self.evaluation.cx
    }
}

pub(super) fn register(environment: &mut Environment<'static>) {
    for (name, wantlist) in [("lookup", false), ("query", true), ("q", true)] {
        environment.add_function(
            name,
            move |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| {
                function(state, rest, name, wantlist)
            },
        );
    }
    environment.add_function(
        "now",
        |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let call = arguments("now", state, rest)?;
            let format = call.given(1, "fmt").map(print::text);
            time::now(call.flag(0, "utc", false), format.as_deref())
        },
    );
    environment.add_function(
        "undef",
        |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let call = arguments("undef", state, rest)?;
            let message = call.text(0, "hint", "a value must be given");
            Err(wrap(TemplateError::new(ErrorKind::Undefined, message, Span::default())))
        },
    );
    environment.add_function(
        "dict",
        |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let call = arguments("dict", state, rest)?;
            let mut entries = Map::new();
            match call.args.get(1) {
                Some(map) if map.kind() == ValueKind::Map => entries.extend(print::pairs(map)),
                Some(list) => {
                    for row in items(list).unwrap_or_default() {
                        match items(&row).as_deref() {
                            Some([key, item]) => drop(entries.insert(key.clone(), item.clone())),
                            _ => return Err(failed("`dict` expects a mapping or a list of pairs")),
                        }
                    }
                }
                None => {}
            }
            entries.extend(
                call.named.iter().map(|(key, item)| (Value::from(key.as_str()), item.clone())),
            );
            Ok(value::map(entries))
        },
    );
}

/// The arguments of a function, counted as those of a filter are: after a first one.
fn arguments<'a, 't, 'e>(
    name: &'static str,
    state: &'a mut State<'t, 'e>,
    rest: Rest<ValueOrKwargs>,
) -> Result<Call<'a, 't, 'e>, Error> {
    let args = std::iter::once(Value::from(())).chain(rest.into_values()).collect();
    Call::new(name, state, args, Arguments::Evaluated)
}

fn function(
    state: &mut State<'_, '_>,
    rest: Rest<ValueOrKwargs>,
    name: &'static str,
    wantlist: bool,
) -> Result<Value, Error> {
    let evaluation = here(state).ok_or_else(|| failed(format!("`{name}` cannot be used here")))?;
    let mut call = arguments(name, state, rest)?;
    let plugin = call
        .args
        .get(1)
        .map(print::text)
        .ok_or_else(|| failed(format!("`{name}` needs the name of a lookup")))?;
    let mut options = std::mem::take(&mut call.named);
    let mut take =
        |name: &str| options.iter().position(|(key, _)| key == name).map(|at| options.remove(at).1);
    let wantlist = take("wantlist").map_or(wantlist, |value| value.is_true());
    let errors = take("errors").map_or_else(|| "strict".to_owned(), |value| print::text(&value));
    if !["strict", "warn", "ignore"].contains(&errors.as_str()) {
        return Err(failed(format!(
            "`errors` is one of strict, warn and ignore, found `{errors}`"
        )));
    }
    let terms = call.args.drain(2..).collect();
    let found = match run(&plugin, Lookup { evaluation: &evaluation, terms, options }) {
        Err(error)
            if errors != "strict"
                && unwrap(&error).is_none_or(|error| error.kind != ErrorKind::Undefined) =>
        {
            return Ok(if wantlist { Value::from(Vec::<Value>::new()) } else { Value::from(()) });
        }
        found => found?,
    };
    if wantlist {
        return Ok(Value::from(found));
    }
    Ok(match &found[..] {
        [one] => one.clone(),
        [_, _, ..] if found.iter().all(|item| item.as_str().is_some()) => {
            Value::from(found.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
        }
        _ => Value::from(found),
    })
}

fn run(name: &str, lookup: Lookup<'_>) -> Result<Vec<Value>, Error> {
    let bare = name
        .strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name);
    match PLUGINS.iter().find(|(known, _)| *known == bare) {
        Some((_, plugin)) => plugin(&lookup),
        None => {
            let near = rprov_modules::kit::nearest(bare, PLUGINS.iter().map(|(known, _)| *known));
            let known = PLUGINS.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
            let error = TemplateError::new(
                ErrorKind::Failed,
                format!("no lookup named `{name}`"),
                Span::default(),
            );
            Err(wrap(match near {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("known lookups: {known}")),
            }))
        }
    }
}

impl Templar {
    /// What a lookup finds: for `with_fileglob`, `with_dict` and the like.
    ///
    /// # Errors
    /// If there is no such lookup or it fails; the span is the caller's to know.
    pub fn lookup(
        &self,
        name: &str,
        terms: Vec<Value>,
        span: Span,
        cx: &Context,
    ) -> Result<Vec<Value>, TemplateError> {
        let evaluation = Evaluation::new(self, cx);
        let lookup = Lookup { evaluation: &evaluation, terms, options: Vec::new() };
        run(name, lookup).map_err(|error| {
            let mut error = unwrap(&error).cloned().unwrap_or_else(|| {
                TemplateError::new(
                    ErrorKind::Failed,
                    error.detail().unwrap_or("the lookup failed"),
                    span,
                )
            });
            if error.span == Span::default() {
                error.span = span;
            }
            error
        })
    }
}

fn env(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let default = lookup.option("default").cloned().unwrap_or_else(|| Value::from(""));
    let one = |term: &Value| {
        let name = print::text(term);
        let name = name.split_whitespace().next().unwrap_or_default().to_owned();
        std::env::var(name).map_or_else(|_| default.clone(), Value::from)
    };
    Ok(lookup.terms.iter().map(one).collect())
}

fn vars(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let one = |term: &Value| {
        let name = print::text(term);
        match lookup.evaluation.variable(&name) {
            Some(value) => value.map_err(wrap),
            None => lookup.option("default").cloned().ok_or_else(|| {
                let message = format!("no variable named `{name}`");
                let mut error = TemplateError::new(ErrorKind::Undefined, message, Span::default());
                error.help = did_you_mean(&name, lookup.evaluation);
                wrap(error)
            }),
        }
    };
    lookup.terms.iter().map(one).collect()
}
