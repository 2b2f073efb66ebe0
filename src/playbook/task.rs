//! One task: its keywords, its module, its arguments; what can be checked without a host is.

mod arguments;
mod beside;
mod builtin;
mod check;
mod import;
mod named;

use std::sync::Arc;

use rprov_modules::kit::Node;

pub(crate) use self::arguments::{TERMS, WITH, has_template};
use self::arguments::{first_word, with_loop, written_action};
pub(crate) use self::import::find_tasks;
pub(super) use self::import::inside;
use super::absent;

use super::keywords::{self, Keywords, Kind};
use super::load::Load;
use super::{Action, Builtin, Chain, ChainLevel, Item, Task};
use crate::source::Diagnostic;

/// Imports are carried out while loading.
#[derive(Clone, Copy)]
enum Import {
    Tasks,
    Role,
}

enum Found {
    Action(Action),
    Import(Import),
}

impl Found {
    /// Whether it has a parameter of that name.
    fn takes(&self, name: &str) -> bool {
        match self {
            Found::Action(Action::Builtin(builtin)) => builtin.parameters().contains(&name),
            Found::Action(Action::Module(spec)) => (spec.schema)()
                .get("properties")
                .is_some_and(|properties| properties.get(name).is_some()),
            Found::Import(import) => import.parameters().contains(&name),
            Found::Action(Action::Absent | Action::Templated) => false,
        }
    }
}

/// Finds what a task's key stands for: `apt`, `ansible.builtin.apt`, …
fn find(name: &str) -> Option<Found> {
    let short = ["ansible.builtin.", "ansible.legacy."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    match short {
        "import_tasks" => return Some(Found::Import(Import::Tasks)),
        "import_role" => return Some(Found::Import(Import::Role)),
        // Removed from Ansible, found in playbooks: what it did last.
        "include" => return Some(Found::Action(Action::Builtin(Builtin::IncludeTasks))),
        _ => {}
    }
    if let Some((_, builtin)) = Builtin::NAMES.iter().find(|(known, _)| *known == short) {
        return Some(Found::Action(Action::Builtin(*builtin)));
    }
    rprov_modules::find(name).map(|spec| Found::Action(Action::Module(spec)))
}

/// The same, with modules that rprov does not have.
fn action_or_absent(name: &str) -> Option<Found> {
    let elsewhere = || absent::exists_elsewhere(name).then_some(Found::Action(Action::Absent));
    find(name).or_else(elsewhere)
}

/// What an action's name stands for.
pub(super) fn action(name: &str) -> Option<Action> {
    match find(name)? {
        Found::Action(action) => Some(action),
        Found::Import(_) => None,
    }
}

/// Whether a key names something a task can do.
pub(crate) fn is_action(name: &str) -> bool {
    find(name).is_some()
}

pub(super) fn known_actions() -> impl Iterator<Item = &'static str> {
    rprov_modules::MODULES
        .iter()
        .flat_map(|spec| spec.names.iter().copied())
        .chain(Builtin::NAMES.iter().map(|(name, _)| *name))
        .chain(["import_tasks", "import_role"])
}

