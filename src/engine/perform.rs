//! One module on one host: probe, plan, steps, verification.
//!
//! Invariants: in check mode no step is sent, and that is the only difference; after any step the
//! same probe is read again in the same round trip, and what it still plans is reported.

mod acts;
mod detached;
mod reply;
mod steps;
mod unbegun;

use std::{sync::Arc, time::Duration};

use rprov_modules::kit::{Ask, Diff, Facts, Node, Plan, Refusal, Spec, Step, boolean};
use serde_json::{Map, Value};

use self::acts::Acted;
use self::detached::Detached;
pub(super) use self::detached::{GONE, about, standing};
use self::reply::unanswered;
pub(super) use self::reply::{clock, what};
pub(super) use self::steps::{merge, read};
use super::host::Host;
use super::link::Link;
use super::loops::Turn;
use super::outcome::{Done, Failure};
use super::supply::Prepared;
use super::target::{self, Seen};
use super::task::At;
use super::{ahead, delegate, show};
use crate::report::Event;
use crate::session::{Become, Question, SessionError};
use crate::source::Diagnostic;
use crate::template::Context;

pub(super) async fn module(
    at: &At<'_>,
    spec: &'static Spec,
    context: &Context,
    later: &[Turn],
) -> Done {
    let delegate = match delegate::delegate(at, context) {
        Ok(delegate) => delegate,
        Err(failure) => return Done::failed(failure),
    };
    let delegated = delegate.as_ref().map(|delegate| delegate.label.clone());
    let acting = delegate.as_ref().map_or(at.host, |delegate| &delegate.host).clone();
    let vars = delegate.as_ref().map_or(context, |delegate| &delegate.view);
    let prepared = match Prepared::new(at.play, at.task, spec, context, vars) {
        Ok(prepared) => prepared,
        Err(failure) => return Done { delegated, ..Done::failed(failure) },
    };
    let check = match check(at, context) {
        Ok(check) => check,
        Err(failure) => return Done::failed(failure),
    };
    let mut link = acting.link.lock().await;
    let performer = Performer {
        at,
        acting: &acting,
        prepared: &prepared,
        context,
        vars,
        later,
        check,
        delegated: delegated.is_some(),
    };
    let mut acted = Acted::default();
    let mut result = performer.run(&mut link, &mut acted).await;
    // Questions change nothing: after a lost connection they are asked once more. A step or an act
    // whose fate is not known is never repeated.
    if let Err(Trouble::Session(SessionError::Lost { unknown: false, done, .. })) = &result
        && done.is_empty()
    {
        result = performer.run(&mut link, &mut acted).await;
    }
    drop(link);
    let result = match result {
        Ok(Ran::Detached(detached)) => performer.follow(*detached).await,
        Ok(Ran::Done(done)) => Ok(*done),
        Err(trouble) => Err(trouble),
    };
    let mut done = match result {
        Ok(done) => {
            if check && done.changed {
                acting.progress().foreseen = true;
            }
            done
        }
        // What is refused now may be possible once the earlier tasks have done what they only
        // foretold: their packages installed, their users made.
        Err(Trouble::Refused(refusal)) if check && acting.progress().foreseen => {
            performer.depends(refusal.message, refusal.values)
        }
        Err(Trouble::Session(error @ SessionError::Become { .. }))
            if check && acting.progress().foreseen =>
        {
            performer.depends(error.to_string(), Map::new())
        }
        Err(trouble) => told(trouble),
    };
    // `creates` and its like: there was nothing to do.
    done.skipped |= !done.changed && done.values.get("skipped") == Some(&Value::Bool(true));
    done.delegated = delegated;
    // What one host does for others may change any of them. One that is at work just now has what it
    // asks from now on.
    if done.delegated.is_some() && (done.changed || done.failure.is_some() || !acted.is_empty()) {
        at.play.forget_answers();
    }
    done.learner = delegate.filter(|delegate| delegate.learns).map(|delegate| delegate.host);
    done
}

