//! Where a play would set a variable while it runs: prompts, tasks, blocks, role parameters, results.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rprov_modules::kit::{Node, Span};

use super::included::{Included, included};
use crate::playbook::{Action, Builtin, Chain, ChainLevel, Item, Loader, Play, Task, has_template};
use crate::template::{Raw, Search};
use crate::vars::Layer;

/// A place that sets the variable.
pub(super) struct Later {
    pub(super) span: Span,
    /// By what.
    pub(super) how: String,
    pub(super) value: Option<Node>,
    /// Defaults of a role: they count where nothing else does.
    pub(super) weak: bool,
}

/// How it is told that a variable is a role's default.
const DEFAULTS: &str = "defaults of role";

/// Modules whose facts are variables of their own, and the beginning of their names.
const FACTS: [(&str, &str); 4] = [
    ("package_facts", "packages"),
    ("service_facts", "services"),
    ("getent", "getent_"),
    ("mount_facts", "mount_points"),
];

/// Every place in the prompts, tasks and handlers of a play, in order, each once; also in files and roles
/// that are included under a constant name.
pub(super) fn of(play: &Play, name: &str, loader: &Loader) -> Vec<Later> {
    let mut found = Found { name, play, loader, all: Vec::new(), files: BTreeSet::new() };
    found.prompts();
    play.phases.iter().for_each(|items| found.items(items));
    play.handlers.iter().for_each(|task| found.task(task));
    found.all
}

struct Found<'a> {
    name: &'a str,
    play: &'a Play,
    loader: &'a Loader,
    all: Vec<Later>,
    /// What was included.
    files: BTreeSet<PathBuf>,
}

impl Found<'_> {
    fn add(&mut self, span: Span, how: impl Into<String>, value: Option<Node>) {
        if !self.all.iter().any(|known| known.span == span) {
            let how: String = how.into();
            let weak = how.starts_with(DEFAULTS);
            self.all.push(Later { span, how, value, weak });
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

    /// `vars_prompt`: asked for when the play begins.
    fn prompts(&mut self) {
        for prompt in &self.play.vars_prompt {
            let Some(named) = prompt.get("name").filter(|node| node.text() == Some(self.name))
            else {
                continue;
            };
            let how = match prompt.get("default").and_then(Node::text) {
                Some(default) if !has_template(default) => {
                    format!("vars_prompt, asked for when the play begins; by default `{default}`")
                }
                _ => "vars_prompt, asked for when the play begins".to_owned(),
            };
            self.add(named.span, how, None);
        }
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Task(task) => self.task(task),
                Item::Block(block) => {
                    [&block.body, &block.rescue, &block.always]
                        .into_iter()
                        .for_each(|part| self.items(part));
                }
                Item::RoleEnd(_) => {}
            }
        }
    }

    fn task(&mut self, task: &Arc<Task>) {
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
            // Those of the others every task of the play sees.
            if !self.play.roles.iter().any(|known| Arc::ptr_eq(known, role)) {
                self.layer(&role.defaults, &format!("{DEFAULTS} `{}`, included", role.name));
                self.layer(&role.vars, &format!("vars of role `{}`, included", role.name));
            }
            self.layer(&role.params, &format!("a parameter of role `{}`", role.name));
        }
        if let Some(node) = task.keyword("register").filter(|node| node.text() == Some(self.name)) {
            self.add(node.span, "registered", None);
        }
        self.of_loop(task);
        let entry = |key: &str| {
            let entries = task.args.entries().unwrap_or_default();
            entries.iter().find(|entry| entry.key.text() == Some(key))
        };
        match task.action {
            Action::Builtin(Builtin::SetFact) => {
                if let Some(entry) = entry(self.name) {
                    self.add(entry.key.span, "set_fact", Some(entry.value.clone()));
                }
            }
            Action::Builtin(Builtin::AddHost) if !matches!(self.name, "name" | "groups") => {
                if let Some(entry) = entry(self.name) {
                    let value = Some(entry.value.clone());
                    self.add(entry.key.span, "add_host, for the host it adds", value);
                }
            }
            Action::Builtin(Builtin::IncludeVars) => self.included_vars(task),
            Action::Builtin(Builtin::IncludeTasks | Builtin::IncludeRole) => self.include(task),
            Action::Module(spec) => {
                let known = FACTS.iter().find(|(module, _)| spec.names.contains(module));
                if let Some((module, _)) = known.filter(|(_, start)| self.name.starts_with(start)) {
                    self.add(task.span, format!("facts of {module}"), None);
                }
            }
            _ => {}
        }
    }

    /// The variables of a loop.
    fn of_loop(&mut self, task: &Task) {
        let Some(node) = task.keyword("loop") else { return };
        let control = task.keyword("loop_control");
        let named = |key: &str| control.and_then(|control| control.get(key));
        let (item, index) = (named("loop_var"), named("index_var"));
        if item.map_or(Some("item"), Node::text) == Some(self.name) {
            self.add(item.unwrap_or(node).span, "an item of a loop", None);
        }
        if let Some(index) = index.filter(|index| index.text() == Some(self.name)) {
            self.add(index.span, "the index of a loop", None);
        }
    }

    /// Tasks and roles that are included.
    fn include(&mut self, task: &Arc<Task>) {
        let Some(Included { items, handlers, origin }) = included(task, self.play, self.loader)
        else {
            return;
        };
        if !self.files.insert(origin) {
            return;
        }
        self.items(&items);
        handlers.iter().for_each(|task| self.task(task));
    }

    /// `include_vars`: what its files say, if their names are known.
    fn included_vars(&mut self, task: &Task) {
        if let Some(named) = task.args.get("name").filter(|node| node.text() == Some(self.name)) {
            self.add(named.span, "include_vars", None);
        }
        if task.args.get("name").is_some() {
            return;
        }
        let written = task.args.get("file").or_else(|| task.args.get("dir"));
        let Some(node) = written else { return };
        let name = node.text().unwrap_or_default();
        if has_template(name) {
            return self.add(
                node.span,
                "perhaps: include_vars of a file whose name is computed",
                None,
            );
        }
        let mut dirs: Vec<PathBuf> = task.role().iter().map(|role| role.path.clone()).collect();
        dirs.extend([task.chain.dir.clone(), self.play.dir.clone()]);
        let Some(path) = (Search { dirs }).find("vars", name) else { return };
        for file in files(&path) {
            if let Ok(node) = self.loader.file(&file, None)
                && let Ok(layer) = Layer::from_node(&node)
            {
                self.layer(&layer, "include_vars");
            }
        }
    }
}

/// A file, or those in a directory, in their order.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let yaml = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "yml" || end == "yaml" || end == "json")
    };
    paths.into_iter().flat_map(|path| files_below(&path)).filter(yaml).collect()
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    match path.is_symlink() && path.is_dir() {
        true => Vec::new(),
        false => files(path),
    }
}
