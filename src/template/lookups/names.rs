//! Lookups of what has a name: variables, the environment, hosts.

use minijinja::{Error, Value};
use rprov_modules::kit::Span;

use crate::inventory::{Inventory, pattern};

use super::super::call::{described, items};
use super::super::error::{ErrorKind, TemplateError, failed, wrap};
use super::super::fault::did_you_mean;
use super::super::filters::regex;
use super::super::print;
use super::Lookup;

pub(super) fn env(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let default = lookup.option("default").cloned().unwrap_or_else(|| Value::from(""));
    let one = |term: &Value| {
        let name = print::text(term);
        let name = name.split_whitespace().next().unwrap_or_default();
        match std::env::var(name) {
            Ok(value) => Ok(Value::from(value)),
            Err(_) if default.is_undefined() => {
                let message = format!("the environment has no variable `{name}`");
                Err(wrap(TemplateError::new(ErrorKind::Undefined, message, Span::default())))
            }
            Err(_) => Ok(default.clone()),
        }
    };
    lookup.terms.iter().map(one).collect()
}

/// The name of a variable, or a pattern for such.
fn name<'a>(lookup: &str, term: &'a Value) -> Result<&'a str, Error> {
    let found = described(term);
    term.as_str().ok_or_else(|| failed(format!("`{lookup}` expects names as text, found {found}")))
}

pub(super) fn vars(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let one = |term: &Value| {
        let name = name("vars", term)?;
        match lookup.evaluation.variable(name) {
            Some(value) => value.map_err(wrap),
            None => lookup.option("default").cloned().ok_or_else(|| {
                let message = format!("no variable named `{name}`");
                let mut error = TemplateError::new(ErrorKind::Undefined, message, Span::default());
                error.help = did_you_mean(name, lookup.evaluation);
                wrap(error)
            }),
        }
    };
    lookup.terms.iter().map(one).collect()
}

/// The names of variables that a pattern finds.
pub(super) fn varnames(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut known = lookup.cx().names();
    known.sort();
    known.dedup();
    let mut found = Vec::new();
    for term in &lookup.terms {
        let pattern = regex::compile(name("varnames", term)?, false, false)?;
        for name in &known {
            if pattern.is_match(name).map_err(regex::too_hard)? {
                found.push(Value::from(name.as_str()));
            }
        }
    }
    Ok(found)
}

/// The hosts a pattern means, of those in `groups`.
pub(super) fn inventory_hostnames(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let groups = match lookup.evaluation.variable("groups") {
        Some(groups) => groups.map_err(wrap)?,
        None => return Err(failed("`inventory_hostnames` needs the variable `groups`")),
    };
    let groups = print::pairs(&groups).into_iter().map(|(name, hosts)| {
        let hosts = items(&hosts).unwrap_or_default();
        (print::text(&name), hosts.iter().map(print::text).collect())
    });
    let inventory = Inventory::of(groups)
        .map_err(|_| failed("`groups` holds a name that no group or host can have"))?;
    let mut patterns = Vec::new();
    for term in &lookup.terms {
        let nested = term.as_str().is_none();
        let terms = if nested { items(term).unwrap_or_default() } else { vec![term.clone()] };
        patterns.extend(terms.iter().map(print::text));
    }
    // A pattern without hosts gives none here: it is a question, not a play.
    let found = pattern::select(&inventory, &patterns.join(","), Span::default(), None);
    Ok(found.map_or_else(
        |_| Vec::new(),
        |found| found.hosts.iter().map(|host| Value::from(&**host)).collect(),
    ))
}