/// A module that acts on a host.
struct Performer<'a> {
    at: &'a At<'a>,
    acting: &'a Arc<Host>,
    prepared: &'a Prepared,
    context: &'a Context,
    /// The variables of the host that acts.
    vars: &'a Context,
    later: &'a [Turn],
    check: bool,
    delegated: bool,
}

/// What a task has come to.
enum Ran {
    Done(Box<Done>),
    /// It goes on by itself.
    Detached(Box<Detached>),
}

pub(super) enum Trouble {
    Session(SessionError),
    Refused(Refusal),
    Failed(Failure),
    /// Check mode: what the task comes to is only known by doing it.
    Unforeseen(String),
}

impl From<SessionError> for Trouble {
    fn from(error: SessionError) -> Trouble {
        Trouble::Session(error)
    }
}

impl Performer<'_> {
    fn seen(&self) -> Seen<'_> {
        let At { play, task, .. } = self.at;
        Seen { play, task, vars: self.vars, own: self.context }
    }

    async fn open(&self, link: &mut Link) -> Result<(target::Who, Facts), Trouble> {
        open(self.seen(), self.acting, self.prepared.become_.as_ref(), link).await
    }

    async fn run(&self, link: &mut Link, acted: &mut Acted) -> Result<Ran, Trouble> {
        let (become_, facts) = self.open(link).await?;
        if link.jobs.any() {
            link.forget_answers();
        }
        let plan = self.probe(link, &become_, &facts, Some(acted)).await?;
        let mut done = Done {
            values: plan.values.clone(),
            warnings: plan.warnings.clone(),
            diffs: plan.acted.clone(),
            changed: !plan.acted.is_empty(),
            ..Done::default()
        };
        if plan.is_empty() {
            return self.detach(link, &become_, &facts, plan, done).await;
        }
        done.diffs.extend(plan.changes.iter().flat_map(|change| change.diffs.clone()));
        done.changed = true;
        if self.check {
            self.foresee(&plan, &mut done);
        }
        if self.check || self.prepared.job.is_some() {
            return self.detach(link, &become_, &facts, plan, done).await;
        }
        self.carry_out(link, &become_, &facts, plan, &mut done).await?;
        Ok(Ran::Done(Box::new(done)))
    }

    /// Asks what is not known yet, with what the next tasks will ask, until there is a plan. What
    /// acts is only asked if there is a place for what it brings.
    async fn probe(
        &self,
        link: &mut Link,
        become_: &target::Who,
        facts: &Facts,
        mut acted: Option<&mut Acted>,
    ) -> Result<Plan, Trouble> {
        loop {
            let known = |ask: &_| {
                let own = acted.as_ref().and_then(|acted| acted.answer(ask));
                own.or_else(|| link.answer(become_, &self.prepared.question(ask))).cloned()
            };
            let goal = self.prepared.goals.on(facts).map_err(Trouble::Failed)?;
            let missing = match goal.probe_plan(facts).resolve(known) {
                Ok(plan) => {
                    let mut plan = plan.map_err(Trouble::Refused)?;
                    plan.settles &= acted.is_none_or(|acted| acted.is_empty());
                    return Ok(plan);
                }
                Err(missing) => missing,
            };
            let (acts, asks): (Vec<_>, Vec<_>) = missing.into_iter().partition(Ask::is_act);
            if let (Some(act), []) = (acts.into_iter().next(), asks.as_slice()) {
                self.act(link, become_, facts, act, acted.as_deref_mut()).await?;
                continue;
            }
            let own: Vec<Question> = asks.iter().map(|ask| self.prepared.question(ask)).collect();
            let mut questions = own.clone();
            questions.extend(self.ahead(link, become_, facts, &own));
            let landed = link.flight(become_, &[], &questions).await?;
            for answer in landed.answers.iter().take(own.len()) {
                if let Err(reply) = answer {
                    return Err(Trouble::Refused(unanswered(reply)));
                }
            }
        }
    }

    fn ahead(
        &self,
        link: &mut Link,
        become_: &target::Who,
        facts: &Facts,
        own: &[Question],
    ) -> Vec<Question> {
        match self.delegated || link.jobs.any() {
            true => Vec::new(),
            false => ahead::questions(self.at, self.later, link, become_, facts, own),
        }
    }

    /// In check mode: a task that cannot be foretold, since earlier ones would change the host first.
    fn depends(&self, why: String, values: Map<String, Value>) -> Done {
        let note = format!("depends on what earlier tasks would change; now: {why}");
        Done { changed: true, diffs: vec![Diff::Note(note)], values, ..Done::default() }
    }

    /// What check mode reports: the differences; a command without a guard is not foretold.
    fn foresee(&self, plan: &Plan, done: &mut Done) {
        done.values.extend(plan.on_change.clone());
        let command = plan.changes.iter().any(|change| matches!(change.step, Step::Command(_)));
        if command {
            for (key, value) in
                [("rc", Value::from(0)), ("stdout", "".into()), ("stderr", "".into())]
            {
                done.values.entry(key).or_insert(value);
            }
            done.values
                .entry("msg")
                .or_insert("Command would have run if not in check mode".into());
            if !plan.settles {
                done.changed = false;
                done.skipped = true;
            }
        }
    }
}

