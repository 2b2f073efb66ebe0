//! What to ask ahead: the probes of the tasks that follow, as far as they can be known now.
//!
//! Speculation can be wrong but never harmful: answers are found by the question asked, a task asks
//! its own questions when its turn comes, and every step drops all answers. A following task that
//! cannot be rendered yet (it needs what an unfinished task registers) is passed over.

use std::collections::HashSet;

use rprov_modules::kit::{Ask, Cost, Facts};

use super::flags;
use super::link::Link;
use super::list::{Item, Rest};
use super::loops::{self, Turn};
use super::supply::Prepared;
use super::target::Who;
use super::task::At;
use crate::playbook::{Action, Builtin, Task};
use crate::session::Question;
use crate::template::Context;

/// Questions that are not answered and not among `own`.
pub(super) fn questions(
    at: &At<'_>,
    later: &[Turn],
    link: &Link,
    become_: &Who,
    facts: &Facts,
    own: &[Question],
) -> Vec<Question> {
    let mut look = Look {
        at,
        link,
        become_,
        facts,
        seen: own.iter().cloned().collect(),
        found: Vec::new(),
        left: link.window(),
    };
    if let Ok(context) = at.play.context(at.host, Some(at.task)) {
        for turn in later {
            look.turn(at.task, &context.with(turn.variables.clone()));
        }
    }
    look.list(at.rest, at.next);
    look.found
}

struct Look<'a> {
    at: &'a At<'a>,
    link: &'a Link,
    become_: &'a Who,
    facts: &'a Facts,
    seen: HashSet<Question>,
    found: Vec<Question>,
    /// How many more tasks may be looked at.
    left: usize,
}

impl Look<'_> {
    fn list(&mut self, rest: &Rest, next: usize) {
        self.items(rest.items.get(next..).unwrap_or_default());
        if let Some((up, next)) = &rest.up
            && self.left > 0
        {
            self.list(up, *next);
        }
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            if self.left == 0 {
                return;
            }
            match item {
                Item::Task(task) => self.task(task),
                Item::Block(block) => {
                    self.items(&block.body);
                    self.items(&block.always);
                }
                Item::RoleEnd(_) => {}
            }
        }
    }

    fn task(&mut self, task: &Task) {
        if !flags::selected(self.at.play, &task.chain) || self.at.host.passes(task) {
            return;
        }
        match task.action {
            Action::Module(_) => {}
            // What an include brings is not known before it is its turn.
            Action::Builtin(Builtin::IncludeTasks | Builtin::IncludeRole) => {
                self.left = 0;
                return;
            }
            Action::Builtin(_) | Action::Absent | Action::Templated => return,
        }
        if task.chain.nearest("delegate_to").is_some() {
            return;
        }
        let Ok(context) = self.at.play.context(self.at.host, Some(task)) else { return };
        match loops::turns(&self.at.play.engine.templar, task, &context) {
            Ok(None) => self.turn(task, &context),
            Ok(Some(turns)) => {
                turns.iter().for_each(|turn| self.turn(task, &context.with(turn.variables.clone())))
            }
            Err(_) => {}
        }
    }

    fn turn(&mut self, task: &Task, context: &Context) {
        let Action::Module(spec) = task.action else { return };
        if self.left == 0 {
            return;
        }
        for when in task.chain.all("when") {
            if !self.at.play.engine.templar.condition(when, context).unwrap_or(false) {
                return;
            }
        }
        let Ok(prepared) = Prepared::new(self.at.play, task, spec, context, context) else {
            return;
        };
        if &super::target::same_user(prepared.become_.as_ref(), self.become_, self.facts)
            != self.become_
        {
            return;
        }
        let Ok(goal) = prepared.goals.on(self.facts) else { return };
        self.left -= 1;
        // Of a probe in stages, the first whose answers are not all known.
        let known = |ask: &Ask| self.link.answer(self.become_, &prepared.question(ask)).cloned();
        let missing = match goal.probe_plan(self.facts).resolve(known) {
            Ok(_) => return,
            Err(missing) => missing,
        };
        // What is asked ahead of an act is not known any more behind it.
        if !self.at.play.engine.options.check && missing.iter().any(Ask::is_act) {
            self.left = 0;
            return;
        }
        for ask in missing.iter().filter(|ask| !ask.is_act()) {
            let costly = matches!(ask, Ask::Sh { cost: Cost::Costly, .. });
            if costly && !self.link.quiet() {
                continue;
            }
            let question = prepared.question(ask);
            if self.seen.insert(question.clone()) {
                self.found.push(question);
            }
        }
    }
}
