//! Lists of tasks and blocks over a set of hosts, in lock-step; rescue, always, and handlers.
//!
//! The lock-step is a barrier on this machine: hosts whose answers were asked for ahead pass a task
//! without a round trip.

use std::{collections::BTreeSet, future::Future, pin::Pin, sync::Arc};

use rprov_modules::kit::{Node, Span, boolean};

use super::host::Host;
use super::play::PlayRun;
use super::task::{self, Learning, Outcome};
use super::{action, include};
pub(super) use crate::playbook::Item;
use crate::playbook::{Action, Block, Builtin, Chain, Task};
use crate::report::{Event, Status, TaskResult};
use crate::source::{Diagnostic, render_all};

/// A list being worked through, and what comes after it.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) items: Arc<[Item]>,
    pub(super) up: Option<(Arc<Rest>, usize)>,
    /// What a handler has included.
    handler: bool,
}

impl Rest {
    pub(super) fn new(items: Arc<[Item]>, up: Option<Arc<Rest>>) -> Arc<Rest> {
        Arc::new(Rest { items, up: up.map(|rest| (rest, 0)), handler: false })
    }

    fn of_handlers() -> Arc<Rest> {
        Arc::new(Rest { items: Arc::new([]), up: None, handler: true })
    }

    /// A list inside the item before `next` of `up`.
    pub(super) fn below(items: Arc<[Item]>, up: &Arc<Rest>, next: usize) -> Arc<Rest> {
        Arc::new(Rest { items, up: Some((up.clone(), next)), handler: up.handler })
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Works through a list on those of `hosts` that are alive.
pub(super) fn run<'a>(
    play: &'a Arc<PlayRun>,
    rest: &'a Arc<Rest>,
    hosts: Vec<Arc<Host>>,
) -> Running<'a> {
    Box::pin(async move {
        for (at, item) in rest.items.iter().enumerate() {
            let alive: Vec<_> = hosts.iter().filter(|host| host.alive()).cloned().collect();
            if alive.is_empty() || play.engine.interrupt.sent() {
                return;
            }
            match item {
                Item::Task(task) => one(play, task, rest, at + 1, alive).await,
                Item::Block(block) => self::block(play, block, rest, at + 1, alive).await,
            }
        }
    })
}

async fn block(
    play: &Arc<PlayRun>,
    block: &Arc<Block>,
    rest: &Arc<Rest>,
    next: usize,
    hosts: Vec<Arc<Host>>,
) {
    run(play, &Rest::below(block.body.clone(), rest, next), hosts.clone()).await;
    if !block.rescue.is_empty() {
        let failed: Vec<_> = hosts.iter().filter(|host| host.progress().failed).cloned().collect();
        if !failed.is_empty() {
            for host in &failed {
                let mut progress = host.progress();
                progress.failed = false;
                if !std::mem::take(&mut progress.dragged) {
                    progress.stats.failed = progress.stats.failed.saturating_sub(1);
                    progress.stats.rescued += 1;
                }
            }
            run(play, &Rest::below(block.rescue.clone(), rest, next), failed).await;
        }
    }
    if !block.always.is_empty() {
        // What belongs to `always` runs on failed hosts, too, and leaves them failed.
        let failed: Vec<_> = hosts.iter().filter(|host| host.progress().failed).cloned().collect();
        failed.iter().for_each(|host| host.progress().failed = false);
        run(play, &Rest::below(block.always.clone(), rest, next), hosts).await;
        failed.iter().for_each(|host| host.progress().failed = true);
    }
}

/// One task on all hosts at once.
async fn one(
    play: &Arc<PlayRun>,
    task: &Arc<Task>,
    rest: &Arc<Rest>,
    next: usize,
    hosts: Vec<Arc<Host>>,
) {
    let engine = &play.engine;
    if !selected(play, &task.chain) {
        return;
    }
    let hosts: Vec<_> = hosts.into_iter().filter(|host| !host.has_left(task)).collect();
    if hosts.is_empty() {
        return;
    }
    if engine.waiting.load(std::sync::atomic::Ordering::Relaxed) {
        let wanted = engine.options.start_at_task.as_deref();
        let full = title(play, task, &hosts[0]);
        let short = full.rsplit(" : ").next();
        if wanted != Some(&*full) && wanted != short {
            return;
        }
        engine.waiting.store(false, std::sync::atomic::Ordering::Relaxed);
    }
    if let Action::Builtin(Builtin::Meta) = task.action {
        return action::meta(play, task, &hosts).await;
    }
    let name = title(play, task, &hosts[0]);
    engine.reporter.report(Event::Task { name, handler: rest.handler });
    // A pause is one for all, as in Ansible.
    let once = flag(play, task, &hosts[0], "run_once")
        || matches!(task.action, Action::Builtin(Builtin::Pause));
    let acting = if once { vec![hosts[0].clone()] } else { hosts.clone() };
    let outcomes = on_hosts(play, task, &acting, |host| {
        let (play, task, rest) = (play.clone(), task.clone(), rest.clone());
        async move { task::run(&play, &host, &task, &rest, next).await }
    })
    .await;
    // What one host has learnt for all of them.
    if once && let Some(Outcome::Done { learnt }) = outcomes.first() {
        hosts[1..].iter().for_each(|host| host.learn(learnt));
    }
    run_included(play, task, &acting, outcomes, rest, next).await;
    // A host that cannot go on alone takes the others with it: to `rescue` if there is one.
    if (once || flag(play, task, &hosts[0], "any_errors_fatal"))
        && hosts.iter().any(|host| !host.whole())
    {
        for host in &hosts {
            let mut progress = host.progress();
            progress.dragged |= !progress.failed && !progress.unreachable;
            progress.failed |= progress.dragged;
        }
    }
    if play.too_many_failed() {
        play.alive().iter().for_each(|host| host.progress().ended = true);
    }
}

