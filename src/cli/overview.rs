//! `rprov` alone: what can be done here, in the style of `make help`.

use std::fmt::Write;
use std::path::Path;

use super::project::Project;
use super::{Exit, Result};
use crate::source::SourceMap;

pub(super) fn show(_: &SourceMap) -> Result {
    let project = Project::find()
        .map_err(|error| vec![error.help("`rprov --help` tells what rprov does")])?;
    let mut out = String::from(
        "Usage: rprov VERB env=ENV [NAME=VALUE]… [flags]   (rprov --help for all)\n\nEnvironments:\n",
    );
    let environments = project.environments();
    for name in &environments {
        let _ = writeln!(out, "  {name}");
    }
    if environments.is_empty() {
        out.push_str("  none: make a directory `inventories/ENV` with a file `hosts`\n");
    }
    out.push_str("\nVerbs:\n");
    let verbs = project.verbs();
    let width = verbs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(8);
    for (name, path) in &verbs {
        let _ = writeln!(out, "  {name:<width$}  {}", summary(path));
    }
    let _ =
        writeln!(out, "  {:<width$}  Check that hosts can be reached and have a shell.", "ping");
    super::say(&out);
    Ok(Exit::Ok)
}

/// The first comment line of a playbook.
fn summary(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let comment = text
        .lines()
        .take_while(|line| line.starts_with('#') || line.trim().is_empty() || *line == "---");
    comment
        .filter_map(|line| line.strip_prefix('#'))
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned()
}
