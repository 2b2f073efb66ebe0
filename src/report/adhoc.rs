//! One task on many hosts, as the `ansible` command prints it: `host | SUCCESS => {…}`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rprov_modules::kit::Diff;
use serde_json::{Map, Value};

use super::diff::{self, Extent};
use super::human::pretty;
use super::palette::{Palette, Style};
use super::{Event, Redactor, Reporter, Status, TaskResult, line};

/// Writes one block for each host.
pub struct AdHoc {
    style: Style,
    form: Form,
    redactor: Redactor,
    state: Mutex<State>,
}

struct State {
    /// The module of the task at hand, without its collection.
    module: String,
    out: Box<dyn Write + Send>,
}

/// Modules whose results are shown as the command's own output.
const COMMANDS: [&str; 3] = ["command", "shell", "raw"];

/// How results are written.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Each result on one line.
    pub one_line: bool,
    /// Also write each host's result to a file of its name in this directory.
    pub tree: Option<PathBuf>,
    pub extent: Extent,
}

impl AdHoc {
    pub fn new(
        out: Box<dyn Write + Send>,
        palette: Option<Palette>,
        form: Form,
        redactor: Redactor,
    ) -> AdHoc {
        let state = Mutex::new(State { module: String::new(), out });
        AdHoc { style: Style(palette), form, redactor, state }
    }

    fn result(&self, module: &str, result: &TaskResult) -> String {
        let command = COMMANDS.contains(&module);
        let (word, paint): (&str, fn(Style, &str) -> String) = match result.status {
            Status::Ok => ("SUCCESS", Style::ok),
            Status::Changed => ("CHANGED", Style::changed),
            Status::Skipped => ("SKIPPED", Style::skipped),
            Status::Failed => ("FAILED", Style::error),
            Status::Unreachable => ("UNREACHABLE", Style::unreachable),
        };
        let host = &result.host;
        let values: Map<String, Value> = match result.censored {
            true => Map::from_iter([("censored".to_owned(), "hidden by no_log".into())]),
            false => {
                // What only shows something does not tell how it went.
                let bare = module == "debug" && !self.form.one_line;
                let bare = |key: &str| bare && matches!(key, "changed" | "failed");
                let shown = result.values.iter();
                let shown = shown.filter(|(key, _)| !key.starts_with('_') && !bare(key));
                shown.map(|(key, value)| (key.clone(), value.clone())).collect()
            }
        };
        let mut out = String::new();
        if !result.censored {
            // What a command runs was asked for in so many words.
            let told = |diff: &&Diff| !command || !matches!(diff, Diff::Note(_));
            for one in result.diffs.iter().filter(told) {
                out.push_str(&diff::render(one, self.style, self.form.extent, &self.redactor));
            }
        }
        let job = values.contains_key("ansible_job_id");
        let raw = command && values.contains_key("rc") && !job && !result.censored;
        let mark = if matches!(word, "FAILED" | "UNREACHABLE") { "!" } else { "" };
        let text = match result.status {
            Status::Skipped => format!("{host} | {word}"),
            _ if raw => self.output(host, word, &values),
            _ if self.form.one_line => {
                format!("{host} | {word}{mark} => {}", line::of(&sorted(values), ","))
            }
            _ => format!("{host} | {word}{mark} => {}", pretty(&Value::Object(values))),
        };
        out.push_str(&paint(self.style, &text));
        out.push('\n');
        if let (Status::Unreachable, Some(place)) = (result.status, &result.place) {
            out.push_str(place);
            out.push('\n');
        }
        out
    }

    /// What a command said.
    fn output(&self, host: &str, word: &str, values: &Map<String, Value>) -> String {
        let text = |key: &str| values.get(key).and_then(Value::as_str).unwrap_or_default();
        let rc = values.get("rc").map(Value::to_string).unwrap_or_default();
        if self.form.one_line {
            let plain = |text: &str| text.replace('\n', "\\n").replace('\r', "\\r");
            let mut out = format!("{host} | {word} | rc={rc} | (stdout) {}", plain(text("stdout")));
            if !text("stderr").is_empty() {
                out.push_str(&format!(" (stderr) {}", plain(text("stderr"))));
            }
            return out;
        }
        format!("{host} | {word} | rc={rc} >>\n{}{}{}", text("stdout"), text("stderr"), text("msg"))
    }

    /// Writes a host's result to its file.
    fn plant(&self, result: &TaskResult) -> Result<(), String> {
        let Some(dir) = self.form.tree.as_ref().filter(|_| !result.censored) else { return Ok(()) };
        let text = self.redactor.clean(&sorted(result.values.clone()).to_string());
        std::fs::create_dir_all(dir)
            .and_then(|()| std::fs::write(dir.join(result.host.replace('/', "_")), text))
            .map_err(|error| format!("cannot write to `{}`: {error}", dir.display()))
    }
}

fn sorted(values: Map<String, Value>) -> Value {
    let mut values = Value::Object(values);
    values.sort_all_objects();
    values
}

impl Reporter for AdHoc {
    fn report(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = match self.redactor.event(event) {
            Event::Task { action, .. } => {
                state.module = action.rsplit('.').next().unwrap_or_default().to_owned();
                return;
            }
            Event::Result(result) => {
                let text = self.result(&state.module, &result);
                match self.plant(&result) {
                    Ok(()) => text,
                    Err(error) => format!("{text}[WARNING]: {error}\n"),
                }
            }
            Event::Warning(warning) => format!("[WARNING]: {warning}\n"),
            Event::Note(note) => format!("{note}\n"),
            _ => return,
        };
        let text = self.redactor.clean(&text);
        let _ = state.out.write_all(text.as_bytes()).and_then(|()| state.out.flush());
    }
}
