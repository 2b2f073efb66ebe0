//! One module on one host: probe, plan, steps, verification.
//!
//! Invariants: in check mode no step is sent, and that is the only difference; after any step the
//! same probe is read again in the same round trip, and what it still plans is reported.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rprov_modules::kit::{
    Change, Diff, Facts, Node, Output, Plan, Program, Refusal, Reply, Spec, Step, boolean,
};
use serde_json::{Map, Value};

use super::host::Host;
use super::link::Link;
use super::loops::Turn;
use super::outcome::{Done, Failure};
use super::supply::Prepared;
use super::task::At;
use super::{ahead, list, target};
use crate::report::Event;
use crate::session::{Question, SessionError, StepOutcome, StepRequest};
use crate::source::Diagnostic;
use crate::template::Context;

/// Longer than anybody waits.
const FOREVER: Duration = Duration::from_secs(86_400 * 365);

pub(super) async fn module(
    at: &At<'_>,
    spec: &'static Spec,
    context: &Context,
    later: &[Turn],
) -> Done {
    let mut delegated = None;
    let acting = match target::delegate(at, context) {
        Ok(None) => at.host.clone(),
        Ok(Some(host)) => {
            delegated = Some(host.name.to_string());
            host
        }
        Err(failure) => return Done::failed(failure),
    };
    let prepared = match Prepared::new(at.play, at.task, spec, context) {
        Ok(prepared) => prepared,
        Err(failure) => return Done { delegated, ..Done::failed(failure) },
    };
    let check = match at.task.chain.nearest("check_mode") {
        Some(node) => match text(&at.play.engine.templar, node, context)
            .map(|text| text.as_deref().and_then(boolean))
        {
            Ok(Some(check)) => check,
            Ok(None) => {
                let error = Diagnostic::error("expected a boolean for `check_mode`");
                return Done::failed(error.at(node.span, "").into());
            }
            Err(failure) => return Done::failed(failure),
        },
        None => at.play.engine.options.check,
    };
    let mut link = acting.link.lock().await;
    let act = Act {
        at,
        acting: &acting,
        prepared: &prepared,
        context,
        later,
        check,
        delegated: delegated.is_some(),
    };
    let mut result = act.run(&mut link).await;
    // Questions change nothing: after a lost connection they are asked once more. A step whose fate
    // is not known is never repeated.
    if let Err(Trouble::Session(SessionError::Lost { unknown: false, done, .. })) = &result
        && done.is_empty()
    {
        result = act.run(&mut link).await;
    }
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
            act.depends(refusal.message, refusal.values)
        }
        Err(Trouble::Session(error @ SessionError::Become { .. }))
            if check && acting.progress().foreseen =>
        {
            act.depends(error.to_string(), Map::new())
        }
        Err(Trouble::Session(error)) => act.unreachable(&error),
        Err(Trouble::Refused(refusal)) => Done {
            failure: Some(Failure::new(refusal.message.clone())),
            values: refusal.values,
            ..Done::default()
        },
        Err(Trouble::Failed(failure)) => Done::failed(failure),
    };
    done.delegated = delegated;
    done
}

struct Act<'a> {
    at: &'a At<'a>,
    acting: &'a Arc<Host>,
    prepared: &'a Prepared,
    context: &'a Context,
    later: &'a [Turn],
    check: bool,
    delegated: bool,
}

enum Trouble {
    Session(SessionError),
    Refused(Refusal),
    Failed(Failure),
}

impl From<SessionError> for Trouble {
    fn from(error: SessionError) -> Trouble {
        Trouble::Session(error)
    }
}

