//! The embedded SSH server: real SSH on a loopback port, with commands run by this process.
//!
//! It serves the demo host and the tests alike. Connections are independent; stopping the server
//! ends all of them and kills their commands. Nothing outside loopback can reach it.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::{MethodKind, MethodSet};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::connection::Connection;
use super::counters::{Counters, Cut, Link};
use super::delay;

/// Faults a test may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuse {
    /// Connections are accepted but never get a byte.
    Greeting,
    /// Authentication succeeds, but no channel can be opened.
    Channels,
    /// Channels open, but `exec` and `shell` are refused.
    Commands,
}

/// How a server is set up. `Default` lets nobody in: give a key or a password.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The host's key. Default: a new ed25519 key.
    pub host_key: Option<PrivateKey>,
    /// Keys that open the door. Default: none.
    pub authorised_keys: Vec<PublicKey>,
    /// The password that opens the door. Default: none, and the method is not offered.
    pub password: Option<String>,
    /// The only account there is; any other is refused. Default: `$USER`, or `root`. Commands run
    /// as the user of this process whatever the name.
    pub user: String,
    /// `HOME` of commands. Default: `$HOME`, or `/`.
    pub home: PathBuf,
    /// Working directory in which the shell is started. Default: as `home`.
    pub directory: PathBuf,
    /// The words before the command. Default: `/bin/sh -c`.
    pub shell: Vec<OsString>,
    /// A directory put first in `PATH`, for a stand-in `sudo` and the like.
    pub path_prefix: Option<PathBuf>,
    /// Added to every round trip, half in each direction, whatever the amount of data. Default: 0.
    pub delay: Duration,
    /// Where to cut a connection. Default: nowhere.
    pub cut: Option<Cut>,
    /// What to refuse. Default: nothing.
    pub refuse: Option<Refuse>,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        let home = std::env::var_os("HOME").map_or_else(|| "/".into(), PathBuf::from);
        ServerOptions {
            host_key: None,
            authorised_keys: Vec::new(),
            password: None,
            user: std::env::var("USER").unwrap_or_else(|_| "root".to_owned()),
            directory: home.clone(),
            home,
            shell: vec!["/bin/sh".into(), "-c".into()],
            path_prefix: None,
            delay: Duration::ZERO,
            cut: None,
            refuse: None,
        }
    }
}

/// A running server. Dropping it ends every connection; `stop` also waits for them to end.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    host_key: PublicKey,
    counters: Arc<Counters>,
    links: Links,
    accepting: JoinHandle<()>,
}

/// Connections that may be open.
#[derive(Clone, Default)]
struct Links(Arc<Mutex<Vec<Weak<Link>>>>);

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links")
    }
}

impl Links {
    fn add(&self, link: &Arc<Link>) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(link));
    }

    fn hang_up(&self) {
        for link in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(link) = link.upgrade() {
                link.hang_up();
            }
        }
    }
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// Must be called within a tokio runtime. Fails when no port can be had.
    pub async fn start(mut options: ServerOptions) -> std::io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let host_key = match options.host_key.take() {
            Some(key) => key,
            None => new_key()?,
        };
        let public = host_key.public_key().clone();
        let mut methods = MethodSet::empty();
        if !options.authorised_keys.is_empty() || options.password.is_none() {
            methods.push(MethodKind::PublicKey);
        }
        if options.password.is_some() {
            methods.push(MethodKind::Password);
        }
        let config = Arc::new(russh::server::Config {
            methods,
            keys: vec![host_key],
            auth_rejection_time: Duration::ZERO,
            max_auth_attempts: 6,
            inactivity_timeout: None,
            nodelay: true,
            ..russh::server::Config::default()
        });
        let counters = Arc::new(Counters::default());
        let links = Links::default();
        let listening = Listening {
            config,
            options: Arc::new(options),
            counters: Arc::clone(&counters),
            cut_done: Arc::default(),
            links: links.clone(),
        };
        let accepting = tokio::spawn(listening.accept(listener));
        Ok(Server { address, host_key: public, counters, links, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The public half of the host's key.
    pub fn host_key(&self) -> &PublicKey {
        &self.host_key
    }

    /// What was seen so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Cuts every open connection abruptly; new ones are still accepted.
    pub fn cut(&self) {
        self.links.hang_up();
    }

    /// Ends every connection and waits until they are gone.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // Aborted on purpose: there is no result.
        let _ = (&mut self.accepting).await;
        self.links.hang_up();
        while self
            .links
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|link| link.strong_count() > 0)
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        self.links.hang_up();
    }
}

/// A new ed25519 key, for one run.
pub fn new_key() -> std::io::Result<PrivateKey> {
    PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(std::io::Error::other)
}

struct Listening {
    config: Arc<russh::server::Config>,
    options: Arc<ServerOptions>,
    counters: Arc<Counters>,
    cut_done: Arc<AtomicBool>,
    links: Links,
}

impl Listening {
    async fn accept(self, listener: TcpListener) {
        let mut waiting = JoinSet::new();
        loop {
            // An error here concerns one client that has gone again, or a lack of descriptors.
            match listener.accept().await {
                Ok((socket, client)) => {
                    // A client that breaks the protocol only ends its own connection.
                    let _ = self.serve(socket, client, &mut waiting);
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn serve(
        &self,
        socket: TcpStream,
        client: SocketAddr,
        greetings: &mut JoinSet<()>,
    ) -> std::io::Result<()> {
        socket.set_nodelay(true)?;
        let server = socket.local_addr()?;
        let half = self.options.delay / 2;
        let socket = socket.into_std()?;
        let second = socket.try_clone()?;
        let socket = TcpStream::from_std(socket)?;
        let (stream, sent): (Box<dyn Stream>, _) = if half.is_zero() {
            (Box::new(socket), None)
        } else {
            let (stream, sent) = delay::line(socket, half);
            (Box::new(stream), Some(sent))
        };
        let cut = (self.options.cut, &self.cut_done);
        let link = Arc::new(Link::new(&self.counters, cut, half, sent, second));
        self.links.add(&link);
        let silent = self.options.refuse == Some(Refuse::Greeting);
        let config = Arc::clone(&self.config);
        let connection = Connection::new(Arc::clone(&self.options), link, client, server);
        while greetings.try_join_next().is_some() {}
        greetings.spawn(async move {
            if silent {
                let _held = (stream, connection);
                return std::future::pending().await;
            }
            if let Ok(session) = russh::server::run_stream(config, stream, connection).await {
                // How a connection ended is the client's business.
                let _ = session.await;
            }
        });
        Ok(())
    }
}

trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Stream for T {}
