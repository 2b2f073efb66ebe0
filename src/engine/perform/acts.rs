//! Acts: questions whose asking does something. Each is sent as a step, so that it has a time limit,
//! Ctrl-C ends it, and one whose fate is not known is not sent again.

use std::cell::RefCell;

use rprov_modules::kit::{Answer, Ask, Facts, Refusal, Step};

use super::reply::late;
use super::steps::FOREVER;
use super::{Performer, Trouble, patiently};
use crate::engine::link::Link;
use crate::engine::outcome::Failure;
use crate::engine::target::Who;
use crate::session::{StepOutcome, StepRequest};
use crate::source::Diagnostic;

/// What acts have brought, and what the task knew when they were asked: neither is asked again, also
/// when the connection is lost in between.
#[derive(Debug, Default)]
pub(super) struct Acted {
    answers: Vec<(Ask, Answer)>,
}

impl Acted {
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    pub(super) fn answer(&self, ask: &Ask) -> Option<&Answer> {
        self.answers.iter().find(|(known, _)| known == ask).map(|(_, answer)| answer)
    }
}

impl Performer<'_> {
    /// Asks what acts, with what the next tasks will ask behind it.
    pub(super) async fn act(
        &self,
        link: &mut Link,
        become_: &Who,
        facts: &Facts,
        ask: Ask,
        acted: Option<&mut Acted>,
    ) -> Result<(), Trouble> {
        let task = self.at.task;
        if self.check {
            let why = format!("remote module ({}) does not support check mode", task.written);
            return Err(Trouble::Unforeseen(why));
        }
        if self.prepared.job.is_some() {
            let span = task.keyword("async").map_or(task.span, |node| node.span);
            let error = format!("`{}` cannot be run with `async`", task.written);
            return Err(Trouble::Failed(Failure::from(Diagnostic::error(error).at(span, ""))));
        }
        let (Ask::Sh { script, .. }, Some(acted)) = (&ask, acted) else {
            return Err(Trouble::Refused(Refusal::new("to ask again would change the host")));
        };
        let before = RefCell::new(Vec::new());
        // It cannot be resolved: the act is missing.
        let goal = self.prepared.goals.on(facts).map_err(Trouble::Failed)?;
        drop(goal.probe_plan(facts).resolve(|ask| {
            let own = acted.answer(ask);
            if own.is_some() {
                return own.cloned();
            }
            let answer = link.answer(become_, &self.prepared.question(ask))?;
            before.borrow_mut().push((ask.clone(), answer.clone()));
            Some(answer.clone())
        }));
        acted.answers.extend(before.into_inner());
        let step = StepRequest {
            step: Step::run(script.clone()),
            environment: self.prepared.environment.clone(),
            // It has a process group of its own, so that Ctrl-C can end it.
            timeout: Some(self.prepared.timeout.unwrap_or(FOREVER)),
            awaited: false,
        };
        link.narrow();
        let questions = self.ahead(link, become_, facts, &[]);
        let steps = [step];
        let flight = link.flight(become_, &steps, &questions);
        let landed = patiently(self.at, flight).await?;
        match landed.steps.into_iter().next() {
            Some(StepOutcome::Done { timed_out: true, .. }) => {
                Err(Trouble::Refused(late(self.prepared.timeout)))
            }
            Some(StepOutcome::Done { reply, .. }) => {
                acted.answers.push((ask, Answer::Sh(reply)));
                Ok(())
            }
            Some(StepOutcome::Skipped) | None => {
                Err(Trouble::Refused(Refusal::new("the host was not asked")))
            }
        }
    }
}
