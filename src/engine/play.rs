//! A play over its hosts: which hosts, in which batches, its files of variables, its handlers.

mod hosts;
mod vars;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use rprov_modules::kit::{Node, boolean};

use self::hosts::{batches, hosts, title};
use self::vars::{prompt, special};
use super::Engine;
use super::handlers;
use super::host::Host;
use super::list::{self, Rest};
use crate::inventory::HostName;
use crate::playbook::{Play, Role, Task};
use crate::report::Event;
use crate::source::Diagnostic;
use crate::vars::Layer;

/// A play at work on one batch of hosts.
pub(super) struct PlayRun {
    pub(super) engine: Arc<Engine>,
    pub(super) play: Arc<Play>,
    pub(super) prompted: Arc<Layer>,
    /// `vars_files` by host.
    pub(super) files: Mutex<HashMap<HostName, Arc<Layer>>>,
    batch: Vec<Arc<Host>>,
    /// Handlers in order; those of roles included at run time come last.
    handlers: RwLock<Vec<Arc<Task>>>,
    roles: RwLock<Vec<Arc<Role>>>,
    special: Arc<Layer>,
    /// `meta: end_play`: no further batch.
    ended: std::sync::atomic::AtomicBool,
}

/// Runs a play; false if the run must not go on to the next one.
pub(super) async fn run(engine: &Arc<Engine>, play: Arc<Play>) -> Result<bool, Vec<Diagnostic>> {
    let hosts = hosts(engine, &play)?;
    let name = title(engine, &play);
    hosts.iter().for_each(|name| engine.host(name).forgive());
    if hosts.is_empty() {
        engine.reporter.report(Event::Play { name: name.clone() });
        engine.reporter.report(Event::NoHosts { reason: "no hosts matched".to_owned() });
        return Ok(true);
    }
    engine.matched.store(true, std::sync::atomic::Ordering::Relaxed);
    // The files of variables of all hosts, so that all their mistakes are told together.
    let mut errors = Vec::new();
    for host in hosts.iter().filter_map(|name| engine.inventory.host(name)) {
        errors.extend(engine.inventory_vars.layers(host).err().unwrap_or_default());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let prompted = Arc::new(prompt(&play)?);
    let alive: Vec<HostName> =
        hosts.iter().filter(|name| engine.host(name).whole()).cloned().collect();
    if alive.is_empty() {
        // All of them failed in earlier plays; others may go on in later ones.
        engine.reporter.report(Event::Play { name });
        return Ok(true);
    }
    alive.iter().for_each(|name| engine.host(name).begin_play());
    let batches = batches(engine, &play, &alive)?;
    for batch in batches {
        let batch: Vec<Arc<Host>> = batch.iter().map(|name| engine.host(name)).collect();
        let run = Arc::new(PlayRun {
            engine: engine.clone(),
            play: play.clone(),
            prompted: prompted.clone(),
            files: Mutex::default(),
            handlers: RwLock::new(play.handlers.clone()),
            roles: RwLock::new(play.roles.clone()),
            special: special(engine, &play, &name, &hosts, &batch),
            batch,
            ended: std::sync::atomic::AtomicBool::new(false),
        });
        engine.reporter.report(Event::Play { name: name.clone() });
        run.read_vars_files().await;
        run.run().await;
        if run.stops_here() {
            return Ok(false);
        }
        if run.ended.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
    }
    Ok(true)
}

impl PlayRun {
    pub(super) fn roles(&self) -> Vec<Arc<Role>> {
        self.roles.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn special(&self) -> Arc<Layer> {
        self.special.clone()
    }

    pub(super) fn handlers(&self) -> Vec<Arc<Task>> {
        self.handlers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an include at run time adds to the play.
    pub(super) fn gain(&self, handlers: Vec<Arc<Task>>, roles: Vec<Arc<Role>>) {
        let mut known = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        for handler in handlers {
            if !known.iter().any(|other| other.span == handler.span) {
                known.push(handler);
            }
        }
        self.roles.write().unwrap_or_else(PoisonError::into_inner).extend(roles);
    }

    pub(super) fn batch(&self) -> &[Arc<Host>] {
        &self.batch
    }

    pub(super) fn alive(&self) -> Vec<Arc<Host>> {
        self.batch.iter().filter(|host| host.alive()).cloned().collect()
    }

    async fn run(self: &Arc<Self>) {
        let facts = self.fact_task();
        let mut phases = self.play.phases.clone();
        if let Some(task) = facts {
            let first: Vec<_> = std::iter::once(task).chain(phases[0].iter().cloned()).collect();
            phases[0] = first.into();
        }
        let free = self
            .play
            .chain
            .keywords
            .get("strategy")
            .and_then(Node::text)
            .is_some_and(|s| s.ends_with("free") || s.ends_with("host_pinned"));
        for (at, phase) in phases.iter().enumerate() {
            // What comes after this phase, for looking ahead.
            let after = phases[at + 1..]
                .iter()
                .rev()
                .fold(None, |up, items| Some(Rest::new(items.clone(), up)));
            let rest = Rest::new(phase.clone(), after);
            if free {
                let mut set = tokio::task::JoinSet::new();
                for host in self.alive() {
                    let (run, rest) = (self.clone(), rest.clone());
                    set.spawn(async move { list::run(&run, &rest, vec![host]).await });
                }
                set.join_all().await;
            } else {
                list::run(self, &rest, self.alive()).await;
            }
            handlers::flush_handlers(self).await;
        }
    }

    /// The task that gathers facts, unless the play says no.
    fn fact_task(&self) -> Option<list::Item> {
        let wanted = match self.play.chain.keywords.get("gather_facts") {
            Some(node) => boolean(&self.plain(node)).unwrap_or(true),
            None => true,
        };
        if !wanted {
            return None;
        }
        super::action::fact_task(&self.play)
    }

    /// `meta: end_play`.
    pub(super) fn end(&self) {
        self.ended.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether more hosts of the batch have failed than `max_fail_percentage` allows.
    pub(super) fn too_many_failed(&self) -> bool {
        self.play.chain.keywords.get("max_fail_percentage").is_some() && self.stops_here()
    }

    /// Whether too many hosts of the batch have failed for the play to go on.
    fn stops_here(&self) -> bool {
        let failed = self.batch.iter().filter(|host| !host.whole()).count();
        if failed == 0 {
            return false;
        }
        let limit = self
            .play
            .chain
            .keywords
            .get("max_fail_percentage")
            .and_then(Node::text)
            .and_then(|t| t.parse::<f64>().ok());
        match limit {
            Some(limit) => failed as f64 / self.batch.len() as f64 * 100.0 > limit,
            None => failed == self.batch.len(),
        }
    }
}