/// Acts on all hosts side by side, as many at a time as `forks` and `throttle` allow; outcomes are
/// in the order of the hosts.
async fn on_hosts<F, Fut>(
    play: &Arc<PlayRun>,
    task: &Task,
    hosts: &[Arc<Host>],
    act: F,
) -> Vec<Outcome>
where
    F: Fn(Arc<Host>) -> Fut,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    let throttle = task
        .chain
        .nearest("throttle")
        .and_then(Node::text)
        .and_then(|t| t.parse().ok())
        .filter(|n| *n > 0);
    let forks = match play.engine.options.forks {
        0 => hosts.len(),
        forks => forks,
    };
    let most = throttle.map_or(forks, |throttle: usize| throttle.min(forks)).max(1);
    let gate = Arc::new(tokio::sync::Semaphore::new(most));
    let mut running = Vec::with_capacity(hosts.len());
    for host in hosts {
        // Turns are taken in the order of the hosts: with one fork the output is in that order.
        let turn = gate.clone().acquire_owned().await;
        let future = act(host.clone());
        running.push(tokio::spawn(async move {
            let _turn = turn;
            future.await
        }));
    }
    let mut outcomes = Vec::with_capacity(running.len());
    for (handle, host) in running.into_iter().zip(hosts) {
        match handle.await {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => {
                // A fault of rprov itself: the host fails, the others go on.
                let error = Diagnostic::error(format!("internal fault: {error}"))
                    .at(task.span, "in this task");
                refuse(play, host, &[error]);
                outcomes.push(Outcome::Done { learnt: Learning::default() });
            }
        }
    }
    outcomes
}

/// Runs what was notified, once each, in the order of the play's handlers. A handler may notify
/// those after it; one before it has to wait for the next flush, as in Ansible.
pub(super) async fn flush_handlers(play: &Arc<PlayRun>) {
    let forced = play.engine.options.force_handlers
        || play
            .play
            .chain
            .keywords
            .get("force_handlers")
            .and_then(Node::text)
            .and_then(boolean)
            .unwrap_or(false);
    let hosts = play.hosts_for_handlers(forced);
    // Forced handlers run on failed hosts, too, and leave them failed.
    let failed: Vec<_> =
        hosts.iter().filter(|host| std::mem::take(&mut host.progress().failed)).cloned().collect();
    run_handlers(play, &hosts).await;
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
        let acting: Vec<_> = hosts
            .iter()
            .filter(|host| host.progress().notified.swap_remove(&at))
            .cloned()
            .collect();
        at += 1;
        let acting: Vec<_> = acting.into_iter().filter(|host| host.alive()).collect();
        if acting.is_empty() {
            continue;
        }
        let name = title(play, handler, &acting[0]);
        play.engine.reporter.report(Event::Task { name, handler: true });
        if let Action::Builtin(Builtin::Meta) = handler.action {
            action::meta(play, handler, &acting).await;
            continue;
        }
        let outcomes = on_hosts(play, handler, &acting, |host| {
            let (play, handler, rest) = (play.clone(), handler.clone(), rest.clone());
            async move { task::run(&play, &host, &handler, &rest, 0).await }
        })
        .await;
        run_included(play, handler, &acting, outcomes, &rest, 0).await;
    }
}

