//! Which files are declared secret, and what in them anybody could read.
//!
//! Declared are the `secrets` of all environments, and every file with the attribute
//! `diff=rprov-secrets`.

use std::path::{Path, PathBuf};

use rprov_vault::ansible::is_envelope;
use rprov_vault::{Mode, ValueKind, text};

use super::{DRIVER, git};
use crate::cli::Result;
use crate::cli::project::Project;
use crate::cli::secrets::conflicts;
use crate::cli::secrets::inline::{is_string, tagged};

/// What every value encrypted by rprov begins with.
const SEALED: &str = "enc.";

/// What is wrong with a file that is to be committed.
pub(super) enum Fault {
    /// These values are in clear.
    Clear(Vec<String>),
    /// It is no YAML, and not encrypted.
    Open,
    /// These values are in conflict.
    Conflict(Vec<String>),
}

/// Those of the names, relative to the top of the repository, that are declared secret.
pub(super) fn of(top: &Path, names: &[String]) -> Result<Vec<String>> {
    let mut input = names.join("\0").into_bytes();
    input.push(0);
    let top_text = top.to_string_lossy();
    let out = git(&["-C", &top_text, "check-attr", "-z", "--stdin", "diff"], &input)?;
    let out = String::from_utf8_lossy(&out);
    let fields: Vec<&str> = out.split('\0').collect();
    let by_attribute: Vec<&str> =
        fields.chunks_exact(3).filter(|field| field[2] == DRIVER).map(|field| field[0]).collect();
    let by_place = environments(top);
    let is_declared = |name: &&String| {
        by_attribute.contains(&name.as_str()) || by_place.iter().any(|path| path == Path::new(name))
    };
    Ok(names.iter().filter(is_declared).cloned().collect())
}

/// The `secrets` of all environments, relative to the top of the repository.
fn environments(top: &Path) -> Vec<PathBuf> {
    let Ok(project) = Project::find() else { return vec![] };
    let names = project.environments().into_iter();
    let secrets = names.filter_map(|name| project.environment(&name).ok()?.secrets);
    secrets
        .filter_map(|path| {
            let real = path.canonicalize().ok()?;
            Some(real.strip_prefix(top.canonicalize().ok()?).ok()?.to_owned())
        })
        .collect()
}

/// What of a file must not be committed.
pub(super) fn fault(bytes: &[u8]) -> Option<Fault> {
    let mode = rprov_vault::mode(bytes);
    if mode == Some(Mode::Whole) || is_envelope(bytes) || bytes.trim_ascii().is_empty() {
        return None;
    }
    let Some(text) = std::str::from_utf8(bytes).ok() else { return Some(Fault::Open) };
    let conflicts = conflicts::of(text);
    if !conflicts.is_empty() {
        return Some(Fault::Conflict(conflicts));
    }
    let clear: Vec<String> = if mode.is_some() {
        let Ok(values) = rprov_vault::sealed_values(bytes) else { return Some(Fault::Open) };
        let open = values.into_iter().filter(|value| !value.token.starts_with(SEALED));
        open.map(|value| value.path.to_string()).collect()
    } else {
        // Only comments: there is nothing in it.
        let lines = || text.lines().map(str::trim);
        if lines().all(|line| line.is_empty() || line.starts_with('#') || line == "---") {
            return None;
        }
        let Ok(values) = text::list(text) else { return Some(Fault::Open) };
        // Of Ansible's `!vault` only strings can be.
        let inline = values.iter().any(|value| tagged(value).is_some());
        let open = values.iter().filter(|value| match &value.kind {
            ValueKind::Scalar { text, .. } if tagged(value).is_some() => {
                !is_envelope(text.as_bytes())
            }
            ValueKind::Scalar { text, plain, .. } => !inline || !plain || is_string(text),
            ValueKind::Clear | ValueKind::List(_) | ValueKind::Map(_) => false,
        });
        open.map(|value| value.path.to_string()).collect()
    };
    (!clear.is_empty()).then_some(Fault::Clear(clear))
}
