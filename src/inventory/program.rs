//! Runs an inventory program within a limit of time.

use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::source::Diagnostic;

/// How long a program may take: long enough for a slow cloud, short enough to be noticed.
pub(super) const LIMIT: Duration = Duration::from_secs(300);

/// What a program said and how it ended.
pub(super) struct Output {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Runs `path` with arguments and waits for its end. `shown` is its name in messages.
///
/// # Errors
/// It cannot be started, or has not ended in time: then it is killed.
pub(super) fn run(
    path: &Path,
    args: &[&str],
    shown: &str,
    limit: Duration,
) -> Result<Output, Diagnostic> {
    let program = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut child = Command::new(program)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(path, shown, &error))?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        let ended = child.try_wait().map_err(|error| {
            Diagnostic::error(format!(
                "cannot run `{shown}`: {}",
                crate::vars::files::reason(&error)
            ))
        })?;
        if let Some(status) = ended {
            return Ok(Output { status, stdout: stdout.all(), stderr: stderr.all() });
        }
        if Instant::now() >= deadline {
            // It may end by itself at this very moment.
            let _ = child.kill();
            let _ = child.wait();
            let error = Diagnostic::error(format!(
                "the inventory script `{shown}` has not ended after {} s",
                limit.as_secs_f64()
            ));
            return Err(error.help("run it by hand to see what it waits for"));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// How long to wait for the end of a stream once the program has ended: a process it left behind may
/// hold it open.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// A stream that is being read.
struct Draining {
    said: Arc<Mutex<Vec<u8>>>,
    end: mpsc::Receiver<()>,
}

impl Draining {
    /// What was said up to the end of the stream.
    fn all(self) -> Vec<u8> {
        // In both cases what is there is what the program itself has said.
        let _ = self.end.recv_timeout(AFTERWARDS);
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn drain<R: Read + Send + 'static>(stream: Option<R>) -> Draining {
    let (sender, end) = mpsc::channel();
    let said = Arc::new(Mutex::new(Vec::new()));
    let all = said.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        if let Some(mut stream) = stream {
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                all.lock().unwrap_or_else(PoisonError::into_inner).extend(&buffer[..n]);
            }
        }
        // Nobody may be waiting any more.
        let _ = sender.send(());
    });
    Draining { said, end }
}

fn cannot_start(path: &Path, shown: &str, error: &std::io::Error) -> Diagnostic {
    let reason = crate::vars::files::reason(error);
    let first = std::fs::read(path).unwrap_or_default();
    let line = first.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let interpreter = String::from_utf8_lossy(line.strip_prefix(b"#!").unwrap_or_default());
    let interpreter = interpreter.split_whitespace().next().unwrap_or_default().to_owned();
    let failed = Diagnostic::error(format!("cannot run the inventory script `{shown}`: {reason}"));
    match interpreter.is_empty() || Path::new(&interpreter).exists() {
        true => failed,
        false => failed.help(format!("its first line names `{interpreter}`, which does not exist")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended() {
        let began = Instant::now();
        let shown = "sleep 60";
        let error = run(Path::new("/bin/sleep"), &["60"], shown, Duration::from_millis(100));
        let Err(error) = error else { panic!("it cannot have ended") };
        assert_eq!(error.message(), "the inventory script `sleep 60` has not ended after 0.1 s");
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_a_program_leaves_behind_holds_up_nobody() {
        let args = ["-c", "sleep 10 & echo {}"];
        let Ok(output) = run(Path::new("/bin/sh"), &args, "sh", LIMIT) else { panic!("it ends") };
        assert!(output.status.success());
        assert_eq!(output.stdout, b"{}\n");
    }
}
