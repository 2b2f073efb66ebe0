//! Files that tasks name and that are nowhere the engine would look.

use std::collections::BTreeSet;
use std::path::Path;

use rprov_modules::kit::{Node, boolean};

use super::Check;
use crate::lint::findings::Of;
use crate::lint::tree::{Task, Tree, each};
use crate::playbook::has_template;
use crate::source::Diagnostic;
use crate::template::Search;

pub(super) const CHECK: Check = Check {
    id: "missing-file",
    finds: "a file to copy, render, run, include or import that does not exist",
    run: Some(run),
};

/// Modules that read a file of this machine: the parameter, and where it is looked for first.
const READERS: [(&str, &str, &str); 5] = [
    ("copy", "src", "files"),
    ("template", "src", "templates"),
    ("script", "cmd", "files"),
    ("unarchive", "src", "files"),
    ("include_vars", "file", "vars"),
];

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    let made = made_here(tree);
    for task in &tree.tasks {
        let Some(module) = &task.module else { continue };
        let Some((_, parameter, below)) = READERS.iter().find(|(name, ..)| *name == module.name)
        else {
            continue;
        };
        let on = |name: &str| {
            task.parameter(name).is_some_and(|node| {
                node.text().is_some_and(|text| has_template(text) || boolean(text) == Some(true))
            })
        };
        if on("remote_src") || (module.name == "unarchive" && task.parameter("copy").is_some()) {
            continue;
        }
        let free = matches!(module.name, "script" | "include_vars");
        let named = task.parameter(parameter).or_else(|| free.then(|| task.word()).flatten());
        let Some(named) = named else { continue };
        let text = named.text().unwrap_or_default();
        let name = if module.name == "script" { first_word(text) } else { text };
        let elsewhere = name.is_empty()
            || has_template(name)
            || name.starts_with(['/', '~'])
            || name.contains("://")
            || made.contains(last(name));
        let search = tree.search(task.file);
        if elsewhere || exists(&search, below, name) {
            continue;
        }
        let mut finding = Diagnostic::warning(format!("there is no file `{name}`"))
            .at(named.span, "not found")
            .context(module.span, format!("for this `{}`", module.name));
        let mut tried = search.candidates(below, Path::new(name));
        tried.truncate(4);
        for path in tried {
            finding = finding.note(format!("looked for `{}`", path.display()));
        }
        findings.add(finding.help("add the file, or correct its name"));
    }
}

fn exists(search: &Search, below: &str, name: &str) -> bool {
    // A directory to be copied may be written with a slash at its end.
    search.find(below, name.trim_end_matches('/')).is_some()
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn last(name: &str) -> &str {
    name.trim_end_matches('/').rsplit('/').next().unwrap_or(name)
}

/// The last parts of all paths that tasks on this machine name: they may make them.
fn made_here(tree: &Tree<'_>) -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    let makes = |task: &&Task<'_>| task.is_here() || task.is(&["fetch", "synchronize"]);
    for task in tree.tasks.iter().filter(makes) {
        each(task.node, &mut |node: &Node| {
            for word in node
                .text()
                .unwrap_or_default()
                .split(|c: char| c.is_whitespace() || "'\"=".contains(c))
            {
                made.insert(last(word).to_owned());
            }
        });
    }
    made
}
