//! The arguments of a task, rendered, with the defaults that are only known once they are.

use std::sync::Arc;

use rprov_modules::kit::Node;

use super::outcome::Failure;
use super::play::PlayRun;
use crate::playbook::Task;
use crate::source::Diagnostic;
use crate::template::{Context, fixed};

/// All arguments, rendered.
pub(super) fn rendered(play: &PlayRun, task: &Task, context: &Context) -> Result<Node, Failure> {
    let mut args = play.engine.templar.render(&task.args, context).map_err(Failure::from)?;
    if args.is_null() && !task.defaults.is_empty() {
        args = Node::map(args.span, Vec::new());
    }
    complete(play, &mut args, &task.defaults, context)?;
    Ok(args)
}

/// Adds what `module_defaults` gives, the strongest last, where the task does not.
pub(super) fn complete(
    play: &PlayRun,
    args: &mut Node,
    defaults: &[Node],
    context: &Context,
) -> Result<(), Failure> {
    for default in defaults.iter().rev() {
        let default = play.engine.templar.render(default, context).map_err(Failure::from)?;
        let Some(entries) = default.entries() else {
            let found = default.type_name();
            return Err(Diagnostic::error(format!("expected parameters, found {found}"))
                .at(default.span, "a mapping belongs here")
                .into());
        };
        for entry in entries {
            let name = entry.key.text().unwrap_or_default();
            if args.get(name).is_none() {
                args.set(name, entry.value.clone());
            }
        }
    }
    Ok(())
}

/// The task with a mapping of arguments, for actions that render each one by itself. `None` if it
/// has one already.
pub(super) fn settled(
    play: &PlayRun,
    task: &Task,
    context: &Context,
) -> Result<Option<Arc<Task>>, Failure> {
    let whole = task.args.scalar().is_some() && !task.args.is_null();
    if task.defaults.is_empty() && !whole {
        return Ok(None);
    }
    let args = fixed(rendered(play, task, context)?);
    Ok(Some(Arc::new(Task {
        name: task.name.clone(),
        action: task.action,
        written: task.written.clone(),
        args,
        defaults: Vec::new(),
        others: Vec::new(),
        chain: task.chain.clone(),
        span: task.span,
    })))
}
