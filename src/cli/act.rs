//! The part of a run that touches hosts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::basis::Basis;
use super::embedded::Hosts;
use super::inputs::Inputs;
use super::{Exit, Result};
use crate::engine::{Book, Ending, Engine, Options, Parts};
use crate::inventory::Inventory;
use crate::playbook::Loader;
use crate::report::{Event, Reporter};
use crate::source::Diagnostic;
use crate::template::Templar;
use crate::vars::{InventoryVars, special};

/// How long an interrupted run may take to end the commands on its hosts; and when it was interrupted
/// twice.
const LAST_WORDS: Duration = Duration::from_secs(10);
const AT_ONCE: Duration = Duration::from_secs(1);
/// How often to look whether hosts are still awaited.
const LOOK: Duration = Duration::from_millis(250);

/// All that was read, and found without a mistake.
pub(super) struct Ready {
    pub(super) inputs: Inputs,
    pub(super) inventory: Arc<Inventory>,
    pub(super) templar: Templar,
    pub(super) loader: Loader,
    pub(super) books: Vec<Book>,
    pub(super) options: Options,
    pub(super) special: special::Run,
    pub(super) vars: InventoryVars,
    /// Whose `group_vars` and `host_vars` count.
    pub(super) playbook_dir: PathBuf,
    /// Keep embedded hosts for the next run.
    pub(super) keep: bool,
    pub(super) reporter: Arc<dyn Reporter>,
}

/// # Errors
/// What only a running play can find wrong about itself.
pub(super) fn act(basis: &Basis, ready: Ready) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| vec![Diagnostic::error(format!("cannot start: {error}"))])?;
    let result = runtime.block_on(on_hosts(basis, ready))?;
    runtime.shutdown_timeout(Duration::from_millis(300));
    match result {
        None => {
            super::complain("interrupted: hosts keep what was done so far; run again to finish\n");
            Ok(Exit::Other)
        }
        Some(Ok(Ending::Ok)) => Ok(Exit::Ok),
        Some(Ok(Ending::Failed)) => Ok(Exit::TaskFailed),
        Some(Ok(Ending::Unreachable)) => Ok(Exit::Unreachable),
        Some(Err(errors)) => Err(errors),
    }
}

/// `None` when it was interrupted.
async fn on_hosts(basis: &Basis, ready: Ready) -> Result<Option<Result<Ending>>> {
    let Ready { inputs, inventory, reporter, options, .. } = ready;
    let mut hosts = Hosts::start(&inventory, ready.keep).await.map_err(|error| vec![error])?;
    for note in hosts.notes() {
        reporter.report(Event::Note(note.clone()));
    }
    let verbosity = options.verbosity;
    let (sources, rules) = (inputs.sources, inputs.rules);
    let (extra, reader) = (inputs.extra.clone(), inputs.reader);
    let (dir, merges, managed) = (ready.playbook_dir, basis.merges(), basis.managed());
    let reload = Box::new(move || {
        let inventory = Arc::new(Inventory::load(&sources, &reader, &extra, &rules)?);
        let vars = InventoryVars::new(inventory, Some(dir.clone()), reader.clone());
        Ok(vars.merging(merges).managed(managed.clone()))
    });
    let engine = Engine::new(Parts {
        inventory_vars: ready.vars,
        reload,
        loader: ready.loader,
        templar: ready.templar,
        decrypt: Some(inputs.passwords.decrypt()),
        options: Options { embedded: hosts.transports(), ..options },
        extra: inputs.extra,
        special: ready.special,
        redactor: basis.redactor.clone(),
        reporter: reporter.clone(),
    });
    let mut run = std::pin::pin!(engine.run(ready.books));
    let ended = tokio::select! {
        ended = &mut run => Some(ended),
        _ = tokio::signal::ctrl_c() => {
            engine.interrupt();
            tokio::select! {
                () = wind_down(&engine, &*reporter, &mut run) => {}
                _ = tokio::signal::ctrl_c() => {
                    engine.interrupt();
                    let _ = tokio::time::timeout(AT_ONCE, &mut run).await;
                }
            }
            None
        }
    };
    if verbosity >= 3 {
        for (host, trips) in engine.round_trips().await {
            reporter.report(Event::Note(format!("{host}: {trips} round trips after connect")));
        }
    }
    engine.close().await;
    hosts.stop().await;
    Ok(ended)
}

/// Waits for the end of a run that was interrupted. Commands are being ended; a step of a module ends
/// by itself, however long it takes.
async fn wind_down(engine: &Engine, reporter: &dyn Reporter, mut run: impl Future + Unpin) {
    let (begun, mut told) = (tokio::time::Instant::now(), false);
    while tokio::time::timeout(LOOK, &mut run).await.is_err() {
        match engine.awaited() {
            0 if begun.elapsed() > LAST_WORDS => return,
            0 => {}
            count if !told => {
                told = true;
                let hosts = if count == 1 { "host" } else { "hosts" };
                reporter.report(Event::Note(format!(
                    "interrupted: waiting for the step under way on {count} {hosts}; again: leave it to itself"
                )));
            }
            _ => {}
        }
    }
}
