//! Templates and conditions that cannot be read, wherever they stand in plays and tasks.
//!
//! Ansible meets them when it gets there; here they are told with all other mistakes. Variables in
//! files of their own are left alone: nobody may ever use a faulty one.

use std::path::Path;

use rprov_modules::kit::Node;

use super::load::Loader;
use crate::source::Diagnostic;
use crate::template::{Templar, TemplateError};

/// The check of `rprov lint` that tells the same.
pub(crate) const TEMPLATE_SYNTAX: &str = "template-syntax";

/// Keywords whose values are conditions.
const CONDITIONS: &[&str] = &["when", "changed_when", "failed_when", "until"];
/// Keywords that hold tasks.
const LISTS: &[&str] =
    &["pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"];

impl Loader {
    /// What is wrong in the plays or tasks of a file; told once.
    pub(super) fn syntax(&self, path: &Path, node: &Node) -> Vec<Diagnostic> {
        match self.parse_once(path) {
            true => syntax(node, &self.settings.templar),
            false => Vec::new(),
        }
    }
}

/// What is wrong in a list of plays or tasks.
pub(crate) fn syntax(node: &Node, templar: &Templar) -> Vec<Diagnostic> {
    let mut walk = Walk { templar, errors: Vec::new() };
    walk.list(node);
    walk.errors
}

/// A template's fault as it is told.
pub(crate) fn faulty(error: TemplateError) -> Diagnostic {
    let raw = error.help.is_none() && error.message.contains("syntax error in template");
    let told = Diagnostic::from(error).kind(TEMPLATE_SYNTAX);
    match raw {
        true => told.help("what is no template is written `{% raw %}…{% endraw %}`, or `!unsafe`"),
        false => told,
    }
}

struct Walk<'a> {
    templar: &'a Templar,
    errors: Vec<Diagnostic>,
}

impl Walk<'_> {
    fn list(&mut self, node: &Node) {
        match node.items() {
            Some(items) => items.iter().for_each(|item| self.item(item)),
            None => self.any(node),
        }
    }

    /// A play, a block, a task, or the entry of a role.
    fn item(&mut self, node: &Node) {
        let Some(entries) = node.entries() else { return self.any(node) };
        for entry in entries {
            let key = entry.key.text().unwrap_or_default();
            let value = &entry.value;
            match short(key) {
                _ if CONDITIONS.contains(&key) => self.condition(key, value),
                _ if LISTS.contains(&key) || key == "roles" => self.list(value),
                "loop_control" => self.parts(value, "break_when"),
                "assert" => self.parts(value, "that"),
                "debug" => self.shown(value),
                "include_tasks" | "include_role" => match value.get("apply") {
                    Some(apply) => {
                        self.parts(apply, "when");
                        value.entries().into_iter().flatten().for_each(|entry| {
                            if entry.key.text() != Some("apply") {
                                self.any(&entry.value);
                            }
                        });
                    }
                    None => self.any(value),
                },
                _ => self.any(value),
            }
        }
    }

    /// A mapping of which one entry is a condition.
    fn parts(&mut self, node: &Node, condition: &str) {
        let Some(entries) = node.entries() else { return self.any(node) };
        for entry in entries {
            match entry.key.text() == Some(condition) {
                true => self.condition(condition, &entry.value),
                false => self.any(&entry.value),
            }
        }
    }

    /// `debug`, of which `var` is an expression.
    fn shown(&mut self, node: &Node) {
        let Some(entries) = node.entries() else { return self.any(node) };
        for entry in entries {
            match entry.key.text() == Some("var") {
                true => {
                    let errors = self.templar.expression_syntax(&entry.value).into_iter();
                    self.errors.extend(errors.map(faulty));
                }
                false => self.any(&entry.value),
            }
        }
    }

    fn condition(&mut self, keyword: &str, node: &Node) {
        // As if it were not there.
        if keyword == "break_when" && node.text() == Some("") {
            return;
        }
        let errors = self.templar.condition_syntax(node).into_iter();
        let errors = errors.chain(self.templar.nothing(node, may_be_nothing(keyword)));
        self.errors.extend(errors.map(|error| Diagnostic::from(error).kind(TEMPLATE_SYNTAX)));
    }

    fn any(&mut self, node: &Node) {
        self.errors.extend(self.templar.syntax(node).into_iter().map(faulty));
    }
}

/// Whether nothing is a condition that holds: as a whole, and as an entry of a list.
fn may_be_nothing(keyword: &str) -> (bool, bool) {
    match keyword {
        "when" => (true, true),
        "until" | "break_when" => (true, false),
        _ => (false, false),
    }
}

/// A module's name without the collection that all share.
fn short(key: &str) -> &str {
    ["ansible.builtin.", "ansible.legacy."]
        .iter()
        .find_map(|prefix| key.strip_prefix(prefix))
        .unwrap_or(key)
}