/// What the hosts' includes bring, in the place of the include.
async fn run_included(
    play: &Arc<PlayRun>,
    task: &Arc<Task>,
    acting: &[Arc<Host>],
    outcomes: Vec<Outcome>,
    rest: &Arc<Rest>,
    next: usize,
) {
    let included: Vec<_> = acting
        .iter()
        .zip(outcomes)
        .filter_map(|(host, outcome)| match outcome {
            Outcome::Include(includes) => Some((host.clone(), includes)),
            Outcome::Done { .. } => None,
        })
        .collect();
    if !included.is_empty() {
        include::run(play, task, included, rest, next).await;
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

/// Whether `--tags` and `--skip-tags` choose a task.
pub(super) fn selected(play: &PlayRun, chain: &Chain) -> bool {
    let mut tags = BTreeSet::new();
    for node in chain.all("tags") {
        let texts: Vec<&str> = node.items().map_or_else(
            || node.text().into_iter().collect(),
            |items| items.iter().filter_map(Node::text).collect(),
        );
        for text in texts {
            let text = match crate::playbook::has_template(text) {
                true => play.plain(&Node::string(node.span, text)),
                false => text.to_owned(),
            };
            tags.extend(
                text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()),
            );
        }
    }
    play.engine.options.tags.selects(&tags)
}

/// `role : name`, rendered for a host as far as it can be.
pub(super) fn title(play: &PlayRun, task: &Task, host: &Host) -> String {
    let name = match &task.name {
        Some(name) if name.is_null() || name.text() == Some("") => task.written.clone(),
        Some(name) => rendered(play, task, host, name),
        None => match (&task.action, task.args.get("name").or(task.args.get("role"))) {
            (Action::Builtin(Builtin::IncludeRole), Some(role)) => {
                let name = rendered(play, task, host, role);
                return format!("{} : {name}", task.written);
            }
            _ => task.written.clone(),
        },
    };
    match task.role() {
        Some(role) => format!("{} : {name}", role.name),
        None => name,
    }
}

/// A text, rendered for a host as far as it can be.
fn rendered(play: &PlayRun, task: &Task, host: &Host, node: &Node) -> String {
    let text = node.text().unwrap_or_default();
    match crate::playbook::has_template(text) {
        true => play
            .context(host, Some(task))
            .ok()
            .and_then(|context| play.engine.templar.render(node, &context).ok())
            .and_then(|node| node.text().map(str::to_owned))
            .unwrap_or_else(|| text.to_owned()),
        false => text.to_owned(),
    }
}

/// A keyword that is true or false, rendered for a host; false where it cannot be.
pub(super) fn flag(play: &PlayRun, task: &Task, host: &Host, keyword: &str) -> bool {
    let Some(node) = task.chain.nearest(keyword) else { return false };
    let text = match node.text() {
        Some(text) if crate::playbook::has_template(text) => play
            .context(host, Some(task))
            .ok()
            .and_then(|context| play.engine.templar.render(node, &context).ok())
            .and_then(|node| node.text().map(str::to_owned)),
        text => text.map(str::to_owned),
    };
    text.as_deref().and_then(boolean).unwrap_or(false)
}

/// Fails a host for a reason that is in the user's files.
pub(super) fn refuse(play: &PlayRun, host: &Host, errors: &[Diagnostic]) {
    let mut values = serde_json::Map::new();
    let message = errors.iter().map(Diagnostic::message).collect::<Vec<_>>().join("; ");
    values.insert("msg".into(), message.into());
    {
        let mut progress = host.progress();
        progress.failed = true;
        progress.stats.failed += 1;
    }
    play.engine.reporter.report(Event::Result(Box::new(TaskResult {
        host: host.name.to_string(),
        delegated: None,
        status: Status::Failed,
        item: None,
        values,
        diffs: vec![],
        unsettled: vec![],
        censored: false,
        ignored: false,
        verbose: false,
        place: Some(render_all(errors, play.engine.loader.map(), false)),
    })));
}

impl PlayRun {
    fn hosts_for_handlers(&self, forced: bool) -> Vec<Arc<Host>> {
        match forced {
            true => {
                self.batch().iter().filter(|host| !host.progress().unreachable).cloned().collect()
            }
            false => self.alive(),
        }
    }

    /// Renders with what the play itself knows; text that cannot be is left as it is.
    pub(super) fn plain(&self, node: &Node) -> String {
        let text = node.text().unwrap_or_default().to_owned();
        let Some(host) = self.batch().first() else { return text };
        self.context(host, None)
            .ok()
            .and_then(|context| self.engine.templar.render(node, &context).ok())
            .map(|node| match node.items() {
                Some(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
                None => node.text().unwrap_or_default().to_owned(),
            })
            .unwrap_or(text)
    }
}

/// `file:line:column` of a span.
pub(super) fn place(play: &PlayRun, span: Span) -> Option<String> {
    let (path, line, column) = play.engine.loader.map().line_col(span)?;
    // A play that is no file (`ping`) has no place to point at.
    path.extension()?;
    Some(format!("  at {}:{line}:{column}", path.display()))
}