impl Act<'_> {
    async fn run(&self, link: &mut Link) -> Result<Done, Trouble> {
        let context = match self.delegated {
            true => self
                .at
                .play
                .context(self.acting, None)
                .map_err(|errors| Trouble::Failed(Failure::from_all(errors)))?,
            false => self.context.clone(),
        };
        let target = target::target(self.at.play, self.acting, self.at.task, &context)
            .map_err(Trouble::Failed)?;
        let become_ = target::become_unless_login(self.prepared.become_.as_ref(), &target);
        let facts =
            link.open(&target, become_.as_ref(), &self.at.play.engine.interrupt).await?.clone();
        let plan = self.probe(link, &become_, &facts).await?;
        let mut done = Done {
            values: plan.values.clone(),
            warnings: plan.warnings.clone(),
            ..Done::default()
        };
        if plan.is_empty() {
            return Ok(done);
        }
        done.diffs = plan.changes.iter().flat_map(|change| change.diffs.clone()).collect();
        done.changed = true;
        if self.check {
            self.foresee(&plan, &mut done);
            return Ok(done);
        }
        self.carry_out(link, &become_, &facts, plan, &mut done).await?;
        Ok(done)
    }

    /// Asks what is not known yet, with what the next tasks will ask, until there is a plan.
    async fn probe(
        &self,
        link: &mut Link,
        become_: &target::Who,
        facts: &Facts,
    ) -> Result<Plan, Trouble> {
        loop {
            let known = |ask: &_| link.answer(become_, &self.prepared.question(ask)).cloned();
            let missing = match self.prepared.goal.probe_plan(facts).resolve(known) {
                Ok(plan) => return plan.map_err(Trouble::Refused),
                Err(missing) => missing,
            };
            let own: Vec<Question> =
                missing.iter().map(|ask| self.prepared.question(ask)).collect();
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
        link: &Link,
        become_: &target::Who,
        facts: &Facts,
        own: &[Question],
    ) -> Vec<Question> {
        match self.delegated {
            true => Vec::new(),
            false => ahead::questions(self.at, self.later, link, become_, facts, own),
        }
    }

    /// Waits for steps, and says from time to time that they are still at work: a long build, a
    /// package manager waiting for its lock.
    async fn patiently<T>(&self, flight: impl Future<Output = T>) -> T {
        let began = tokio::time::Instant::now();
        let mut flight = std::pin::pin!(flight);
        let mut next = PATIENCE;
        loop {
            match tokio::time::timeout_at(began + next, &mut flight).await {
                Ok(landed) => return landed,
                Err(_) => {
                    let task = list::title(self.at.play, self.at.task, self.at.host);
                    let host = &self.at.host.name;
                    let note =
                        format!("[{host}]: still at work on `{task}` ({} s)", next.as_secs());
                    self.at.play.engine.reporter.report(Event::Note(note));
                    next *= 2;
                }
            }
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

    /// Steps, this probe again, and the next window: one write.
    async fn carry_out(
        &self,
        link: &mut Link,
        become_: &target::Who,
        facts: &Facts,
        plan: Plan,
        done: &mut Done,
    ) -> Result<(), Trouble> {
        let steps: Vec<StepRequest> = plan
            .changes
            .iter()
            .map(|change| StepRequest {
                step: change.step.clone(),
                environment: self.prepared.environment.clone(),
                // A command has a process group of its own, so that Ctrl-C can end it.
                timeout: match change.step {
                    Step::Command(_) => Some(self.prepared.timeout.unwrap_or(FOREVER)),
                    _ => self.prepared.timeout,
                },
            })
            .collect();
        let again = self.prepared.goal.probe_plan(facts);
        let own: Vec<Question> = match plan.settles {
            true => again.asks().iter().map(|ask| self.prepared.question(ask)).collect(),
            false => Vec::new(),
        };
        drop(again);
        let mut questions = own.clone();
        link.narrow();
        questions.extend(self.ahead(link, become_, facts, &own));
        let flight = link.flight(become_, &steps, &questions);
        let landed = self.patiently(flight).await?;
        for (change, outcome) in plan.changes.iter().zip(&landed.steps) {
            if let StepOutcome::Done { reply, started, ended, timed_out } = outcome {
                record(change, reply, *started, *ended, &mut done.values);
                done.warnings.extend(notes(change, reply));
                if let Some(failure) =
                    failure(change, reply, *timed_out, self.prepared.timeout, &mut done.values)
                {
                    done.failure = Some(failure);
                    // What a command that was cut short has done is not known.
                    done.changed &= !timed_out;
                    return Ok(());
                }
            }
        }
        let streams = std::mem::take(&mut done.values);
        done.values = plan.values.clone();
        if plan.settles {
            match self.probe(link, become_, facts).await {
                Ok(after) => {
                    // What a command said is its result; the probe only knows its guard.
                    if !plan.changes.iter().any(|change| matches!(change.step, Step::Command(_))) {
                        done.values = after.values;
                    }
                    done.unsettled =
                        after.changes.into_iter().flat_map(|change| change.diffs).collect();
                }
                Err(Trouble::Refused(refusal)) => done
                    .warnings
                    .push(format!("the change could not be verified: {}", refusal.message)),
                Err(trouble) => return Err(trouble),
            }
        }
        done.values.extend(plan.on_change);
        // What the steps said counts over what was known before them.
        for (key, value) in streams {
            if !plan.values.contains_key(&key)
                || matches!(key.as_str(), "stdout" | "stderr" | "rc" | "start" | "end" | "delta")
            {
                done.values.insert(key, value);
            }
        }
        Ok(())
    }

    fn unreachable(&self, error: &SessionError) -> Done {
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
}

/// How long steps may take before it is said that they are still at work; then twice as long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Lines `note: …` that a module's step has written to standard error: for people to see.
fn notes(change: &Change, reply: &Reply) -> Vec<String> {
    match &change.step {
        Step::Run { .. } => reply
            .err()
            .lines()
            .filter_map(|line| line.strip_prefix("note: "))
            .map(str::to_owned)
            .collect(),
        Step::Command(_) | Step::Put(_) => Vec::new(),
    }
}

fn unanswered(reply: &Reply) -> Refusal {
    let said = reply.err();
    let said = said.trim();
    let what =
        if said.is_empty() { format!("exit status {}", reply.status) } else { said.to_owned() };
    Refusal::new(format!("the host could not be asked: {what}"))
        .value("rc", reply.status)
        .value("stderr", reply.err())
}

/// The streams and times of a step, where they are part of the result.
fn record(
    change: &Change,
    reply: &Reply,
    started: SystemTime,
    ended: SystemTime,
    values: &mut Map<String, Value>,
) {
    match &change.step {
        Step::Command(command) => {
            let text = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes);
                match command.strip_ends {
                    true => text.trim_end_matches(['\r', '\n']).to_owned(),
                    false => text.into_owned(),
                }
            };
            values.insert("rc".into(), reply.status.into());
            values.insert("stdout".into(), text(&reply.stdout).into());
            values.insert("stderr".into(), text(&reply.stderr).into());
            let took = ended.duration_since(started).unwrap_or_default();
            values.insert("start".into(), clock(started).into());
            values.insert("end".into(), clock(ended).into());
            values.insert("delta".into(), delta(took).into());
            values.entry("msg").or_insert("".into());
        }
        Step::Run { output: Output::Streams, .. } => {
            let mut add = |key: &str, bytes: &[u8]| {
                let before = values.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                values.insert(key.into(), (before + &String::from_utf8_lossy(bytes)).into());
            };
            add("stdout", &reply.stdout);
            add("stderr", &reply.stderr);
            values.insert("rc".into(), reply.status.into());
        }
        Step::Run { output: Output::Values, .. } | Step::Put(_) => {
            for line in reply.lines() {
                if let Some((key, value)) = line.split_once('=') {
                    values.insert(key.into(), value.into());
                }
            }
        }
        Step::Run { output: Output::Discard, .. } => {}
    }
}

fn failure(
    change: &Change,
    reply: &Reply,
    timed_out: bool,
    timeout: Option<Duration>,
    values: &mut Map<String, Value>,
) -> Option<Failure> {
    if timed_out {
        let seconds = timeout.unwrap_or_default().as_secs();
        values.insert("timedout".into(), serde_json::json!({ "period": seconds }));
        return Some(Failure::new(format!(
            "the task was ended after its timeout of {seconds} seconds"
        )));
    }
    if reply.ok() {
        return None;
    }
    if let Step::Command(command) = &change.step {
        if !command.must_succeed {
            return None;
        }
        let missing = reply.status == 127 || reply.status == 126;
        let message = match (&command.program, missing) {
            (Program::Argv(words), true) => format!(
                "cannot run `{}`: {}",
                words.first().map_or("", String::as_str),
                reply.err().trim()
            ),
            _ => "non-zero return code".to_owned(),
        };
        return Some(Failure::new(message));
    }
    values.insert("rc".into(), reply.status.into());
    values.insert("stdout".into(), reply.out().into());
    values.insert("stderr".into(), reply.err().into());
    let what = match change.diffs.first() {
        Some(Diff::Note(note)) => note.clone(),
        Some(Diff::Field { subject, name, .. }) => format!("set {name} of {subject}"),
        Some(Diff::Text { path, .. }) => format!("write {path}"),
        None => "carry out a step".to_owned(),
    };
    let said = reply.err();
    let said = match said.trim() {
        "" => format!("exit status {}", reply.status),
        said => said
            .lines()
            .rev()
            .take(12)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
            .join("\n"),
    };
    Some(Failure::new(format!("cannot {what}: {said}")))
}

/// `2026-11-21 10:00:00.123456`, in local time as Ansible prints it.
fn clock(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(stamp) => stamp
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S%.6f")
            .to_string(),
        Err(_) => String::new(),
    }
}

/// `0:00:01.234567`.
fn delta(took: Duration) -> String {
    let seconds = took.as_secs();
    format!(
        "{}:{:02}:{:02}.{:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        took.subsec_micros()
    )
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
