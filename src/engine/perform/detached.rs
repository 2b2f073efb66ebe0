//! A task with `async`: its steps become a job of the host, and are awaited if `poll` says so.

use std::time::Instant;

use rprov_modules::kit::{Answer, Facts, Plan, Refusal};
use serde_json::{Map, Value, json};

use super::{Performer, Ran, Trouble};
use crate::engine::job::{self, Memo, Wish};
use crate::engine::link::Link;
use crate::engine::outcome::{Done, Failure};
use crate::engine::target::Who;
use crate::session::{Job, Question, Standing, StepOutcome, StepRequest};

/// A job that is under way.
pub(super) struct Detached {
    job: Job,
    wish: Wish,
    plan: Plan,
    done: Done,
}

/// What the result says of a job.
pub(in crate::engine) fn about(job: &Job, finished: bool) -> Map<String, Value> {
    let file = format!("{}/{}", job.directory, job.id);
    let mut values = Map::new();
    values.insert("ansible_job_id".into(), job.id.as_str().into());
    values.insert("started".into(), true.into());
    values.insert("finished".into(), finished.into());
    values.insert("results_file".into(), file.into());
    values
}

/// Asks how a job stands.
pub(in crate::engine) async fn standing(
    link: &mut Link,
    become_: &Who,
    job: &Job,
) -> Result<Standing, Trouble> {
    let question = Question { ask: job.status(), environment: [].into() };
    let landed = link.flight(become_, &[], &[question]).await?;
    // What is known of the host was known before the job ended.
    link.forget_answers();
    match landed.answers.into_iter().next() {
        Some(Ok(Answer::Sh(reply))) => {
            Job::read(&reply).map_err(|why| Trouble::Refused(Refusal::new(why)))
        }
        Some(Err(reply)) => Err(Trouble::Refused(super::unanswered(&reply))),
        _ => Err(Trouble::Refused(Refusal::new("the host did not tell how the job stands"))),
    }
}

impl Performer<'_> {
    /// Starts the steps of a plan, or in check mode only says so.
    pub(super) async fn detach(
        &self,
        link: &mut Link,
        become_: &Who,
        facts: &Facts,
        plan: Plan,
        mut done: Done,
    ) -> Result<Ran, Trouble> {
        let Some(wish) = self.prepared.job.clone() else { return Ok(Ran::Done(Box::new(done))) };
        let environment = &self.prepared.environment;
        let directory = job::directory(self.seen(), environment, facts).map_err(Trouble::Failed)?;
        let job = Job::new(directory);
        // Nothing to do, or not now: who waits for it need not wait.
        if wish.poll.is_some() && (self.check || plan.is_empty()) {
            done.values.extend(about(&job, true));
            return Ok(Ran::Done(Box::new(done)));
        }
        if self.check {
            link.jobs.foretell(&job, done.clone());
            done.values = about(&job, false);
            done.skipped = false;
            done.changed = !plan.is_empty();
            return Ok(Ran::Done(Box::new(done)));
        }
        let steps: Vec<StepRequest> = plan
            .changes
            .iter()
            .map(|change| StepRequest {
                step: change.step.clone(),
                environment: environment.clone(),
                // Its job as a whole has a limit.
                timeout: None,
                awaited: false,
            })
            .collect();
        let start = job.start(wish.limit, &Memo::new(&plan).text(), &steps);
        link.narrow();
        let landed = link.flight(become_, &[start], &[]).await?;
        match landed.steps.first() {
            Some(StepOutcome::Done { reply, .. }) if reply.ok() => {}
            Some(StepOutcome::Done { reply, .. }) => {
                let why = format!("the job could not be started: {}", reply.err().trim());
                return Err(Trouble::Refused(Refusal::new(why)));
            }
            _ => return Err(Trouble::Refused(Refusal::new("the job was not started"))),
        }
        link.jobs.started(&job, wish.limit);
        match wish.poll {
            Some(_) => Ok(Ran::Detached(Box::new(Detached { job, wish, plan, done }))),
            None => {
                done.values = about(&job, false);
                Ok(Ran::Done(Box::new(done)))
            }
        }
    }

    /// Waits until a job has ended. The host is free for others between the questions, and a
    /// connection that is lost meanwhile is made again.
    pub(super) async fn follow(&self, detached: Detached) -> Result<Done, Trouble> {
        let Detached { job, wish, plan, mut done } = detached;
        let begun = Instant::now();
        let engine = &self.at.play.engine;
        loop {
            let left = wish.limit.saturating_sub(begun.elapsed());
            tokio::select! {
                () = tokio::time::sleep(wish.poll.unwrap_or(left).min(left)) => {}
                () = engine.interrupt.wait() => {
                    let why = format!("interrupted: job {} goes on on the host", job.id);
                    return Err(Trouble::Refused(Refusal::new(why)));
                }
            }
            let mut link = self.acting.link.lock().await;
            let late = begun.elapsed() >= wish.limit;
            let asked = async {
                let (become_, facts) = self.open(&mut link).await?;
                let standing = standing(&mut link, &become_, &job).await?;
                Ok((become_, facts, standing))
            };
            let (become_, facts, standing) = match asked.await {
                Ok(found) => found,
                Err(Trouble::Session(_)) if !late => continue,
                Err(trouble) => return Err(trouble),
            };
            match standing {
                Standing::Ended { steps, late: false, .. } => {
                    link.jobs.ended(&job);
                    link.flight(&become_, &[job.remove()], &[]).await?;
                    self.conclude(&mut link, &become_, &facts, plan, &steps, &mut done).await?;
                    done.values.extend(about(&job, true));
                    return Ok(done);
                }
                Standing::Running if !late => {}
                Standing::Running | Standing::Ended { .. } => {
                    link.jobs.ended(&job);
                    let seconds = wish.limit.as_secs();
                    done.values = Map::new();
                    done.values.insert("async_result".into(), json!(about(&job, false)));
                    done.changed = false;
                    done.failure = Some(Failure::new(format!(
                        "async task did not complete within the requested time - {seconds}s"
                    )));
                    return Ok(done);
                }
                Standing::Gone | Standing::Missing | Standing::Foreign(_) => {
                    link.jobs.ended(&job);
                    let refusal = Refusal::new(GONE).value("ansible_job_id", job.id.as_str());
                    return Err(Trouble::Refused(refusal));
                }
            }
        }
    }
}

/// The end of a job that was ended from outside.
pub(in crate::engine) const GONE: &str =
    "the job ended without a result: it was ended from outside, or the host was restarted";
