//! Handlers that were notified and did not run because the run failed: kept for the next run of the
//! same play on the same host.
//!
//! - Only names are kept, in one file of its owner's for each play and host.
//! - What is kept runs at the first flush, and is forgotten when it has run without failing.
//! - Check mode neither keeps nor runs anything. Who ends a host or a play by `meta` means it.

use std::{fmt::Write as _, io, path::PathBuf, sync::Arc};

use rprov_modules::kit::Node;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Engine;
use super::handlers;
use super::host::Host;
use super::kept;
use super::play::PlayRun;
use crate::playbook::{Play, Task};
use crate::report::Event;

/// The files of one play: below `pending/` in the state directory.
#[derive(Debug)]
pub(super) struct Pending {
    directory: PathBuf,
    /// The project, the playbook, the play.
    key: [String; 3],
}

impl Pending {
    /// `None` where nothing is to be kept. `nth`: which of the plays of this name in its file.
    pub(super) fn new(engine: &Engine, play: &Play, nth: usize) -> Option<Pending> {
        if engine.options.check {
            return None;
        }
        let state = engine.options.pending.as_ref()?;
        let (playbook, _, _) = engine.loader.map().line_col(play.span)?;
        let absolute = |path: &std::path::Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            path.to_string_lossy().into_owned()
        };
        let project = std::env::current_dir().unwrap_or_default();
        let name = format!("{} {nth}", name(play));
        Some(Pending {
            directory: state.join("pending"),
            key: [absolute(&project), absolute(&playbook), name],
        })
    }

    fn file(&self, host: &str) -> PathBuf {
        let mut hash = Sha256::new();
        for part in self.key.iter().map(String::as_str).chain([host]) {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let mut name = String::new();
        for byte in hash.finalize().iter().take(16) {
            let _ = write!(name, "{byte:02x}");
        }
        self.directory.join(format!("{name}.json"))
    }

    /// The handlers that wait for this host; a file that makes no sense holds none.
    fn read(&self, host: &str) -> Vec<String> {
        let Ok(bytes) = std::fs::read(self.file(host)) else { return Vec::new() };
        let whole: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let names = whole["handlers"].as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn write(&self, host: &str, handlers: &[String]) -> io::Result<()> {
        if handlers.is_empty() {
            return kept::remove(&self.file(host));
        }
        let [project, playbook, play] = &self.key;
        let whole = json!({
            "project": project, "playbook": playbook, "play": play, "host": host,
            "handlers": handlers,
        });
        kept::write(&self.file(host), format!("{whole:#}\n").as_bytes())
    }
}

/// The name of a play as it is written, or its hosts.
pub(super) fn name(play: &Play) -> String {
    let node = play.name.as_ref().unwrap_or(&play.hosts);
    match node.items() {
        Some(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
        None => node.text().unwrap_or_default().to_owned(),
    }
}

/// What a handler is called in the file: as it is written, with its role.
fn called(handler: &Task) -> String {
    let own = handler.name.as_ref().and_then(Node::text).unwrap_or(&handler.written);
    match handler.role() {
        Some(role) => format!("{} : {own}", role.name),
        None => own.to_owned(),
    }
}

impl PlayRun {
    /// What earlier runs have left, for the hosts of this batch.
    pub(super) fn recall_handlers(&self) {
        let Some(pending) = &self.pending else { return };
        for host in self.batch() {
            host.progress().recalled = pending.read(&host.name);
        }
    }

    /// At a flush: what earlier runs have left is notified on hosts that take part.
    pub(super) fn notify_recalled(&self, hosts: &[Arc<Host>]) {
        let handlers = self.handlers();
        for host in hosts {
            let mut progress = host.progress();
            let mut found = Vec::new();
            for name in std::mem::take(&mut progress.recalled) {
                match handlers.iter().rposition(|handler| called(handler) == name) {
                    Some(at) => {
                        progress.notified.insert(at);
                        found.push(name);
                    }
                    // A later include may bring it.
                    None => progress.recalled.push(name),
                }
            }
            if !found.is_empty() {
                self.engine.reporter.report(Event::Note(format!(
                    "{}: notified in an earlier run that failed: {}",
                    host.name,
                    found.join(", ")
                )));
            }
        }
    }

    /// At the end of the batch: what still has to run is kept, and what has run is forgotten.
    pub(super) fn keep_handlers(&self) {
        let Some(pending) = &self.pending else { return };
        let handlers = self.handlers();
        let cut = self.engine.interrupt.sent() || self.stops_here();
        for host in self.batch() {
            handlers::settle_notified(self, host);
            let (names, gone) = {
                let mut progress = host.progress();
                let lost = progress.failed || progress.unreachable || cut;
                let mut left = std::mem::take(&mut progress.owed);
                if lost {
                    left.extend(std::mem::take(&mut progress.notified));
                }
                // One that no flush was reached for waits on; one that is gone has nothing to wait for.
                let there = |name: &String| lost || handlers.iter().any(|one| called(one) == *name);
                let (again, gone): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut progress.recalled).into_iter().partition(there);
                left.sort_unstable();
                let mut names = again;
                for name in left.iter().filter_map(|at| handlers.get(*at)).map(|one| called(one)) {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                (names, gone)
            };
            let note = |text: String| self.engine.reporter.report(Event::Note(text));
            if !gone.is_empty() {
                let gone = gone.join(", ");
                note(format!(
                    "{}: notified in an earlier run, and not there any more: {gone}",
                    host.name
                ));
            }
            if !names.is_empty() {
                let names = names.join(", ");
                note(format!("{}: kept for the next run of this play: {names}", host.name));
            }
            if let Err(error) = pending.write(&host.name, &names) {
                let why = crate::vars::files::reason(&error);
                self.engine.reporter.report(Event::Warning(format!(
                    "cannot keep notified handlers of {}: {why}",
                    host.name
                )));
            }
        }
    }
}
