//! How a host is reached, and how a shell is started on it.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rprov_modules::kit::{System, quote};
use tokio::{io::AsyncWriteExt, time::timeout};

use super::{
    child,
    embedded::EmbeddedHost,
    enter::Enter,
    error::{BecomeProblem, SessionError},
    frame::{self, Nonce},
    hello,
    interrupt::Interrupt,
    privilege::{self, Talk, Turn},
    shell::{PATIENCE, Shell},
    ssh::{Link, SshTarget},
    terminal,
    wires::{Output, Wires},
};
use crate::vars::files::reason;

/// A host, and the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// As the inventory calls it; for messages.
    pub name: String,
    pub transport: Transport,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Transport {
    Ssh(Box<SshTarget>),
    /// This machine, as the user that runs rprov.
    Local,
    /// A container, or a directory that is a system of its own.
    Command(Enter),
}

impl Transport {
    /// The way to a host inside this process.
    pub fn embedded(host: &EmbeddedHost) -> Transport {
        let (key, host_key) = (host.key().clone(), host.host_key().clone());
        Transport::Ssh(Box::new(SshTarget::private(host.address(), host.user(), key, host_key)))
    }
}

/// Acting as another user.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Become {
    pub method: Method,
    pub user: String,
    /// Travels on standard input only, and only when asked for.
    pub password: Option<String>,
    /// The method's program and words of its own behind it. Empty: the method's name.
    pub exe: Vec<String>,
    /// Further words for the method's command, before its own. Default: `-H` for sudo, else none.
    pub flags: Vec<String>,
    /// A directory to be in before sudo is started. Default: where the login begins.
    pub directory: Option<String>,
}

impl Become {
    /// A user and a method, with everything else as it is by default.
    pub fn new(method: Method, user: impl Into<String>) -> Become {
        let (password, exe, flags, directory) = Default::default();
        Become { method, user: user.into(), password, exe, flags, directory }
    }

    /// The program.
    pub(crate) fn name(&self) -> &str {
        let name = match self.method {
            Method::Sudo => "sudo",
            Method::Su => "su",
            Method::Doas => "doas",
            Method::Runuser => "runuser",
        };
        self.exe.first().map_or(name, String::as_str)
    }

    /// The words that start the method, for a shell.
    pub(crate) fn program(&self) -> String {
        match self.exe.is_empty() {
            true => self.name().to_owned(),
            false => self.exe.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "),
        }
    }
}

impl fmt::Debug for Become {
    /// The password is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} to {}", self.method, self.user)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Method {
    #[default]
    Sudo,
    Su,
    Doas,
    Runuser,
}

/// A connection to a host, which any number of shells may share. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    /// `None` for what needs no connection.
    link: Option<Link>,
    system: OnceLock<Arc<System>>,
    trips: AtomicUsize,
    interrupt: OnceLock<Interrupt>,
    /// `sudo` was found to insist on a terminal.
    terminal: AtomicBool,
}

impl Connection {
    /// Connects and authenticates.
    ///
    /// # Errors
    /// The host is out of reach, shows a wrong key, or lets nobody in.
    pub async fn open(target: &Target) -> Result<Connection, SessionError> {
        let link = match &target.transport {
            Transport::Ssh(ssh) => Some(Link::open(&target.name, ssh).await?),
            _ => None,
        };
        let inner = Inner {
            link,
            target: target.clone(),
            system: OnceLock::new(),
            trips: AtomicUsize::new(0),
            interrupt: OnceLock::new(),
            terminal: AtomicBool::new(false),
        };
        Ok(Connection { inner: Arc::new(inner) })
    }

    /// What ends the commands that run over this connection. The first one counts.
    pub fn interrupted_by(&self, interrupt: Interrupt) {
        let _ = self.inner.interrupt.set(interrupt);
    }

    pub(crate) fn interrupt(&self) -> Interrupt {
        self.inner.interrupt.get().cloned().unwrap_or_default()
    }

    /// Starts a shell, as another user if asked to. Keep it: it is not cheap.
    ///
    /// # Errors
    /// The connection is lost, there is no POSIX shell, or the user cannot be had.
    pub async fn shell(&self, other: Option<&Become>) -> Result<Shell, SessionError> {
        let nonce = Nonce::random();
        let known = self.inner.system.get();
        let greeting = frame::greeting(&nonce, &hello::script(known.is_some()));
        let wires;
        let mut said = Vec::new();
        match other {
            None => wires = self.start(frame::START).await?,
            Some(other) => (wires, said) = self.other(other).await?,
        }
        let shell =
            Shell::greet(self.clone(), other.cloned(), wires, nonce, &said, greeting, known)
                .await?;
        let _ = self.inner.system.set(shell.facts().system.clone());
        Ok(shell)
    }

    /// Starts the shell of another user; what that said already.
    async fn other(&self, other: &Become) -> Result<(Wires, Vec<u8>), SessionError> {
        // Command lines can be seen by others: the nonce of the frames stays out of it.
        let door = Nonce::random();
        let line = privilege::command(other, &door);
        let can = matches!(self.inner.target.transport, Transport::Ssh(_));
        let known = self.inner.terminal.load(Ordering::Relaxed) && other.method == Method::Sudo;
        if !(can && (known || privilege::needs_terminal(other))) {
            let mut wires = self.start(&line).await?;
            match self.enter(&mut wires, other, &door).await {
                Err(SessionError::Become { why: BecomeProblem::TerminalMissing, .. }) if can => {
                    self.inner.terminal.store(true, Ordering::Relaxed);
                }
                said => return Ok((wires, said?)),
            }
        }
        let mut wires = self.start_beside_terminal(&line).await?;
        let said = self.enter(&mut wires, other, &door).await?;
        Ok((wires, said))
    }

