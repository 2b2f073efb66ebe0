//! A play over its hosts: which hosts, in which batches, its files of variables, its handlers.

mod hosts;
mod prompt;
mod settings;
mod standing;
mod vars;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use rprov_modules::kit::{Node, boolean};

use self::hosts::{batches, by_now, hosts, title};
use self::prompt::prompt;
use self::settings::{Settings, Strategy};
use self::standing::Standing;
use self::vars::special as special_layer;
use super::Engine;
use super::facts::{self, Gathering};
use super::handlers;
use super::host::Host;
use super::list::{self, Rest};
use super::pending::Pending;
use crate::inventory::HostName;
use crate::playbook::{Play, Role, RoleNames, Task};
use crate::report::Event;
use crate::source::Diagnostic;
use crate::vars::{Layer, special};

/// A play at work on one batch of hosts.
pub(super) struct PlayRun {
    pub(super) engine: Arc<Engine>,
    pub(super) play: Arc<Play>,
    pub(super) prompted: Arc<Layer>,
    /// `vars_files` by host.
    pub(super) files: Mutex<HashMap<HostName, Arc<Layer>>>,
    batch: Vec<Arc<Host>>,
    /// The hosts of the batch and those that would be in it, had they not failed in an earlier play.
    size: usize,
    /// Handlers in order; those of roles included at run time come last.
    handlers: RwLock<Vec<Arc<Task>>>,
    roles: RwLock<Vec<Arc<Role>>>,
    special: Arc<Layer>,
    standing: Standing,
    settings: Settings,
    /// The names of its roles, as variables.
    names: RwLock<(RoleNames, Arc<Layer>)>,
    /// Nothing can refer to facts: they are not gathered.
    pub(super) facts_unused: bool,
    pub(super) pending: Option<Pending>,
    /// `meta: end_play`: no further batch.
    ended: std::sync::atomic::AtomicBool,
    /// Hosts that `max_fail_percentage` counts.
    lost: Mutex<HashSet<HostName>>,
}

