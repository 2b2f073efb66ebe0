//! `async`: steps that go on by themselves on the host, awaited (`poll`) or asked about later.
//!
//! The plan is made here, as for any task; its steps become a job of the host. What the job leaves
//! behind is enough to say what a later run needs to know: the values of the plan, and of each step
//! what its output means.

use std::time::Duration;

use rprov_modules::kit::{Change, Command, Diff, Facts, Output, Plan, Program, Put, Script, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::outcome::{Done, Failure};
use super::play::PlayRun;
use super::target::Seen;
use crate::playbook::Task;
use crate::session::{Env, StepOutcome};
use crate::template::Context;

/// What `async` and `poll` say.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// How long the job may take.
    pub(super) limit: Duration,
    /// How often to ask; `None`: the play goes on at once.
    pub(super) poll: Option<Duration>,
}

/// Seconds between questions, where nothing says otherwise.
const POLL: u64 = 15;

impl Wish {
    /// `None` for a task without `async`, or with 0.
    pub(super) fn new(
        play: &PlayRun,
        task: &Task,
        context: &Context,
    ) -> Result<Option<Wish>, Failure> {
        let seconds = |keyword: &str| -> Result<Option<u64>, Failure> {
            let Some(node) = task.keyword(keyword) else { return Ok(None) };
            let rendered = play.engine.templar.render(node, context).map_err(Failure::from)?;
            crate::playbook::fits(keyword, &rendered).map_err(Failure::from)?;
            Ok(crate::playbook::integer(&rendered).and_then(|number| u64::try_from(number).ok()))
        };
        let Some(limit) = seconds("async")?.filter(|limit| *limit > 0) else { return Ok(None) };
        let poll = seconds("poll")?.or(play.engine.options.poll).unwrap_or(POLL);
        Ok(Some(Wish {
            limit: Duration::from_secs(limit),
            poll: (poll > 0).then(|| Duration::from_secs(poll)),
        }))
    }
}

/// Where results of jobs are kept, as Ansible finds it.
pub(super) fn directory(
    seen: Seen<'_>,
    environment: &Env,
    facts: &Facts,
) -> Result<String, Failure> {
    let given = seen.last(&["ansible_async_dir"])?;
    let variable = environment.iter().find(|(name, _)| name == "ANSIBLE_ASYNC_DIR");
    let setting = seen.play.engine.options.async_dir.clone();
    let given = variable.map(|(_, value)| value.clone()).or(given).or(setting);
    Ok(facts.path(given.as_deref().unwrap_or("~/.ansible_async")).trim_end_matches('/').to_owned())
}

/// What a job knows of the plan it carries out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Memo {
    values: Map<String, Value>,
    on_change: Map<String, Value>,
    warnings: Vec<String>,
    steps: Vec<Sketch>,
}

/// A step, as far as the meaning of its output goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sketch {
    what: String,
    kind: Kind,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Kind {
    Command { program: Option<String>, strip_ends: bool, must_succeed: bool },
    Streams,
    Values,
    Json,
    Discard,
    Put,
}

impl Memo {
    pub(super) fn new(plan: &Plan) -> Memo {
        Memo {
            values: plan.values.clone(),
            on_change: plan.on_change.clone(),
            warnings: plan.warnings.clone(),
            steps: plan.changes.iter().map(Sketch::new).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        // There is no key that is no string: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn read(text: &str) -> Option<Memo> {
        serde_json::from_str(text).ok()
    }

    /// A plan that gives the outcomes the same meaning as the one that was carried out. Nobody
    /// verifies it any more.
    pub(super) fn plan(&self) -> Plan {
        Plan {
            changes: self.steps.iter().map(Sketch::change).collect(),
            acted: Vec::new(),
            values: self.values.clone(),
            on_change: self.on_change.clone(),
            settles: false,
            describes: false,
            warnings: self.warnings.clone(),
        }
    }
}

impl Sketch {
    fn new(change: &Change) -> Sketch {
        let kind = match &change.step {
            Step::Command(command) => Kind::Command {
                program: match &command.program {
                    Program::Argv(words) => words.first().cloned(),
                    _ => None,
                },
                strip_ends: command.strip_ends,
                must_succeed: command.must_succeed,
            },
            Step::Run { output: Output::Streams, .. } => Kind::Streams,
            Step::Run { output: Output::Values, .. } => Kind::Values,
            Step::Run { output: Output::Json, .. } => Kind::Json,
            Step::Run { output: Output::Discard, .. } => Kind::Discard,
            Step::Put(_) => Kind::Put,
        };
        let what = change.diffs.first().map(super::perform::what).unwrap_or_default();
        Sketch { what, kind }
    }

    fn change(&self) -> Change {
        let run =
            |output| Step::Run { script: Script { text: "", args: vec![], stdin: None }, output };
        let step = match &self.kind {
            Kind::Command { program, strip_ends, must_succeed } => Step::Command(Command {
                program: match program {
                    Some(program) => Program::Argv(vec![program.clone()]),
                    None => Program::Shell { text: String::new(), executable: None },
                },
                chdir: None,
                stdin: None,
                strip_ends: *strip_ends,
                must_succeed: *must_succeed,
            }),
            Kind::Streams => run(Output::Streams),
            Kind::Values => run(Output::Values),
            Kind::Json => run(Output::Json),
            Kind::Discard => run(Output::Discard),
            Kind::Put => Step::Put(Put {
                path: String::new(),
                content: [].into(),
                mode: None,
                owner: None,
                group: None,
                validate: None,
                backup: false,
            }),
        };
        Change { diffs: vec![Diff::Note(self.what.clone())], step }
    }
}

/// The result of a plan whose steps had these outcomes.
pub(super) fn result(plan: &Plan, outcomes: &[StepOutcome], late: bool) -> Done {
    let mut done = Done {
        values: plan.values.clone(),
        changed: !plan.is_empty(),
        warnings: plan.warnings.clone(),
        ..Done::default()
    };
    if late {
        done.changed = false;
        done.failure = Some(Failure::new("Timeout exceeded"));
        return done;
    }
    if !super::perform::read(plan, outcomes, None, &mut done) {
        let streams = std::mem::replace(&mut done.values, plan.values.clone());
        super::perform::merge(plan, streams, &mut done);
    }
    done
}
