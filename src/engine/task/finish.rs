//! The end of a task: counted, registered, reported.

use minijinja::Value;
use rprov_modules::kit::{Node, boolean};
use serde_json::Value as Json;

use super::{At, Learning, Outcome};
use crate::engine::delegate;
use crate::engine::loops::{self, Turn};
use crate::engine::outcome::Done;
use crate::engine::show;
use crate::playbook::{Action, Builtin};
use crate::report::{Event, Redactor, Status, TaskResult};
use crate::template::{Context, from_json};

impl At<'_> {
    /// Counts, registers, notifies and reports the whole task.
    pub(super) fn finish(&self, context: &Context, mut done: Done) -> Outcome {
        let register = self.task.keyword("register").and_then(Node::text).map(str::to_owned);
        let ignored = done.is_failed()
            && if done.looped { done.tolerated } else { self.tolerates(context, done.unreachable) };
        done.ignored = ignored;
        let registered = register.map(|name| (name, from_json(&done.result())));
        if let Some(registered) = &registered {
            self.host.set([registered.clone()]);
        }
        let mut learnt = std::mem::take(&mut done.learnt);
        self.keep(&done, &mut learnt.set);
        learnt.set.extend(registered);
        if let Some(serde_json::Value::Object(facts)) = done.values.get("ansible_facts")
            && !done.sets_variables
            && !done.is_failed()
        {
            self.learn_facts(&done, facts, &mut learnt);
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
            if let Some(role) = self.task.role().filter(|_| !done.skipped && !done.unreachable) {
                progress.acted_in(role);
            }
            if !ignored {
                progress.unreachable |= done.unreachable;
                progress.failed |= done.failure.is_some() && !done.unreachable;
            }
        }
        if done.failure.is_some()
            && !done.unreachable
            && !ignored
            && self.host.progress().mendable > 0
        {
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
        if !done.looped || done.skipped || done.unreachable {
            self.report(context, &done, None);
        } else if done.ignored {
            self.play.engine.reporter.report(Event::Ignored);
        }
        Outcome::Done { learnt }
    }

    /// What the task sets is of the host, or of its delegate; what has failed sets nothing, loops as a whole.
    fn keep(&self, done: &Done, set: &mut Vec<(String, Value)>) {
        if done.is_failed() {
            set.clear();
            return;
        }
        match &done.learner {
            Some(learner) => learner.set(std::mem::take(set)),
            None => self.host.set(set.iter().cloned()),
        }
        for (learner, learnt) in &done.elsewhere {
            learner.set(learnt.set.iter().cloned());
        }
    }

    /// Whether a failure is to be ignored: as it stood before the task acted, as in Ansible.
    pub(super) fn tolerates(&self, context: &Context, unreachable: bool) -> bool {
        let keyword = if unreachable { "ignore_unreachable" } else { "ignore_errors" };
        match self.task.chain.nearest(keyword) {
            Some(node) => self.ignores(keyword, node, context),
            None => false,
        }
    }

    /// Facts are of the host, or of its delegate; only those of the host are for others, too.
    pub(super) fn learn_facts(
        &self,
        done: &Done,
        facts: &serde_json::Map<String, serde_json::Value>,
        learnt: &mut Learning,
    ) {
        match &done.learner {
            Some(learner) => self.play.engine.learn_facts(learner, facts),
            None => {
                self.play.engine.learn_facts(self.host, facts);
                learnt.facts = Some(facts.clone());
            }
        }
    }

    /// Whether a failure is passed over; what that cannot be told from passes nothing over.
    fn ignores(&self, keyword: &str, node: &Node, context: &Context) -> bool {
        match self.rendered(keyword, node, context) {
            Ok(rendered) => rendered.text().and_then(boolean).unwrap_or(false),
            Err(error) => {
                let map = self.play.engine.loader.map();
                let told = error.as_warning().render(map, false);
                self.play.engine.reporter.report(Event::Warning(told));
                false
            }
        }
    }

    /// Whether `no_log` hides a result. The whole of a loop is hidden, too, if only its turns say.
    fn censored(&self, context: &Context, done: &Done) -> bool {
        let Some(node) = self.task.chain.nearest("no_log") else { return false };
        match self.rendered("no_log", node, context) {
            Ok(rendered) => rendered.text().and_then(boolean).unwrap_or(false),
            Err(_) => done.looped,
        }
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
    pub(super) fn register(&self, result: serde_json::Map<String, Json>) {
        if let Some(name) = self.task.keyword("register").and_then(Node::text) {
            self.host.set([(name.to_owned(), from_json(&result.into()))]);
        }
    }

    /// The task's own name, without its role; empty if it has none.
    fn own_name(&self) -> String {
        match (&self.task.name, self.task.role()) {
            (None, _) => String::new(),
            (Some(_), None) => show::title(self.play, self.task, self.host),
            (Some(_), Some(role)) => {
                let title = show::title(self.play, self.task, self.host);
                let own = title.strip_prefix(&*role.name).and_then(|own| own.strip_prefix(" : "));
                own.unwrap_or(&title).to_owned()
            }
        }
    }

    pub(super) fn report(&self, context: &Context, done: &Done, turn: Option<&Turn>) {
        let engine = &self.play.engine;
        let censored = self.censored(context, done);
        if censored {
            hide(&engine.redactor, &self.task.written, &done.values);
        }
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
                    show::place(&engine.loader, self.task.span).into_iter().chain(help).collect();
                (!lines.is_empty()).then(|| lines.join("\n"))
            }
        });
        let item = turn.map(|turn| match censored {
            true => "(censored due to no_log)".to_owned(),
            false => loops::label(&engine.templar, self.task, context, turn),
        });
        for warning in done.warnings.iter().filter(|_| !engine.options.quiet_modules) {
            engine.reporter.report(Event::Warning(warning.clone()));
        }
        if let Some(stats) = done.values.get("ansible_stats") {
            engine.totals.add(&self.host.name, stats);
        }
        let values = match done.result() {
            serde_json::Value::Object(mut values) => {
                // Shown on the line itself.
                values.retain(|key, _| !(done.looped && key == "results") && key != "failed");
                // What was to be said stands alone.
                let says = matches!(self.task.action, Action::Builtin(Builtin::Debug));
                if says && !done.looped && values.contains_key("msg") {
                    values.retain(|key, _| key == "msg");
                }
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
            delegated: match status {
                Status::Skipped => None,
                // A failure names the host that was to act also where it came to nothing.
                Status::Failed => done.delegated.clone().or_else(|| delegate::label(self, context)),
                _ => done.delegated.clone(),
            },
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

/// Learns what a `no_log` task gave back: registered, it may be shown by a later task.
fn hide(redactor: &Redactor, action: &str, values: &serde_json::Map<String, Json>) {
    /// What tells of the host and of how the task went, not of its secrets.
    const PLAIN: &[&str] = &[
        "msg",
        "start",
        "end",
        "delta",
        "path",
        "dest",
        "src",
        "name",
        "state",
        "owner",
        "group",
        "mode",
        "item",
        "status",
        "creates",
        "removes",
        "backup_file",
        "skip_reason",
        "false_condition",
        "warnings",
        "results",
    ];
    let loop_var = values.get("ansible_loop_var").and_then(Json::as_str);
    // Theirs is the message that the task was given.
    let says = ["debug", "fail"].contains(&action.rsplit('.').next().unwrap_or_default());
    let plain = |key: &str| {
        (PLAIN.contains(&key) && !(says && key == "msg"))
            || Some(key) == loop_var
            || key.starts_with("ansible_loop")
    };
    for (key, value) in values.iter().filter(|(key, _)| !plain(key)) {
        match value {
            Json::String(text) => redactor.learn(text),
            // The words of a command, each of them harmless by itself.
            Json::Array(_) if key == "cmd" => {}
            Json::Array(_) | Json::Object(_) => redactor.learn_all(value),
            _ => {}
        }
    }
}
