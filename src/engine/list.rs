//! Lists of tasks and blocks over a set of hosts, in lock-step; rescue and always.
//!
//! The lock-step is a barrier on this machine: hosts whose answers were asked for ahead pass a task
//! without a round trip.

use std::{future::Future, pin::Pin, sync::Arc};

use super::flags::{checks, flag, number, selected};
use super::host::Host;
use super::play::PlayRun;
use super::show::{refuse, title};
use super::task::{self, Learning, Outcome};
use super::{action, fall, include, step};
use crate::inventory::wildcard::matches;
pub(super) use crate::playbook::Item;
use crate::playbook::{Action, Block, Builtin, Task};
use crate::report::Event;
use crate::source::Diagnostic;

/// A list being worked through, and what comes after it.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) items: Arc<[Item]>,
    pub(super) up: Option<(Arc<Rest>, usize)>,
    /// What a handler has included.
    handler: bool,
    /// The file or role that was included, if this is what it brought.
    included: Option<String>,
}

impl Rest {
    pub(super) fn new(items: Arc<[Item]>, up: Option<Arc<Rest>>) -> Arc<Rest> {
        Arc::new(Rest { items, up: up.map(|rest| (rest, 0)), handler: false, included: None })
    }

    pub(super) fn of_handlers() -> Arc<Rest> {
        Arc::new(Rest { items: Arc::new([]), up: None, handler: true, included: None })
    }

    /// Whether this is what a handler does.
    pub(super) fn in_handlers(&self) -> bool {
        self.handler
    }

    /// What an include brought.
    pub(super) fn included(
        items: Arc<[Item]>,
        up: &Arc<Rest>,
        next: usize,
        name: String,
    ) -> Arc<Rest> {
        let up_to = Some((up.clone(), next));
        Arc::new(Rest { items, up: up_to, handler: up.handler, included: Some(name) })
    }

    /// What was included to get here, the innermost first.
    pub(super) fn includes(&self) -> impl Iterator<Item = &str> {
        fn outer(rest: &Rest) -> Option<&Rest> {
            rest.up.as_ref().map(|(up, _)| &**up)
        }
        std::iter::successors(Some(self), |rest| outer(rest))
            .filter_map(|rest| rest.included.as_deref())
    }

    /// A list inside the item before `next` of `up`.
    pub(super) fn below(items: Arc<[Item]>, up: &Arc<Rest>, next: usize) -> Arc<Rest> {
        Arc::new(Rest { items, up: Some((up.clone(), next)), handler: up.handler, included: None })
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
                Item::RoleEnd(role) => alive.iter().for_each(|host| host.end_role(role)),
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
    let (rescue, always) = (!block.rescue.is_empty(), !block.always.is_empty());
    fall::shelter(&hosts, rescue, always);
    run(play, &Rest::below(block.body.clone(), rest, next), hosts.clone()).await;
    fall::unshelter(&hosts, rescue, always);
    if rescue {
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
            fall::shelter(&failed, false, always);
            run(play, &Rest::below(block.rescue.clone(), rest, next), failed.clone()).await;
            fall::unshelter(&failed, false, always);
        }
    }
    if always {
        // What belongs to `always` runs on failed hosts, too, and leaves them failed.
        let failed: Vec<_> = hosts.iter().filter(|host| host.progress().failed).cloned().collect();
        for host in &failed {
            let mut progress = host.progress();
            (progress.failed, progress.doomed) = (false, progress.mendable == 0);
        }
        run(play, &Rest::below(block.always.clone(), rest, next), hosts).await;
        for host in &failed {
            let mut progress = host.progress();
            (progress.failed, progress.doomed) = (true, false);
        }
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
    let mut hosts: Vec<_> = hosts
        .into_iter()
        .filter(|host| (rest.handler || !host.passes(task)) && !play.knows_facts(task, host))
        .collect();
    if hosts.is_empty() {
        return;
    }
    if hosts.iter().any(|host| host.progress().waiting) {
        let wanted = engine.options.start_at_task.as_deref();
        let full = title(play, task, &hosts[0]);
        let short = full.rsplit(" : ").next();
        let means =
            |name: &str| wanted.is_some_and(|wanted| wanted == name || matches(wanted, name));
        if !means(&full) && !short.is_some_and(means) {
            return;
        }
        hosts.iter().for_each(|host| host.progress().waiting = false);
        engine.waiting.store(false, std::sync::atomic::Ordering::Relaxed);
        // The facts of the play are there for every task of it.
        if let Some(gather) = play.fact_task().filter(|_| !play.gathers(task)) {
            Box::pin(one(play, &gather, rest, next, hosts.clone())).await;
            hosts.retain(|host| host.alive());
            if hosts.is_empty() {
                return;
            }
        }
    }
    play.settle_standing();
    if let Action::Builtin(Builtin::Meta) = task.action {
        return action::meta(play, task, &hosts).await;
    }
    let name = title(play, task, &hosts[0]);
    if !step::wanted(engine, &name).await {
        return;
    }
    begin(play, task, &hosts, name, rest.handler);
    act(play, task, &hosts, rest, next).await;
}

/// A task or handler acts on these hosts: on the first for all of them if it is to run once. What it includes
/// follows.
pub(super) async fn act(
    play: &Arc<PlayRun>,
    task: &Arc<Task>,
    hosts: &[Arc<Host>],
    rest: &Arc<Rest>,
    next: usize,
) {
    // A pause is one for all, as in Ansible; and so is a new host. Facts are of each host.
    let asked = !play.gathers(task) && flag(play, task, &hosts[0], "run_once");
    if asked && play.settings().is_free() {
        fall::say_each(play);
    }
    let once = asked || matches!(task.action, Action::Builtin(Builtin::Pause | Builtin::AddHost));
    let acting = if once { &hosts[..1] } else { hosts };
    let outcomes = on_hosts(play, task, acting, |host| {
        let (play, task, rest) = (play.clone(), task.clone(), rest.clone());
        async move { task::run(&play, &host, &task, &rest, next).await }
    })
    .await;
    if let Action::Builtin(Builtin::Pause) = task.action {
        play.forget_answers();
    }
    // What one host has learnt for all of them.
    if once && let Some(Outcome::Done { learnt }) = outcomes.first() {
        hosts[1..].iter().for_each(|host| host.learn(learnt));
    }
    run_included(play, task, acting, outcomes, rest, next).await;
    fall::settle(play, task, hosts, once);
}

/// Tells that a task begins on these hosts.
pub(super) fn begin(play: &PlayRun, task: &Task, hosts: &[Arc<Host>], name: String, handler: bool) {
    let host = match hosts {
        [host] if play.settings().is_free() => Some(host.name.to_string()),
        _ => None,
    };
    let (action, span) = (task.written.clone(), task.span);
    let check = checks(play, task, &hosts[0]);
    play.engine.reporter.report(Event::Task { name, action, handler, check, span, host });
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
    let throttle = number(play, task, &hosts[0], "throttle").filter(|n| *n > 0);
    let forks = match (task.action, play.engine.options.forks) {
        // Groups grow in the order of the hosts.
        (Action::Builtin(Builtin::GroupBy), _) => 1,
        (_, 0) => hosts.len(),
        (_, forks) => forks,
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
