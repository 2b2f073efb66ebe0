//! Where a play would set a variable while it runs: tasks, blocks, role parameters, results.

use std::path::PathBuf;

use rprov_modules::kit::{Node, Span};

use crate::playbook::{Action, Builtin, Chain, ChainLevel, Item, Loader, Play, Task, has_template};
use crate::template::{Raw, Search};
use crate::vars::Layer;

/// A place that sets the variable.
pub(super) struct Later {
    pub(super) span: Span,
    /// By what.
    pub(super) how: String,
    pub(super) value: Option<Node>,
}

/// Every place in the tasks and handlers of a play, in order, each once. Files that are included
/// only at run time are not looked into.
pub(super) fn of(play: &Play, name: &str, loader: &Loader) -> Vec<Later> {
    let mut tasks = Vec::new();
    play.phases.iter().for_each(|items| flatten(items, &mut tasks));
    let mut found = Found { name, all: Vec::new() };
    for task in tasks.into_iter().chain(play.handlers.iter().map(|task| &**task)) {
        found.task(task, play, loader);
    }
    found.all
}

fn flatten<'a>(items: &'a [Item], tasks: &mut Vec<&'a Task>) {
    for item in items {
        match item {
            Item::Task(task) => tasks.push(task),
            Item::Block(block) => {
                [&block.body, &block.rescue, &block.always]
                    .into_iter()
                    .for_each(|part| flatten(part, tasks));
            }
            Item::RoleEnd(_) => {}
        }
    }
}

struct Found<'a> {
    name: &'a str,
    all: Vec<Later>,
}

impl Found<'_> {
    fn add(&mut self, span: Span, how: impl Into<String>, value: Option<Node>) {
        if !self.all.iter().any(|known| known.span == span) {
            self.all.push(Later { span, how: how.into(), value });
        }
    }

    fn layer(&mut self, layer: &Layer, how: &str) {
        if let Some(binding) = layer.get(self.name) {
            let value = match &binding.value {
                Raw::Node(node) => Some(node.clone()),
                Raw::Value(_) => None,
            };
            self.add(binding.origin, how, value);
        }
    }

    fn task(&mut self, task: &Task, play: &Play, loader: &Loader) {
        let mut levels: Vec<&Chain> = task.chain.levels().collect();
        levels.reverse();
        for chain in levels {
            let how = match chain.level {
                ChainLevel::Import | ChainLevel::Play => continue,
                ChainLevel::Role => "vars of a role entry",
                ChainLevel::Block => "vars of a block or an import",
                ChainLevel::Include => "vars of an include",
                ChainLevel::Task => "vars of a task",
            };
            self.layer(&chain.vars, how);
        }
        if let Some(role) = task.role() {
            self.layer(&role.params, &format!("a parameter of role `{}`", role.name));
        }
        if let Some(node) = task.keyword("register").filter(|node| node.text() == Some(self.name)) {
            self.add(node.span, "registered", None);
        }
        match task.action {
            Action::Builtin(Builtin::SetFact) => {
                let entries = task.args.entries().unwrap_or_default();
                if let Some(entry) =
                    entries.iter().find(|entry| entry.key.text() == Some(self.name))
                {
                    self.add(entry.key.span, "set_fact", Some(entry.value.clone()));
                }
            }
            Action::Builtin(Builtin::IncludeVars) => self.included(task, play, loader),
            _ => {}
        }
    }

    /// `include_vars` of a file whose name is known.
    fn included(&mut self, task: &Task, play: &Play, loader: &Loader) {
        let Some(file) = task.args.get("file").and_then(Node::text) else { return };
        if has_template(file) || task.args.get("name").is_some() {
            return;
        }
        let mut dirs: Vec<PathBuf> = task.role().iter().map(|role| role.path.clone()).collect();
        dirs.extend([task.chain.dir.clone(), play.dir.clone()]);
        let Some(path) = (Search { dirs }).find("vars", file) else { return };
        if let Ok(node) = loader.file(&path, None)
            && let Ok(layer) = Layer::from_node(&node)
        {
            self.layer(&layer, "include_vars");
        }
    }
}
