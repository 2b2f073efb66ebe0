//! One command behind one channel: its process group, its streams and its end.
//!
//! Output is read only as fast as the client takes it. Input is queued without limit, because SSH's
//! window cannot be withheld here and a queue that blocks would block the answers as well. The exit
//! status is sent when the command ends, end of file and close when nothing holds its output any
//! more, as sshd does. When the connection goes the whole process group is killed.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use russh::server::Msg;
use russh::{ChannelWriteHalf, Sig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};

use super::counters::Link;

/// The input of a running command; dropping it is end of file.
pub(super) type Input = mpsc::UnboundedSender<Bytes>;

/// How a process is started, apart from the command itself.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// Program and arguments before the command.
    pub(super) shell: Vec<OsString>,
    /// The whole environment.
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: PathBuf,
}

/// Starts `command` and forwards its streams until it has ended or `gone` has no sender any more.
pub(super) fn start(
    surroundings: &Surroundings,
    command: &OsStr,
    channel: Arc<ChannelWriteHalf<Msg>>,
    handle: russh::server::Handle,
    link: Arc<Link>,
    gone: watch::Receiver<()>,
) -> std::io::Result<Input> {
    let mut child = spawn(surroundings, command)?;
    let (input, queue) = mpsc::unbounded_channel();
    if let Some(stdin) = child.stdin.take() {
        tokio::spawn(feed(stdin, queue));
    }
    tokio::spawn(run(child, channel, handle, link, gone));
    Ok(input)
}

fn spawn(surroundings: &Surroundings, command: &OsStr) -> std::io::Result<Child> {
    let mut words = surroundings.shell.iter().map(OsString::as_os_str).chain([command]);
    let mut process = Command::new(words.next().unwrap_or(command));
    process
        .args(words)
        .env_clear()
        .envs(surroundings.environment.iter().cloned())
        .current_dir(&surroundings.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Writes what arrives; a command that no longer reads gets the rest thrown away.
async fn feed(mut stdin: ChildStdin, mut queue: mpsc::UnboundedReceiver<Bytes>) {
    while let Some(data) = queue.recv().await {
        if stdin.write_all(&data).await.is_err() {
            break;
        }
    }
}

async fn run(
    mut child: Child,
    channel: Arc<ChannelWriteHalf<Msg>>,
    handle: russh::server::Handle,
    link: Arc<Link>,
    mut gone: watch::Receiver<()>,
) {
    let group = child.id();
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let streams = async {
        tokio::join!(
            forward(stdout, None, &channel, &link),
            forward(stderr, Some(1), &channel, &link)
        )
    };
    let ended = async {
        let status = child.wait().await;
        report(status, &channel, &handle, &link).await;
    };
    tokio::select! {
        _ = async { tokio::join!(streams, ended) } => {
            // Nobody is left to tell when these fail.
            if link.answer(0) {
                let _ = channel.eof().await;
                let _ = channel.close().await;
            }
        }
        _ = gone.changed() => {
            if let Some(group) = group {
                kill_group(group).await;
            }
        }
    }
    let _ = child.wait().await;
}

async fn forward(
    stream: Option<impl AsyncRead + Unpin>,
    extension: Option<u32>,
    channel: &ChannelWriteHalf<Msg>,
    link: &Link,
) {
    let Some(mut stream) = stream else { return };
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(32 * 1024);
        let read = stream.read_buf(&mut buffer).await.unwrap_or(0);
        if read == 0 || !link.answer(read) {
            return;
        }
        let data = buffer.split().freeze();
        let sent = match extension {
            None => channel.data_bytes(data).await,
            Some(extension) => channel.extended_data_bytes(extension, data).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn report(
    status: std::io::Result<std::process::ExitStatus>,
    channel: &ChannelWriteHalf<Msg>,
    handle: &russh::server::Handle,
    link: &Link,
) {
    if !link.answer(0) {
        return;
    }
    // Nobody is left to tell when these fail.
    match status.as_ref().ok().and_then(ExitStatusExt::signal) {
        Some(signal) => {
            let name = signal_name(signal);
            let message = format!("killed by signal {signal}");
            let _ =
                handle.exit_signal_request(channel.id(), name, false, message, String::new()).await;
        }
        None => {
            let code = status.ok().and_then(|status| status.code()).unwrap_or(255);
            let _ = channel.exit_status(code as u32).await;
        }
    }
}

fn signal_name(number: i32) -> Sig {
    match number {
        1 => Sig::HUP,
        2 => Sig::INT,
        3 => Sig::QUIT,
        4 => Sig::ILL,
        6 => Sig::ABRT,
        8 => Sig::FPE,
        9 => Sig::KILL,
        11 => Sig::SEGV,
        13 => Sig::PIPE,
        14 => Sig::ALRM,
        15 => Sig::TERM,
        other => Sig::Custom(other.to_string()),
    }
}

/// Kills a whole process group. The shell's `kill` does it: there is no safe call in `std`.
async fn kill_group(group: u32) {
    let killed = Command::new("/bin/sh")
        .args(["-c", "kill -s KILL -- \"-$1\"", "sh", &group.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // It fails when the group has ended by itself.
    let _ = killed.await;
}
