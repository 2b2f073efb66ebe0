//! A run as lines for people, in the form that users of Ansible and their scripts know.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::banners::Banners;
use super::diff::{self, Extent};
use super::palette::{Palette, Style};
use super::{Event, Redactor, Reporter, Stats, Status, TaskResult, Totals, line, yaml};

/// Writes lines to standard output.
pub struct Human {
    style: Style,
    view: View,
    redactor: Redactor,
    out: Mutex<Out>,
}

struct Out {
    to: Box<dyn std::io::Write + Send>,
    /// For failures; `None`: they go where all goes.
    failures: Option<Box<dyn std::io::Write + Send>>,
    banners: Banners,
    /// A play has begun.
    begun: bool,
}

/// What is shown, and how.
#[derive(Debug, Clone)]
pub struct View {
    /// How many `-v`.
    pub verbosity: u8,
    /// The terminal's, in columns.
    pub width: usize,
    /// Results as YAML instead of JSON.
    pub yaml: bool,
    /// Hosts where nothing is to be changed.
    pub ok: bool,
    /// Hosts that skip a task.
    pub skipped: bool,
    pub extent: Extent,
    /// JSON of results on one line.
    pub compact: bool,
    /// Failures go to standard error.
    pub failures_aside: bool,
    /// Mark what only shows changes: plays, tasks, and with `dry` the whole run.
    pub markers: bool,
    /// The whole run only shows changes.
    pub dry: bool,
    /// Show what `set_stats` has counted.
    pub totals: bool,
}

/// What is said of a failure that lets the host go on.
const IGNORING: &str = "...ignoring\n";

impl Human {
    pub fn new(
        out: Box<dyn std::io::Write + Send>,
        palette: Option<Palette>,
        view: View,
        redactor: Redactor,
    ) -> Human {
        let failures = view.failures_aside.then(|| Box::new(std::io::stderr()) as Box<_>);
        let banners = Banners::default();
        let out = Mutex::new(Out { to: out, failures, banners, begun: false });
        Human { style: Style(palette), view, redactor, out }
    }

    /// Whether results like this one are shown at all.
    fn shows(&self, result: &TaskResult) -> bool {
        match result.status {
            Status::Ok => self.view.ok || !result.unsettled.is_empty(),
            Status::Skipped => self.view.skipped,
            _ => true,
        }
    }

    /// `TASK [name] ****…` to the width of the terminal.
    fn banner(&self, text: &str) -> String {
        let used = text.chars().count() + 1;
        let stars = self.view.width.min(80).saturating_sub(used).max(3);
        format!("\n{} {}\n", self.style.bold(text), "*".repeat(stars))
    }

    fn result(&self, result: &TaskResult) -> String {
        let style = self.style;
        let mut host = result.host.clone();
        if let Some(delegated) = &result.delegated {
            let _ = write!(host, " -> {delegated}");
        }
        let mut out = String::new();
        let item =
            result.item.as_ref().map(|item| format!(" => (item={item})")).unwrap_or_default();
        let shown = self.values(result);
        let line = match result.status {
            Status::Ok => style.ok(&format!("ok: [{host}]{item}{shown}")),
            Status::Changed => style.changed(&format!("changed: [{host}]{item}{shown}")),
            Status::Skipped => style.skipped(&format!("skipping: [{host}]{item}{shown}")),
            Status::Failed if item.is_empty() => {
                style.error(&format!("fatal: [{host}]: FAILED!{shown}"))
            }
            // As Ansible writes it: no arrow before the item.
            Status::Unreachable if !item.is_empty() => style
                .unreachable(&format!("failed: [{host}]{}{shown}", item.trim_start_matches(" =>"))),
            Status::Failed => {
                style.error(&format!("failed: [{host}]{}{shown}", item.trim_start_matches(" =>")))
            }
            Status::Unreachable => {
                style.unreachable(&format!("fatal: [{host}]: UNREACHABLE!{shown}"))
            }
        };
        out.push_str(&line);
        out.push('\n');
        if !result.censored {
            result.diffs.iter().for_each(|d| {
                out.push_str(&diff::render(d, style, self.view.extent, &self.redactor))
            });
        }
        if !result.unsettled.is_empty() {
            let _ = writeln!(
                out,
                "{}",
                style.warning(&format!(
                    "unsettled: [{host}]: after the change the same task still wants:"
                ))
            );
            if !result.censored {
                result.unsettled.iter().for_each(|d| {
                    out.push_str(&diff::render(d, style, self.view.extent, &self.redactor))
                });
            }
        }
        if let Some(place) = result.place.as_ref().filter(|_| !result.censored) {
            out.push_str(place);
            if !place.ends_with('\n') {
                out.push('\n');
            }
        }
        if result.ignored {
            out.push_str(IGNORING);
        }
        out
    }

