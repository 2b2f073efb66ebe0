//! What a task includes at run time, if its name is known before.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rprov_modules::kit::Node;

use crate::playbook::{
    Action, Builtin, Chain, ChainLevel, Item, Keywords, Loader, Play, Task, Wanted, find_tasks,
    has_template,
};

pub(super) struct Included {
    pub(super) items: Vec<Item>,
    pub(super) handlers: Vec<Arc<Task>>,
    /// The file, or what stands for the role.
    pub(super) origin: PathBuf,
}

/// None if the name is computed, or what is included cannot be read.
pub(super) fn included(task: &Task, play: &Play, loader: &Loader) -> Option<Included> {
    let (loaded, origin) = match task.action {
        Action::Builtin(Builtin::IncludeRole) => {
            let wanted = Wanted::from_args(&task.args)?;
            if has_template(&wanted.name) || wanted.tasks_from.as_deref().is_some_and(has_template)
            {
                return None;
            }
            let origin = format!("{}:{:?}", wanted.name, wanted.tasks_from);
            (loader.role(&wanted, &below(task, &task.chain.dir), &play.dir), origin.into())
        }
        _ => {
            let file = task.args.get("file").and_then(Node::text)?;
            if has_template(file) {
                return None;
            }
            let path = find_tasks(file, &task.chain, &play.dir)?;
            let dir = path.parent().unwrap_or(Path::new(""));
            (loader.tasks(&path, task.span, &below(task, dir), &play.dir), path)
        }
    };
    let loaded = loaded.ok()?;
    Some(Included { items: loaded.items, handlers: loaded.handlers, origin })
}

/// The level of what is included.
fn below(task: &Task, dir: &Path) -> Arc<Chain> {
    Arc::new(Chain {
        keywords: Keywords::default(),
        level: ChainLevel::Include,
        vars: task.chain.vars.clone(),
        role: task.chain.role.clone(),
        dir: dir.to_owned(),
        up: task.chain.up.clone(),
    })
}
