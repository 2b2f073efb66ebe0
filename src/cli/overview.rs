//! `rprov` alone: what can be done here, in the style of `make help`.

use std::fmt::Write;
use std::path::Path;

use super::args::commands;
use super::basis::Basis;
use super::project::Project;
use super::{Exit, Result};

/// Outside of a project, too: then the page tells how one begins.
pub(super) fn show(basis: &Basis) -> Result {
    let project = Project::here().ok();
    let page = Page { width: super::width(), color: basis.color(&std::io::stdout()) };
    let verbs = project.as_ref().map(Project::verbs).unwrap_or_default();
    let verbs: Vec<(String, String)> =
        verbs.into_iter().map(|(name, path)| (name, summary(&path))).collect();
    let environments = project.as_ref().map(Project::environments).unwrap_or_default();
    let mut out = String::from("Usage: rprov VERB env=ENV [NAME=VALUE]… [flags]\n");
    page.title("Environments", &mut out);
    match environments.is_empty() {
        true => page.rows([("none", "make `inventories/ENV/hosts`")], &mut out),
        false => page.rows(environments.iter().map(|name| (name.as_str(), "")), &mut out),
    }
    page.title("Verbs", &mut out);
    match verbs.is_empty() {
        true => page.rows([("none", "make `playbooks/VERB.yml`")], &mut out),
        false => {
            page.rows(verbs.iter().map(|(name, text)| (name.as_str(), text.as_str())), &mut out)
        }
    }
    page.title("Commands (`rprov COMMAND --help` tells more)", &mut out);
    let commands = commands();
    page.rows(commands.iter().map(|(name, text)| (name.as_str(), text.as_str())), &mut out);
    super::say(&out);
    Ok(Exit::Ok)
}

struct Page {
    width: usize,
    color: bool,
}

impl Page {
    fn title(&self, text: &str, out: &mut String) {
        let _ = match self.color {
            true => writeln!(out, "\n\x1b[1m{text}:\x1b[0m"),
            false => writeln!(out, "\n{text}:"),
        };
    }

    /// Names, and beside them what they are about, broken to the width.
    fn rows<'a>(&self, rows: impl IntoIterator<Item = (&'a str, &'a str)>, out: &mut String) {
        let rows: Vec<(&str, &str)> = rows.into_iter().collect();
        let longest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        // Long names would leave no room.
        let column = longest.clamp(9, (self.width / 2).max(9));
        for (name, text) in rows {
            let padded = format!("{name:<column$}");
            let shown = match self.color {
                true => format!("\x1b[36m{padded}\x1b[0m"),
                false => padded,
            };
            let mut line = format!("  {shown}");
            let mut used = 2 + name.chars().count().max(column);
            for (at, word) in text.split_whitespace().enumerate() {
                let gap = if at == 0 { 2 } else { 1 };
                if used + gap + word.chars().count() > self.width && used > column + 4 {
                    let _ = writeln!(out, "{line}");
                    line = " ".repeat(column + 3);
                    used = column + 3;
                }
                let gap = if used == column + 3 { 1 } else { gap };
                line.push_str(&" ".repeat(gap));
                line.push_str(word);
                used += gap + word.chars().count();
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
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
        .find(|line| !line.is_empty() && !line.starts_with("yaml-language-server"))
        .unwrap_or_default()
        .to_owned()
}
