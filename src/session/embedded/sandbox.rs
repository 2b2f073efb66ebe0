//! A copy-on-write view of this machine, in which commands run as if on a host of their own.
//!
//! The view has its own mount, process, IPC and host name namespaces and an overlay over `/`; it
//! shares the machine's network. What is written goes to a directory that is removed at the end,
//! unless the view is kept. A view that is not kept ends with this process even when that is killed:
//! its process 1 holds the other end of a pipe. What such an end leaves on disk is removed by the
//! next start. It protects the machine from mistakes, not from malice: root inside is root.
//!
//! Limits. Ports are the machine's: what listens inside is reached from outside, and a port in use
//! stays in use. There is no systemd inside: services are started by their init scripts, and, by a
//! `policy-rc.d`, not by installing a package. File systems that cannot be a lower layer (network,
//! FAT) are seen read-only; automounts and FUSE are not seen. As an ordinary user everything in
//! /etc and /var belongs to the view's root, what only root may read is empty or absent, and a
//! package that is installed on the machine cannot be replaced. Without a range of ids (`uidmap`,
//! `/etc/subuid`) no view is made at all: no package could be installed in it.
//!
//! Everything here blocks; call it from `spawn_blocking`.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::sandbox_error::{SandboxError, io};

/// Builds the view and becomes its process 1.
const VIEW: &str = concat!(include_str!("seed.sh"), include_str!("view.sh"));

/// Run in the view before each command: begins where sshd would.
const ENTER: &str = "cd 2>/dev/null || cd /; exec /bin/sh -c \"$1\"";

/// Rights with which root inside could change the machine itself: its network, clock, modules,
/// kernel log and disks.
const WITHHELD: &str = "--bounding-set=-net_admin,-sys_module,-sys_rawio,-sys_time,-syslog,-mknod";

/// How long a view may take to appear or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// By what right a view is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By root, with all user ids.
    Root,
    /// By an ordinary user, in a user namespace with the ids `/etc/subuid` grants.
    User,
}

/// What this machine allows.
#[derive(Debug)]
pub enum Support {
    /// A view can be made, by this right.
    Yes(Mode),
    /// It cannot, and this is what was tried.
    No(SandboxError),
}

/// What was found when a view was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A fresh view.
    New,
    /// A kept view, with its processes still running.
    Running,
    /// A kept view whose processes had ended, for example by a restart of the machine: its files are
    /// as they were (unless they were held in memory), its services are stopped.
    Revived,
}

/// A view of this machine. Dropping it ends it, unless it is kept.
#[derive(Debug)]
pub struct Sandbox {
    directory: PathBuf,
    mode: Mode,
    origin: Origin,
    init: Process,
    /// `None`: kept.
    lease: Option<Lease>,
}

/// What makes a view end with this process.
#[derive(Debug)]
struct Lease {
    /// Process 1 ends when this is closed.
    _pipe: ChildStdin,
    /// `unshare`, which ends with process 1.
    parent: Child,
    /// Locked as long as the view is in use.
    _lock: File,
}

/// A process as the machine sees it, told from a later one with the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    id: u32,
    /// Clock ticks since the machine started.
    started: u64,
}