    /// The result's values where they are wanted: on failure, for `debug`, with `-v`.
    fn values(&self, result: &TaskResult) -> String {
        let failed = matches!(result.status, Status::Failed | Status::Unreachable);
        if result.censored {
            return match failed {
                true => " => the output has been hidden due to the fact that 'no_log: true' was specified for this result".to_owned(),
                false => String::new(),
            };
        }
        if !(failed || result.verbose || self.view.verbosity > 0) {
            return String::new();
        }
        let loop_var = result.values.get("ansible_loop_var").and_then(Value::as_str);
        let index_var = result.values.get("ansible_index_var").and_then(Value::as_str);
        let hidden = |key: &str| match result.verbose {
            // `debug` shows what it was asked for, not how it went.
            true => {
                matches!(key, "changed" | "failed")
                    || matches!(key, "ansible_loop" | "ansible_loop_var" | "ansible_index_var")
                    || key.starts_with('_')
                    || Some(key) == loop_var
                    || Some(key) == index_var
            }
            false => {
                key.starts_with('_')
                    || key == "diff"
                    || (key.ends_with("_lines") && !failed && self.view.verbosity < 2)
            }
        };
        let shown: Map<String, Value> = result
            .values
            .iter()
            .filter(|(key, _)| !hidden(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        if !self.view.yaml {
            return match self.view.compact {
                true => format!(" => {}", line::of(&Value::Object(shown), ", ")),
                false => format!(" => {}", pretty(&Value::Object(shown))),
            };
        }
        let mut shown = shown;
        for (text, lines) in [("stdout", "stdout_lines"), ("stderr", "stderr_lines")] {
            if shown.contains_key(text) && shown.contains_key(lines) {
                shown.insert(lines.to_owned(), "<omitted>".into());
            }
        }
        format!(" => {}", yaml::block(&Value::Object(shown), 4))
    }

    /// Behind the name of what only shows changes.
    fn marker(&self, check: bool) -> &'static str {
        if check && self.view.markers { " [CHECK MODE]" } else { "" }
    }

    /// Around a run that only shows changes.
    fn dry_run(&self) -> String {
        match self.view.dry && self.view.markers {
            true => self.banner("DRY RUN"),
            false => String::new(),
        }
    }

    /// What `set_stats` has counted, if it is to be shown.
    fn totals(&self, totals: &Totals) -> String {
        if !self.view.totals || (totals.run.is_empty() && totals.hosts.is_empty()) {
            return String::new();
        }
        // As Ansible writes it: what stands for line breaks is left of them.
        let one = |values: &Map<String, Value>| {
            indented(&Value::Object(values.clone()), b" ").replace('\n', "")
        };
        let mut out = format!("\n{}", self.banner("CUSTOM STATS:"));
        for (host, values) in &totals.hosts {
            let _ = writeln!(out, "\t{host}: {}", one(values));
        }
        if !totals.run.is_empty() {
            let _ = writeln!(out, "\n\tRUN: {}", one(&totals.run));
        }
        out
    }

    fn recap(&self, hosts: &[(String, Stats)]) -> String {
        let mut out = self.banner("PLAY RECAP");
        let longest = hosts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(26);
        for (name, s) in hosts {
            let padded = format!("{name:<longest$}");
            let name = match s {
                Stats { failed: 0, unreachable: 0, changed: 0, .. } => self.style.ok(&padded),
                Stats { failed: 0, unreachable: 0, .. } => self.style.changed(&padded),
                _ => self.style.error(&padded),
            };
            let _ = writeln!(
                out,
                "{name} : ok={:<4} changed={:<4} unreachable={:<4} failed={:<4} skipped={:<4} rescued={:<4} ignored={:<4}",
                s.ok, s.changed, s.unreachable, s.failed, s.skipped, s.rescued, s.ignored
            );
        }
        out
    }
}

/// JSON as Ansible prints it: keys sorted, four spaces for each level.
pub(crate) fn pretty(value: &Value) -> String {
    indented(value, b"    ")
}

fn indented(value: &Value, indent: &[u8]) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    match serde::Serialize::serialize(&value, &mut serializer) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => String::new(),
    }
}

