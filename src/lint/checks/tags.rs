//! Tags that select nothing: those that were asked for and no task has, and those of tasks that are
//! included at run time by a task which the tag does not select.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rprov_modules::kit::{Node, Span, nearest};

use super::Check;
use crate::lint::findings::Of;
use crate::lint::sources::Kind;
use crate::lint::tree::{Task, Tree, each_entry, tags};
use crate::playbook::has_template;
use crate::source::Diagnostic;

pub(super) const CHECK: Check = Check {
    id: "dead-tag",
    finds: "a tag that `--tags` cannot reach, or (given with `--tags`) that no task has",
    run: Some(run),
};

/// Tags that mean something by themselves.
const SPECIAL: [&str; 5] = ["always", "never", "all", "tagged", "untagged"];

/// A task that includes a file at run time.
struct Includer {
    span: Span,
    tags: BTreeSet<String>,
}

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    let mut all = BTreeSet::new();
    let mut computed = false;
    for file in &tree.sources.files {
        each_entry(&file.node, &mut |entry| {
            if entry.key.text() == Some("tags") {
                for (tag, _) in tags(Some(&entry.value)) {
                    computed |= has_template(&tag);
                    all.insert(tag);
                }
            }
        });
    }
    if !computed {
        asked_for(tree, &all, findings);
        unreached(tree, findings);
    }
}

fn asked_for(tree: &Tree<'_>, all: &BTreeSet<String>, findings: &mut Of<'_, '_>) {
    for tag in tree.request.tags.iter().flat_map(|tags| tags.split(',')).map(str::trim) {
        if tag.is_empty() || SPECIAL.contains(&tag) || all.contains(tag) {
            continue;
        }
        let finding = Diagnostic::warning(format!("no task has the tag `{tag}`"));
        findings.add(match nearest(tag, all.iter().map(String::as_str)) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("`--list-tags` shows the tags of a playbook"),
        });
    }
}

fn unreached(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    let outer = inherited(tree);
    let Some(files) = included(tree) else { return };
    let mut told = BTreeSet::new();
    for task in &tree.tasks {
        let Some(path) = task.file.path.canonicalize().ok() else { continue };
        let Some(includers) = files.get(&path) else { continue };
        for (tag, span) in task.tags() {
            let reached = |includer: &Includer| {
                includer.tags.contains(&tag) || includer.tags.contains("always")
            };
            if SPECIAL.contains(&tag.as_str())
                || is_for_skipping(&tag)
                || outer.contains(&tag)
                || includers.iter().any(reached)
                || !told.insert((path.clone(), tag.clone()))
            {
                continue;
            }
            let message = format!("`--tags {tag}` does not reach this task");
            let mut finding = Diagnostic::warning(message).at(span, "");
            if let Some(first) = includers.first() {
                finding = finding.context(first.span, "its file is included here, at run time");
            }
            findings.add(
                finding.help(format!("give the including task the tag `{tag}`, too, or `always`")),
            );
        }
    }
}

/// Tags that only `--skip-tags` is meant to name.
fn is_for_skipping(tag: &str) -> bool {
    ["skip", "no", "molecule"].iter().any(|start| tag.starts_with(start))
}

/// Tags that tasks may have from roles, imports and plays around their file.
fn inherited(tree: &Tree<'_>) -> BTreeSet<String> {
    let mut outer = BTreeSet::new();
    let mut take =
        |node: &Node| outer.extend(tags(node.get("tags")).into_iter().map(|(tag, _)| tag));
    for play in &tree.plays {
        take(play);
        play.get("roles").and_then(Node::items).unwrap_or_default().iter().for_each(&mut take);
    }
    for file in tree.sources.files.iter().filter(|file| file.kind == Kind::Meta) {
        let roles = file.node.get("dependencies").and_then(Node::items);
        roles.unwrap_or_default().iter().for_each(&mut take);
    }
    for task in &tree.tasks {
        if task.is(&["import_tasks", "import_role", "include_role", "include"]) {
            task.levels().for_each(&mut take);
        }
        // `apply` gives tags to what is included.
        if let Some(apply) = task.parameter("apply") {
            take(&apply);
        }
    }
    outer
}

/// The files that are only included at run time, with those that include them. None if any file
/// may be brought in by a name that is computed.
fn included(tree: &Tree<'_>) -> Option<BTreeMap<PathBuf, Vec<Includer>>> {
    let mut files: BTreeMap<PathBuf, Vec<Includer>> = BTreeMap::new();
    let mut others = BTreeSet::new();
    for task in &tree.tasks {
        let runtime = task.is(&["include_tasks"]);
        if !runtime && !task.is(&["import_tasks", "include"]) {
            continue;
        }
        let name = task.parameter("file").or_else(|| task.word())?;
        let name = name.text()?;
        if has_template(name) {
            match runtime {
                true => return None,
                false => continue,
            }
        }
        let Some(path) = tree.search(task.file).find("tasks", name) else { continue };
        let path = path.canonicalize().ok()?;
        match runtime {
            true => files.entry(path).or_default().push(includer(task)),
            false => {
                others.insert(path);
            }
        }
    }
    files.retain(|path, _| {
        let entered = path.file_stem().is_some_and(|stem| stem == "main");
        !others.contains(path) && !entered
    });
    Some(files)
}

fn includer(task: &Task<'_>) -> Includer {
    let span = task.module.as_ref().map_or(task.node.span, |module| module.span);
    Includer { span, tags: task.tags().into_iter().map(|(tag, _)| tag).collect() }
}