    /// Starts a command line that has a terminal, but whose streams are pipes.
    async fn start_beside_terminal(&self, line: &str) -> Result<Wires, SessionError> {
        let link = self.inner.link.as_ref().expect("an open connection has a link");
        let name = Nonce::random();
        let mut wires = link.start(self.host(), &terminal::carry(&name), false).await?;
        let ready = terminal::ready(&name);
        let mut said = Vec::new();
        self.count_round_trip();
        while !said.ends_with(ready.as_bytes()) {
            let why = match timeout(PATIENCE, wires.output.recv()).await {
                Ok(Some(Output::Out(bytes) | Output::Err(bytes))) => {
                    said.extend(bytes);
                    continue;
                }
                Ok(Some(Output::End(why))) => why,
                Ok(None) => "it ended at once".to_owned(),
                Err(_) => "no answer".to_owned(),
            };
            let why =
                format!("no pipes beside a terminal: {why}: {}", String::from_utf8_lossy(&said));
            return Err(SessionError::Shell { host: self.host().to_owned(), why });
        }
        let terminal = link.start(self.host(), &terminal::run(&name, line), true).await?;
        wires.terminal = Some(Box::new(terminal));
        Ok(wires)
    }

    /// Talks until the other user's shell is there; what that said already.
    async fn enter(
        &self,
        wires: &mut Wires,
        other: &Become,
        nonce: &Nonce,
    ) -> Result<Vec<u8>, SessionError> {
        let fail = |why| SessionError::Become {
            host: self.host().to_owned(),
            user: other.user.clone(),
            why,
        };
        let ended = |end: Result<BecomeProblem, String>| match end {
            Ok(why) => fail(why),
            Err(why) => SessionError::Shell { host: self.host().to_owned(), why },
        };
        let mut talk = Talk::new(other, nonce);
        self.count_round_trip();
        loop {
            let Wires { output, terminal, .. } = wires;
            let next = async {
                match terminal {
                    None => (false, output.recv().await),
                    Some(terminal) => tokio::select! {
                        said = output.recv() => (false, said),
                        // Its end is not the shell's: that is told by the pipes.
                        Some(said) = terminal.output.recv() => (true, Some(said)),
                    },
                }
            };
            let turn = match timeout(PATIENCE, next).await {
                Ok((true, Some(Output::Out(bytes) | Output::Err(bytes)))) => {
                    talk.hear_terminal(&bytes)
                }
                Ok((true, _)) => Turn::Wait,
                Ok((false, Some(Output::Out(bytes)))) => talk.hear(&bytes, b""),
                Ok((false, Some(Output::Err(bytes)))) => talk.hear(b"", &bytes),
                Ok((false, Some(Output::End(why)))) => return Err(ended(talk.end(&why))),
                Ok((false, None)) => return Err(ended(talk.end("it ended at once"))),
                Err(_) => return Err(ended(talk.end("no answer"))),
            };
            match turn {
                Turn::Wait => {}
                Turn::Ready { rest } => return Ok(rest),
                Turn::Failed(why) => return Err(fail(why)),
                Turn::Password { line, terminal } => {
                    self.count_round_trip();
                    let stdin = match &mut wires.terminal {
                        Some(beside) if terminal => &mut beside.stdin,
                        _ => &mut wires.stdin,
                    };
                    // If it cannot be sent the other end is about to say why.
                    let _ = stdin.write_all(line.as_bytes()).await;
                    let _ = stdin.flush().await;
                }
            }
        }
    }

    /// How many times something was sent and its answer awaited, since the connection stands.
    pub fn round_trips(&self) -> usize {
        self.inner.trips.load(Ordering::Relaxed)
    }

    pub(crate) fn count_round_trip(&self) {
        self.inner.trips.fetch_add(1, Ordering::Relaxed);
    }

    /// How long a shell may take to answer.
    pub(crate) fn patience(&self) -> Duration {
        match &self.inner.target.transport {
            Transport::Command(enter) => enter.patience.unwrap_or(PATIENCE),
            Transport::Ssh(_) | Transport::Local => PATIENCE,
        }
    }

    pub(crate) fn host(&self) -> &str {
        &self.inner.target.name
    }

    /// Starts a command line of the login shell.
    async fn start(&self, line: &str) -> Result<Wires, SessionError> {
        let host = || self.host().to_owned();
        let started = match &self.inner.target.transport {
            Transport::Local => child::start(&["/bin/sh", "-c", line], &[]),
            Transport::Command(enter) => {
                let words = enter.words.iter().map(String::as_str);
                let words: Vec<&str> = words.chain(["/bin/sh", "-c", line]).collect();
                child::start(&words, &enter.environment)
            }
            Transport::Ssh(_) => {
                let link = self.inner.link.as_ref().expect("an open connection has a link");
                return link.start(self.host(), line, false).await;
            }
        };
        started.map_err(|why| {
            let why = match &self.inner.target.transport {
                Transport::Command(enter) if why.kind() == std::io::ErrorKind::NotFound => {
                    format!("there is no program `{}` here", enter.words[0])
                }
                _ => reason(&why),
            };
            SessionError::Unreachable { host: host(), why }
        })
    }
}