impl Process {
    fn find(id: u32) -> Option<Process> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut fields = stat.rsplit(')').next()?.split_whitespace();
        let state = fields.next()?;
        let started = fields.nth(18)?.parse().ok()?;
        (state != "Z" && state != "X").then_some(Process { id, started })
    }

    fn alive(&self) -> bool {
        Process::find(self.id).as_ref() == Some(self)
    }

    /// Kills it and waits until it is gone.
    fn kill(&self) -> Result<(), SandboxError> {
        let start = Instant::now();
        while self.alive() {
            // There is no safe call in `std`; the shell has one. It fails when the process has just
            // ended.
            let _ = quiet("/bin/sh")
                .args(["-c", "kill -s KILL \"$1\"", "sh", &self.id.to_string()])
                .status();
            if start.elapsed() > PATIENCE {
                return Err(SandboxError::Stuck { process: self.id });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Sandbox {
    /// Finds out whether a view can be made here, by mounting one and leaving it at once.
    pub fn probe() -> Support {
        let mode = Mode::here();
        let tried = hosts().and_then(|hosts| {
            let _guard = guard(&hosts)?;
            let directory = fresh(&hosts, "probe")?;
            let launched = launch(&directory, &hosts, mode, "probe", "probe");
            discard(&directory, mode)?;
            launched.map(|_| ())
        });
        match tried {
            Ok(()) => Support::Yes(mode),
            Err(error) => Support::No(error),
        }
    }

    /// Opens a view whose host name is `name` (letters, digits and hyphens).
    ///
    /// Without `keep` it is a fresh one, and it ends with the returned value. With `keep` the one
    /// kept under this name is entered, or made if there is none; it goes on after this process has
    /// ended, with its daemons, until [`Sandbox::remove`].
    ///
    /// Views that a killed process left behind are removed first.
    pub fn open(name: &str, keep: bool) -> Result<Sandbox, SandboxError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(SandboxError::Name { name: name.to_owned() });
        }
        let mode = Mode::here();
        let hosts = hosts()?;
        let _guard = guard(&hosts)?;
        sweep(&hosts, mode)?;
        if keep { Sandbox::kept(&hosts, name, mode) } else { Sandbox::leased(&hosts, name, mode) }
    }

    fn leased(hosts: &Path, name: &str, mode: Mode) -> Result<Sandbox, SandboxError> {
        let directory = fresh(hosts, name)?;
        let path = directory.join("lock");
        let lock = File::create(&path).map_err(io("create", &path))?;
        lock.lock().map_err(io("lock", &path))?;
        match launch(&directory, hosts, mode, name, "lease") {
            Ok((init, mut parent)) => {
                let pipe = parent.stdin.take().expect("standard input was piped");
                let lease = Some(Lease { _pipe: pipe, parent, _lock: lock });
                Ok(Sandbox { directory, mode, origin: Origin::New, init, lease })
            }
            Err(error) => {
                discard(&directory, mode)?;
                Err(error)
            }
        }
    }

    fn kept(hosts: &Path, name: &str, mode: Mode) -> Result<Sandbox, SandboxError> {
        let directory = hosts.join(name);
        if let Some(init) = running(&directory) {
            return Ok(Sandbox { directory, mode, origin: Origin::Running, init, lease: None });
        }
        let origin = if directory.exists() { Origin::Revived } else { Origin::New };
        private(&directory)?;
        let launched = launch(&directory, hosts, mode, name, "keep").and_then(|(init, _)| {
            let path = directory.join("kept");
            let line = format!("{} {} {}\n", init.id, init.started, boot());
            fs::write(&path, line).map_err(io("write", &path))?;
            Ok(init)
        });
        match launched {
            Ok(init) => Ok(Sandbox { directory, mode, origin, init, lease: None }),
            Err(error) => {
                if origin == Origin::New {
                    discard(&directory, mode)?;
                }
                Err(error)
            }
        }
    }

    /// Ends the view kept under `name`, if there is one, with its processes and files. True: there
    /// was one.
    pub fn remove(name: &str) -> Result<bool, SandboxError> {
        let hosts = hosts()?;
        let _guard = guard(&hosts)?;
        let directory = hosts.join(name);
        if name.is_empty() || name.contains(['.', '/']) || !directory.is_dir() {
            return Ok(false);
        }
        if let Some(init) = running(&directory) {
            init.kill()?;
        }
        discard(&directory, Mode::here())?;
        Ok(true)
    }

    /// The words to put before a command (for `sh -c`) so that it runs in the view.
    pub fn shell(&self) -> Vec<OsString> {
        let id = self.init.id.to_string();
        let enter = ["nsenter", "--target", &id, "--mount", "--pid", "--ipc", "--uts"];
        let right: &[&str] = match self.mode {
            Mode::Root => &["--", "setpriv", WITHHELD, "--"],
            Mode::User => &["--user", "--"],
        };
        let shell = ["/bin/sh", "-c", ENTER, "sh"];
        enter.iter().chain(right).chain(&shell).map(OsString::from).collect()
    }

    /// Whether it was there before.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// By what right it was made.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Leaves the view: one that is not kept ends, with all its processes, and its files are removed.
    pub fn close(mut self) -> Result<(), SandboxError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), SandboxError> {
        let Some(mut lease) = self.lease.take() else { return Ok(()) };
        self.init.kill()?;
        lease.parent.wait().map_err(io("wait for the end of", &self.directory))?;
        discard(&self.directory, self.mode)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next start.
        let _ = self.end();
    }
}

impl Mode {
    fn here() -> Mode {
        let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        if root { Mode::Root } else { Mode::User }
    }

    /// `unshare` up to its options, for a new user namespace if one is needed.
    fn unshare(self) -> Command {
        let mut command = Command::new("unshare");
        if self == Mode::User {
            command.args(["--user", "--map-root-user", "--map-auto"]);
        }
        command
    }
}

