//! SSH, in process: connecting, checking the host's key, shells on channels.
//!
//! Every channel is drained by a task of its own, for an unread channel stalls its connection.
//! Connecting and authenticating have one time limit, ours: the library has none.

mod auth;
mod config;
mod known_hosts;
mod pattern;
mod settings;
mod stream;
mod tokens;

use std::{
    borrow::Cow,
    fmt,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use russh::{
    ChannelMsg, Preferred, cipher,
    client::{self, DisconnectReason, Handle},
    keys::{Algorithm, Certificate, HashAlg, PrivateKey, PublicKey, PublicKeyOrCertificate},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    process::{Child, Command},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

pub use self::auth::{AskPassphrase, Keyring};
use self::{
    known_hosts::{KnownHosts, Verdict},
    settings::{Proxy, Settings},
};
use super::{
    error::{HostKeyProblem, SessionError},
    wires::{Output, Wires},
};

/// A host that is reached by SSH. What is not said here is looked up in ssh_config.
#[derive(Clone)]
pub struct SshTarget {
    /// Name or address, or a `Host` of ssh_config.
    pub address: String,
    /// Default: 22.
    pub port: Option<u16>,
    /// Default: the local user.
    pub user: Option<String>,
    pub password: Option<String>,
    /// Private key files, tried first. Default: `~/.ssh/id_rsa`, `id_ecdsa`, `id_ed25519`.
    pub identities: Vec<PathBuf>,
    /// Default: [`HostKeyChecking::Yes`].
    pub host_key_checking: Option<HostKeyChecking>,
    /// The only configuration file; `none` for none. Default: the user's and the system's.
    pub config: Option<PathBuf>,
    /// For connecting and authenticating together.
    pub connect_timeout: Duration,
    pub keyring: Keyring,
    /// The one key the host may show, whatever else is known of it.
    pub host_key: Option<Arc<PublicKey>>,
    /// As `-o` of the ssh command, the first value of each counting.
    options: Vec<(String, String)>,
}

/// What to do with a host whose key is not known. A key that changed is refused but by `No`, a
/// revoked one always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostKeyChecking {
    /// Refuse it.
    #[default]
    Yes,
    /// Accept it and remember it.
    AcceptNew,
    /// Accept any key.
    No,
}

impl SshTarget {
    /// The default limit for connecting and authenticating, unless ssh_config has another.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// A host with everything as ssh_config or OpenSSH has it.
    pub fn new(address: impl Into<String>) -> SshTarget {
        SshTarget {
            address: address.into(),
            port: None,
            user: None,
            password: None,
            identities: Vec::new(),
            host_key_checking: None,
            config: None,
            connect_timeout: SshTarget::CONNECT_TIMEOUT,
            keyring: Keyring::default(),
            host_key: None,
            options: Vec::new(),
        }
    }

    /// A host that is let in by one key and known by another, both in memory: no file is looked at.
    pub fn private(
        address: SocketAddr,
        user: impl Into<String>,
        key: PrivateKey,
        host_key: PublicKey,
    ) -> SshTarget {
        let mut target = SshTarget::new(address.ip().to_string());
        target.port = Some(address.port());
        target.user = Some(user.into());
        target.keyring = Keyring::holding(key);
        target.host_key = Some(Arc::new(host_key));
        target.config = Some("none".into());
        target.option("IdentityAgent", "none");
        target.option("IdentityFile", "none");
        target
    }

    /// Sets an option as `-o NAME=VALUE` does. Options that mean nothing here are ignored.
    pub fn option(&mut self, name: &str, value: &str) {
        self.options.push((name.to_owned(), value.to_owned()));
    }
}

impl fmt::Debug for SshTarget {
    /// The password is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}:{:?}", self.user, self.address, self.port)
    }
}

/// Handshakes at a time: more would only wait for each other, and servers refuse bursts.
static HANDSHAKES: Semaphore = Semaphore::const_new(64);

/// Larger than the library's, or downloads over long lines would wait.
const WINDOW: u32 = 16 << 20;

/// How many hosts that need a proxy may stand behind each other.
const HOPS: usize = 8;

