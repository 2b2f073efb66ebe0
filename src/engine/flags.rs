//! Keywords that the engine reads itself: tags, and those that are true or false.

use std::collections::BTreeSet;

use rprov_modules::kit::{Node, boolean};

use super::host::Host;
use super::play::PlayRun;
use crate::playbook::{Chain, Task};

/// Whether `--tags` and `--skip-tags` choose a task.
pub(super) fn selected(play: &PlayRun, chain: &Chain) -> bool {
    let mut tags = BTreeSet::new();
    for node in chain.all("tags") {
        let texts: Vec<&str> = node.items().map_or_else(
            || node.text().into_iter().collect(),
            |items| items.iter().filter_map(Node::text).collect(),
        );
        for text in texts {
            let text = match crate::playbook::has_template(text) {
                true => play.plain(&Node::string(node.span, text)),
                false => text.to_owned(),
            };
            tags.extend(
                text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()),
            );
        }
    }
    play.engine.options.tags.selects(&tags)
}

/// A keyword that is true or false, rendered for a host; false where it cannot be.
pub(super) fn flag(play: &PlayRun, task: &Task, host: &Host, keyword: &str) -> bool {
    text(play, task, host, keyword).as_deref().and_then(boolean).unwrap_or(false)
}

/// Whether a task only shows what it would change.
pub(super) fn checks(play: &PlayRun, task: &Task, host: &Host) -> bool {
    let written = text(play, task, host, "check_mode");
    written.as_deref().and_then(boolean).unwrap_or(play.engine.options.check)
}

/// A keyword that is a whole number, rendered for a host; `None` where it cannot be.
pub(super) fn number(play: &PlayRun, task: &Task, host: &Host, keyword: &str) -> Option<usize> {
    let node = node(play, task, host, keyword)?;
    crate::playbook::integer(&node).and_then(|number| usize::try_from(number).ok())
}

fn text(play: &PlayRun, task: &Task, host: &Host, keyword: &str) -> Option<String> {
    node(play, task, host, keyword)?.text().map(str::to_owned)
}

fn node(play: &PlayRun, task: &Task, host: &Host, keyword: &str) -> Option<Node> {
    let node = task.chain.nearest(keyword)?;
    match node.text() {
        Some(text) if crate::playbook::has_template(text) => play
            .context(host, Some(task))
            .ok()
            .and_then(|context| play.engine.templar.render(node, &context).ok()),
        _ => Some(node.clone()),
    }
}

impl PlayRun {
    /// Renders with what the play itself knows; text that cannot be is left as it is.
    pub(super) fn plain(&self, node: &Node) -> String {
        let text = node.text().unwrap_or_default().to_owned();
        let Some(host) = self.batch().first() else { return text };
        self.context(host, None)
            .ok()
            .and_then(|context| self.engine.templar.render(node, &context).ok())
            .map(|node| match node.items() {
                Some(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
                None => node.text().unwrap_or_default().to_owned(),
            })
            .unwrap_or(text)
    }
}
