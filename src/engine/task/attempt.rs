//! One turn of a task: its condition, its attempts, and what its result counts as.

use std::time::Duration;

use rprov_modules::kit::Node;

use super::At;
use crate::engine::loops::Turn;
use crate::engine::outcome::{Done, Failure};
use crate::engine::{action, delegate, include, perform, show};
use crate::playbook::{Action, Builtin};
use crate::report::Event;
use crate::source::Diagnostic;
use crate::template::{Context, Raw, TemplateError, from_json, from_node};

impl At<'_> {
    /// One turn, with `until` and `retries`.
    pub(super) async fn attempt(
        &self,
        context: &Context,
        later: &[Turn],
    ) -> (Done, Option<include::Wanted>) {
        match self.condition(context) {
            Ok(None) => {}
            Ok(Some(skipped)) => return (skipped, None),
            Err(error) => return (Done::failed(Failure::from(error)), None),
        }
        if let Err(failure) = self.keywords(context) {
            return (Done::failed(failure), None);
        }
        if let Action::Builtin(builtin @ (Builtin::IncludeTasks | Builtin::IncludeRole)) =
            self.task.action
        {
            return match include::wanted(self, builtin, context) {
                Ok(wanted) => (Done::default(), Some(wanted)),
                Err(failure) => (Done::failed(failure), None),
            };
        }
        let context = &delegate::with_delegated(self, context);
        let until = self.task.keyword("until");
        let number = |name: &str| self.number(context, name);
        let retries = match (until, number("retries")) {
            (None, None) => 0,
            (Some(_), None) => 3,
            (_, Some(retries)) => retries as u32,
        };
        let delay = Duration::from_secs_f64(number("delay").unwrap_or(5.0).max(0.0));
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut done = self.act(context, later).await;
            if let Err(failure) = self.judge(context, &mut done) {
                done.failure = Some(failure);
            }
            if until.is_some() || retries > 0 {
                done.values.insert("attempts".into(), attempts.into());
            }
            let satisfied = match until {
                Some(until) => match self
                    .play
                    .engine
                    .templar
                    .condition(until, &self.with_result(&context.with(done.sets()), &done))
                {
                    Ok(holds) => holds,
                    Err(error) => {
                        done.changed = false;
                        done.failure = Some(Failure::from(error));
                        true
                    }
                },
                None => !done.is_failed(),
            };
            if satisfied || done.unreachable {
                return (done, None);
            }
            if attempts > retries {
                // Ansible does not count the last one.
                if retries > 0 {
                    done.values.insert("attempts".into(), retries.into());
                }
                let judged = done.values.contains_key("failed_when_result");
                done.gave_up = until.is_some() && !done.is_failed() && judged;
                if until.is_some() && !done.is_failed() && !judged {
                    let why = format!("`until` does not hold after {attempts} attempts");
                    done.failure = Some(Failure::new(why.clone()).quiet().helped(why));
                }
                return (done, None);
            }
            let left = retries + 1 - attempts;
            let task = show::title(self.play, self.task, self.host);
            self.play.engine.reporter.report(Event::Retry {
                host: self.host.name.to_string(),
                delegated: done.delegated.clone(),
                task,
                left,
            });
            if let Err(failure) = self.play.engine.rest(delay).await {
                done.failure = Some(failure);
                return (done, None);
            }
            // What was asked before the wait says nothing about now.
            self.host.link.lock().await.forget_answers();
        }
    }

    async fn act(&self, context: &Context, later: &[Turn]) -> Done {
        if self.play.facts_unused && self.play.gathers(self.task) {
            return Done::default();
        }
        match self.task.action {
            Action::Builtin(builtin) => action::run(self, builtin, context).await,
            Action::Module(spec) => perform::module(self, spec, context, later).await,
            Action::Absent | Action::Templated => Done::failed(self.absent().into()),
        }
    }

    /// A host reached a module that rprov does not have.
    fn absent(&self) -> Diagnostic {
        Diagnostic::error(format!("rprov has no module `{}`", self.task.written))
            .at(self.task.span, "its condition held on this host")
            .help("README lists the modules there are")
    }

    /// `when`, from the play inwards: what to report if it does not hold.
    pub(super) fn condition(&self, context: &Context) -> Result<Option<Done>, TemplateError> {
        for when in self.task.chain.all("when") {
            let terms: Vec<&Node> =
                when.items().map_or_else(|| vec![when], |items| items.iter().collect());
            for term in terms {
                if !self.play.engine.templar.condition(term, context)? {
                    let mut done = Done { skipped: true, ..Done::default() };
                    let term = serde_json::to_value(from_node(term)).unwrap_or_default();
                    done.values.insert("false_condition".into(), term);
                    done.values.insert("skip_reason".into(), "Conditional result was False".into());
                    return Ok(Some(done));
                }
            }
        }
        Ok(None)
    }

    /// A failure, unless the condition is false.
    pub(super) fn unless_skipped(&self, context: &Context, failure: Failure) -> Done {
        match self.condition(context) {
            Ok(Some(skipped)) => skipped,
            Ok(None) | Err(_) => Done::failed(failure),
        }
    }

    /// `failed_when` and `changed_when` have the last word, unless nothing was done: what a check only foretells.
    fn judge(&self, context: &Context, done: &mut Done) -> Result<(), Failure> {
        if done.unreachable || done.skipped {
            return Ok(());
        }
        let templar = &self.play.engine.templar;
        // An empty list is as none.
        let given = |keyword: &str| {
            let node = self.task.keyword(keyword)?;
            (!node.items().is_some_and(<[Node]>::is_empty)).then_some(node)
        };
        if let Some(changed_when) = given("changed_when") {
            done.changed = templar
                .condition(changed_when, &self.with_result(context, done))
                .map_err(Failure::from)?;
        }
        // A task that could not be tried at all is failed whatever the condition says.
        if let Some(failed_when) = given("failed_when").filter(|_| !done.refused) {
            let failed = templar
                .condition(failed_when, &self.with_result(context, done))
                .map_err(Failure::from)?;
            done.values.insert("failed_when_result".into(), failed.into());
            match (failed, done.failure.is_some()) {
                (true, false) => {
                    done.failure =
                        Some(Failure::new("the condition of `failed_when` holds").quiet())
                }
                (false, _) => done.failure = None,
                (true, true) => {}
            }
        }
        Ok(())
    }

    /// The variables with the result under the name it will be registered as.
    pub(super) fn with_result(&self, context: &Context, done: &Done) -> Context {
        match self.task.keyword("register").and_then(Node::text) {
            Some(name) => context.with([(name.to_owned(), Raw::Value(from_json(&done.result())))]),
            None => context.clone(),
        }
    }

    fn number(&self, context: &Context, keyword: &str) -> Option<f64> {
        let node = self.task.keyword(keyword)?;
        let rendered = self.play.engine.templar.render(node, context).ok()?;
        crate::playbook::number(&rendered)
    }
}
