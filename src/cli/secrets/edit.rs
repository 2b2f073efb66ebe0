//! `rprov secrets edit`.

use std::path::Path;

use rprov_vault::{Error, ValueKind, text};

use super::args::FileArgs;
use super::document::{Clear, Document};
use super::{conflicts, target, whole};
use crate::cli::basis::Basis;
use crate::cli::editor::{self, Edited, Mistake};
use crate::cli::{Exit, Result, complain};

pub(super) fn edit(args: &FileArgs, basis: &Basis) -> Result {
    let path = target::only(&args.place, &args.words)?;
    if whole::is_whole(&path) {
        return whole::edit(&path, &args.place.passwords, basis).map(|()| Exit::Ok);
    }
    let mut document = Document::open_or_new(&path, &args.place.passwords, basis)?;
    let shown = path.display();
    let is_new = document.held.bytes().is_none();
    let before = if is_new { Clear::default() } else { document.clear.clone() };
    match editor::edit(&basis.config, &name(&path), before.as_bytes(), &mistake)? {
        Edited::Unchanged if is_new => complain("nothing was written\n"),
        Edited::Unchanged => complain(&format!("`{shown}` is unchanged\n")),
        Edited::Changed(clear) => {
            let clear = String::from_utf8_lossy(&clear);
            document.save(&clear)?;
            let left = conflicts::of(&clear);
            if !left.is_empty() {
                complain(&format!("note: still in conflict: {}\n", left.join(", ")));
            }
        }
        Edited::Abandoned { why, saved } => {
            let saved = saved.as_ref().map(|saved| String::from_utf8_lossy(saved));
            document.abandon(&why, saved.as_deref())?;
        }
    }
    Ok(Exit::Ok)
}

/// What of a text cannot be taken over: secrets are a mapping of variables, in YAML.
fn mistake(clear: &[u8]) -> std::result::Result<(), Mistake> {
    let at = |line, column, what: String| Err(Mistake { line, column, what });
    let clear = match std::str::from_utf8(clear) {
        Ok(clear) => clear,
        Err(error) => {
            let before = &clear[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            return at(line, 1, "expected UTF-8".to_owned());
        }
    };
    match text::list(clear) {
        Ok(values) => match values.first().map(|value| &value.kind) {
            Some(ValueKind::Map(_)) => Ok(()),
            _ => at(1, 1, "expected `key: value`, found a list".to_owned()),
        },
        Err(Error::Yaml { line, column, what }) => at(line, column, what),
        Err(error) => at(1, 1, error.to_string()),
    }
}

/// The name that the private file gets: editors tell YAML by its ending.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
        true => name.into_owned(),
        false => format!("{name}.yml"),
    }
}