/// Runs the first of these plays, the `nth` of its name; false if the run must not go on to the next one.
pub(super) async fn run(
    engine: &Arc<Engine>,
    plays: &[Arc<Play>],
    nth: usize,
) -> Result<bool, Vec<Diagnostic>> {
    let Some(play) = plays.first().cloned() else { return Ok(false) };
    engine.world.enter(engine, &play.dir);
    // "Continue" is an answer for the rest of a play.
    engine.stepping.store(engine.options.step, std::sync::atomic::Ordering::Relaxed);
    let prompted = Arc::new(prompt(engine, &play)?);
    let context = settings::context(engine, &play, &prompted);
    let settings = Settings::new(engine, &play, &context).map_err(|error| vec![error])?;
    let mut all = hosts(engine, &play, &context, plays.len() == 1)?;
    let mut hosts = all.clone();
    settings::order(engine, &play, &context, &mut hosts).map_err(|error| vec![error])?;
    let name = title(engine, &play, &context);
    let written = play.chain.keywords.get("check_mode").and_then(Node::text).and_then(boolean);
    let check = written.unwrap_or(engine.options.check);
    hosts.iter().for_each(|name| engine.host(name).forgive());
    if hosts.is_empty() {
        engine.reporter.report(Event::Play { name: name.clone(), check });
        engine.reporter.report(Event::NoHosts { reason: "no hosts matched".to_owned() });
        return Ok(true);
    }
    engine.matched.store(true, std::sync::atomic::Ordering::Relaxed);
    // The files of variables of all hosts, so that all their mistakes are told together.
    let mut errors = Vec::new();
    let vars = engine.world.vars();
    for host in hosts.iter().filter_map(|name| vars.inventory().host(name)) {
        errors.extend(vars.layers(host).err().unwrap_or_default());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    hosts.iter().map(|name| engine.host(name)).filter(|host| host.whole()).for_each(|host| {
        host.begin_play();
    });
    let batches = batches(engine, &play, &context, &hosts)?;
    let facts_unused = !facts::needed(engine, plays);
    for names in batches {
        let batch: Vec<Arc<Host>> =
            names.iter().map(|name| engine.host(name)).filter(|host| host.whole()).collect();
        let waiting = engine.waiting.load(std::sync::atomic::Ordering::Relaxed);
        batch.iter().for_each(|host| host.progress().waiting = waiting);
        let run = Arc::new(PlayRun {
            engine: engine.clone(),
            play: play.clone(),
            prompted: prompted.clone(),
            files: Mutex::default(),
            handlers: RwLock::new(play.handlers.clone()),
            roles: RwLock::new(play.roles.clone()),
            special: special_layer(engine, &play),
            standing: Standing::new(engine, &name, &all, &batch),
            names: RwLock::new((
                play.names.clone(),
                special::role_names(&play.names.own, &play.names.dependent),
            )),
            batch,
            size: names.len(),
            settings,
            facts_unused,
            pending: Pending::new(engine, &play, nth),
            ended: std::sync::atomic::AtomicBool::new(false),
            lost: Mutex::default(),
        });
        engine.reporter.report(Event::Play { name: name.clone(), check });
        run.recall_handlers();
        run.read_vars_files().await;
        run.run().await;
        run.keep_handlers();
        if run.stops_here() {
            return Ok(false);
        }
        if run.ended.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        all = by_now(engine, &play, &context);
    }
    Ok(true)
}

impl PlayRun {
    pub(super) fn roles(&self) -> Vec<Arc<Role>> {
        self.roles.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn role_names(&self) -> Arc<Layer> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn special(&self) -> Arc<Layer> {
        self.special.clone()
    }

    /// Who takes part now, as variables.
    pub(super) fn standing(&self) -> Arc<Layer> {
        self.standing.layer()
    }

    /// Before a task begins: looks who is left.
    pub(super) fn settle_standing(&self) {
        self.standing.settle();
    }

    /// A host that a task has added.
    pub(super) fn gain_host(&self, name: &HostName) {
        self.standing.add(self.engine.host(name));
    }

    pub(super) fn handlers(&self) -> Vec<Arc<Task>> {
        self.handlers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an include at run time adds to the play.
    pub(super) fn gain(&self, handlers: Vec<Arc<Task>>, roles: Vec<Arc<Role>>, names: RoleNames) {
        let mut known = self.names.write().unwrap_or_else(PoisonError::into_inner);
        known.0.extend(names);
        known.1 = special::role_names(&known.0.own, &known.0.dependent);
        drop(known);
        let mut known = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        // Of those with a name the last one counts; others could not be told apart.
        for handler in handlers {
            if handler.name.is_some() || !known.iter().any(|other| other.span == handler.span) {
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

    /// Time has passed, or a host has acted for others: what was asked says nothing about now. A host that
    /// is at work at this moment keeps what it asks.
    pub(super) fn forget_answers(&self) {
        for host in &self.batch {
            if let Ok(mut link) = host.link.try_lock() {
                link.forget_answers();
            }
        }
    }

    async fn run(self: &Arc<Self>) {
        let gather = self.fact_task();
        let mut phases = self.play.phases.clone();
        if let Some(task) = gather {
            let task = list::Item::Task(task);
            let first: Vec<_> = std::iter::once(task).chain(phases[0].iter().cloned()).collect();
            phases[0] = first.into();
        }
        if !self.settings.is_free() {
            return self.phases(&phases, &self.batch).await;
        }
        let most = match (self.settings.strategy, self.engine.options.forks) {
            (Strategy::HostPinned, forks @ 1..) => forks,
            _ => self.batch.len(),
        };
        let begun = Arc::new(tokio::sync::Semaphore::new(most.max(1)));
        let mut set = tokio::task::JoinSet::new();
        let phases = Arc::new(phases);
        for host in self.batch.clone() {
            let (run, phases, begun) = (self.clone(), phases.clone(), begun.clone());
            set.spawn(async move {
                let _place = begun.acquire_owned().await.ok();
                run.phases(&phases, &[host]).await;
            });
        }
        set.join_all().await;
    }

    /// `pre_tasks`, `roles`, `tasks`, `post_tasks` on hosts that wait for each other; handlers after each.
    async fn phases(self: &Arc<Self>, phases: &[Arc<[list::Item]>], hosts: &[Arc<Host>]) {
        for (at, phase) in phases.iter().enumerate() {
            // What comes after this phase, for looking ahead.
            let after = phases[at + 1..]
                .iter()
                .rev()
                .fold(None, |up, items| Some(Rest::new(items.clone(), up)));
            let rest = Rest::new(phase.clone(), after);
            list::run(self, &rest, hosts.iter().filter(|host| host.alive()).cloned().collect())
                .await;
            // What an earlier run has left waits for the first tasks.
            let recall = at + 1 == phases.len() || !self.play.phases[at].is_empty();
            handlers::flush_handlers(self, &self.hosts_for_handlers(hosts), recall).await;
        }
    }

    /// The task that gathers facts, unless the play says no.
    pub(super) fn fact_task(&self) -> Option<Arc<Task>> {
        let wanted = match self.play.chain.keywords.get("gather_facts") {
            Some(node) => boolean(&self.plain(node)).unwrap_or(true),
            None => self.engine.options.facts.gathering != Gathering::Explicit,
        };
        if !wanted {
            return None;
        }
        super::action::fact_task(&self.play)
    }

    /// Whether a task is the one that gathers facts.
    pub(super) fn gathers(&self, task: &Task) -> bool {
        task.span == self.play.span
    }

    /// With `gathering: smart`, hosts whose facts are known are passed over.
    pub(super) fn knows_facts(&self, task: &Task, host: &Host) -> bool {
        self.engine.options.facts.gathering == Gathering::Smart
            && self.gathers(task)
            && host.learnt().facts.gathered()
    }

    /// `meta: end_play`.
    pub(super) fn end(&self) {
        self.ended.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Counts hosts that have failed: whether they are more than `max_fail_percentage` allows.
    pub(super) fn exceeds(&self, more: impl Iterator<Item = HostName>) -> bool {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).extend(more);
        self.too_many_failed()
    }

    fn too_many_failed(&self) -> bool {
        // Hosts that do not wait for each other are not counted together.
        let Some(limit) = self.settings.max_fail_percentage.filter(|_| !self.settings.is_free())
        else {
            return false;
        };
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).len();
        lost as f64 / self.size as f64 * 100.0 > limit
    }

    /// Whether the run ends here: too many hosts have failed, or all that the batch was meant to have. As in
    /// Ansible, hosts of other plays go on where some of these had failed before.
    pub(super) fn stops_here(&self) -> bool {
        let failed = self.batch.iter().filter(|host| !host.whole()).count();
        self.too_many_failed() || failed == self.size
    }
}
