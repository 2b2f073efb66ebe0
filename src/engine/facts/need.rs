//! Whether anything in a play can refer to facts: if not, they are not gathered.
//!
//! A name that is used counts with every definition it has anywhere: in the play, its roles, the
//! inventory, the command line. What cannot be told before the run (an include whose name is
//! computed, `hostvars[…]` of whatever host, a template that cannot be read) is taken for a yes.

mod definitions;
mod names;

use std::{collections::HashSet, path::Path, sync::Arc};

use rprov_modules::kit::{Node, NodeKind, Scalar, Tag};

use self::definitions::Definitions;
use self::names::{is_fact, is_used_unseen};
use crate::engine::Engine;
use crate::playbook::{
    Action, Builtin, Chain, ChainLevel, Item, Keywords, Play, TERMS, Task, WITH, Wanted,
    find_tasks, has_template,
};
use crate::template::{FileOptions, Search, names::Names};

/// Whether facts of hosts can be asked for in any of these plays: this one and those after it.
pub(in crate::engine) fn needed(engine: &Engine, plays: &[Arc<Play>]) -> bool {
    if engine.options.facts.cache.is_some() {
        return true;
    }
    // A play with nothing to do is there for its facts.
    let idle = |play: &Play| play.phases.iter().all(|phase| phase.is_empty());
    if plays.first().is_some_and(|play| idle(play)) {
        return true;
    }
    let mut walk = Walk {
        engine,
        definitions: Definitions::new(engine, plays),
        names: HashSet::new(),
        chains: HashSet::new(),
        kept: Vec::new(),
        files: HashSet::new(),
        found: false,
    };
    for play in plays {
        walk.play(play);
    }
    walk.unseen();
    walk.follow();
    walk.found
}

struct Walk<'a> {
    engine: &'a Engine,
    definitions: Definitions,
    /// What is used. What it is defined as is looked at when all definitions are known.
    names: HashSet<String>,
    /// What was looked at already, by its address.
    chains: HashSet<*const Chain>,
    /// Keeps it where it is: what an include brings is dropped as soon as it was walked, and the next one would
    /// stand at its address.
    kept: Vec<Arc<Chain>>,
    files: HashSet<std::path::PathBuf>,
    found: bool,
}

/// Keywords and parameters that hold expressions without braces.
const CONDITIONS: &[&str] =
    &["when", "until", "changed_when", "failed_when", "that", "var", "break_when"];

