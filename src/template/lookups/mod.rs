//! Lookups: values from the controller's files, variables and programs.

mod config;
mod files;
mod first_found;
mod general;
mod ini;
mod lists;
mod names;
mod password;
mod sequence;
mod table;
mod url;

use std::sync::Arc;

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use rprov_modules::kit::Span;

use self::files::{file, fileglob, lines, pipe, template, unvault};
use self::first_found::first_found;
use self::general::{filetree, merge_variables, random_string};
use self::ini::ini;
use self::lists::{
    deeply_flattened, dict, flattened, indexed_items, nested, random_choice, subelements, together,
};
use self::names::{env, inventory_hostnames, varnames, vars};
use self::password::password;
use self::sequence::sequence;
use self::table::csvfile;
use self::url::url;
use super::error::{ErrorKind, TemplateError, failed, unwrap, wrap};
use super::functions::arguments;
use super::lazy::{Evaluation, here};
use super::{Context, Templar, collections, passed, print};

pub(super) use self::files::glob;

/// What a lookup runs with: its evaluation, terms and options.
struct Lookup<'a> {
    evaluation: &'a Arc<Evaluation>,
    terms: Vec<Value>,
    options: Vec<(String, Value)>,
}

type Plugin = fn(&Lookup<'_>) -> Result<Vec<Value>, Error>;

const PLUGINS: &[(&str, Plugin)] = &[
    ("config", config::config),
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
    ("csvfile", csvfile),
    ("ini", ini),
    ("inventory_hostnames", inventory_hostnames),
    ("unvault", unvault),
    ("url", url),
    ("varnames", varnames),
    ("cartesian", nested),
    ("community.general.cartesian", nested),
    ("community.general.flattened", |lookup| Ok(deeply_flattened(&lookup.terms))),
    ("filetree", filetree),
    ("community.general.filetree", filetree),
    ("community.general.merge_variables", merge_variables),
    ("community.general.random_string", random_string),
];

/// The names of all lookups.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PLUGINS.iter().map(|(name, _)| *name)
}

/// What to do instead of a lookup that asks what rprov cannot reach.
pub(super) fn unreachable(name: &str) -> Option<&'static str> {
    let short = name.strip_prefix("community.general.").unwrap_or(name);
    collections::UNREACHABLE.iter().find(|(known, _)| *known == short).map(|(_, why)| *why)
}

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

    /// An option as text.
    fn text(&self, name: &str) -> Option<String> {
        self.option(name).filter(|value| !value.is_none()).map(print::text)
    }

    /// Refuses options that the lookup does not have.
    fn only(&self, known: &[&str]) -> Result<(), Error> {
        match self.options.iter().find(|(name, _)| !known.contains(&&**name)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(failed(format!("unknown option `{name}`: expected {}", known.join(", "))))
            }
        }
    }

    /// Whether this is the loop of a task (`with_…`).
    fn is_loop(&self) -> bool {
        self.cx().lookup("rprov_loop_terms").is_some()
    }

    /// Says that a text is a secret.
    fn tell(&self, secret: &str) {
        self.evaluation.templar.tell(secret);
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
                let result = function(state, rest, name, wantlist);
                passed::on(state, name, result)
            },
        );
    }
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
    // A fuzzer makes up commands and files.
    if cfg!(fuzzing) {
        return Err(failed(format!("no lookup `{name}` while fuzzing")));
    }
    let bare = super::register::bare(name);
    match PLUGINS.iter().find(|(known, _)| *known == bare) {
        Some((_, plugin)) => plugin(&lookup),
        None if unreachable(bare).is_some() => {
            let message = format!("the lookup `{name}` is not available in rprov");
            let mut error = TemplateError::new(ErrorKind::Failed, message, Span::default());
            error.help = unreachable(bare).map(str::to_owned);
            Err(wrap(error))
        }
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
