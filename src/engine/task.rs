//! One task on one host: condition, loop, attempts, result, register, notify.

use std::{sync::Arc, time::Duration};

use minijinja::Value;
use rprov_modules::kit::{Node, boolean};

use super::host::Host;
use super::list::{self, Rest, flag};
use super::loops::{self, Turn};
use super::outcome::{Done, Failure};
use super::play::PlayRun;
use super::{action, include, perform};
use crate::playbook::{Action, Builtin, Task};
use crate::report::{Event, Status, TaskResult};
use crate::source::Diagnostic;
use crate::template::{Context, Raw, TemplateError, from_json};
use crate::vars::Layer;

/// What became of a task on a host.
pub(super) enum Outcome {
    Done {
        learnt: Learning,
    },
    /// Files or roles to run next on this host.
    Include(Vec<include::Wanted>),
}

/// What a host has learnt in a task: with `run_once` the others learn it, too.
#[derive(Debug, Clone, Default)]
pub(super) struct Learning {
    /// `register` and `set_fact`.
    pub(super) set: Vec<(String, Value)>,
    pub(super) facts: Option<serde_json::Map<String, serde_json::Value>>,
    /// `include_vars`.
    pub(super) included: Option<Layer>,
}

/// Runs a task on a host, reports it, and keeps what it registers.
pub(super) async fn run(
    play: &Arc<PlayRun>,
    host: &Arc<Host>,
    task: &Arc<Task>,
    rest: &Arc<Rest>,
    next: usize,
) -> Outcome {
    let context = match play.context(host, Some(task)) {
        Ok(context) => context,
        Err(errors) => {
            list::refuse(play, host, &errors);
            return Outcome::Done { learnt: Learning::default() };
        }
    };
    let at = At { play, host, task, rest, next };
    match loops::turns(&play.engine.templar, task, &context) {
        Ok(None) => {
            let (done, include) = at.attempt(&context, &[]).await;
            if let Some(include) = include {
                at.register(&done);
                return Outcome::Include(vec![include]);
            }
            let mut done = done;
            at.notify(&context, &mut done);
            at.finish(&context, done)
        }
        Ok(Some(turns)) => at.each(&context, turns).await,
        Err(error) => {
            // A loop over nothing known is no fault where the condition is false anyway.
            let done = match at.condition(&context) {
                Ok(None) => Done::failed(Failure::from(error)),
                Ok(Some(skipped)) => skipped,
                Err(_) => Done::failed(Failure::from(error)),
            };
            at.finish(&context, done)
        }
    }
}

/// A task at its place.
pub(super) struct At<'a> {
    pub(super) play: &'a Arc<PlayRun>,
    pub(super) host: &'a Arc<Host>,
    pub(super) task: &'a Arc<Task>,
    pub(super) rest: &'a Arc<Rest>,
    pub(super) next: usize,
}