impl Reporter for Human {
    fn report(&self, event: Event) {
        let event = self.redactor.event(event);
        let text = match &event {
            Event::Play { name, check } => {
                self.banner(&format!("PLAY [{name}]{}", self.marker(*check)))
            }
            Event::NoHosts { reason } => format!("skipping: {reason}\n"),
            Event::Task { name, handler, check, .. } => {
                let what = if *handler { "RUNNING HANDLER" } else { "TASK" };
                self.banner(&format!("{what} [{name}]{}", self.marker(*check)))
            }
            Event::Start { host, task } => {
                format!("{}\n", self.style.ok(&format!(" [started TASK: {task} on {host}]")))
            }
            Event::Included { path, hosts, item } => {
                let item = item.as_ref().map(|item| format!(" => (item={item})"));
                let item = item.unwrap_or_default();
                let text = format!("included: {path} for {}{item}", hosts.join(", "));
                format!("{}\n", self.style.included(&text))
            }
            Event::Result(result) => self.result(result),
            Event::Ignored => IGNORING.to_owned(),
            Event::Retry { host, delegated, task, left } => {
                let delegated =
                    delegated.as_ref().map(|other| format!(" -> {other}")).unwrap_or_default();
                let text = format!(
                    "FAILED - RETRYING: [{host}{delegated}]: {task} ({left} retries left)."
                );
                format!("{}\n", self.style.changed(&text))
            }
            Event::Note(note) => format!("{note}\n"),
            Event::Warning(warning) => {
                format!("{}\n", self.style.warning(&format!("[WARNING]: {warning}")))
            }
            Event::Recap(hosts, totals) => {
                let end = match self.dry_run() {
                    end if end.is_empty() => end,
                    end => format!("\n{end}"),
                };
                format!("{}{}{end}", self.recap(hosts), self.totals(totals))
            }
        };
        let mut text = self.redactor.clean(&text);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut above, mut aside) = (String::new(), false);
        match event {
            // Of a task of which nothing is shown there is no banner.
            Event::Task { host, span, .. } => {
                let wait = !(self.view.ok && self.view.skipped);
                text = out.banners.begin(host, span, text, wait);
            }
            Event::Result(result) if !self.shows(&result) => return,
            Event::Result(result) => {
                aside = matches!(result.status, Status::Failed | Status::Unreachable);
                out.banners.above(&result.host).clone_into(&mut above);
            }
            Event::Retry { host, .. } => out.banners.above(&host).clone_into(&mut above),
            Event::Included { hosts, .. } => {
                let first = hosts.first().map_or("", String::as_str);
                out.banners.above(first).clone_into(&mut above);
            }
            Event::Play { .. } | Event::Recap(..) => {
                out.banners.forget();
                if !std::mem::replace(&mut out.begun, true) {
                    above = self.dry_run();
                }
            }
            _ => {}
        }
        let Out { to, failures, .. } = &mut *out;
        // A closed pipe must not stop a run half-way through a host.
        let _ = to.write_all(above.as_bytes());
        let rest = match failures.as_mut().filter(|_| aside) {
            Some(failures) => {
                // That it is ignored belongs to what goes on.
                let (failure, rest) = match text.strip_suffix(IGNORING) {
                    Some(failure) => (failure, IGNORING),
                    None => (&*text, ""),
                };
                let _ = failures.write_all(failure.as_bytes()).and_then(|()| failures.flush());
                rest
            }
            None => &text,
        };
        let _ = to.write_all(rest.as_bytes()).and_then(|()| to.flush());
    }
}
