//! The lookup `first_found`: the first of several files that is there.

use std::path::Path;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use rprov_modules::kit::Span;

use super::super::call::{described, items};
use super::super::error::{ErrorKind, TemplateError, failed, wrap};
use super::super::filters::path::normal;
use super::super::python;
use super::Lookup;
use super::files::absolute;

/// Terms are names, lists of them, or mappings with `files`, `paths` and `skip`.
pub(super) fn first_found(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(&["files", "paths", "skip"])?;
    let mut search = Search {
        names: Vec::new(),
        paths: words(lookup.option("paths"), &[',', ':', ';'])?,
        skip: lookup.flag("skip", false),
        lax: lookup.is_loop(),
    };
    if lookup.terms.is_empty() {
        search.add(words(lookup.option("files"), &[',', ';'])?);
    }
    search.terms(&lookup.terms)?;
    // In a loop the directory depends on the task; each that it can be is tried.
    let below: &[&str] =
        if lookup.is_loop() { &["files", "templates", "vars", "tasks"] } else { &[""] };
    for name in &search.names {
        for below in below {
            if let Some(path) = lookup.cx().search.find(below, name) {
                let path = absolute(&path);
                return Ok(vec![Value::from(normal(&path.to_string_lossy()))]);
            }
        }
    }
    if search.skip {
        return Ok(Vec::new());
    }
    let tried = search.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let error =
        TemplateError::new(ErrorKind::Failed, "`first_found` found no file", Span::default());
    Err(wrap(error.help(format!("looked for {tried}; `skip=true` makes none an empty result"))))
}

struct Search {
    names: Vec<String>,
    /// Of the last term that gave any.
    paths: Vec<String>,
    skip: bool,
    lax: bool,
}

impl Search {
    fn terms(&mut self, terms: &[Value]) -> Result<(), Error> {
        for term in terms {
            match term.kind() {
                ValueKind::Map => {
                    let part = |name: &str| python::look(term, &Value::from(name));
                    self.paths = words(part("paths")?.as_ref(), &[',', ':', ';'])?;
                    self.skip = part("skip")?.is_some_and(|skip| skip.is_true());
                    self.add(words(part("files")?.as_ref(), &[',', ';'])?);
                }
                ValueKind::String => self.add(words(Some(term), &[',', ';'])?),
                ValueKind::Seq | ValueKind::Iterable => {
                    self.terms(&items(term).unwrap_or_default())?;
                }
                // A loop passes over what is undefined.
                ValueKind::Undefined if self.lax => {}
                ValueKind::Undefined => {
                    let message = "an item of `first_found` is undefined";
                    let span = Span::default();
                    return Err(wrap(TemplateError::new(ErrorKind::Undefined, message, span)));
                }
                _ => {
                    return Err(failed(format!(
                        "`first_found` expects names, lists or mappings, found {}",
                        described(term)
                    )));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, files: Vec<String>) {
        if self.paths.is_empty() {
            self.names.extend(files);
            return;
        }
        for path in &self.paths {
            let joined = |file: &String| Path::new(path).join(file).to_string_lossy().into_owned();
            self.names.extend(files.iter().map(joined));
        }
    }
}

/// One text or a list of such, each of which may hold several names.
fn words(value: Option<&Value>, separators: &[char]) -> Result<Vec<String>, Error> {
    let Some(value) = value.filter(|value| !value.is_none()) else { return Ok(Vec::new()) };
    let list = match value.as_str() {
        Some(_) => vec![value.clone()],
        None => items(value).unwrap_or_default(),
    };
    let mut words = Vec::new();
    for item in &list {
        let text = item.as_str().ok_or_else(|| {
            failed(format!("`first_found` expects names as text, found {}", described(item)))
        })?;
        words.extend(text.split(separators).filter(|word| !word.is_empty()).map(str::to_owned));
    }
    Ok(words)
}
