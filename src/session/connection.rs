//! How a host is reached, and how a shell is started on it.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use rprov_modules::kit::System;

use super::{
    child,
    error::SessionError,
    frame::{self, Nonce},
    hello,
    shell::Shell,
    wires::Wires,
};

/// A host, and the way to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// As the inventory calls it; for messages.
    pub name: String,
    pub transport: Transport,
}

#[derive(Debug, Clone)]
pub enum Transport {
    /// This machine, as the user that runs rprov.
    Local,
    /// A command that runs `sh`'s words behind its own: `["docker", "exec", "-i", "NAME"]`.
    Command(Vec<String>),
}

/// Acting as another user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Become {
    pub method: Method,
    pub user: String,
    /// Travels on standard input only, and only when asked for.
    pub password: Option<String>,
    /// Further words for the method's command, before its own. Default: none.
    pub flags: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Method {
    #[default]
    Sudo,
    Su,
}

/// A connection to a host, which any number of shells may share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    target: Target,
    system: OnceLock<Arc<System>>,
    trips: AtomicUsize,
}

impl Connection {
    /// Connects and authenticates.
    ///
    /// # Errors
    /// The host is out of reach, shows a wrong key, or lets nobody in.
    pub async fn open(target: &Target) -> Result<Connection, SessionError> {
        let inner = Inner {
            target: target.clone(),
            system: OnceLock::new(),
            trips: AtomicUsize::new(0),
        };
        Ok(Connection { inner: Arc::new(inner) })
    }

    /// Starts a shell, as another user if asked to. Keep it: it is not cheap.
    ///
    /// # Errors
    /// The connection is lost, there is no POSIX shell, or the user cannot be had.
    pub async fn shell(&self, other: Option<&Become>) -> Result<Shell, SessionError> {
        let nonce = Nonce::random();
        let wires = self.start(frame::START)?;
        let known = self.inner.system.get();
        let greeting = frame::greeting(&nonce, &hello::script(known.is_some()));
        let shell = Shell::greet(self.clone(), other.cloned(), wires, nonce, greeting, known).await?;
        let _ = self.inner.system.set(shell.facts().system.clone());
        Ok(shell)
    }

    /// How many times something was sent and its answer awaited, since the connection stands.
    pub fn round_trips(&self) -> usize {
        self.inner.trips.load(Ordering::Relaxed)
    }

    pub(crate) fn count_round_trip(&self) {
        self.inner.trips.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn host(&self) -> &str {
        &self.inner.target.name
    }

    /// Starts a command line of the login shell.
    fn start(&self, line: &str) -> Result<Wires, SessionError> {
        let unreachable =
            |why: std::io::Error| SessionError::Unreachable { host: self.host().into(), why: why.to_string() };
        match &self.inner.target.transport {
            Transport::Local => child::start(&["/bin/sh", "-c", line]).map_err(unreachable),
            Transport::Command(words) => {
                let words = words.iter().map(String::as_str).chain(["/bin/sh", "-c", line]);
                child::start(&words.collect::<Vec<_>>()).map_err(unreachable)
            }
        }
    }
}
