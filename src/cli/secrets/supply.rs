//! The secrets of an environment as a run gets them: extra variables. What is wrong with the file is
//! told once.

use std::path::Path;

use rprov_modules::kit::{Node, NodeKind, Span};
use rprov_vault::Mode;

use super::conflicts::{self, OURS, THEIRS};
use super::document::{Clear, not_encrypted, values};
use super::inline::tagged;
use crate::cli::complain;
use crate::source::Diagnostic;
use crate::vars::Layer;
use crate::vars::files::{self, Reader, unreadable};

/// Reads the secrets of an environment.
///
/// # Errors
/// When they cannot be read or opened, or two branches are still in conflict.
pub(in crate::cli) fn layer(path: &Path, reader: &Reader) -> Result<Layer, Diagnostic> {
    let bytes = Clear::new(
        String::from_utf8(files::read(path).map_err(|error| unreadable(path, &error))?)
            .unwrap_or_default(),
    );
    if let Some(error) = unmerged(path, bytes.as_bytes()) {
        return Err(error);
    }
    let node = reader.node(path)?;
    let mut keys = Vec::new();
    let mut at = None;
    in_conflict(&node, &mut Vec::new(), &mut at, &mut keys);
    if let Some(span) = at {
        let keys = keys.join("`, `");
        let error = format!("both branches changed `{keys}`, and nobody has chosen yet");
        return Err(Diagnostic::error(error).at(span, "").help(choose(path)));
    }
    let layer = Layer::from_node(&node)?;
    if is_plain(&bytes) {
        complain(&not_encrypted(path));
    }
    Ok(layer)
}

fn choose(path: &Path) -> String {
    format!("choose with `rprov secrets edit --file {}`", path.display())
}

/// Whether it has values, and all of them are in clear.
fn is_plain(text: &str) -> bool {
    let values = values(text);
    !rprov_vault::is_encrypted(text.as_bytes())
        && !values.is_empty()
        && values.iter().all(|value| tagged(value).is_none())
}

/// What two branches have left in a file: the lines of git, or values of which one is to be chosen.
fn unmerged(path: &Path, bytes: &[u8]) -> Option<Diagnostic> {
    let values = || {
        let sealed = std::str::from_utf8(bytes).ok()?;
        let is_values = rprov_vault::mode(bytes) == Some(Mode::Values);
        let message = is_values.then(|| conflicts::message(sealed)).flatten()?;
        let error = Diagnostic::error(format!("`{}`: {message}", path.display()));
        Some(error.help(choose(path)))
    };
    by_git(path, bytes).or_else(values)
}

/// The lines that git writes into a text it could not merge.
pub(super) fn by_git(path: &Path, bytes: &[u8]) -> Option<Diagnostic> {
    if rprov_vault::mode(bytes) == Some(Mode::Whole) {
        return None;
    }
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let before = lines.position(|line| line.starts_with(b"<<<<<<< "))?;
    let (shown, line) = (path.display(), before + 1);
    let error = format!("`{shown}` has an unsolved merge conflict in line {line}");
    let help = match rprov_vault::is_encrypted(bytes) {
        false => "choose one of the two versions, and remove the lines of git".to_owned(),
        true => format!(
            "run `rprov secrets hook install`, then `git checkout --merge -- {shown}`: that merges \
             value by value"
        ),
    };
    Some(Diagnostic::error(error).help(help))
}

/// The keys of values that the merge driver has left to be chosen, and where the first one is.
fn in_conflict<'a>(
    node: &'a Node,
    path: &mut Vec<&'a str>,
    at: &mut Option<Span>,
    keys: &mut Vec<String>,
) {
    let NodeKind::Map(entries) = &node.kind else {
        if let NodeKind::List(items) = &node.kind {
            items.iter().for_each(|item| in_conflict(item, path, at, keys));
        }
        return;
    };
    for entry in entries {
        let name = entry.key.scalar().map_or("", |key| &*key.text);
        if name.starts_with(OURS) || name.starts_with(THEIRS) {
            at.get_or_insert(entry.key.span);
            let key = path.join(".");
            if !keys.contains(&key) {
                keys.push(key);
            }
            continue;
        }
        path.push(name);
        in_conflict(&entry.value, path, at, keys);
        path.pop();
    }
}
