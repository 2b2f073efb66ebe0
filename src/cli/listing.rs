//! `--list-hosts`, `--list-tasks`, `--list-tags`: what would run, without running it.

mod words;

use std::{collections::BTreeSet, fmt::Write, sync::Arc};

use rprov_modules::kit::Node;

use self::words::{Words, words};
use crate::inventory::{Inventory, pattern};
use crate::playbook::{Item, Loader, Play, TagFilter};
use crate::source::Diagnostic;
use crate::template::Templar;
use crate::vars::Layer;

/// What to list, and of what.
pub(super) struct Listing<'a> {
    pub(super) hosts: bool,
    pub(super) tasks: bool,
    pub(super) tags: bool,
    pub(super) inventory: &'a Inventory,
    pub(super) limit: Option<&'a pattern::Limit>,
    pub(super) filter: &'a TagFilter,
    pub(super) loader: &'a Loader,
    pub(super) templar: &'a Templar,
    pub(super) extra: &'a Arc<Layer>,
    pub(super) warn: &'a dyn Fn(Diagnostic),
}

impl Listing<'_> {
    /// The plays of a playbook, in Ansible's form.
    ///
    /// # Errors
    /// When a pattern of hosts cannot be understood.
    pub(super) fn plays(&self, file: &str, plays: &[Play]) -> Result<String, Vec<Diagnostic>> {
        let mut out = format!("\nplaybook: {file}\n");
        for (number, play) in plays.iter().enumerate() {
            let shown = self.words(play);
            let patterns = shown.of(&play.hosts);
            let hosts = patterns.join(",");
            let name = match &play.name {
                Some(name) => shown.of(name),
                // As in Ansible, a list is shown as it is written.
                None if play.hosts.items().is_some() => words(&play.hosts),
                None => patterns.clone(),
            };
            let name = name.join(",");
            let tags: Vec<_> = shown.tags(&play.chain).into_iter().collect();
            let _ = writeln!(
                out,
                "\n  play #{} ({hosts}): {name}\tTAGS: [{}]",
                number + 1,
                tags.join(",")
            );
            if self.hosts {
                let quoted: Vec<_> = patterns.iter().map(|term| format!("'{term}'")).collect();
                let found = self.found(play, &patterns)?;
                let count = found.len();
                let _ = writeln!(out, "    pattern: [{}]\n    hosts ({count}):", quoted.join(", "));
                for host in &found {
                    let _ = writeln!(out, "      {host}");
                }
            }
            let mut all = shown.tags(&play.chain);
            let mut lines = String::new();
            for phase in &play.phases {
                self.items(&shown, phase, &mut lines, &mut all);
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
    /// When the pattern cannot be understood, and when `--limit` leaves none.
    pub(super) fn hosts_alone(&self, plays: &[Play]) -> Result<String, Vec<Diagnostic>> {
        let mut out = String::new();
        for play in plays {
            let found = self.found(play, &words(&play.hosts))?;
            if found.is_empty() && self.limit.is_some() {
                return Err(vec![Diagnostic::error("pattern and `--limit` leave no host")]);
            }
            let _ = writeln!(out, "  hosts ({}):", found.len());
            for host in &found {
                let _ = writeln!(out, "    {host}");
            }
        }
        Ok(out)
    }

    /// None, with a warning, where a pattern means nothing: an earlier play may make the group.
    fn found(&self, play: &Play, patterns: &[String]) -> Result<Vec<String>, Vec<Diagnostic>> {
        let pattern = pattern::of_list(patterns.iter().map(String::as_str));
        let span = play.hosts.span;
        let attempt = pattern::select_or_none(self.inventory, &pattern, span, self.limit)
            .map_err(|error| vec![error])?;
        if let Some(missed) = attempt.missed {
            (self.warn)(missed.as_warning());
        }
        attempt.found.missed.iter().cloned().for_each(self.warn);
        Ok(attempt.found.hosts.iter().map(ToString::to_string).collect())
    }

    fn words(&self, play: &Play) -> Words<'_> {
        Words::new(play, self.inventory, self.loader, self.templar, self.extra)
    }

    fn items(
        &self,
        words: &Words<'_>,
        items: &[Item],
        out: &mut String,
        all: &mut BTreeSet<String>,
    ) {
        for item in items {
            match item {
                Item::Task(task) => {
                    let tags = words.tags(&task.chain);
                    if !self.filter.selects(&tags) {
                        continue;
                    }
                    // As in Ansible, a task without a name does not tell its role.
                    let named = task.name.as_ref().and_then(Node::text);
                    let name = named.unwrap_or(&task.written);
                    let role = task.role().filter(|_| named.is_some() && task.tells_role());
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
                Item::Block(block) => self.items(words, &block.body, out, all),
                Item::RoleEnd(_) => {}
            }
        }
    }
}