/// An authenticated connection.
pub(crate) struct Link {
    handle: Handle<Client>,
    /// Why it ended.
    end: Note<String>,
    /// What it goes through, kept for as long.
    _through: Through,
}

enum Through {
    Nothing,
    Child { _child: Child },
    Link { _link: Box<Link> },
}

/// Bytes both ways.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

type Note<T> = Arc<Mutex<Option<T>>>;

fn note<T>(place: &Note<T>, value: T) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

fn noted<T: Clone>(place: &Note<T>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Link {
    /// Connects, checks the host's key, authenticates. `host` is its name for messages.
    ///
    /// # Errors
    /// The host is out of reach, shows a wrong key, or does not let us in.
    pub(crate) async fn open(host: &str, target: &SshTarget) -> Result<Link, SessionError> {
        let _permit = HANDSHAKES.acquire().await;
        let settings = resolve(target).await?;
        let limit = settings.connect_timeout;
        let place = format!("{}:{}", settings.address, settings.port);
        match timeout(limit, Link::reach(host, target, settings, None, 0)).await {
            Ok(result) => result,
            Err(_) => {
                let why = format!("no answer from {place} within {} s", limit.as_secs_f32());
                Err(SessionError::Unreachable { host: host.into(), why })
            }
        }
    }

    /// Connects through `via`, or else by the host's own proxy.
    fn reach<'a>(
        host: &'a str,
        target: &'a SshTarget,
        settings: Settings,
        via: Option<Link>,
        depth: usize,
    ) -> Pin<Box<dyn Future<Output = Result<Link, SessionError>> + Send + 'a>> {
        Box::pin(async move {
            let unreachable =
                |why: String| SessionError::Unreachable { host: host.to_owned(), why };
            let place = format!("{}:{}", settings.address, settings.port);
            let failed = |why: &dyn fmt::Display| unreachable(format!("{place}: {why}"));
            if depth > HOPS {
                return Err(unreachable("its jump hosts lead in a circle".into()));
            }
            let mut via = via;
            if let (None, Proxy::Jump(hops)) = (&via, &settings.proxy) {
                for hop in hops {
                    let target = settings::jump_target(hop, target);
                    let settings = resolve(&target).await?;
                    via = Some(Link::reach(hop, &target, settings, via, depth + 1).await?);
                }
            }
            let (stream, through): (Box<dyn Duplex>, Through) = match (via, &settings.proxy) {
                (Some(link), _) => {
                    let port = u32::from(settings.port);
                    let opened = link.handle.channel_open_direct_tcpip(
                        settings.address.as_str(),
                        port,
                        "127.0.0.1",
                        0,
                    );
                    let channel = opened.await.map_err(|why| failed(&why))?;
                    (Box::new(channel.into_stream()), Through::Link { _link: Box::new(link) })
                }
                (None, Proxy::Command(command)) => {
                    let (stream, child) = piped(command).map_err(|why| failed(&why))?;
                    (stream, Through::Child { _child: child })
                }
                (None, _) => {
                    let place = (settings.address.as_str(), settings.port);
                    let stream = TcpStream::connect(place).await.and_then(stream::Prompt::new);
                    (Box::new(stream.map_err(|why| failed(&why))?), Through::Nothing)
                }
            };
            Link::handshake(host, target, &settings, stream, through).await
        })
    }

    async fn handshake(
        host: &str,
        target: &SshTarget,
        settings: &Settings,
        stream: Box<dyn Duplex>,
        through: Through,
    ) -> Result<Link, SessionError> {
        let known = KnownHosts::load(&settings.known_hosts);
        let (problem, end) = (Note::default(), Note::default());
        let config = config(settings, &known);
        let client = Client {
            known,
            settings: settings.clone(),
            pinned: target.host_key.clone(),
            problem: problem.clone(),
            end: end.clone(),
        };
        let connected = client::connect_stream(Arc::new(config), stream, client).await;
        let mut handle = connected.map_err(|why| match noted(&problem) {
            Some(why) => SessionError::HostKey { host: host.to_owned(), why: Box::new(why) },
            None => SessionError::Unreachable {
                host: host.to_owned(),
                why: noted(&end).unwrap_or_else(|| why.to_string()),
            },
        })?;
        match auth::authenticate(&mut handle, target, settings).await {
            Ok(()) => Ok(Link { handle, end, _through: through }),
            Err(tried) => Err(SessionError::Authentication {
                host: host.to_owned(),
                user: settings.user.clone(),
                tried,
            }),
        }
    }

    /// Starts a command line of the login shell.
    ///
    /// # Errors
    /// The connection is lost, or the server opens no further channel.
    pub(crate) async fn start(&self, host: &str, line: &str) -> Result<Wires, SessionError> {
        let opened = async {
            let channel = self.handle.channel_open_session().await?;
            channel.exec(true, line).await?;
            Ok::<_, russh::Error>(channel)
        };
        let channel = opened.await.map_err(|why| {
            let host = host.to_owned();
            match why {
                russh::Error::ChannelOpenFailure(why) => {
                    let why = format!("the server opens no channel ({why:?})");
                    SessionError::Shell { host, why }
                }
                why => SessionError::Lost {
                    host,
                    why: noted(&self.end).unwrap_or_else(|| why.to_string()),
                    done: Vec::new(),
                    unknown: false,
                },
            }
        })?;
        let (mut from, to) = channel.split();
        let (sender, output) = mpsc::unbounded_channel();
        let (alive, dropped) = oneshot::channel::<()>();
        let writer = to.make_writer();
        let end = self.end.clone();
        tokio::spawn(async move {
            let mut status = None;
            loop {
                // A child in the background may hold the channel after the shell's end.
                let next = match status {
                    None => from.wait().await,
                    Some(_) => timeout(Duration::from_secs(1), from.wait()).await.unwrap_or(None),
                };
                let _ = match next {
                    Some(ChannelMsg::Data { data }) => sender.send(Output::Out(data.to_vec())),
                    Some(ChannelMsg::ExtendedData { data, .. }) => {
                        sender.send(Output::Err(data.to_vec()))
                    }
                    Some(ChannelMsg::ExitStatus { exit_status }) => {
                        status = Some(format!("the shell ended with status {exit_status}"));
                        Ok(())
                    }
                    Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                        status = Some(format!("the shell was ended by signal {signal_name:?}"));
                        Ok(())
                    }
                    Some(ChannelMsg::Failure) => {
                        status = Some("the server refuses to run commands".into());
                        Ok(())
                    }
                    Some(ChannelMsg::Close) | None => break,
                    Some(_) => Ok(()),
                };
            }
            let why = status.or_else(|| noted(&end));
            let _ = sender.send(Output::End(why.unwrap_or_else(|| "connection closed".into())));
        });
        tokio::spawn(async move {
            let _ = dropped.await;
            let _ = to.eof().await;
        });
        Ok(Wires { stdin: Box::new(writer), output, alive: Some(alive) })
    }
}