impl At<'_> {
    /// All turns of a loop; the registered value has them as `results`.
    async fn each(&self, context: &Context, turns: Vec<Turn>) -> Outcome {
        let mut results = Vec::new();
        let mut includes = Vec::new();
        let (mut changed, mut failed, mut skipped) = (false, false, !turns.is_empty());
        let pause = loops::pause(&self.play.engine.templar, self.task, context);
        let mut first_failure = None;
        let mut learnt = Learning::default();
        let mut names = Vec::new();
        for (index, turn) in turns.iter().enumerate() {
            if index > 0 && !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            // An earlier turn may have set variables that this one reads.
            let fresh = match index {
                0 => context.clone(),
                _ => self.play.context(self.host, Some(self.task)).unwrap_or(context.clone()),
            };
            let inner = fresh.with(turn.variables.clone());
            let (mut done, include) = self.attempt(&inner, &turns[index + 1..]).await;
            if let Some(mut include) = include {
                include.variables = turn.variables.clone();
                include.label =
                    Some(loops::label(&self.play.engine.templar, self.task, &inner, turn));
                includes.push(include);
                continue;
            }
            done.values.insert(
                turn.variable.clone(),
                serde_json::to_value(&turn.item).unwrap_or_default(),
            );
            done.values.insert("ansible_loop_var".into(), turn.variable.clone().into());
            for (name, value) in
                turn.variables.iter().skip(2).filter(|(name, _)| name != "ansible_loop")
            {
                if let Raw::Value(value) = value {
                    done.values
                        .insert(name.clone(), serde_json::to_value(value).unwrap_or_default());
                }
            }
            // As in Ansible: if any turn changes something, all that were not skipped notify.
            if !done.skipped && !done.is_failed() {
                match self.wanted(&inner) {
                    Ok(more) => names.extend(more),
                    Err(failure) => done.failure = Some(failure),
                }
            }
            if let Some(serde_json::Value::Object(facts)) = done.values.get("ansible_facts")
                && !done.sets_variables
            {
                self.host.add_facts(facts);
                learnt.facts = Some(facts.clone());
            }
            learnt.set.append(&mut done.learnt.set);
            learnt.included = done.learnt.included.take().or(learnt.included);
            changed |= done.changed;
            skipped &= done.skipped;
            self.report(&inner, &done, Some(turn));
            if done.is_failed() {
                failed = true;
                first_failure = first_failure.or(done.failure.clone());
                if done.unreachable {
                    results.push(done.result());
                    break;
                }
            }
            results.push(done.result());
        }
        if !includes.is_empty() {
            self.register(&Done::default());
            return Outcome::Include(includes);
        }
        let mut whole = Done { changed, skipped, looped: true, learnt, ..Done::default() };
        let message = match (failed, skipped, turns.is_empty()) {
            (true, ..) => "One or more items failed",
            (_, true, _) => "All items skipped",
            (.., true) => "No items in the list",
            _ => "All items completed",
        };
        whole.values.insert("msg".into(), message.into());
        whole.values.insert("results".into(), results.into());
        if turns.is_empty() {
            whole.skipped = true;
            whole.values.insert("skipped_reason".into(), "No items in the list".into());
        }
        if failed {
            let unreachable = first_failure.as_ref().is_some_and(|f| f.unreachable);
            whole.unreachable = unreachable;
            whole.failure = Some(first_failure.unwrap_or_else(|| Failure::new(message)));
        } else if changed {
            self.tell(names, &mut whole);
            // What goes wrong here no turn has told.
            whole.looped = whole.failure.is_none();
        }
        self.finish(context, whole)
    }

    /// One turn, with `until` and `retries`.
    async fn attempt(&self, context: &Context, later: &[Turn]) -> (Done, Option<include::Wanted>) {
        match self.condition(context) {
            Ok(None) => {}
            Ok(Some(skipped)) => return (skipped, None),
            Err(error) => return (Done::failed(Failure::from(error)), None),
        }
        if let Action::Builtin(builtin @ (Builtin::IncludeTasks | Builtin::IncludeRole)) =
            self.task.action
        {
            return match include::wanted(self, builtin, context) {
                Ok(wanted) => (Done::default(), Some(wanted)),
                Err(failure) => (Done::failed(failure), None),
            };
        }
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
                    .condition(until, &self.with_result(context, &done))
                {
                    Ok(holds) => holds,
                    Err(error) => {
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
                if until.is_some() && !done.is_failed() {
                    done.failure = Some(Failure::new(format!(
                        "the condition of `until` did not hold after {attempts} attempts"
                    )));
                }
                return (done, None);
            }
            let left = retries + 1 - attempts;
            let task = list::title(self.play, self.task, self.host);
            self.play.engine.reporter.report(Event::Retry {
                host: self.host.name.to_string(),
                task,
                left,
            });
            tokio::time::sleep(delay).await;
            // What was asked before the wait says nothing about now.
            self.host.link.lock().await.forget_answers();
        }
    }

    async fn act(&self, context: &Context, later: &[Turn]) -> Done {
        match self.task.action {
            Action::Builtin(builtin) => action::run(self, builtin, context).await,
            Action::Module(spec) => perform::module(self, spec, context, later).await,
        }
    }

    /// `when`, from the play inwards: what to report if it does not hold.
    fn condition(&self, context: &Context) -> Result<Option<Done>, TemplateError> {
        for when in self.task.chain.all("when") {
            let terms: Vec<&Node> =
                when.items().map_or_else(|| vec![when], |items| items.iter().collect());
            for term in terms {
                if !self.play.engine.templar.condition(term, context)? {
                    let mut done = Done { skipped: true, ..Done::default() };
                    done.values
                        .insert("false_condition".into(), term.text().unwrap_or_default().into());
                    done.values.insert("skip_reason".into(), "Conditional result was False".into());
                    return Ok(Some(done));
                }
            }
        }
        Ok(None)
    }

    /// `failed_when` and `changed_when` have the last word.
    fn judge(&self, context: &Context, done: &mut Done) -> Result<(), Failure> {
        if done.unreachable {
            return Ok(());
        }
        let templar = &self.play.engine.templar;
        if let Some(changed_when) = self.task.keyword("changed_when") {
            done.changed = templar
                .condition(changed_when, &self.with_result(context, done))
                .map_err(Failure::from)?;
        }
        // A task that could not be tried at all is failed whatever the condition says.
        if let Some(failed_when) = self.task.keyword("failed_when").filter(|_| !done.refused) {
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
    fn with_result(&self, context: &Context, done: &Done) -> Context {
        match self.task.keyword("register").and_then(Node::text) {
            Some(name) => context.with([(name.to_owned(), Raw::Value(from_json(&done.result())))]),
            None => context.clone(),
        }
    }

    fn number(&self, context: &Context, keyword: &str) -> Option<f64> {
        let node = self.task.keyword(keyword)?;
        let rendered = self.play.engine.templar.render(node, context).ok()?;
        rendered.text()?.trim().parse().ok()
    }

    /// Counts, registers, notifies and reports the whole task.
    fn finish(&self, context: &Context, mut done: Done) -> Outcome {
        let register = self.task.keyword("register").and_then(Node::text).map(str::to_owned);
        let ignore = |keyword: &str| match self.task.chain.nearest(keyword) {
            Some(node) => self.truth(node, &self.with_result(context, &done)),
            None => false,
        };
        let ignored = done.is_failed()
            && if done.unreachable {
                ignore("ignore_unreachable")
            } else {
                ignore("ignore_errors")
            };
        done.ignored = ignored;
        let registered = register.map(|name| (name, from_json(&done.result())));
        if let Some(registered) = &registered {
            self.host.set([registered.clone()]);
        }
        let mut learnt = std::mem::take(&mut done.learnt);
        learnt.set.extend(registered);
        if let Some(serde_json::Value::Object(facts)) = done.values.get("ansible_facts")
            && !done.sets_variables
        {
            self.host.add_facts(facts);
            learnt.facts = Some(facts.clone());
        }
        {
            let mut progress = self.host.progress();
            let stats = &mut progress.stats;
            match (done.unreachable, done.failure.is_some(), done.skipped, done.changed) {
                (true, ..) if !ignored => stats.unreachable += 1,
                (_, true, ..) if !ignored => stats.failed += 1,
                (_, true, ..) => {
                    stats.ok += 1;
                    stats.ignored += 1;
                    stats.changed += u32::from(done.changed);
                }
                (.., true, _) => stats.skipped += 1,
                (.., true) => {
                    stats.ok += 1;
                    stats.changed += 1;
                }
                _ => stats.ok += 1,
            }
            if !ignored {
                progress.unreachable |= done.unreachable;
                progress.failed |= done.failure.is_some() && !done.unreachable;
            }
        }
        if done.is_failed() {
            self.host.set([
                ("ansible_failed_result".to_owned(), from_json(&done.result())),
                (
                    "ansible_failed_task".to_owned(),
                    Value::from_pairs([
                        ("name", self.own_name()),
                        ("action", self.task.written.clone()),
                    ]),
                ),
            ]);
        }
        // A loop has reported its turns; as a whole it speaks only if it did nothing.
        if !done.looped || done.skipped {
            self.report(context, &done, None);
        } else if done.ignored {
            self.play.engine.reporter.report(Event::Ignored);
        }
        Outcome::Done { learnt }
    }

    fn truth(&self, node: &Node, context: &Context) -> bool {
        match node.text() {
            Some(text) if crate::playbook::has_template(text) => self
                .play
                .engine
                .templar
                .render(node, context)
                .ok()
                .and_then(|n| n.text().and_then(boolean))
                .unwrap_or(false),
            Some(text) => boolean(text).unwrap_or(false),
            None => false,
        }
    }

    /// An include registers that it took place.
    fn register(&self, done: &Done) {
        if let Some(name) = self.task.keyword("register").and_then(Node::text) {
            self.host.set([(name.to_owned(), from_json(&done.result()))]);
        }
    }

    /// The task's own name, without its role; empty if it has none.
    fn own_name(&self) -> String {
        match (&self.task.name, self.task.role()) {
            (None, _) => String::new(),
            (Some(_), None) => list::title(self.play, self.task, self.host),
            (Some(_), Some(role)) => {
                let title = list::title(self.play, self.task, self.host);
                let own = title.strip_prefix(&*role.name).and_then(|own| own.strip_prefix(" : "));
                own.unwrap_or(&title).to_owned()
            }
        }
    }

    /// Notifies what the task wants, if it has changed something.
    fn notify(&self, context: &Context, done: &mut Done) {
        if done.changed && !done.is_failed() {
            match self.wanted(context) {
                Ok(names) => self.tell(names, done),
                Err(failure) => done.failure = Some(failure),
            }
        }
    }

    /// The names in `notify`.
    fn wanted(&self, context: &Context) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        for node in self.task.chain.all("notify") {
            let node = self.play.engine.templar.render(node, context).map_err(Failure::from)?;
            match node.items() {
                Some(items) => names.extend(items.iter().filter_map(Node::text).map(str::to_owned)),
                None => names.extend(node.text().map(str::to_owned)),
            }
        }
        Ok(names)
    }

    fn tell(&self, names: Vec<String>, done: &mut Done) {
        for name in names {
            if !list::notify(self.play, self.host, &name) {
                let at = self.task.chain.nearest("notify").map_or(self.task.span, |node| node.span);
                let handlers = self.play.handlers();
                let known: Vec<&str> =
                    handlers.iter().filter_map(|h| h.name.as_ref()?.text()).collect();
                let mut error = Diagnostic::error(format!("there is no handler `{name}`"))
                    .at(at, "notified here");
                if let Some(near) = rprov_modules::kit::nearest(&name, known) {
                    error = error.help(format!("did you mean `{near}`?"));
                }
                done.failure = Some(Failure::from(error));
            }
        }
    }

    fn report(&self, context: &Context, done: &Done, turn: Option<&Turn>) {
        let engine = &self.play.engine;
        let censored = flag(self.play, self.task, self.host, "no_log");
        let status = match done {
            Done { unreachable: true, .. } => Status::Unreachable,
            Done { failure: Some(_), .. } => Status::Failed,
            Done { skipped: true, .. } => Status::Skipped,
            Done { changed: true, .. } => Status::Changed,
            _ => Status::Ok,
        };
        let place = done.failure.as_ref().and_then(|failure| match &failure.diagnostic {
            Some(diagnostic) => Some(diagnostic.render(engine.loader.map(), false)),
            None => {
                let help = failure.help.as_ref().map(|help| format!("  help: {help}"));
                let lines: Vec<String> =
                    list::place(self.play, self.task.span).into_iter().chain(help).collect();
                (!lines.is_empty()).then(|| lines.join("\n"))
            }
        });
        let item = turn.map(|turn| match censored {
            true => "(censored due to no_log)".to_owned(),
            false => loops::label(&engine.templar, self.task, context, turn),
        });
        for warning in &done.warnings {
            engine.reporter.report(Event::Warning(warning.clone()));
        }
        let values = match done.result() {
            serde_json::Value::Object(mut values) => {
                // Shown on the line itself.
                values.retain(|key, _| !(done.looped && key == "results") && key != "failed");
                values
            }
            _ => serde_json::Map::new(),
        };
        let show_diff = match self.task.chain.nearest("diff") {
            Some(node) => self.truth(node, context),
            None => engine.options.diff,
        };
        engine.reporter.report(Event::Result(Box::new(TaskResult {
            host: self.host.name.to_string(),
            delegated: done.delegated.clone(),
            status,
            item,
            values,
            diffs: if show_diff { done.diffs.clone() } else { vec![] },
            unsettled: done.unsettled.clone(),
            censored,
            ignored: turn.is_none() && done.ignored,
            verbose: done.verbose,
            place: if turn.is_some() || !done.looped { place } else { None },
        })));
    }
}
