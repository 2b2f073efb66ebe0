//! What people see of a task: its title, its place, why a host was refused.

use rprov_modules::kit::{Node, Span};

use super::host::Host;
use super::play::PlayRun;
use crate::playbook::{Action, Builtin, Loader, Task};
use crate::report::{Event, Status, TaskResult};
use crate::source::{Diagnostic, render_all};

/// `role : name`, rendered for a host as far as it can be.
pub(super) fn title(play: &PlayRun, task: &Task, host: &Host) -> String {
    let name = match &task.name {
        Some(name) if name.is_null() || name.text() == Some("") => task.written.clone(),
        Some(name) => rendered(play, task, host, name),
        None => match (&task.action, task.args.get("name").or(task.args.get("role"))) {
            (Action::Builtin(Builtin::IncludeRole), Some(role)) => {
                let name = rendered(play, task, host, role);
                return format!("{} : {name}", task.written);
            }
            _ => task.written.clone(),
        },
    };
    match task.role().filter(|_| task.tells_role()) {
        Some(role) => format!("{} : {name}", role.name),
        None => name,
    }
}

/// A text, rendered for a host as far as it can be.
fn rendered(play: &PlayRun, task: &Task, host: &Host, node: &Node) -> String {
    let text = node.text().unwrap_or_default();
    match crate::playbook::has_template(text) {
        true => play
            .context(host, Some(task))
            .ok()
            .and_then(|context| play.engine.templar.render(node, &context).ok())
            .and_then(|node| node.text().map(str::to_owned))
            .unwrap_or_else(|| text.to_owned()),
        false => text.to_owned(),
    }
}

/// Fails a host for a reason that is in the user's files.
pub(super) fn refuse(play: &PlayRun, host: &Host, errors: &[Diagnostic]) {
    let mut values = serde_json::Map::new();
    let message = errors.iter().map(Diagnostic::message).collect::<Vec<_>>().join("; ");
    values.insert("msg".into(), message.into());
    {
        let mut progress = host.progress();
        progress.failed = true;
        progress.stats.failed += 1;
    }
    play.engine.reporter.report(Event::Result(Box::new(TaskResult {
        host: host.name.to_string(),
        delegated: None,
        status: Status::Failed,
        item: None,
        values,
        diffs: vec![],
        unsettled: vec![],
        censored: false,
        ignored: false,
        verbose: false,
        place: Some(render_all(errors, play.engine.loader.map(), false)),
    })));
}

/// `file:line:column` of a span.
pub(super) fn place(loader: &Loader, span: Span) -> Option<String> {
    let (path, line, column) = loader.map().line_col(span)?;
    // A play that is no file (`ping`) has no place to point at.
    path.extension()?;
    Some(format!("  at {}:{line}:{column}", path.display()))
}
