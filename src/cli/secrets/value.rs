//! `rprov secrets view`, `get`, `set` and `unset`.

use std::io::{IsTerminal, Read};

use rprov_vault::{KeyPath, NewValue, Value, ValueKind, text};
use zeroize::Zeroizing;

use super::args::{FileArgs, KeyArgs, SetArgs};
use super::document::{Clear, Document, wrong};
use super::target;
use super::whole::{WholeFile, is_whole};
use crate::cli::basis::Basis;
use crate::cli::{Exit, Result, pager, say};
use crate::report;
use crate::source::Diagnostic;

pub(super) fn view(args: &FileArgs, basis: &Basis) -> Result {
    let path = target::only(&args.place, &args.words)?;
    if is_whole(&path) {
        let file = WholeFile::open(&path, &args.place.passwords, basis)?;
        // Nothing of an altered file is shown.
        file.verify()?;
        let mut shown = Ok(());
        pager::show_with(&basis.config, |output| shown = file.content(output).map(drop));
        return shown.map(|()| Exit::Ok);
    }
    let document = Document::open(&path, &args.place.passwords, basis)?;
    pager::show(&basis.config, document.clear.as_bytes());
    Ok(Exit::Ok)
}

pub(super) fn get(args: &KeyArgs, basis: &Basis) -> Result {
    let (path, words) = target::one(&args.place, &args.words)?;
    let key = key(&words)?;
    let document = Document::open(&path, &args.place.passwords, basis)?;
    let values = text::list(&document.clear).map_err(|error| wrong(&path, &error))?;
    let Some(found) = values.iter().find(|value| value.path.leads_to(&key)) else {
        return Err(vec![missing(&key, &values)]);
    };
    let shown: &str = match &found.kind {
        ValueKind::Scalar { text, .. } => text,
        ValueKind::Clear | ValueKind::List(_) | ValueKind::Map(_) => &found.source,
    };
    say(shown);
    if !shown.ends_with('\n') {
        say("\n");
    }
    Ok(Exit::Ok)
}

pub(super) fn set(args: &SetArgs, basis: &Basis) -> Result {
    // Before `env=`, which has the same form, is taken out.
    if let Some((name, _)) =
        args.words.iter().filter_map(|word| word.split_once('=')).find(|(name, _)| *name != "env")
    {
        let error = "a value on the command line is seen by other users and kept by the shell";
        return Err(vec![Diagnostic::error(error).help(format!(
            "write `rprov secrets set {name}`: the value is asked for, or comes from standard input"
        ))]);
    }
    let (path, words) = target::one(&args.place, &args.words)?;
    let key = key(&words)?;
    let mut document = Document::open_or_new(&path, &args.place.passwords, basis)?;
    let value = value(&key)?;
    let new = match args.yaml {
        true => NewValue::Yaml(&value),
        false => NewValue::Text(&value),
    };
    let clear = text::set(&document.clear, &key, new).map_err(|error| wrong(&path, &error))?;
    let clear = tagged_again(&document.clear, &clear, &key);
    document.save(&clear)?;
    Ok(Exit::Ok)
}

pub(super) fn unset(args: &KeyArgs, basis: &Basis) -> Result {
    let (path, words) = target::one(&args.place, &args.words)?;
    let key = key(&words)?;
    let mut document = Document::open(&path, &args.place.passwords, basis)?;
    let values = text::list(&document.clear).map_err(|error| wrong(&path, &error))?;
    if !values.iter().any(|value| value.path.leads_to(&key)) {
        return Err(vec![missing(&key, &values)]);
    }
    let clear = text::unset(&document.clear, &key).map_err(|error| wrong(&path, &error))?;
    document.save(&clear)?;
    Ok(Exit::Ok)
}

/// The one key among the words.
fn key(words: &[String]) -> Result<KeyPath> {
    match words {
        [key] if !key.is_empty() => key
            .parse()
            .map_err(|error: rprov_vault::Error| vec![Diagnostic::error(error.to_string())]),
        [] => Err(vec![Diagnostic::error("expected a key, found none")]),
        [_, other, ..] => {
            Err(vec![Diagnostic::error(format!("expected one key, found also `{other}`"))])
        }
        [_] => Err(vec![Diagnostic::error("expected a key, found nothing")]),
    }
}

fn missing(key: &KeyPath, values: &[Value]) -> Diagnostic {
    let names: Vec<String> = values.iter().map(|value| value.path.to_string()).collect();
    let wanted = key.to_string();
    let error = Diagnostic::error(format!("there is no key `{wanted}`"));
    match rprov_modules::kit::nearest(&wanted, names.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}

/// The new value: asked for, twice, or from standard input.
fn value(key: &KeyPath) -> Result<Clear> {
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        let ask = |question: String| report::ask(&question, true).map(Zeroizing::new);
        let (first, again) = (ask(format!("{key}: ")), ask(format!("{key}, again: ")));
        return match (first, again) {
            (Some(first), Some(again)) if first == again => Ok(first),
            (Some(_), Some(_)) => Err(vec![Diagnostic::error("the two values differ")]),
            _ => Err(vec![Diagnostic::error("there is no terminal to ask on")]),
        };
    }
    let mut value = Clear::default();
    stdin.read_to_string(&mut value).map_err(|error| {
        vec![Diagnostic::error(format!("cannot read the value from standard input: {error}"))]
    })?;
    // A text of several lines is a file: it is kept as it is.
    if value.trim_end_matches(['\n', '\r']).contains('\n') {
        return Ok(value);
    }
    Ok(Clear::new(value.trim_end_matches(['\n', '\r']).to_owned()))
}

/// In YAML with `!vault` values a new value is one of them, if its neighbours are.
fn tagged_again(before: &str, after: &Clear, key: &KeyPath) -> Clear {
    let marked = |text: &str| {
        let values = text::list(text).unwrap_or_default();
        values.iter().any(|value| super::inline::tagged(value).is_some())
    };
    let values = text::list(after).unwrap_or_default();
    match values.iter().find(|value| value.path.leads_to(key)) {
        Some(value)
            if marked(before) && matches!(value.kind, ValueKind::Scalar { tag: None, .. }) =>
        {
            let at = value.span.start;
            Clear::new(format!("{}!vault {}", &after[..at], &after[at..]))
        }
        _ => after.clone(),
    }
}