/// Reads configuration files and may run commands, neither of which may hold up the others.
async fn resolve(target: &SshTarget) -> Result<Settings, SessionError> {
    let target = target.clone();
    let resolved = tokio::task::spawn_blocking(move || Settings::resolve(&target)).await;
    resolved.map_err(|why| SessionError::Config(why.to_string()))?
}

/// The standard input and output of a command.
fn piped(command: &str) -> std::io::Result<(Box<dyn Duplex>, Child)> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec {command}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    match (child.stdout.take(), child.stdin.take()) {
        (Some(stdout), Some(stdin)) => Ok((Box::new(tokio::io::join(stdout, stdin)), child)),
        _ => Err(std::io::Error::other("no pipes")),
    }
}

fn config(settings: &Settings, known: &KnownHosts) -> client::Config {
    let (name, port) = (&settings.name, settings.known_port);
    let wanted = known.algorithms(name, port);
    // No signatures with SHA-1; and first what the host is known by.
    let mut keys = Preferred::DEFAULT.key.to_vec();
    keys.retain(|key| *key != Algorithm::Rsa { hash: None });
    keys.sort_by_key(|key| {
        let name = if key.clone().is_rsa() { "ssh-rsa" } else { key.as_str() };
        !wanted.contains(&name)
    });
    let certificates = match known.authorities(name, port).is_empty() {
        true => Vec::new(),
        false => keys.clone(),
    };
    let mut ciphers = Preferred::DEFAULT.cipher.to_vec();
    ciphers.sort_by_key(|name| *name != cipher::AES_256_GCM);
    client::Config {
        preferred: Preferred {
            key: Cow::Owned(keys),
            host_key_certificates: Cow::Owned(certificates),
            cipher: Cow::Owned(ciphers),
            ..Preferred::DEFAULT
        },
        window_size: WINDOW,
        keepalive_interval: Some(settings.keepalive).filter(|interval| !interval.is_zero()),
        keepalive_max: settings.keepalives,
        nodelay: true,
        ..client::Config::default()
    }
}

