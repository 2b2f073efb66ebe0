//! The files of a project as plays, tasks and roles: views of nodes, tolerant of every mistake.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rprov_modules::kit::{Entry, Node, NodeKind, Span};

use super::Request;
use super::sources::{File, Kind, Sources, parent};
use crate::playbook::{freeform, has_template, is_keyword};
use crate::source::SourceMap;
use crate::template::Search;

pub(super) struct Tree<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) sources: &'a Sources,
    pub(super) plays: Vec<&'a Node>,
    /// Every task and handler of every file.
    pub(super) tasks: Vec<Task<'a>>,
    /// Whether a role is used by some play, by its place in [`Sources::roles`].
    pub(super) used: Vec<bool>,
    /// Names of roles that are not in the project.
    pub(super) missing_roles: BTreeSet<String>,
    /// Directories of playbooks.
    pub(super) dirs: BTreeSet<PathBuf>,
}

/// A mapping in a list of tasks that is no block.
pub(super) struct Task<'a> {
    pub(super) node: &'a Node,
    pub(super) file: &'a File,
    pub(super) handler: bool,
    /// The play and the blocks around it, the outermost first.
    pub(super) around: Vec<&'a Node>,
    pub(super) module: Option<Module<'a>>,
}

/// What a task does.
pub(super) struct Module<'a> {
    /// Without `ansible.builtin.`.
    pub(super) name: &'a str,
    pub(super) span: Span,
    pub(super) args: &'a Node,
}

