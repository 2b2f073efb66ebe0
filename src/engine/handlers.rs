//! Handlers: what was notified, run once each in the order of the play.

use std::collections::HashSet;
use std::sync::Arc;

use rprov_modules::kit::Node;

use super::host::Host;
use super::list::{self, Rest, begin};
use super::play::PlayRun;
use super::show::title;
use super::{action, step};
use crate::playbook::{Action, Builtin, Task, has_template};

/// Runs what was notified on these hosts, once each, in the order of the play's handlers. A handler may
/// notify those after it; one before it has to wait for the next flush, as in Ansible. `recall`: also
/// what an earlier run has left.
pub(super) async fn flush_handlers(play: &Arc<PlayRun>, hosts: &[Arc<Host>], recall: bool) {
    // Forced handlers run on failed hosts, too, and leave them failed.
    let failed: Vec<_> =
        hosts.iter().filter(|host| std::mem::take(&mut host.progress().failed)).cloned().collect();
    if recall {
        play.notify_recalled(hosts);
    }
    hosts.iter().for_each(|host| settle_notified(play, host));
    run_handlers(play, hosts).await;
    failed.iter().for_each(|host| host.progress().failed = true);
}

async fn run_handlers(play: &Arc<PlayRun>, hosts: &[Arc<Host>]) {
    let rest = Rest::of_handlers();
    let mut at = 0;
    // What a handler includes may bring further handlers.
    while let Some(handler) = play.handlers().get(at).cloned() {
        if play.engine.interrupt.sent() {
            return;
        }
        let handler = &handler;
        // A host that fails in the middle of a flush runs no more of it, in no later flush either.
        let (acting, out): (Vec<_>, Vec<_>) = hosts
            .iter()
            .filter(|host| host.progress().notified.swap_remove(&at))
            .cloned()
            .partition(|host| host.alive());
        for host in &out {
            host.progress().owed.insert(at);
        }
        let this = at;
        at += 1;
        if acting.is_empty() {
            continue;
        }
        play.settle_standing();
        let name = title(play, handler, &acting[0]);
        let meta = matches!(handler.action, Action::Builtin(Builtin::Meta));
        if !meta && !step::wanted(&play.engine, &name).await {
            continue;
        }
        begin(play, handler, &acting, name, true);
        if meta {
            action::meta(play, handler, &acting).await;
            continue;
        }
        list::act(play, handler, &acting, &rest, 0).await;
        for host in &acting {
            let mut progress = host.progress();
            match progress.failed && !progress.dragged || progress.unreachable {
                true => progress.owed.insert(this),
                false => progress.owed.swap_remove(&this),
            };
        }
    }
}

/// Notes what was notified; false if no handler has that name or listens to it. Which one that is, is
/// decided when handlers run, as in Ansible: includes may bring others until then. `now`: they are running.
pub(super) fn notify(play: &PlayRun, host: &Host, name: &str, now: bool) -> bool {
    let found = meant(play, host, name);
    let is_one = !found.is_empty();
    match now {
        true => host.progress().notified.extend(found),
        false if is_one => {
            host.progress().called.insert(name.to_owned());
        }
        false => {}
    }
    is_one
}

/// Handlers run now: finds those that were notified.
pub(super) fn settle_notified(play: &PlayRun, host: &Host) {
    let called = std::mem::take(&mut host.progress().called);
    for name in called {
        let found = meant(play, host, &name);
        host.progress().notified.extend(found);
    }
}

/// The handlers of that name, and those that listen to it, by their places. Of several with one name, that of
/// the role read last counts, and there the first.
fn meant(play: &PlayRun, host: &Host, name: &str) -> Vec<usize> {
    let handlers = play.handlers();
    let own = |at: usize| handlers[at].name.as_ref().and_then(Node::text);
    let rendered = |at: usize| {
        let rendered = || title(play, &handlers[at], host);
        own(at).map(|own| if has_template(own) { rendered() } else { own.to_owned() })
    };
    let together = |one: &Arc<Task>, other: &Arc<Task>| match (one.role(), other.role()) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    };
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for (at, handler) in handlers.iter().enumerate() {
        match parts.last_mut().filter(|part| together(&handlers[part[0]], handler)) {
            Some(part) => part.push(at),
            None => parts.push(vec![at]),
        }
    }
    let order: Vec<usize> = parts.into_iter().rev().flatten().collect();
    let is_named = |at: usize| {
        let full = handlers[at]
            .role()
            .map(|role| format!("{} : {}", role.name, own(at).unwrap_or_default()));
        own(at) == Some(name)
            || full.as_deref() == Some(name)
            || rendered(at).as_deref() == Some(name)
    };
    let listens = |at: usize| {
        handlers[at].keyword("listen").is_some_and(|listen| match listen.items() {
            Some(items) => items.iter().any(|item| item.text() == Some(name)),
            None => listen.text() == Some(name),
        })
    };
    let mut found: Vec<usize> =
        order.iter().copied().find(|at| is_named(*at)).into_iter().collect();
    let mut names = HashSet::new();
    for at in order.into_iter().filter(|at| listens(*at)) {
        if rendered(at).is_none_or(|name| names.insert(name)) {
            found.push(at);
        }
    }
    found
}

impl PlayRun {
    /// Those of `hosts` on which handlers run at the end of a phase: with `force_handlers` also failed ones.
    pub(super) fn hosts_for_handlers(&self, hosts: &[Arc<Host>]) -> Vec<Arc<Host>> {
        let ready = |host: &Host| match self.forces_handlers() {
            true => !host.progress().unreachable,
            false => host.alive(),
        };
        hosts.iter().filter(|host| ready(host)).cloned().collect()
    }

    /// Whether handlers run on failed hosts, too.
    pub(super) fn forces_handlers(&self) -> bool {
        self.engine.options.force_handlers || self.settings().force_handlers
    }
}
