//! `--list-hosts`, `--list-tasks`, `--list-tags`: what would run, without running it.

use std::{collections::BTreeSet, fmt::Write};

use rprov_modules::kit::Node;

use crate::inventory::{Inventory, pattern};
use crate::playbook::{Chain, Item, Play, TagFilter};
use crate::source::Diagnostic;

/// What to list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) hosts: bool,
    pub(super) tasks: bool,
    pub(super) tags: bool,
}

pub(super) fn plays(
    file: &str,
    plays: &[Play],
    wanted: Wanted,
    inventory: &Inventory,
    limit: Option<&pattern::Limit>,
    filter: &TagFilter,
) -> Result<String, Vec<Diagnostic>> {
    let mut out = format!("\nplaybook: {file}\n");
    for (number, play) in plays.iter().enumerate() {
        let hosts = match play.hosts.items() {
            Some(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
            None => play.hosts.text().unwrap_or_default().to_owned(),
        };
        let name = play.name.as_ref().and_then(Node::text).unwrap_or(&hosts);
        let tags = |tags: &BTreeSet<String>| tags.iter().cloned().collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            out,
            "\n  play #{} ({hosts}): {name}\tTAGS: [{}]",
            number + 1,
            tags(&tags_of(&play.chain))
        );
        if wanted.hosts {
            let found = pattern::select(inventory, &hosts, play.hosts.span, limit)
                .map_err(|error| vec![error])?;
            let _ = writeln!(out, "    pattern: ['{hosts}']\n    hosts ({}):", found.hosts.len());
            for host in &found.hosts {
                let _ = writeln!(out, "      {host}");
            }
        }
        let mut all = BTreeSet::new();
        let mut lines = String::new();
        for phase in &play.phases {
            tasks(phase, filter, &mut lines, &mut all);
        }
        if wanted.tasks {
            let _ = write!(out, "    tasks:\n{lines}");
        }
        if wanted.tags {
            let _ = writeln!(out, "      TASK TAGS: [{}]", tags(&all));
        }
    }
    Ok(out)
}

fn tasks(items: &[Item], filter: &TagFilter, out: &mut String, all: &mut BTreeSet<String>) {
    for item in items {
        match item {
            Item::Task(task) => {
                let tags = tags_of(&task.chain);
                if !filter.selects(&tags) {
                    continue;
                }
                let name = task.name.as_ref().and_then(Node::text).unwrap_or(&task.written);
                let role = task.role().map(|role| format!("{} : ", role.name)).unwrap_or_default();
                let _ = writeln!(
                    out,
                    "      {role}{name}\tTAGS: [{}]",
                    tags.iter().cloned().collect::<Vec<_>>().join(", ")
                );
                all.extend(tags);
            }
            Item::Block(block) => {
                for part in [&block.body, &block.rescue, &block.always] {
                    tasks(part, filter, out, all);
                }
            }
        }
    }
}

fn tags_of(chain: &Chain) -> BTreeSet<String> {
    let mut tags = BTreeSet::new();
    for node in chain.all("tags") {
        let texts: Vec<&str> = node.items().map_or_else(
            || node.text().into_iter().collect(),
            |items| items.iter().filter_map(Node::text).collect(),
        );
        tags.extend(
            texts
                .iter()
                .flat_map(|text| text.split(','))
                .map(|tag| tag.trim().to_owned())
                .filter(|tag| !tag.is_empty()),
        );
    }
    tags
}
