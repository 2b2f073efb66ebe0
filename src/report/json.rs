//! A run as one JSON document, in the shape of Ansible's `json` callback: plays, their tasks, what
//! each host answered, and the counts.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::human::pretty;
use super::{Event, Redactor, Reporter, Status, TaskResult, Totals, diff};

/// Writes the document when the counts are known; what is said beside it goes to standard error.
pub struct Json {
    redactor: Redactor,
    state: Mutex<State>,
}

struct State {
    plays: Vec<Play>,
    out: Box<dyn Write + Send>,
    /// Notes and warnings.
    aside: Box<dyn Write + Send>,
    /// Plays and tasks so far: they need a name of their own.
    count: usize,
}

struct Play {
    play: Map<String, Value>,
    tasks: Vec<Task>,
}

impl Play {
    /// The task that a host is at.
    fn task(&mut self, host: &str) -> Option<&mut Task> {
        let at = |task: &&mut Task| task.host.as_ref().is_none_or(|own| own == host);
        self.tasks.iter_mut().rev().find(at)
    }
}

struct Task {
    task: Map<String, Value>,
    action: String,
    /// The one host it is of, where hosts do not wait for each other.
    host: Option<String>,
    hosts: Map<String, Value>,
    /// Results of a loop's items, by host.
    items: HashMap<String, Vec<Value>>,
}

impl Json {
    pub fn new(
        out: Box<dyn Write + Send>,
        aside: Box<dyn Write + Send>,
        redactor: Redactor,
    ) -> Json {
        Json { redactor, state: Mutex::new(State { plays: vec![], out, aside, count: 0 }) }
    }
}

impl State {
    /// The part of a document that a play or task begins with.
    fn begin(&mut self, name: &str) -> Map<String, Value> {
        self.count += 1;
        let start = json!({"start": now()});
        let id = self.count.to_string();
        Map::from_iter([
            ("name".to_owned(), name.into()),
            ("id".to_owned(), id.into()),
            ("duration".to_owned(), start),
        ])
    }

    fn result(&mut self, result: &TaskResult, redactor: &Redactor) {
        let end = now();
        let Some(play) = self.plays.last_mut() else { return };
        play.play["duration"]["end"] = end.clone().into();
        let Some(task) = play.task(&result.host) else { return };
        task.task["duration"]["end"] = end.into();
        let mut values = values(result, &task.action);
        if !result.censored && !result.diffs.is_empty() {
            values.insert("diff".to_owned(), diff::values(&result.diffs, redactor));
        }
        if result.item.is_none() {
            task.hosts.insert(result.host.clone(), values.into());
            return;
        }
        let items = task.items.entry(result.host.clone()).or_default();
        items.push(values.into());
        let any = |name: &str| items.iter().any(|item| item[name] == true);
        let mut whole = Map::from_iter([
            ("action".to_owned(), task.action.clone().into()),
            ("changed".to_owned(), any("changed").into()),
            ("msg".to_owned(), "All items completed".into()),
            ("results".to_owned(), items.clone().into()),
        ]);
        if any("failed") {
            whole.insert("failed".to_owned(), true.into());
            whole.insert("msg".to_owned(), "One or more items failed".into());
        }
        if items.iter().all(|item| item["skipped"] == true) {
            whole.insert("skipped".to_owned(), true.into());
            whole.insert("msg".to_owned(), "All items skipped".into());
        }
        task.hosts.insert(result.host.clone(), whole.into());
    }

    fn document(&self, stats: &[(String, super::Stats)], totals: &Totals) -> Value {
        let task = |task: &Task| json!({"task": task.task, "hosts": task.hosts});
        let play = |play: &Play| json!({"play": play.play, "tasks": play.tasks.iter().map(task).collect::<Vec<_>>()});
        let counts = stats.iter().map(|(host, s)| {
            let counts = json!({
                "ok": s.ok, "changed": s.changed, "unreachable": s.unreachable, "failures": s.failed,
                "skipped": s.skipped, "rescued": s.rescued, "ignored": s.ignored,
            });
            (host.clone(), counts)
        });
        json!({
            "custom_stats": totals.hosts,
            "global_custom_stats": totals.run,
            "plays": self.plays.iter().map(play).collect::<Vec<_>>(),
            "stats": Map::from_iter(counts),
        })
    }
}

fn values(result: &TaskResult, action: &str) -> Map<String, Value> {
    let mut values: Map<String, Value> = match result.censored {
        true => {
            let text = "the output has been hidden due to the fact that 'no_log: true' was specified for this result";
            Map::from_iter([("censored".to_owned(), text.into())])
        }
        false => {
            let shown = result.values.iter().filter(|(key, _)| !key.starts_with('_'));
            shown.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
    };
    values.insert("action".to_owned(), action.into());
    values.insert("changed".to_owned(), (result.status == Status::Changed).into());
    for (status, name) in [
        (Status::Failed, "failed"),
        (Status::Skipped, "skipped"),
        (Status::Unreachable, "unreachable"),
    ] {
        if result.status == status {
            values.insert(name.to_owned(), true.into());
        }
    }
    if !result.unsettled.is_empty() {
        values.insert("unsettled".to_owned(), true.into());
    }
    values
}

/// The time in UTC, to the microsecond.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

impl Reporter for Json {
    fn report(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.redactor.event(event) {
            Event::Play { name, .. } => {
                let play = state.begin(&name);
                state.plays.push(Play { play, tasks: vec![] });
            }
            Event::Task { name, action, host, .. } => {
                let task = state.begin(&name);
                let (hosts, items) = Default::default();
                if let Some(play) = state.plays.last_mut() {
                    play.tasks.push(Task { task, action, host, hosts, items });
                }
            }
            Event::Included { path, hosts, .. } => {
                let Some(play) = state.plays.last_mut() else { return };
                for host in hosts {
                    if let Some(task) = play.task(&host) {
                        let action = &task.action;
                        let values = json!({"action": action, "changed": false, "include": path});
                        task.hosts.insert(host, values);
                    }
                }
            }
            Event::Result(result) => state.result(&result, &self.redactor),
            Event::Recap(stats, totals) => {
                let text = self.redactor.clean(&(pretty(&state.document(&stats, &totals)) + "\n"));
                let out = &mut state.out;
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            }
            Event::Note(text) | Event::Warning(text) | Event::NoHosts { reason: text } => {
                let text = self.redactor.clean(&format!("{text}\n"));
                let _ = state.aside.write_all(text.as_bytes());
            }
            _ => {}
        }
    }
}