/// Judges the host's key, and hears why a connection ends.
struct Client {
    known: KnownHosts,
    settings: Settings,
    pinned: Option<Arc<PublicKey>>,
    problem: Note<HostKeyProblem>,
    end: Note<String>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        if let Some(certificate) = key.certificate()
            && self.vouched(certificate)
        {
            return Ok(true);
        }
        match self.judge(&key.public_key()) {
            Ok(()) => Ok(true),
            Err(problem) => {
                note(&self.problem, problem);
                Ok(false)
            }
        }
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<russh::Error>,
    ) -> Result<(), russh::Error> {
        let (why, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (format!("the server says: {}", info.message), Ok(()))
            }
            DisconnectReason::Error(why) => (why.to_string(), Err(why)),
        };
        note(&self.end, why);
        result
    }
}

impl Client {
    fn judge(&self, key: &PublicKey) -> Result<(), HostKeyProblem> {
        let (name, port) = (&self.settings.name, self.settings.known_port);
        let bytes = key.to_bytes().unwrap_or_default();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let algorithm = key.algorithm().to_string();
        let policy = self.settings.host_key_checking;
        if let Some(pinned) = &self.pinned {
            if pinned.key_data() == key.key_data() {
                return Ok(());
            }
            let known = pinned.fingerprint(HashAlg::Sha256).to_string();
            let place = "made for this run".into();
            return Err(HostKeyProblem::Changed { algorithm, fingerprint, known, place });
        }
        match self.known.check(name, port, &bytes) {
            Verdict::Known => Ok(()),
            Verdict::Revoked { place } => Err(HostKeyProblem::Revoked { fingerprint, place }),
            _ if policy == HostKeyChecking::No => Ok(()),
            Verdict::Changed { known, place } => {
                let known = PublicKey::from_bytes(&known);
                let known = known.map_or_else(
                    |_| "another key".into(),
                    |key| key.fingerprint(HashAlg::Sha256).to_string(),
                );
                Err(HostKeyProblem::Changed { algorithm, fingerprint, known, place })
            }
            Verdict::Unknown => {
                let add = known_hosts::line(name, port, &algorithm, &bytes);
                let file = self.settings.known_hosts.first();
                if policy == HostKeyChecking::AcceptNew {
                    // A file that cannot be written is no reason not to connect.
                    let _ = file.map(|file| known_hosts::append(file, &add));
                    return Ok(());
                }
                let file = file.map_or_else(String::new, |file| file.display().to_string());
                Err(HostKeyProblem::Unknown { algorithm, fingerprint, file, add })
            }
        }
    }

    /// Whether an authority that we trust for this host certifies its key.
    fn vouched(&self, certificate: &Certificate) -> bool {
        let (name, port) = (self.settings.name.as_str(), self.settings.known_port);
        let trusted = self.known.authorities(name, port);
        let trusted = trusted
            .iter()
            .filter_map(|key| PublicKey::from_bytes(key).ok())
            .map(|key| key.fingerprint(HashAlg::Sha256))
            .collect::<Vec<_>>();
        let key = PublicKey::new(certificate.public_key().clone(), "");
        let bytes = key.to_bytes().unwrap_or_default();
        let revoked = matches!(self.known.check(name, port, &bytes), Verdict::Revoked { .. });
        let principals = certificate.valid_principals();
        let name = name.to_lowercase();
        let named = principals.is_empty()
            || principals.iter().any(|principal| pattern::glob(principal, &name));
        !revoked
            && named
            && certificate.cert_type().is_host()
            && certificate.validate(&trusted).is_ok()
    }
}
