//! The tags there are: to tell one that is asked for and that nothing has.

use std::collections::BTreeSet;

use rprov_modules::kit::{Node, NodeKind, nearest};

use super::load::Loader;
use super::{TagFilter, has_template};
use crate::source::Diagnostic;

/// Tags that mean something whether a task has them or not.
const SPECIAL: &[&str] = &["all", "always", "never", "tagged", "untagged"];

impl Loader {
    /// Warnings about tags that were asked for and stand in no file that was read. Nothing is said
    /// where a tag or the name of an included file is only known in the run.
    pub(crate) fn unknown_tags(&self, filter: &TagFilter) -> Vec<Diagnostic> {
        let mut found = Found { tags: BTreeSet::new(), open: false };
        for node in self.nodes() {
            found.node(&node);
        }
        if found.open {
            return Vec::new();
        }
        let asked = filter.only.iter().filter(|tag| !SPECIAL.contains(&tag.as_str()));
        let unknown = asked.filter(|tag| !found.tags.contains(*tag));
        unknown
            .map(|tag| {
                let warning = Diagnostic::warning(format!("no task has the tag `{tag}`"));
                match nearest(tag, found.tags.iter().map(String::as_str)) {
                    Some(near) => warning.help(format!("did you mean `{near}`?")),
                    None => warning.help("`--list-tags` lists those there are"),
                }
            })
            .collect()
    }
}

struct Found {
    tags: BTreeSet<String>,
    open: bool,
}

impl Found {
    fn node(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Scalar(_) => {}
            NodeKind::List(items) => items.iter().for_each(|item| self.node(item)),
            NodeKind::Map(entries) => {
                for entry in entries {
                    let key = entry.key.text().unwrap_or_default();
                    match key.rsplit('.').next().unwrap_or_default() {
                        "tags" => self.tags(&entry.value),
                        "include_tasks" | "include_role" | "include" => {
                            self.open |= written(&entry.value).any(has_template);
                        }
                        _ => {}
                    }
                    self.node(&entry.value);
                }
            }
        }
    }

    fn tags(&mut self, node: &Node) {
        for text in written(node) {
            self.open |= has_template(text);
            self.tags.extend(text.split(',').map(|tag| tag.trim().to_owned()));
        }
    }
}

/// The texts of a value, one level deep.
fn written(node: &Node) -> impl Iterator<Item = &str> {
    let items = node.items().unwrap_or_default().iter();
    let values = node.entries().unwrap_or_default().iter().map(|entry| &entry.value);
    node.text().into_iter().chain(items.chain(values).filter_map(Node::text))
}
