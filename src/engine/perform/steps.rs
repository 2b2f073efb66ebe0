//! The steps of a plan: sent with the probe that verifies them and the next window, in one write.

use std::time::Duration;

use rprov_modules::kit::{Facts, Plan, Step};

use serde_json::{Map, Value};

use super::reply::{failure, notes, record};
use super::{Performer, Trouble, patiently};
use crate::engine::link::Link;
use crate::engine::outcome::Done;
use crate::engine::target;
use crate::session::{Question, StepOutcome, StepRequest};

/// Longer than anybody waits.
pub(super) const FOREVER: Duration = Duration::from_secs(86_400 * 365);

impl Performer<'_> {
    /// Steps, this probe again, and the next window: one write.
    pub(super) async fn carry_out(
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
                awaited: !matches!(change.step, Step::Command(_)),
            })
            .collect();
        let goal = self.prepared.goals.on(facts).map_err(Trouble::Failed)?;
        let again = goal.probe_plan(facts);
        let own: Vec<Question> = match plan.settles || plan.describes {
            true => again.asks().iter().map(|ask| self.prepared.question(ask)).collect(),
            false => Vec::new(),
        };
        drop(again);
        let mut questions = own.clone();
        link.narrow();
        questions.extend(self.ahead(link, become_, facts, &own));
        let flight = link.flight(become_, &steps, &questions);
        let landed = patiently(self.at, flight).await?;
        self.conclude(link, become_, facts, plan, &landed.steps, done).await
    }

    /// The result of steps that were carried out, verified.
    pub(super) async fn conclude(
        &self,
        link: &mut Link,
        become_: &target::Who,
        facts: &Facts,
        plan: Plan,
        outcomes: &[StepOutcome],
        done: &mut Done,
    ) -> Result<(), Trouble> {
        if read(&plan, outcomes, self.prepared.timeout, done) {
            self.unbegun(link, become_, &plan, outcomes, done).await;
            return Ok(());
        }
        let streams = std::mem::take(&mut done.values);
        done.values = plan.values.clone();
        if plan.settles || plan.describes {
            match self.probe(link, become_, facts, None).await {
                Ok(after) => {
                    // What a command said is its result; the probe only knows its guard.
                    if !plan.changes.iter().any(|change| matches!(change.step, Step::Command(_))) {
                        done.values = after.values;
                    }
                    if plan.settles {
                        let left = after.changes.into_iter();
                        done.unsettled = left.flat_map(|change| change.diffs).collect();
                    }
                }
                Err(Trouble::Refused(refusal)) => done
                    .warnings
                    .push(format!("the change could not be verified: {}", refusal.message)),
                Err(trouble) => return Err(trouble),
            }
        }
        merge(&plan, streams, done);
        Ok(())
    }
}

/// Takes what the steps said; true if one has failed.
pub(in crate::engine) fn read(
    plan: &Plan,
    outcomes: &[StepOutcome],
    timeout: Option<Duration>,
    done: &mut Done,
) -> bool {
    for (change, outcome) in plan.changes.iter().zip(outcomes) {
        if let StepOutcome::Done { reply, started, ended, timed_out } = outcome {
            record(change, reply, *started, *ended, &mut done.values);
            done.warnings.extend(notes(change, reply));
            if let Some(failure) = failure(change, reply, *timed_out, timeout, &mut done.values) {
                done.failure = Some(failure);
                // What a command that was cut short has done is not known.
                done.changed &= !timed_out;
                return true;
            }
        }
    }
    false
}

/// Puts what the steps said over what was known before them.
pub(in crate::engine) fn merge(plan: &Plan, streams: Map<String, Value>, done: &mut Done) {
    done.values.extend(plan.on_change.clone());
    for (key, value) in streams {
        if !plan.values.contains_key(&key)
            || matches!(key.as_str(), "stdout" | "stderr" | "rc" | "start" | "end" | "delta")
        {
            done.values.insert(key, value);
        }
    }
}