impl Walk<'_> {
    /// Variables that the run reads of itself: how to reach a host.
    fn unseen(&mut self) {
        let names = self.definitions.names().filter(|name| is_used_unseen(name));
        self.names.extend(names);
    }

    fn play(&mut self, play: &Arc<Play>) {
        self.chain(&play.chain, &play.dir);
        for node in play.vars_files.iter().chain(&play.vars_prompt) {
            self.found |= contains_template(node);
        }
        let handlers = play.handlers.iter().map(|task| Item::Task(task.clone()));
        let items: Vec<Item> =
            play.phases.iter().flat_map(|phase| phase.iter().cloned()).chain(handlers).collect();
        self.items(&items, play);
    }

    fn items(&mut self, items: &[Item], play: &Arc<Play>) {
        for item in items {
            if self.found {
                return;
            }
            match item {
                Item::Task(task) => self.task(task, play),
                Item::Block(block) => {
                    self.chain(&block.chain, &play.dir);
                    self.items(&block.body, play);
                    self.items(&block.rescue, play);
                    self.items(&block.always, play);
                }
                Item::RoleEnd(_) => {}
            }
        }
    }

    /// Keywords of every level; their variables are definitions.
    fn chain(&mut self, chain: &Arc<Chain>, dir: &Path) {
        self.kept.push(chain.clone());
        for level in chain.levels() {
            if !self.chains.insert(std::ptr::from_ref(level)) {
                return;
            }
            self.definitions.layer(&level.vars);
            if let Some(role) = &level.role {
                for layer in role.all_defaults().chain(role.all_vars()).chain([&role.params]) {
                    self.definitions.layer(layer);
                }
            }
            let search = search(level, dir);
            // What a play or a block holds is walked as such.
            let own = |keyword: &str| match level.level {
                ChainLevel::Play => !matches!(
                    keyword,
                    "tasks" | "pre_tasks" | "post_tasks" | "handlers" | "roles" | "vars"
                ),
                _ => !matches!(keyword, "block" | "rescue" | "always" | "vars"),
            };
            for (keyword, node) in level.keywords.iter().filter(|(keyword, _)| own(keyword)) {
                self.field(keyword, node, &search);
            }
        }
    }

    fn field(&mut self, key: &str, node: &Node, search: &Search) {
        match node.get(WITH).and_then(Node::text) {
            Some("vars" | "varnames" | "template") => self.found = true,
            Some(_) => {
                if let Some(terms) = node.get(TERMS) {
                    self.node(terms, search);
                }
            }
            None if CONDITIONS.contains(&key) => {
                let names = Names::of_condition(node, self.engine.loader.map());
                self.uses(names, search);
            }
            None => self.node(node, search),
        }
    }

    fn task(&mut self, task: &Task, play: &Arc<Play>) {
        self.chain(&task.chain, &play.dir);
        let search = search(&task.chain, &play.dir);
        if let Some(name) = &task.name {
            self.node(name, &search);
        }
        for defaults in &task.defaults {
            self.node(defaults, &search);
        }
        match task.args.entries() {
            None => self.node(&task.args, &search),
            Some(entries) => {
                for entry in entries {
                    self.node(&entry.key, &search);
                    self.field(entry.key.text().unwrap_or_default(), &entry.value, &search);
                }
            }
        }
        let text = |name: &str| task.args.get(name).and_then(Node::text);
        match task.action {
            Action::Builtin(Builtin::IncludeTasks | Builtin::IncludeRole) => {
                self.include(task, play);
            }
            Action::Builtin(Builtin::IncludeVars) => match text("file") {
                Some(file) if !has_template(file) => match search.find("vars", file) {
                    Some(path) => self.variables(&path),
                    None => self.found = true,
                },
                _ => self.found = true,
            },
            Action::Templated => self.found = true,
            Action::Module(spec) if spec.name() == "template" => match text("src") {
                Some(src) if !has_template(src) => self.file(src, &search),
                _ => self.found = true,
            },
            _ => {}
        }
    }

    /// What an include with a constant name brings.
    fn include(&mut self, task: &Task, play: &Arc<Play>) {
        if contains_template(&task.args) || task.keyword("loop").is_some() {
            self.found = true;
            return;
        }
        let chain = |dir: &Path| {
            Arc::new(Chain {
                keywords: Keywords::applied(task.args.get("apply")),
                level: ChainLevel::Include,
                vars: task.chain.vars.clone(),
                role: task.chain.role.clone(),
                dir: dir.to_owned(),
                up: task.chain.up.clone(),
            })
        };
        let loader = &self.engine.loader;
        let loaded = match task.action {
            Action::Builtin(Builtin::IncludeRole) => {
                let Some(wanted) = Wanted::from_args(&task.args) else {
                    self.found = true;
                    return;
                };
                let known = format!("{wanted:?}");
                if !self.files.insert(known.into()) {
                    return;
                }
                loader.role(&wanted, &chain(&task.chain.dir), &play.dir)
            }
            _ => {
                let file = task.args.get("file").and_then(Node::text).unwrap_or_default();
                let Some(path) = find_tasks(file, &task.chain, &play.dir) else {
                    self.found = true;
                    return;
                };
                if !self.files.insert(path.clone()) {
                    return;
                }
                let dir = path.parent().unwrap_or(Path::new(""));
                loader.tasks(&path, task.span, &chain(dir), &play.dir)
            }
        };
        match loaded {
            Ok(included) => {
                for role in &included.roles {
                    for layer in role.all_defaults().chain(role.all_vars()) {
                        self.definitions.layer(layer);
                    }
                }
                let handlers: Vec<Item> = included.handlers.into_iter().map(Item::Task).collect();
                self.items(&included.items, play);
                self.items(&handlers, play);
            }
            // It is told when its turn comes.
            Err(_) => self.found = true,
        }
    }

    fn variables(&mut self, path: &Path) {
        match self
            .engine
            .loader
            .file(path, None)
            .ok()
            .map(|node| crate::vars::Layer::from_node(&node))
        {
            Some(Ok(layer)) => self.definitions.layer(&Arc::new(layer)),
            _ => self.found = true,
        }
    }

    /// Everything in a node that is a template. A vaulted text is what it decrypts to.
    fn node(&mut self, node: &Node, search: &Search) {
        match &node.kind {
            NodeKind::Scalar(Scalar { tag: Some(Tag::Vault), text, .. }) => {
                let plain =
                    self.engine.decrypt.as_ref().map(|decrypt| decrypt(text.trim().as_bytes()));
                self.found |= match plain {
                    Some(Ok(plain)) => has_template(&String::from_utf8_lossy(&plain)),
                    _ => true,
                };
            }
            NodeKind::Scalar(_) => {
                let names = Names::of_node(node, self.engine.loader.map());
                self.uses(names, search);
            }
            NodeKind::List(items) => items.iter().for_each(|item| self.node(item, search)),
            NodeKind::Map(entries) => entries.iter().for_each(|entry| {
                self.node(&entry.key, search);
                self.node(&entry.value, search);
            }),
        }
    }

    fn uses(&mut self, names: Names, search: &Search) {
        self.found |= !names.open.is_empty();
        for used in names.uses {
            self.name(&used.name, &used.path);
        }
        for (file, _) in names.files {
            self.file(&file, search);
        }
    }

    fn file(&mut self, name: &str, search: &Search) {
        if self.found {
            return;
        }
        let Some(path) = search.find("templates", name) else {
            self.found = true;
            return;
        };
        if !self.files.insert(path.clone()) {
            return;
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            self.found = true;
            return;
        };
        if text.starts_with("$ANSIBLE_VAULT;") {
            self.found = true;
            return;
        }
        let names = Names::of_file(&text, &FileOptions::default(), self.engine.loader.map());
        // What it includes may stand beside it.
        let mut near = search.clone();
        near.dirs.extend(path.parent().map(Path::to_owned));
        self.uses(names, &near);
    }

    fn name(&mut self, name: &str, path: &[String]) {
        if self.found || is_fact(name) {
            self.found = true;
            return;
        }
        match (name, path) {
            ("hostvars", [_, name, ..]) | ("vars", [name, ..]) => return self.name(name, &[]),
            ("hostvars" | "vars", _) => {
                self.found = true;
                return;
            }
            _ => {}
        }
        self.names.insert(name.to_owned());
    }

    /// From names to what they are defined as, and to the names that uses.
    fn follow(&mut self) {
        let mut followed: HashSet<String> = HashSet::new();
        while !self.found {
            let next: Vec<String> =
                self.names.iter().filter(|name| !followed.contains(*name)).cloned().collect();
            if next.is_empty() {
                return;
            }
            for name in next {
                for node in self.definitions.of(&name) {
                    self.node(&node, &Search::default());
                }
                followed.insert(name);
            }
        }
    }
}

/// Where the files that a level names are looked for.
fn search(chain: &Chain, dir: &Path) -> Search {
    let roles = chain.role.iter().flat_map(|role| std::iter::once(role).chain(&role.parents));
    let mut dirs: Vec<_> = roles.map(|role| role.path.clone()).collect();
    dirs.push(chain.dir.clone());
    dirs.push(dir.to_owned());
    Search { dirs }
}

fn contains_template(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => has_template(&scalar.text),
        NodeKind::List(items) => items.iter().any(contains_template),
        NodeKind::Map(entries) => entries
            .iter()
            .any(|entry| contains_template(&entry.key) || contains_template(&entry.value)),
    }
}
