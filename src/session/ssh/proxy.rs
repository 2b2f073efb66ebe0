//! A `ProxyCommand`: its standard streams are the way to the host, its errors say why there is none.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt, join},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

/// How much of its errors is kept.
const LONGEST: u64 = 4096;

/// How long its last words may take once the way is closed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A command that runs, and goes with this value.
pub(super) struct ProxyCommand {
    /// Ended when it is dropped.
    child: Child,
    errors: JoinHandle<Vec<u8>>,
}

/// Starts a command for the shell; its output and input.
pub(super) fn start(
    command: &str,
) -> std::io::Result<(tokio::io::Join<ChildStdout, ChildStdin>, ProxyCommand)> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec {command}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(stdout), Some(stdin), Some(stderr)) =
        (child.stdout.take(), child.stdin.take(), child.stderr.take())
    else {
        return Err(std::io::Error::other("no pipes"));
    };
    let errors = tokio::spawn(async move {
        let (mut kept, mut stderr) = (Vec::new(), stderr);
        let _ = (&mut stderr).take(LONGEST).read_to_end(&mut kept).await;
        // Whatever more there is must not stop it.
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        kept
    });
    Ok((join(stdout, stdin), ProxyCommand { child, errors }))
}

impl ProxyCommand {
    /// What it said on its standard error, on one line; it is ended.
    pub(super) async fn last_words(mut self) -> Option<String> {
        // One that has failed is about to end of its own accord.
        let ended = timeout(LAST_WORDS, self.child.wait()).await;
        if ended.is_err() {
            let _ = self.child.start_kill();
        }
        let said = timeout(LAST_WORDS, self.errors).await.ok()?.ok()?;
        let text = String::from_utf8_lossy(&said);
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}
