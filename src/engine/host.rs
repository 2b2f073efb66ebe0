//! One host of a run: what it has registered and learnt, how it fares, and the way to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexSet;
use minijinja::Value;
use serde_json::Map;

use super::facts::Known;
use super::link::Link;
use super::task::Learning;
use crate::inventory::HostName;
use crate::playbook::{Role, Task};
use crate::report::Stats;
use crate::template::Context;
use crate::vars::Layer;

/// A host, shared by all that act on it or read its variables.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: HostName,
    learnt: Mutex<Learnt>,
    /// How the host sees itself (`hostvars`), as long as nothing new is learnt.
    context: Mutex<Option<Context>>,
    progress: Mutex<Progress>,
    /// The connection and its shells. One task at a time uses it.
    pub(super) link: tokio::sync::Mutex<Link>,
}

/// What the run itself has found out about a host. Layers are replaced, never changed in place,
/// so a task keeps the variables it began with.
#[derive(Debug, Clone, Default)]
pub(super) struct Learnt {
    pub(super) facts: Known,
    pub(super) included: Arc<Layer>,
    /// `set_fact` and `register`.
    pub(super) set: Arc<Layer>,
}

/// How a host fares in the current play.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) failed: bool,
    pub(super) unreachable: bool,
    /// It has not failed itself: another host's failure stops it (`any_errors_fatal`, `run_once`).
    pub(super) dragged: bool,
    /// It has failed for good, and is only here for `always`.
    pub(super) doomed: bool,
    /// How many blocks around its task may still mend a failure, by `rescue` or `always`.
    pub(super) sheltered: u32,
    /// How many of them by `rescue`.
    pub(super) mendable: u32,
    /// `meta: clear_host_errors`: the host takes part in the next play.
    pub(super) forgiven: bool,
    /// In check mode: some task would have changed the host, so later ones see it as it was.
    pub(super) foreseen: bool,
    /// `--start-at-task`: it has not come there yet.
    pub(super) waiting: bool,
    /// `meta: end_host` or `end_play`.
    pub(super) ended: bool,
    /// `meta: end_role`.
    pub(super) left: Option<Arc<Role>>,
    /// How far it has come with roles, by their identity.
    pub(super) roles: HashMap<String, RoleState>,
    /// What was notified since the last flush, as it is written.
    pub(super) called: IndexSet<String>,
    /// Handlers to run, by their place in the play's list.
    pub(super) notified: IndexSet<usize>,
    /// Handlers that failed.
    pub(super) owed: IndexSet<usize>,
    /// Handlers that an earlier run has left to this one, by name.
    pub(super) recalled: Vec<String>,
    pub(super) stats: Stats,
}

/// A role on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleState {
    /// One of its tasks, at least, was not skipped.
    Acted,
    /// As before, and the last one is past.
    Through,
}

impl Progress {
    /// A task of this role was not skipped.
    pub(super) fn acted_in(&mut self, role: &Role) {
        if !self.roles.contains_key(&role.identity) {
            self.roles.insert(role.identity.clone(), RoleState::Acted);
        }
    }

    pub(super) fn alive(&self) -> bool {
        !(self.failed || self.unreachable || self.ended)
    }
}

impl Host {
    /// `hidden`: its facts are in `ansible_facts` alone.
    pub(super) fn new(name: HostName, hidden: bool) -> Host {
        let learnt = Learnt { facts: Known::new(hidden), ..Learnt::default() };
        Host {
            name,
            learnt: Mutex::new(learnt),
            context: Mutex::default(),
            progress: Mutex::default(),
            link: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn learnt(&self) -> Learnt {
        self.lock_learnt().clone()
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn alive(&self) -> bool {
        self.progress().alive()
    }

    /// Takes part in the play, as `ansible_play_hosts` has it: also while it waits for a `rescue`.
    pub(super) fn stands(&self) -> bool {
        let progress = self.progress();
        let mended = progress.mendable > 0 && !progress.dragged && !progress.unreachable;
        !(progress.doomed || progress.ended) && (progress.alive() || mended)
    }

    /// Neither failed nor lost: the host takes part in the next play.
    pub(super) fn whole(&self) -> bool {
        let progress = self.progress();
        !(progress.failed || progress.unreachable)
    }

    /// Nothing of this task's role is left for it: it has ended the role, or the same role, which runs
    /// once, has been through.
    pub(super) fn passes(&self, task: &Task) -> bool {
        let Some(role) = task.role() else { return false };
        let progress = self.progress();
        progress.left.as_ref().is_some_and(|left| Arc::ptr_eq(left, role))
            || role.once && progress.roles.get(&*role.identity) == Some(&RoleState::Through)
    }

    /// The host has passed the last task of a role.
    pub(super) fn end_role(&self, role: &Role) {
        if let Some(state) = self.progress().roles.get_mut(&*role.identity) {
            *state = RoleState::Through;
        }
    }

    /// Between plays: errors that were cleared count no more.
    pub(super) fn forgive(&self) {
        let mut progress = self.progress();
        if std::mem::take(&mut progress.forgiven) {
            progress.failed = false;
            progress.unreachable = false;
        }
    }

    /// A new play: `end_host` and notifications concern the old one.
    pub(super) fn begin_play(&self) {
        let mut progress = self.progress();
        progress.left = None;
        progress.roles.clear();
        progress.ended = false;
        progress.called.clear();
        progress.notified.clear();
        progress.owed.clear();
        progress.recalled.clear();
    }

    pub(super) fn own_context(&self) -> Option<Context> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep_context(&self, context: &Context) {
        *self.context.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.clone());
    }

    pub(super) fn forget_view(&self) {
        *self.context.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// For writing: what was evaluated before is forgotten.
    fn change(&self) -> MutexGuard<'_, Learnt> {
        self.forget_view();
        self.lock_learnt()
    }

    fn lock_learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `register` and `set_fact`.
    pub(super) fn set(&self, values: impl IntoIterator<Item = (String, Value)>) {
        let mut learnt = self.change();
        let layer = Arc::make_mut(&mut learnt.set);
        for (name, value) in values {
            layer.set(name, value);
        }
    }

    /// What another host has learnt for this one, too (`run_once`).
    pub(super) fn learn(&self, learnt: &Learning) {
        self.set(learnt.set.iter().cloned());
        if let Some(facts) = &learnt.facts {
            self.add_facts(facts);
        }
        if let Some(layer) = &learnt.included {
            self.include(layer.clone());
        }
    }

    /// `include_vars`.
    pub(super) fn include(&self, layer: Layer) {
        Arc::make_mut(&mut self.change().included).extend(layer);
    }

    /// Facts a module has returned, or a file has kept.
    pub(super) fn add_facts(&self, facts: &Map<String, serde_json::Value>) {
        self.change().facts.add(facts);
    }

    pub(super) fn clear_facts(&self) {
        self.change().facts.clear();
    }
}
