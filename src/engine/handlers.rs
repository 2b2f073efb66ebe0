//! Handlers: what was notified, run once each in the order of the play.

use std::sync::Arc;

use rprov_modules::kit::Node;

use super::flags::flag;
use super::host::Host;
use super::list::{Rest, begin, on_hosts, run_included};
use super::play::PlayRun;
use super::show::title;
use super::task;
use super::{action, fall, step};
use crate::playbook::{Action, Builtin};

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
        let outcomes = on_hosts(play, handler, &acting, |host| {
            let (play, handler, rest) = (play.clone(), handler.clone(), rest.clone());
            async move { task::run(&play, &host, &handler, &rest, 0).await }
        })
        .await;
        run_included(play, handler, &acting, outcomes, &rest, 0).await;
        for host in &acting {
            let mut progress = host.progress();
            match progress.failed || progress.unreachable {
                true => progress.owed.insert(this),
                false => progress.owed.swap_remove(&this),
            };
        }
        fall::settle(play, handler, &acting, flag(play, handler, &acting[0], "run_once"));
    }
}

/// Notes a notified handler, by name or by what it listens to.
pub(super) fn notify(play: &PlayRun, host: &Host, name: &str) -> bool {
    let mut found = false;
    let handlers = play.handlers();
    // Of handlers with the same name one counts: that of the play, then that of the latest role,
    // and there the first. Topics reach all that listen.
    let mut chosen: Option<usize> = None;
    for (at, handler) in handlers.iter().enumerate() {
        let own = handler.name.as_ref().and_then(Node::text);
        let full =
            handler.role().map(|role| format!("{} : {}", role.name, own.unwrap_or_default()));
        let rendered = own
            .filter(|own| crate::playbook::has_template(own))
            .map(|_| title(play, handler, host));
        let named =
            own == Some(name) || full.as_deref() == Some(name) || rendered.as_deref() == Some(name);
        let listens = handler.keyword("listen").is_some_and(|listen| match listen.items() {
            Some(items) => items.iter().any(|item| item.text() == Some(name)),
            None => listen.text() == Some(name),
        });
        if listens {
            host.progress().notified.insert(at);
            found = true;
        }
        let same_role = |other: usize| match (handlers[other].role(), handler.role()) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        if named && !chosen.is_some_and(same_role) {
            chosen = Some(at);
        }
    }
    if let Some(at) = chosen {
        host.progress().notified.insert(at);
    }
    found || chosen.is_some()
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