/// Says by what sign this process runs in a container, if it does.
///
/// A container is throw-away already: where no view can be made in one, the machine that a playbook
/// would provision instead is the container.
pub fn container() -> Option<String> {
    for path in ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"] {
        if Path::new(path).exists() {
            return Some(format!("`{path}` exists"));
        }
    }
    if let Ok(environment) = fs::read("/proc/1/environ") {
        let mut variables = environment.split(|&byte| byte == 0);
        if variables.any(|variable| variable.starts_with(b"container=")) {
            return Some("process 1 has the variable `container`".to_owned());
        }
    }
    let groups = fs::read_to_string("/proc/1/cgroup").unwrap_or_default();
    ["/docker", "/lxc", "/kubepods", "libpod"].into_iter().find(|mark| groups.contains(mark)).map(
        |mark| format!("process 1 is in a control group of `{}`", mark.trim_start_matches('/')),
    )
}

/// Where views are kept: `$XDG_STATE_HOME/rprov/hosts` or `~/.local/state/rprov/hosts`.
fn hosts() -> Result<PathBuf, SandboxError> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .ok_or(SandboxError::NoHome)?;
    let hosts = state.join("rprov/hosts");
    private(&hosts)?;
    // What is mounted is compared with this path.
    hosts.canonicalize().map_err(io("resolve", &hosts))
}

fn private(directory: &Path) -> Result<(), SandboxError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(io("create", directory))
}

/// Only one process at a time opens, removes or sweeps views.
fn guard(hosts: &Path) -> Result<File, SandboxError> {
    let path = hosts.join(".lock");
    let file = File::create(&path).map_err(io("create", &path))?;
    file.lock().map_err(io("lock", &path))?;
    Ok(file)
}

/// A directory for a view that is not kept: its name has a dot, which no kept one's has.
fn fresh(hosts: &Path, name: &str) -> Result<PathBuf, SandboxError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = hosts.join(format!("{name}.{}.{number}", std::process::id()));
    private(&directory)?;
    Ok(directory)
}

/// Removes what killed processes left behind.
fn sweep(hosts: &Path, mode: Mode) -> Result<(), SandboxError> {
    for entry in fs::read_dir(hosts).map_err(io("list", hosts))? {
        let path = entry.map_err(io("list", hosts))?.path();
        let leased = path.file_name().is_some_and(|name| {
            let name = name.as_encoded_bytes();
            name.contains(&b'.') && !name.starts_with(b".")
        });
        if !leased {
            continue;
        }
        let in_use = File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_err());
        if !in_use {
            discard(&path, mode)?;
        }
    }
    Ok(())
}

/// Process 1 of the view kept in `directory`, if it runs.
fn running(directory: &Path) -> Option<Process> {
    let text = fs::read_to_string(directory.join("kept")).ok()?;
    let mut words = text.split_whitespace();
    let id = words.next()?.parse().ok()?;
    let started = words.next()?.parse().ok()?;
    let process = Process { id, started };
    (words.next()? == boot() && process.alive()).then_some(process)
}

/// Tells one start of the machine from another.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// Makes the namespaces and waits until the view is there.
fn launch(
    directory: &Path,
    hosts: &Path,
    mode: Mode,
    name: &str,
    lease: &str,
) -> Result<(Process, Child), SandboxError> {
    for part in ["root", "memory"] {
        private(&directory.join(part))?;
    }
    let word = match mode {
        Mode::Root => "root",
        Mode::User => "user",
    };
    let stdin = if lease == "lease" { Stdio::piped() } else { Stdio::null() };
    let mut child = mode
        .unshare()
        .args(["--mount", "--pid", "--ipc", "--uts", "--fork"])
        .args(["/bin/sh", "-c", VIEW, "sh", word, name, lease])
        .arg(hosts)
        .current_dir(directory)
        .process_group(0)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| SandboxError::Tool { tool: "unshare", error })?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(io("read from", directory))?;
    }
    let id = line.strip_prefix("ready ").and_then(|id| id.trim().parse().ok());
    if let Some(init) = id.and_then(Process::find) {
        return Ok((init, child));
    }
    let mut words = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut words).map_err(io("read from", directory))?;
    }
    let status = child.wait().map_err(io("wait for", directory))?;
    if lease == "probe" && status.success() {
        return Ok((Process { id: 0, started: 0 }, child));
    }
    Err(SandboxError::refused(mode, &words))
}

/// Removes a view's files. In a user namespace they belong to ids that only exist there.
fn discard(directory: &Path, mode: Mode) -> Result<(), SandboxError> {
    if mode == Mode::User {
        // What remains is found out below.
        let _ = quiet_of(mode.unshare()).args(["rm", "-rf", "--"]).arg(directory).status();
    }
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io("remove", directory)(error))
        }
        _ => Ok(()),
    }
}

fn quiet(program: &str) -> Command {
    quiet_of(Command::new(program))
}

fn quiet_of(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