impl<'a> Tree<'a> {
    pub(super) fn new(sources: &'a Sources, request: &'a Request<'a>) -> Tree<'a> {
        let mut tree = Tree {
            request,
            sources,
            plays: Vec::new(),
            tasks: Vec::new(),
            used: vec![false; sources.roles.len()],
            missing_roles: BTreeSet::new(),
            dirs: BTreeSet::new(),
        };
        for file in &sources.files {
            let items = file.node.items().unwrap_or_default();
            match file.kind {
                Kind::Playbook => {
                    tree.dirs.insert(parent(&file.path).to_owned());
                    items.iter().for_each(|play| tree.play(play, file));
                }
                Kind::Tasks | Kind::Handlers => {
                    let handler = file.kind == Kind::Handlers;
                    tree.list(Some(&file.node), file, handler, &[]);
                }
                Kind::Vars | Kind::Meta | Kind::Specs | Kind::Other => {}
            }
        }
        tree.find_used_roles();
        tree
    }

    fn play(&mut self, node: &'a Node, file: &'a File) {
        self.plays.push(node);
        for (key, handler) in
            [("pre_tasks", false), ("tasks", false), ("post_tasks", false), ("handlers", true)]
        {
            self.list(node.get(key), file, handler, &[node]);
        }
    }

    fn list(&mut self, node: Option<&'a Node>, file: &'a File, handler: bool, around: &[&'a Node]) {
        for item in node.and_then(Node::items).unwrap_or_default() {
            if item.get("block").is_some() {
                let around: Vec<&Node> = around.iter().copied().chain([item]).collect();
                for part in ["block", "rescue", "always"] {
                    self.list(item.get(part), file, handler, &around);
                }
            } else if item.entries().is_some() {
                let module = module(item);
                let around = around.to_vec();
                self.tasks.push(Task { node: item, file, handler, around, module });
            }
        }
    }

    /// Follows the names of roles from the plays; a name that is computed may be any of them.
    fn find_used_roles(&mut self) {
        let mut open: Vec<&str> = Vec::new();
        let mut any = false;
        let mut take = |node: &'a Node| match node.text() {
            Some(text) if has_template(text) => any = true,
            Some(text) => open.push(text),
            None => {}
        };
        let entry_name = |entry: &'a Node| match entry.entries() {
            Some(_) => entry.get("role").or_else(|| entry.get("name")),
            None => Some(entry),
        };
        for play in &self.plays {
            let entries = play.get("roles").and_then(Node::items).unwrap_or_default();
            entries.iter().filter_map(entry_name).for_each(&mut take);
        }
        for task in self.tasks.iter().filter(|task| task.file.role.is_none()) {
            task.role().into_iter().for_each(&mut take);
        }
        let mut met = BTreeSet::new();
        while let Some(name) = open.pop() {
            let Some(at) = self.find_role(name) else {
                self.missing_roles.insert(name.to_owned());
                continue;
            };
            self.used[at] = true;
            if !met.insert(at) {
                continue;
            }
            let mut take = |node: &'a Node| match node.text() {
                Some(text) if has_template(text) => any = true,
                Some(text) => open.push(text),
                None => {}
            };
            let inside = |file: &File| file.role == Some(at);
            for file in self.sources.files.iter().filter(|file| inside(file)) {
                if file.kind == Kind::Meta {
                    let list = file.node.get("dependencies").and_then(Node::items);
                    list.unwrap_or_default().iter().filter_map(entry_name).for_each(&mut take);
                }
            }
            let tasks = self.tasks.iter().filter(|task| inside(task.file));
            tasks.filter_map(Task::role).for_each(&mut take);
        }
        if any {
            self.used.fill(true);
        }
    }

    /// A role by name: by the last part of it, wherever it is.
    fn find_role(&self, name: &str) -> Option<usize> {
        let named = |name: &str| {
            self.sources
                .roles
                .iter()
                .position(|role| role.file_name().and_then(|last| last.to_str()) == Some(name))
        };
        let last = name.rsplit('/').next().unwrap_or(name);
        let short = last.rsplit('.').next().unwrap_or(last);
        // As repositories of roles are called.
        named(last).or_else(|| named(short)).or_else(|| named(&format!("ansible-role-{short}")))
    }

    pub(super) fn map(&self) -> &'a SourceMap {
        self.request.loader.map()
    }

    /// Whether a file is in a role that no play uses: what its user defines is not known.
    pub(super) fn is_alone(&self, file: &File) -> bool {
        file.role.is_some_and(|role| !self.used[role])
    }

    /// Where the engine looks for what a task names, and every directory of a playbook.
    pub(super) fn search(&self, file: &File) -> Search {
        let mut dirs: Vec<PathBuf> =
            file.role.map(|role| self.sources.roles[role].clone()).into_iter().collect();
        dirs.push(parent(&file.path).to_owned());
        dirs.extend(file.role.map(|role| self.sources.roles[role].join("tasks")));
        dirs.extend(self.dirs.iter().cloned());
        let mut seen = BTreeSet::new();
        let plain = |dir: PathBuf| dir.strip_prefix(".").map(PathBuf::from).unwrap_or(dir);
        let dirs = dirs.into_iter().map(plain).filter(|dir| seen.insert(dir.clone())).collect();
        Search { dirs }
    }

    /// What could not be looked at.
    pub(super) fn notes(&self) -> Vec<String> {
        let sealed = self.sources.sealed.iter();
        sealed
            .map(|path| format!("`{}` is encrypted and was not looked at", path.display()))
            .collect()
    }
}

impl<'a> Task<'a> {
    /// A parameter of the module, in whatever form the parameters are written.
    pub(super) fn parameter(&self, name: &str) -> Option<Node> {
        let args = self.module.as_ref()?.args;
        if let Some(node) = args.get(name) {
            return Some(node.clone());
        }
        let words = args.text().and_then(|text| freeform::words(text).ok()).unwrap_or_default();
        let pairs = words.iter().filter_map(|word| freeform::pair(word));
        let found = pairs.into_iter().find(|(key, _)| *key == name);
        if let Some((_, value)) = found {
            return Some(Node::string(args.span, value));
        }
        self.node.get("args").and_then(|args| args.get(name)).cloned()
    }

    /// The first word of free-form parameters.
    pub(super) fn word(&self) -> Option<Node> {
        let args = self.module.as_ref()?.args;
        let word = freeform::words(args.text()?).ok()?.into_iter().next()?;
        let word = freeform::unquote(&word);
        (!word.is_empty() && !word.contains('=')).then(|| Node::string(args.span, word))
    }