impl Load<'_> {
    /// A task, or what it imports.
    pub(super) fn task(&mut self, node: &Node, chain: &Arc<Chain>, place: u8) -> Vec<Item> {
        let Some(entries) = node.entries() else {
            self.fail(
                Diagnostic::error(format!("expected a task, found {}", node.type_name()))
                    .at(node.span, "a task is a mapping")
                    .help("write `- name: …` and a module below it"),
            );
            return Vec::new();
        };
        let mut keywords = Keywords::default();
        let mut action: Option<(&Node, Node, Found)> = None;
        let mut unknown = Vec::new();
        let mut failed = false;
        for entry in entries {
            let key = entry.key.text().unwrap_or_default();
            if let Some(kind) = key.strip_prefix("with_") {
                keywords.set("loop", with_loop(kind, entry));
                continue;
            }
            let (name, args, span) = match keywords::kind(key, place) {
                Kind::Keyword("action" | "local_action") => match written_action(&entry.value) {
                    Some((name, args)) => {
                        if key == "local_action" {
                            keywords.set("delegate_to", Node::string(entry.key.span, "localhost"));
                        }
                        (name, args, &entry.value)
                    }
                    None => {
                        self.fail(
                            Diagnostic::error("expected the name of a module")
                                .at(entry.value.span, ""),
                        );
                        failed = true;
                        continue;
                    }
                },
                Kind::Keyword(name) => {
                    keywords.set(name, entry.value.clone());
                    continue;
                }
                Kind::Misplaced | Kind::Other => (key.to_owned(), entry.value.clone(), &entry.key),
            };
            let is_named = matches!(key, "action" | "local_action") && has_template(&name);
            let templated = || is_named.then_some(Found::Action(Action::Templated));
            let foreign = || self.library(&name, chain).map(|_| Found::Action(Action::Absent));
            let Some(found) = action_or_absent(&name).or_else(templated).or_else(foreign) else {
                unknown.push((name, span));
                continue;
            };
            if let Some((first, ..)) = &action {
                let error = Diagnostic::error("a task has one module, here are two")
                    .at(span.span, "the second");
                self.fail(
                    error
                        .context(first.span, "the first")
                        .help("make two tasks of it: begin the second with `- `"),
                );
                failed = true;
                continue;
            }
            action = Some((span, args, found));
        }
        let lenient = self.loader.settings.lenient && action.is_some();
        for (name, span) in &unknown {
            match lenient {
                true => self.loader.warn(
                    Diagnostic::warning(format!("`{name}` means nothing in a task"))
                        .at(span.span, "passed over"),
                ),
                false => {
                    let error = self.unknown(name, span, place, chain);
                    self.fail(match &action {
                        Some((key, _, found)) if found.takes(name) => error.help(format!(
                            "`{}` takes `{name}`: indent it further",
                            key.text().unwrap_or_default()
                        )),
                        _ => error,
                    });
                }
            }
        }
        failed |= !unknown.is_empty() && !lenient;
        let Some((key, args, found)) = action else {
            if !failed {
                self.fail(
                    Diagnostic::error("this task has no module")
                        .at(node.span, "does nothing")
                        .help("add one, for example `ansible.builtin.command: …`"),
                );
            }
            return Vec::new();
        };
        let named = key.text().or(key.get("module").and_then(Node::text)).unwrap_or_default();
        let written = first_word(named).to_owned();
        let conditional = keywords.get("when").is_some() || chain.nearest("when").is_some();
        if matches!(found, Found::Action(Action::Absent)) && !conditional {
            self.fail(self.unknown(&written, key, place, chain));
            return Vec::new();
        }
        self.check_keywords(&keywords);
        if matches!(&*written, "include" | "ansible.builtin.include") {
            let note = "`include` is gone from Ansible: it is read as `include_tasks`";
            self.loader.warn(Diagnostic::warning(note).kind("deprecated").at(key.span, ""));
        }
        let vars = Arc::new(self.vars(keywords.get("vars")));
        let args = match self.arguments(&args, &found, &keywords, key.span) {
            Some(args) => args,
            None => return Vec::new(),
        };
        self.check_beside(&found, &written, &keywords, &args, place);
        let level = match &found {
            // The variables of an import are those of a block around what it brings.
            Found::Import(_) => ChainLevel::Block,
            Found::Action(_) => ChainLevel::Task,
        };
        let name = keywords.get("name").cloned();
        let own = Arc::new(Chain {
            keywords,
            level,
            vars,
            role: chain.role.clone(),
            dir: chain.dir.clone(),
            up: Some(chain.clone()),
        });
        match found {
            Found::Import(import) => self.import(import, &args, key.span, &own, place),
            Found::Action(action) => {
                let (args, defaults) = self.with_defaults(action, args, &own);
                let others = self.other_defaults(action, &own);
                if defaults.is_empty() && others.is_empty() {
                    self.check(action, &args, key, conditional);
                }
                self.look_into(action, &args, &own);
                vec![Item::Task(Arc::new(Task {
                    name,
                    action,
                    written,
                    args,
                    defaults,
                    others,
                    chain: own,
                    span: key.span,
                }))]
            }
        }
    }
}
