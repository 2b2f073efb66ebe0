//! What a step has answered: its part in the result, its notes, its failure.

use std::time::{Duration, SystemTime};

use rprov_modules::kit::{Change, Diff, Output, Program, Refusal, Reply, Step};
use serde_json::{Map, Value};

use crate::engine::outcome::Failure;

/// Lines `note: …` that a module's step has written to standard error: for people to see.
pub(super) fn notes(change: &Change, reply: &Reply) -> Vec<String> {
    match &change.step {
        Step::Run { .. } => reply
            .err()
            .lines()
            .filter_map(|line| line.strip_prefix("note: "))
            .map(str::to_owned)
            .collect(),
        Step::Command(_) | Step::Put(_) => Vec::new(),
    }
}

pub(super) fn unanswered(reply: &Reply) -> Refusal {
    let said = reply.err();
    let said = said.trim();
    let what =
        if said.is_empty() { format!("exit status {}", reply.status) } else { said.to_owned() };
    Refusal::new(format!("the host could not be asked: {what}"))
        .value("rc", reply.status)
        .value("stderr", reply.err())
}

/// The end of a task that took longer than its `timeout`.
pub(super) fn late(timeout: Option<Duration>) -> Refusal {
    let seconds = timeout.unwrap_or_default().as_secs();
    Refusal::new(format!("the task was ended after its timeout of {seconds} seconds"))
        .value("timedout", serde_json::json!({ "period": seconds }))
}

/// The streams and times of a step, where they are part of the result.
pub(super) fn record(
    change: &Change,
    reply: &Reply,
    started: SystemTime,
    ended: SystemTime,
    values: &mut Map<String, Value>,
) {
    match &change.step {
        Step::Command(command) => {
            let text = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes);
                match command.strip_ends {
                    true => text.trim_end_matches(['\r', '\n']).to_owned(),
                    false => text.into_owned(),
                }
            };
            values.insert("rc".into(), reply.status.into());
            values.insert("stdout".into(), text(&reply.stdout).into());
            values.insert("stderr".into(), text(&reply.stderr).into());
            if matches!(command.program, Program::Raw { .. }) {
                return;
            }
            let took = ended.duration_since(started).unwrap_or_default();
            values.insert("start".into(), clock(started).into());
            values.insert("end".into(), clock(ended).into());
            values.insert("delta".into(), delta(took).into());
            values.entry("msg").or_insert("".into());
        }
        Step::Run { output: Output::Streams, .. } => {
            let mut add = |key: &str, bytes: &[u8]| {
                let before = values.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                values.insert(key.into(), (before + &String::from_utf8_lossy(bytes)).into());
            };
            add("stdout", &reply.stdout);
            add("stderr", &reply.stderr);
            values.insert("rc".into(), reply.status.into());
        }
        Step::Run { output: Output::Values, .. } | Step::Put(_) => {
            for line in reply.lines() {
                if let Some((key, value)) = line.split_once('=') {
                    values.insert(key.into(), value.into());
                }
            }
        }
        Step::Run { output: Output::Json, .. } => {
            // What is no object is what a step said that has failed.
            if let Ok(Value::Object(said)) = serde_json::from_slice(&reply.stdout) {
                values.extend(said);
            }
        }
        Step::Run { output: Output::Discard, .. } => {}
    }
}

pub(super) fn failure(
    change: &Change,
    reply: &Reply,
    timed_out: bool,
    timeout: Option<Duration>,
    values: &mut Map<String, Value>,
) -> Option<Failure> {
    if timed_out {
        let late = late(timeout);
        values.extend(late.values);
        return Some(Failure::new(late.message));
    }
    if reply.ok() {
        return None;
    }
    if let Step::Command(command) = &change.step {
        if !command.must_succeed {
            return None;
        }
        return Some(Failure::new("non-zero return code"));
    }
    values.insert("rc".into(), reply.status.into());
    values.insert("stdout".into(), reply.out().into());
    values.insert("stderr".into(), reply.err().into());
    let what = change.diffs.first().map_or_else(|| "carry out a step".to_owned(), what);
    let said = reply.err();
    let said = match said.trim() {
        "" => format!("exit status {}", reply.status),
        said => said
            .lines()
            .rev()
            .take(12)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
            .join("\n"),
    };
    Some(Failure::new(format!("cannot {what}: {said}")))
}

/// `2026-11-21 10:00:00.123456`, in local time as Ansible prints it.
pub(in crate::engine) fn clock(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(stamp) => stamp
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S%.6f")
            .to_string(),
        Err(_) => String::new(),
    }
}

/// `0:00:01.234567`.
fn delta(took: Duration) -> String {
    let seconds = took.as_secs();
    format!(
        "{}:{:02}:{:02}.{:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        took.subsec_micros()
    )
}

/// What a step does, for people.
pub(in crate::engine) fn what(diff: &Diff) -> String {
    match diff {
        Diff::Note(note) => note.clone(),
        Diff::Field { subject, name, .. } => format!("set {name} of {subject}"),
        Diff::Text { path, .. } => format!("write {path}"),
    }
}
