//! A task with a loop: its turns one after the other, and what they amount to.

use rprov_modules::kit::Node;
use serde_json::{Map, Value};

use super::{At, Learning, Outcome};
use crate::engine::loops::{self, Turn};
use crate::engine::outcome::{Done, Failure};
use crate::template::{Context, Raw, from_json};

/// What a result says of its turn: the item, and the names that it has.
fn told(turn: &Turn) -> Map<String, Value> {
    let json = |value| serde_json::to_value(value).unwrap_or_default();
    let mut told = Map::new();
    told.insert(turn.variable.clone(), json(&turn.item));
    told.insert("ansible_loop_var".into(), turn.variable.clone().into());
    for (name, value) in turn.variables.iter().skip(2) {
        if let Raw::Value(value) = value {
            told.insert(name.clone(), json(value));
        }
    }
    told
}

impl At<'_> {
    /// All turns of a loop; the registered value has them as `results`.
    pub(super) async fn each(&self, context: &Context, turns: Vec<Turn>) -> Outcome {
        let mut results = Vec::new();
        let mut includes = Vec::new();
        let (mut changed, mut skipped) = (false, !turns.is_empty());
        let mut gave_up = false;
        let pause = loops::pause(&self.play.engine.templar, self.task, context);
        let mut failures = Vec::new();
        // Whether every failure is one to be ignored: that may depend on the item.
        let mut tolerated = true;
        let mut learnt = Learning::default();
        let mut elsewhere = Vec::new();
        let mut names = Vec::new();
        let register = self.task.keyword("register").and_then(Node::text);
        // What the turn before has registered, until the whole loop has; and what turns have set.
        let mut last: Option<(String, Raw)> = None;
        let mut set = std::collections::BTreeMap::new();
        for (index, turn) in turns.iter().enumerate() {
            if index > 0
                && !pause.is_zero()
                && let Err(failure) = self.play.engine.rest(pause).await
            {
                tolerated = false;
                failures.push(failure);
                break;
            }
            // An earlier turn may have set variables that this one reads.
            let fresh = match index {
                0 => context.clone(),
                _ => self.play.context(self.host, Some(self.task)).unwrap_or(context.clone()),
            };
            let own = turn.variables.iter().cloned().chain(last.clone());
            let inner = fresh.with(set.clone().into_iter().chain(own));
            let (mut done, include) = self.attempt(&inner, &turns[index + 1..]).await;
            if let Some(mut include) = include {
                let mut result = std::mem::take(&mut include.result);
                result.extend(told(turn));
                results.push(result.into());
                include.variables = turn.variables.clone();
                include.label =
                    Some(loops::label(&self.play.engine.templar, self.task, &inner, turn));
                includes.push(include);
                // What goes wrong here stops the loop: the condition is nothing a host can fail by.
                match loops::breaks(&self.play.engine.templar, self.task, &inner) {
                    Ok(false) => continue,
                    Ok(true) | Err(_) => break,
                }
            }
            done.values.extend(told(turn));
            if let Some(name) = register {
                last = Some((name.to_owned(), Raw::Value(from_json(&done.result()))));
            }
            // A condition that cannot be judged is a failure of the loop, not of this turn.
            let ends = loops::breaks(
                &self.play.engine.templar,
                self.task,
                &self.with_result(&inner, &done),
            );
            // As in Ansible: if any turn changes something, all that were not skipped notify.
            if !done.skipped && !done.is_failed() {
                match self.wanted(&inner) {
                    Ok(more) => names.extend(more),
                    Err(failure) => done.failure = Some(failure),
                }
            }
            if let Some(serde_json::Value::Object(facts)) = done.values.get("ansible_facts")
                && !done.sets_variables
                && !done.is_failed()
            {
                self.learn_facts(&done, facts, &mut learnt);
            }
            set.extend(done.sets());
            match done.learner.clone() {
                Some(learner) => elsewhere.push((learner, std::mem::take(&mut done.learnt))),
                None => learnt.set.append(&mut done.learnt.set),
            }
            learnt.included = done.learnt.included.take().or(learnt.included);
            changed |= done.changed;
            skipped &= done.skipped;
            // A label may tell of the result.
            self.report(&inner.with(last.clone()), &done, Some(turn));
            if done.is_failed() {
                tolerated &= self.tolerates(&inner, done.unreachable);
                failures.extend(done.failure.clone());
            }
            gave_up |= done.gave_up;
            results.push(done.result());
            match ends {
                Ok(false) => {}
                Ok(true) => break,
                Err(error) => return self.finish(context, Done::failed(Failure::from(error))),
            }
        }
        if !includes.is_empty() && failures.is_empty() {
            self.register(Map::from_iter([
                ("changed".to_owned(), changed.into()),
                ("skipped".to_owned(), false.into()),
                ("msg".to_owned(), "All items completed".into()),
                ("results".to_owned(), results.into()),
            ]));
            return Outcome::Include(includes);
        }
        let mut whole =
            Done { changed, skipped, gave_up, looped: true, learnt, elsewhere, ..Done::default() };
        let unreachable = failures.iter().any(|failure| failure.unreachable);
        let failed = failures.iter().any(|failure| !failure.unreachable);
        let message = match (failed || gave_up, skipped, turns.is_empty()) {
            (true, ..) => "One or more items failed",
            (_, true, _) => "All items skipped",
            (.., true) => "No items in the list",
            _ => "All items completed",
        };
        whole.values.insert("results".into(), results.into());
        if turns.is_empty() {
            whole.skipped = true;
            whole.values.insert("skipped_reason".into(), message.into());
        } else {
            whole.values.insert("msg".into(), message.into());
            whole.values.insert("skipped".into(), skipped.into());
        }
        if failed || unreachable {
            whole.unreachable = unreachable;
            whole.failure = failures.into_iter().min_by_key(|failure| failure.unreachable);
            whole.tolerated = tolerated;
        } else if changed {
            self.tell(names, &mut whole);
            // What goes wrong here no turn has told.
            whole.looped = whole.failure.is_none();
        }
        let outcome = self.finish(context, whole);
        match includes.is_empty() {
            true => outcome,
            // They are told of; a host that has failed runs none of them.
            false => Outcome::Include(includes),
        }
    }
}