/// Connects to the host and becomes the user.
pub(super) async fn open(
    seen: Seen<'_>,
    acting: &Host,
    become_: Option<&Become>,
    link: &mut Link,
) -> Result<(target::Who, Facts), Trouble> {
    let interrupt = &seen.play.engine.interrupt;
    let target = target::target(seen, &acting.name).map_err(Trouble::Failed)?;
    let become_ = target::become_unless_login(become_, &target);
    let facts = link.open(&target, become_.as_ref(), interrupt).await?.clone();
    Ok((become_, facts))
}

/// What a task in trouble has come to.
pub(super) fn told(trouble: Trouble) -> Done {
    match trouble {
        Trouble::Session(error) => unreachable(&error),
        Trouble::Refused(refusal) => Done {
            failure: Some(Failure::new(refusal.message)),
            values: refusal.values,
            ..Done::default()
        },
        Trouble::Failed(failure) => Done::failed(failure),
        Trouble::Unforeseen(why) => {
            let values = [("msg".to_owned(), why.into())].into_iter().collect();
            Done { skipped: true, values, ..Done::default() }
        }
    }
}

fn unreachable(error: &SessionError) -> Done {
    let mut done = Done::default();
    done.values.insert("msg".into(), error.to_string().into());
    let mut failure = Failure::new(error.to_string());
    failure.help = error.help();
    failure.unreachable = error.is_unreachable();
    done.unreachable = failure.unreachable;
    done.refused = true;
    done.failure = Some(failure);
    done
}

/// How long steps may take before it is said that they are still at work; then twice as long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Waits for steps, and says from time to time that they are still at work: a long build, a package
/// manager waiting for its lock.
pub(super) async fn patiently<T>(at: &At<'_>, flight: impl Future<Output = T>) -> T {
    let began = tokio::time::Instant::now();
    let mut flight = std::pin::pin!(flight);
    let mut next = PATIENCE;
    loop {
        match tokio::time::timeout_at(began + next, &mut flight).await {
            Ok(landed) => return landed,
            Err(_) => {
                let task = show::title(at.play, at.task, at.host);
                let host = &at.host.name;
                let note = format!("[{host}]: still at work on `{task}` ({} s)", next.as_secs());
                at.play.engine.reporter.report(Event::Note(note));
                next *= 2;
            }
        }
    }
}

/// Whether the task only tells what it would change.
pub(super) fn check(at: &At<'_>, context: &Context) -> Result<bool, Failure> {
    let Some(node) = at.task.chain.nearest("check_mode") else {
        return Ok(at.play.engine.options.check);
    };
    let text = text(&at.play.engine.templar, node, context)?;
    text.as_deref().and_then(boolean).ok_or_else(|| {
        Diagnostic::error("expected a boolean for `check_mode`").at(node.span, "").into()
    })
}

/// A keyword's text, rendered.
pub(super) fn text(
    templar: &crate::template::Templar,
    node: &Node,
    context: &Context,
) -> Result<Option<String>, Failure> {
    let node = templar.render(node, context).map_err(Failure::from)?;
    Ok(node.text().map(str::to_owned))
}
