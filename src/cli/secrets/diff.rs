//! `rprov secrets diff`: which values differ, by their keys.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rprov_vault::{Value, ValueKind, text};

use super::args::DiffArgs;
use super::document::{Document, Form, wrong};
use super::target;
use crate::cli::basis::Basis;
use crate::cli::{Exit, Result, say};
use crate::source::Diagnostic;
use crate::vars::files::{reason, unreadable};

pub(super) fn diff(args: &DiffArgs, basis: &Basis) -> Result {
    let path = target::only(&args.place, &args.words)?;
    let document = Document::open(&path, &args.place.passwords, basis)?;
    let (name, old) = match committed(&path, &args.against)? {
        Some(old) => (format!("{}:{}", args.against, path.display()), old),
        None => {
            let other = Path::new(&args.against);
            let bytes = std::fs::read(other).map_err(|error| {
                let error = unreadable(other, &error);
                vec![
                    error.help(format!("`{}` is no commit that has the file either", args.against)),
                ]
            })?;
            (args.against.clone(), bytes)
        }
    };
    let (_, old) = Form::open(Path::new(&name), &old, &document.passwords)?;
    let list = |clear: &str, of: &Path| text::list(clear).map_err(|error| wrong(of, &error));
    let old = by_path(&list(&old, Path::new(&name))?);
    let new = by_path(&list(&document.clear, &path)?);
    for line in compare(&old, &new, args.show) {
        say(&format!("{line}\n"));
    }
    Ok(Exit::Ok)
}

/// The file in a commit; none if there is no such commit, or it does not have the file.
fn committed(path: &Path, commit: &str) -> Result<Option<Vec<u8>>> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let output = Command::new("git")
        .current_dir(directory.unwrap_or(Path::new(".")))
        .args(["show", &format!("{commit}:./{name}")])
        .output()
        .map_err(|error| vec![Diagnostic::error(format!("cannot run git: {}", reason(&error)))])?;
    Ok(output.status.success().then_some(output.stdout))
}

/// Everything that is written, by its path, in the order of the paths.
pub(super) fn by_path(values: &[Value]) -> BTreeMap<String, String> {
    let leaf = |value: &&Value| match value.kind {
        ValueKind::Scalar { .. } | ValueKind::Clear => true,
        ValueKind::List(length) | ValueKind::Map(length) => length == 0,
    };
    let pair = |value: &Value| (value.path.to_string(), value.source.to_string());
    values.iter().filter(leaf).map(pair).collect()
}

/// A line for each difference.
fn compare(
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    show: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    let shown = |value: &String| match show {
        true => format!(": {value}"),
        false => String::new(),
    };
    for (path, value) in old {
        match new.get(path) {
            None => lines.push((path, format!("removed  {path}{}", shown(value)))),
            Some(now) if now != value => {
                let values = if show { format!(": {value} → {now}") } else { String::new() };
                lines.push((path, format!("changed  {path}{values}")));
            }
            Some(_) => {}
        }
    }
    let added = new.iter().filter(|(path, _)| !old.contains_key(*path));
    lines.extend(added.map(|(path, value)| (path, format!("added    {path}{}", shown(value)))));
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}