    pub(super) fn is(&self, names: &[&str]) -> bool {
        self.module.as_ref().is_some_and(|module| names.contains(&module.name))
    }

    /// The role that the task imports or includes.
    fn role(&self) -> Option<&'a Node> {
        if !self.is(&["import_role", "include_role"]) {
            return None;
        }
        let args = self.module.as_ref()?.args;
        args.get("name").or_else(|| args.get("role"))
    }

    /// The task itself and what is around it, the outermost first.
    pub(super) fn levels(&self) -> impl Iterator<Item = &'a Node> {
        self.around.iter().copied().chain([self.node])
    }

    /// Its own tags and those of the play and the blocks around it.
    pub(super) fn tags(&self) -> Vec<(String, Span)> {
        self.levels().flat_map(|level| tags(level.get("tags"))).collect()
    }

    /// The conditions of the task and of the blocks around it, each term by itself.
    pub(super) fn conditions(&self) -> Vec<&'a Node> {
        let conditions = self.levels().filter_map(|level| level.get("when"));
        conditions.flat_map(|node| node.items().unwrap_or(std::slice::from_ref(node))).collect()
    }

    /// Whether the task runs on this machine.
    pub(super) fn is_here(&self) -> bool {
        let local = |text: &str| matches!(text, "localhost" | "127.0.0.1" | "::1" | "local");
        self.node.get("local_action").is_some()
            || self.levels().any(|level| {
                ["delegate_to", "connection", "hosts"]
                    .iter()
                    .any(|key| level.get(key).and_then(Node::text).is_some_and(local))
            })
    }
}

/// Tags as they are written: a list, or words with commas.
pub(super) fn tags(node: Option<&Node>) -> Vec<(String, Span)> {
    let Some(node) = node else { return Vec::new() };
    let items = node.items().unwrap_or(std::slice::from_ref(node));
    let words = items.iter().flat_map(|item| {
        let text = item.text().unwrap_or_default();
        text.split(',').map(move |tag| (tag.trim().to_owned(), item.span))
    });
    words.filter(|(tag, _)| !tag.is_empty()).collect()
}

fn module(task: &Node) -> Option<Module<'_>> {
    let entries = task.entries()?;
    let written = |node: &Entry| matches!(node.key.text(), Some("action" | "local_action"));
    if let Some(entry) = entries.iter().find(|entry| written(entry)) {
        let name = match &entry.value.kind {
            NodeKind::Scalar(scalar) => scalar.text.split_whitespace().next()?,
            _ => entry.value.get("module")?.text()?,
        };
        return Some(Module { name: short(name), span: entry.value.span, args: &entry.value });
    }
    let entry = entries.iter().find(|entry| {
        let key = entry.key.text().unwrap_or_default();
        !is_keyword(key) && !key.starts_with("with_") && !OLD.contains(&key)
    })?;
    let name = short(entry.key.text()?);
    Some(Module { name, span: entry.key.span, args: &entry.value })
}

/// Keywords that Ansible no longer has.
pub(super) const OLD: [&str; 8] =
    ["sudo", "sudo_user", "sudo_pass", "su", "su_user", "su_pass", "always_run", "static"];

/// A module's name without the collection that needs no naming.
pub(super) fn short(name: &str) -> &str {
    ["ansible.builtin.", "ansible.legacy."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name)
}

/// Every node of a tree, the outer ones first.
pub(super) fn each<'a>(node: &'a Node, visit: &mut dyn FnMut(&'a Node)) {
    visit(node);
    match &node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::List(items) => items.iter().for_each(|item| each(item, visit)),
        NodeKind::Map(entries) => entries.iter().for_each(|entry| each(&entry.value, visit)),
    }
}

/// Every entry of every mapping in a tree.
pub(super) fn each_entry<'a>(node: &'a Node, visit: &mut dyn FnMut(&'a Entry)) {
    each(node, &mut |node| node.entries().unwrap_or_default().iter().for_each(&mut *visit));
}
