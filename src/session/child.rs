//! A shell at the end of a child process's pipes: this machine, and anything a command can enter.

use std::process::Stdio;

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    sync::mpsc,
};

use super::wires::{Output, Wires};

/// Starts `words` with pipes, and with these variables beside those of rprov itself. The child sees the end of its input when the wires are dropped, and
/// ends by itself: it is not killed, so that it can clean up.
///
/// # Errors
/// The program cannot be started.
pub(crate) fn start(words: &[&str], environment: &[(String, String)]) -> std::io::Result<Wires> {
    let mut command = Command::new(words[0]);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Interrupts from the terminal are ours to handle.
    command.process_group(0);
    let mut child = command.spawn()?;
    let (sender, output) = mpsc::unbounded_channel();
    let stdin = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let program = words[0].to_owned();
    tokio::spawn(async move {
        let out = drain(stdout, &sender, Output::Out);
        let err = drain(stderr, &sender, Output::Err);
        tokio::join!(out, err);
        let why = match child.wait().await {
            Ok(status) => format!("`{program}` ended with {status}"),
            Err(why) => format!("`{program}`: {why}"),
        };
        let _ = sender.send(Output::End(why));
    });
    let stdin = stdin.ok_or_else(|| std::io::Error::other("no pipe"))?;
    Ok(Wires { stdin: Box::new(stdin), output, alive: None, terminal: None })
}

async fn drain<R: AsyncRead + Unpin>(
    stream: Option<R>,
    sender: &mpsc::UnboundedSender<Output>,
    wrap: fn(Vec<u8>) -> Output,
) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        if sender.send(wrap(buffer[..n].to_vec())).is_err() {
            // Nobody listens any more, but the child must be able to end.
        }
    }
}
