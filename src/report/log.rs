//! `log_path`: all that is reported also goes to a file, each line with its time.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use super::{Event, Reporter};

/// Reports to the terminal and to the log.
pub struct Logged {
    pub shown: Arc<dyn Reporter>,
    pub log: Arc<dyn Reporter>,
}

impl Reporter for Logged {
    fn report(&self, event: Event) {
        self.log.report(event.clone());
        self.shown.report(event);
    }
}

/// A log file: readable by its owner alone if it is new, and only ever appended to.
pub struct Log {
    file: File,
    /// Begins every line: process and user.
    who: String,
    /// What has been written since the last line break.
    rest: Vec<u8>,
}

impl Log {
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn open(path: &Path) -> io::Result<Log> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
        let who = format!("p={} u={user} n=rprov INFO| ", std::process::id());
        Ok(Log { file, who, rest: vec![] })
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(bytes.len());
        };
        let lines: Vec<u8> = self.rest.drain(..=end).collect();
        let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
        let mut text = String::new();
        for line in String::from_utf8_lossy(&lines).lines().filter(|line| !line.is_empty()) {
            text.push_str(&format!("{now} {}{line}\n", self.who));
        }
        self.file.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
