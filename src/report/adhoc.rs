//! One task on many hosts, as the `ansible` command prints it: `host | SUCCESS => {…}`.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::human::{Style, pretty};
use super::{Event, Redactor, Reporter, Status};

/// Writes one block for each host.
pub struct AdHoc {
    style: Style,
    redactor: Redactor,
    out: Mutex<Box<dyn Write + Send>>,
}

impl AdHoc {
    pub fn new(out: Box<dyn Write + Send>, color: bool, redactor: Redactor) -> AdHoc {
        AdHoc { style: Style(color), redactor, out: Mutex::new(out) }
    }
}

impl Reporter for AdHoc {
    fn report(&self, event: Event) {
        let text = match self.redactor.event(event) {
            Event::Result(result) => {
                let (word, paint): (&str, fn(Style, &str) -> String) = match result.status {
                    Status::Ok => ("SUCCESS", Style::green),
                    Status::Changed => ("CHANGED", Style::yellow),
                    Status::Skipped => ("SKIPPED", Style::cyan),
                    Status::Failed => ("FAILED!", Style::red),
                    Status::Unreachable => ("UNREACHABLE!", Style::red),
                };
                let values =
                    result.values.into_iter().filter(|(key, _)| !key.starts_with('_')).collect();
                let place = match result.status {
                    Status::Unreachable => {
                        result.place.map(|place| format!("{place}\n")).unwrap_or_default()
                    }
                    _ => String::new(),
                };
                format!(
                    "{}\n{place}",
                    paint(
                        self.style,
                        &format!("{} | {word} => {}", result.host, pretty(&Value::Object(values)))
                    )
                )
            }
            Event::Warning(warning) => format!("[WARNING]: {warning}\n"),
            Event::Note(note) => format!("{note}\n"),
            _ => return,
        };
        let text = self.redactor.clean(&text);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}
