//! Handlers that are notified and that nothing defines.

use std::collections::BTreeSet;

use rprov_modules::kit::{Node, nearest};

use super::Check;
use crate::lint::findings::Of;
use crate::lint::sources::Kind;
use crate::lint::tree::{Tree, each_entry};
use crate::playbook::has_template;
use crate::source::Diagnostic;

pub(super) const CHECK: Check = Check {
    id: "unknown-handler",
    finds: "a handler that is notified, and that no play or role of the project defines",
    run: Some(run),
};

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    // A role that is not here may bring any handler.
    if !tree.missing_roles.is_empty() {
        return;
    }
    let known = Known::of(tree);
    for (name, task) in notified(tree) {
        let text = name.text().unwrap_or_default();
        let alone = tree.is_alone(task.file);
        if has_template(text)
            || known.has(text)
            || (alone && has_dependencies(tree, task.file.role))
        {
            continue;
        }
        let finding = Diagnostic::warning(format!("there is no handler `{text}`"))
            .at(name.span, "nothing is run");
        findings.add(match nearest(text, known.names.iter().map(String::as_str)) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("a handler is found by its `name` or by what it `listen`s to"),
        });
    }
}

fn has_dependencies(tree: &Tree<'_>, role: Option<usize>) -> bool {
    tree.sources.files.iter().any(|file| {
        let list = file.node.get("dependencies").and_then(Node::items);
        file.role == role && file.kind == Kind::Meta && list.is_some_and(|list| !list.is_empty())
    })
}

/// Every name in a `notify`, of tasks and of the blocks around them.
pub(super) fn notified<'t, 'a>(
    tree: &'t Tree<'a>,
) -> Vec<(&'a Node, &'t crate::lint::tree::Task<'a>)> {
    let mut found = Vec::new();
    for task in &tree.tasks {
        for level in task.levels() {
            let Some(node) = level.get("notify") else { continue };
            let names = node.items().unwrap_or(std::slice::from_ref(node));
            found
                .extend(names.iter().filter(|name| name.text().is_some()).map(|name| (name, task)));
        }
    }
    found
}

/// Every name that a handler may be notified by.
pub(super) struct Known {
    pub(super) names: BTreeSet<String>,
    /// What templated names begin and end with.
    shapes: Vec<(String, String)>,
}

impl Known {
    pub(super) fn of(tree: &Tree<'_>) -> Known {
        let mut known = Known { names: BTreeSet::new(), shapes: Vec::new() };
        // A handler's file may include others, which then hold handlers.
        let includes = tree
            .tasks
            .iter()
            .any(|task| task.handler && task.is(&["include_tasks", "import_tasks", "include"]));
        for task in tree.tasks.iter().filter(|task| task.handler || includes) {
            known.take(task.node.get("name"));
            let listen = task.node.get("listen");
            let topics = listen.map(|node| node.items().unwrap_or(std::slice::from_ref(node)));
            topics.unwrap_or_default().iter().for_each(|topic| known.take(Some(topic)));
        }
        // Files of handlers under any other name.
        for file in tree.sources.files.iter().filter(|file| file.kind == Kind::Handlers) {
            each_entry(&file.node, &mut |entry| {
                if entry.key.text() == Some("listen") {
                    known.take(Some(&entry.value));
                }
            });
        }
        known
    }

    fn take(&mut self, name: Option<&Node>) {
        let Some(text) = name.and_then(Node::text) else { return };
        match (text.find("{{"), text.rfind("}}")) {
            (Some(start), Some(end)) => {
                self.shapes.push((text[..start].to_owned(), text[end + 2..].to_owned()));
            }
            _ => {
                self.names.insert(text.to_owned());
            }
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        // `role : handler`.
        let short = name.rsplit(" : ").next().unwrap_or(name).trim();
        self.names.contains(name)
            || self.names.contains(short)
            || self.shapes.iter().any(|(start, end)| {
                name.starts_with(start.as_str()) && name.ends_with(end.as_str())
            })
    }
}
