//! What a run starts, here and on an embedded host: every program with its words and environment.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Whether programs can be traced here; says so once if not.
pub(crate) fn possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
        let possible = tried.is_ok_and(|output| output.status.success());
        if !possible {
            eprintln!("skipped: which programs are started: strace is missing or may not trace");
        }
        possible
    })
}

/// Runs a program, and if it is [`possible`] tells each start of a program below it: its path, words
/// and environment, in one line. Variables of the name `CANARY` are left out.
pub(crate) fn run(dir: &Path, program: &str, words: &[&str]) -> (Output, Vec<String>) {
    let log = dir.join("strace.log");
    let mut command = match possible() {
        true => {
            let mut command = Command::new("strace");
            command.args([
                "-f",
                "-q",
                "-v",
                "-s",
                "100000",
                "-e",
                "trace=execve",
                "-e",
                "signal=none",
            ]);
            command.arg("-o").arg(&log).arg("--").arg(program);
            command
        }
        false => Command::new(program),
    };
    let output = command
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .env("TMPDIR", dir)
        .env("ANSIBLE_LOG_PATH", dir.join("log"))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let text = std::fs::read(&log).unwrap_or_default();
    let _ = std::fs::remove_file(&log);
    let lines = String::from_utf8_lossy(&text);
    (output, lines.lines().filter(|line| line.contains("execve(")).map(without_canary).collect())
}

/// The line without the variable that a task sets on purpose.
fn without_canary(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("\"CANARY=") {
        out += &rest[..at];
        let value = &rest[at + 1..];
        let mut escaped = false;
        let end = value.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        rest = end.map_or("", |end| &value[end + 1..]);
    }
    out + rest
}
