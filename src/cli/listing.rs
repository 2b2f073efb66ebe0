//! `--list-hosts`, `--list-tasks`, `--list-tags`: what would run, without running it.

use std::{collections::BTreeSet, fmt::Write};

use rprov_modules::kit::Node;

use crate::inventory::{Inventory, pattern};
use crate::playbook::{Chain, Item, Play, TagFilter};
use crate::source::Diagnostic;

/// What to list, and of what.
pub(super) struct Listing<'a> {
    pub(super) hosts: bool,
    pub(super) tasks: bool,
    pub(super) tags: bool,
    pub(super) inventory: &'a Inventory,
    pub(super) limit: Option<&'a pattern::Limit>,
    pub(super) filter: &'a TagFilter,
}

impl Listing<'_> {
    /// The plays of a playbook, in Ansible's form.
    ///
    /// # Errors
    /// When a pattern of hosts matches nothing.
    pub(super) fn plays(&self, file: &str, plays: &[Play]) -> Result<String, Vec<Diagnostic>> {
        let mut out = format!("\nplaybook: {file}\n");
        for (number, play) in plays.iter().enumerate() {
            let patterns = patterns(play);
            let hosts = patterns.join(",");
            let name = play.name.as_ref().and_then(Node::text).unwrap_or(&hosts);
            let tags: Vec<_> = tags_of(&play.chain).into_iter().collect();
            let _ = writeln!(
                out,
                "\n  play #{} ({hosts}): {name}\tTAGS: [{}]",
                number + 1,
                tags.join(",")
            );
            if self.hosts {
                let quoted: Vec<_> = patterns.iter().map(|term| format!("'{term}'")).collect();
                let found = self.found(play)?;
                let count = found.len();
                let _ = writeln!(out, "    pattern: [{}]\n    hosts ({count}):", quoted.join(", "));
                for host in &found {
                    let _ = writeln!(out, "      {host}");
                }
            }
            let mut all = tags_of(&play.chain);
            let mut lines = String::new();
            for phase in &play.phases {
                self.items(phase, &mut lines, &mut all);
            }
            if self.tasks {
                let _ = write!(out, "    tasks:\n{lines}");
            }
            if self.tags {
                let tags: Vec<_> = all.into_iter().collect();
                let _ = writeln!(out, "      TASK TAGS: [{}]", tags.join(", "));
            }
        }
        Ok(out)
    }

    /// The hosts of a one-off task.
    ///
    /// # Errors
    /// When the pattern matches nothing.
    pub(super) fn hosts_alone(&self, plays: &[Play]) -> Result<String, Vec<Diagnostic>> {
        let mut out = String::new();
        for play in plays {
            let found = self.found(play)?;
            let _ = writeln!(out, "  hosts ({}):", found.len());
            for host in &found {
                let _ = writeln!(out, "    {host}");
            }
        }
        Ok(out)
    }

    fn found(&self, play: &Play) -> Result<Vec<String>, Vec<Diagnostic>> {
        let pattern = pattern::of_list(patterns(play).iter().map(String::as_str));
        pattern::select(self.inventory, &pattern, play.hosts.span, self.limit)
            .map(|found| found.hosts.iter().map(ToString::to_string).collect())
            .map_err(|error| vec![error])
    }

    fn items(&self, items: &[Item], out: &mut String, all: &mut BTreeSet<String>) {
        for item in items {
            match item {
                Item::Task(task) => {
                    let tags = tags_of(&task.chain);
                    if !self.filter.selects(&tags) {
                        continue;
                    }
                    // As in Ansible, a task without a name does not tell its role.
                    let named = task.name.as_ref().and_then(Node::text);
                    let name = named.unwrap_or(&task.written);
                    let role = task.role().filter(|_| named.is_some());
                    let role = role.map(|role| format!("{} : ", role.name));
                    let shown: Vec<_> = tags.iter().cloned().collect();
                    let _ = writeln!(
                        out,
                        "      {}{name}\tTAGS: [{}]",
                        role.unwrap_or_default(),
                        shown.join(", ")
                    );
                    all.extend(tags);
                }
                // As in Ansible, without `rescue` and `always`.
                Item::Block(block) => self.items(&block.body, out, all),
            }
        }
    }
}

/// `hosts:` as it is written.
fn patterns(play: &Play) -> Vec<String> {
    match play.hosts.items() {
        Some(items) => items.iter().filter_map(Node::text).map(str::to_owned).collect(),
        None => play.hosts.text().map(str::to_owned).into_iter().collect(),
    }
}

fn tags_of(chain: &Chain) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    for node in chain.all("tags") {
        let texts: Vec<&str> = node.items().map_or_else(
            || node.text().into_iter().collect(),
            |items| items.iter().filter_map(Node::text).collect(),
        );
        let words = texts.iter().flat_map(|text| text.split(',')).map(|tag| tag.trim().to_owned());
        tags.extend(words.filter(|tag| !tag.is_empty()));
    }
    tags
}
