//! Handlers that nothing notifies.

use rprov_modules::kit::Node;

use super::Check;
use super::handlers::notified;
use crate::lint::findings::Of;
use crate::lint::sources::Kind;
use crate::lint::tree::{Task, Tree};
use crate::playbook::has_template;
use crate::source::Diagnostic;

pub(super) const CHECK: Check = Check {
    id: "unused-handler",
    finds: "a handler that no task of the project notifies",
    run: Some(run),
};

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    let notified = notified(tree);
    let computed = notified.iter().any(|(name, _)| name.text().is_some_and(has_template))
        || tree.tasks.iter().any(|task| task.levels().any(computes));
    // Who is not here may notify anything.
    if computed || !tree.missing_roles.is_empty() {
        return;
    }
    let names: Vec<&str> = notified.iter().filter_map(|(name, _)| name.text()).collect();
    let is_notified = |name: &str| {
        names.iter().any(|notified| {
            *notified == name || notified.rsplit(" : ").next().map(str::trim) == Some(name)
        })
    };
    for task in tree.tasks.iter().filter(|task| task.handler && !tree.is_alone(task.file)) {
        let file = &task.file;
        let main = file.path.file_stem().is_some_and(|stem| stem == "main");
        // Other files of handlers are included by one, which is notified for all of them.
        if includes(task) || !(main || file.kind == Kind::Playbook) {
            continue;
        }
        let name = task.node.get("name").and_then(Node::text);
        let topics = task.node.get("listen");
        let topics = topics.map(|node| node.items().unwrap_or(std::slice::from_ref(node)));
        let mut topics = topics.unwrap_or_default().iter().filter_map(Node::text);
        let used = name.is_none_or(|name| has_template(name) || is_notified(name))
            || topics.any(|topic| has_template(topic) || is_notified(topic));
        if !used && let Some(node) = task.node.get("name") {
            let finding = Diagnostic::warning(format!(
                "the handler `{}` is never notified",
                name.unwrap_or_default()
            ));
            findings.add(finding.at(node.span, "never runs").help("remove it, or notify it"));
        }
    }
}

/// A `notify` that is a template as a whole.
fn computes(level: &Node) -> bool {
    level.get("notify").and_then(Node::text).is_some_and(has_template)
}

fn includes(task: &Task<'_>) -> bool {
    task.is(&["include_tasks", "import_tasks", "include", "include_role", "import_role", "meta"])
}
