//! Which file a command is about: an environment's `secrets`, or the one that is named.

use std::path::PathBuf;

use super::args::Place;
use crate::cli::Result;
use crate::cli::inputs::environment;
use crate::cli::project::Project;
use crate::source::Diagnostic;

/// The file, and the words that do not say which.
///
/// # Errors
/// When there is no such environment, or nothing says which file.
pub(super) fn one(place: &Place, words: &[String]) -> Result<(PathBuf, Vec<String>)> {
    let (named, words) = named(place, words)?;
    Ok((named.ok_or_else(which)?, words))
}

/// The file alone.
///
/// # Errors
/// As [`one`], and when there are other words.
pub(super) fn only(place: &Place, words: &[String]) -> Result<PathBuf> {
    let (named, rest) = named(place, words)?;
    none_of(&rest)?;
    named.ok_or_else(which)
}

fn which() -> Vec<Diagnostic> {
    let known = Project::find()
        .map(|project| format!("; known environments: {}", project.environments().join(", ")))
        .unwrap_or_default();
    let error = Diagnostic::error("the secrets of which environment?");
    vec![error.help(format!("write `env=ENV`, or `--file FILE`{known}"))]
}

/// The file; if none is said, those of all environments.
///
/// # Errors
/// As [`one`], and outside of a project.
pub(super) fn some(place: &Place, words: &[String]) -> Result<Vec<PathBuf>> {
    let (named, rest) = named(place, words)?;
    none_of(&rest)?;
    if let Some(path) = named {
        return Ok(vec![path]);
    }
    let project = Project::find().map_err(|error| vec![error])?;
    let all = project.environments().into_iter();
    let found = all.filter_map(|name| project.environment(&name).ok()?.secrets);
    Ok(found.collect())
}

fn named(place: &Place, words: &[String]) -> Result<(Option<PathBuf>, Vec<String>)> {
    let (environment, rest) = environment(words.to_vec())?;
    match (&place.file, environment) {
        (Some(_), Some(_)) => {
            let error = Diagnostic::error("expected `env=ENV` or `--file FILE`, found both");
            Err(vec![error])
        }
        (Some(file), None) => Ok((Some(PathBuf::from(file)), rest)),
        (None, Some(environment)) => {
            let missing = || environment.hosts.with_file_name("secrets");
            Ok((Some(environment.secrets.clone().unwrap_or_else(missing)), rest))
        }
        (None, None) => Ok((None, rest)),
    }
}

fn none_of(words: &[String]) -> Result<()> {
    match words.first() {
        None => Ok(()),
        Some(word) => {
            let error = Diagnostic::error(format!("expected `env=ENV`, found `{word}`"));
            Err(vec![error.help(format!("for a file write `--file {word}`"))])
        }
    }
}
