//! The user's editor as a process: which one, how it is told to leave no copies, and signals.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::config::{Config, EDITOR};
use crate::source::Diagnostic;
use crate::vars::files::reason;

/// How long an editor may take to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(2);

/// What vim would write elsewhere: swap files, backups, undo files and registers.
const VIM: [&str; 5] =
    ["-n", "-i", "NONE", "-c", "silent! set nobackup nowritebackup noundofile viminfo="];

/// How the editor ended.
pub(super) enum Ended {
    Well,
    /// By itself, but not well: the user gave up, or it could not start.
    Badly(ExitStatus),
    /// Because rprov was told to end; by which signal.
    Interrupted(&'static str),
}

/// The signals that end rprov. Made before anything private is, so that none of them comes between.
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Opens a file in this editor and waits for its end. An interrupt is the editor's business,
    /// as the terminal sends it to both; the others end it.
    ///
    /// # Errors
    /// When there is no editor.
    pub(super) async fn edit(&mut self, name: &str, file: &Path) -> Result<Ended, Diagnostic> {
        let words = words(name)?;
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(quiet(&words[0]))
            .arg(file)
            .spawn()
            .map_err(|error| {
                Diagnostic::error(format!("cannot run the editor `{name}`: {}", reason(&error)))
                    .help("set VISUAL or EDITOR to the one you use")
            })?;
        loop {
            tokio::select! {
                status = child.wait() => {
                    return status
                        .map(|status| match status.success() {
                            true => Ended::Well,
                            false => Ended::Badly(status),
                        })
                        .map_err(|error| Diagnostic::error(format!("cannot wait for `{name}`: {error}")));
                }
                _ = self.interrupt.recv() => {}
                _ = self.quit.recv() => {}
                _ = self.terminate.recv() => {
                    end(&mut child, Signal::TERM).await;
                    return Ok(Ended::Interrupted("SIGTERM"));
                }
                _ = self.hang_up.recv() => {
                    end(&mut child, Signal::HUP).await;
                    return Ok(Ended::Interrupted("SIGHUP"));
                }
            }
        }
    }
}

/// Tells the editor to end, and makes it.
async fn end(child: &mut Child, signal: Signal) {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) {
        let _ = kill_process(pid, signal);
    }
    if timeout(PATIENCE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// The editor's command line: `$VISUAL`, or what the settings say, to which `$EDITOR` belongs.
pub(super) fn editor(config: &Config) -> String {
    let visual = std::env::var("VISUAL").ok().filter(|value| !value.trim().is_empty());
    visual.or_else(|| config.text(&EDITOR).map(str::to_owned)).unwrap_or_else(|| "vi".to_owned())
}

fn words(text: &str) -> Result<Vec<String>, Diagnostic> {
    match shlex::split(text).filter(|words| !words.is_empty()) {
        Some(words) => Ok(words),
        None => Err(Diagnostic::error(format!("the editor `{text}` is no command line"))
            .help("set VISUAL or EDITOR to the one you use")),
    }
}

/// What keeps this editor from writing copies elsewhere.
fn quiet(program: &str) -> &'static [&'static str] {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = match program.contains('/') {
        true => Some(program.into()),
        false => {
            std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file())
        }
    };
    // `vi` may be vim, or something that does not know these words.
    let real = found.and_then(|path| path.canonicalize().ok());
    let name = real.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    match name.starts_with("vim") || name.starts_with("nvim") {
        true => &VIM,
        false => &[],
    }
}
