//! SSH, in process: connecting, checking the host's key, shells on channels.
//!
//! Every channel is drained by a task of its own, for an unread channel stalls its connection.
//! Connecting and authenticating have one time limit, ours: the library has none.

mod auth;
mod known_hosts;
mod pattern;
mod stream;

use std::{
    borrow::Cow,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use russh::{
    ChannelMsg, Preferred, cipher,
    client::{self, DisconnectReason, Handle},
    keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate},
};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

pub use self::auth::{AskPassphrase, Keyring};
use self::known_hosts::{KnownHosts, Verdict};
use super::{
    error::{HostKeyProblem, SessionError},
    wires::{Output, Wires},
};

/// A host that is reached by SSH.
#[derive(Clone)]
pub struct SshTarget {
    /// Name or address.
    pub address: String,
    /// Default: 22.
    pub port: u16,
    pub user: String,
    /// Private key files, in the order in which they are tried.
    pub identities: Vec<PathBuf>,
    /// Whether the identities were asked for, rather than being the usual ones: then a missing
    /// file is worth a word. Default: false.
    pub identities_named: bool,
    /// Do not try keys of the agent that are not among the identities. Default: false.
    pub identities_only: bool,
    /// The agent's socket. Default: that of `SSH_AUTH_SOCK`.
    pub agent: Option<PathBuf>,
    pub password: Option<String>,
    pub keyring: Keyring,
    /// Default: [`HostKeyChecking::Yes`].
    pub host_key_checking: HostKeyChecking,
    /// What the host is called in known_hosts files. Default: its address.
    pub host_key_alias: Option<String>,
    /// Files with host keys; new keys are added to the first.
    pub known_hosts: Vec<PathBuf>,
    /// For connecting and authenticating together. Default: 10 s.
    pub connect_timeout: Duration,
    /// A silent host is asked for a sign of life this often, and given up after three times.
    /// Default: 15 s.
    pub keepalive: Duration,
}

impl fmt::Debug for SshTarget {
    /// The password is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.address, self.port)
    }
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
    /// A host with everything as OpenSSH has it by default.
    pub fn new(address: impl Into<String>, user: impl Into<String>) -> SshTarget {
        let ssh = std::env::home_dir().unwrap_or_default().join(".ssh");
        SshTarget {
            address: address.into(),
            port: 22,
            user: user.into(),
            identities: ["id_rsa", "id_ecdsa", "id_ed25519"].map(|name| ssh.join(name)).to_vec(),
            identities_named: false,
            identities_only: false,
            agent: std::env::var_os("SSH_AUTH_SOCK").filter(|s| !s.is_empty()).map(PathBuf::from),
            password: None,
            keyring: Keyring::default(),
            host_key_checking: HostKeyChecking::Yes,
            host_key_alias: None,
            known_hosts: vec![
                ssh.join("known_hosts"),
                ssh.join("known_hosts2"),
                "/etc/ssh/ssh_known_hosts".into(),
            ],
            connect_timeout: Duration::from_secs(10),
            keepalive: Duration::from_secs(15),
        }
    }
}

/// Handshakes at a time: more would only wait for each other, and servers refuse bursts.
static HANDSHAKES: Semaphore = Semaphore::const_new(64);

/// Larger than the library's, or downloads over long lines would wait.
const WINDOW: u32 = 16 << 20;

/// An authenticated connection.
pub(crate) struct Link {
    handle: Handle<Client>,
    /// Why it ended.
    end: Note<String>,
}

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
        let limit = target.connect_timeout;
        match timeout(limit, Link::handshake(host, target)).await {
            Ok(result) => result,
            Err(_) => Err(SessionError::Unreachable {
                host: host.into(),
                why: format!(
                    "no answer from {}:{} within {} s",
                    target.address,
                    target.port,
                    limit.as_secs_f32()
                ),
            }),
        }
    }

    async fn handshake(host: &str, target: &SshTarget) -> Result<Link, SessionError> {
        let unreachable = |why: String| SessionError::Unreachable { host: host.to_owned(), why };
        let place = (target.address.as_str(), target.port);
        let stream = TcpStream::connect(place).await.and_then(stream::Prompt::new);
        let stream = stream
            .map_err(|why| unreachable(format!("{}:{}: {why}", target.address, target.port)))?;
        let known = KnownHosts::load(&target.known_hosts);
        let (problem, end) = (Note::default(), Note::default());
        let config = config(target, &known);
        let client =
            Client { known, target: target.clone(), problem: problem.clone(), end: end.clone() };
        let connected = client::connect_stream(Arc::new(config), stream, client).await;
        let mut handle = connected.map_err(|why| match noted(&problem) {
            Some(problem) => {
                SessionError::HostKey { host: host.to_owned(), why: Box::new(problem) }
            }
            None => unreachable(noted(&end).unwrap_or_else(|| why.to_string())),
        })?;
        match auth::authenticate(&mut handle, target).await {
            Ok(()) => Ok(Link { handle, end }),
            Err(tried) => Err(SessionError::Authentication {
                host: host.to_owned(),
                user: target.user.clone(),
                tried,
            }),
        }
    }

    /// Starts a command line of the login shell.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn start(&self, line: &str) -> Result<Wires, String> {
        let opened = async {
            let channel = self.handle.channel_open_session().await?;
            channel.exec(true, line).await?;
            Ok::<_, russh::Error>(channel)
        };
        let channel =
            opened.await.map_err(|why| noted(&self.end).unwrap_or_else(|| why.to_string()))?;
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

fn config(target: &SshTarget, known: &KnownHosts) -> client::Config {
    let name = target.host_key_alias.as_deref().unwrap_or(&target.address);
    let wanted = known.algorithms(name, target.port);
    // No signatures with SHA-1; and first what the host is known by.
    let mut keys = Preferred::DEFAULT.key.to_vec();
    keys.retain(|key| *key != Algorithm::Rsa { hash: None });
    keys.sort_by_key(|key| {
        let name = if key.clone().is_rsa() { "ssh-rsa" } else { key.as_str() };
        !wanted.contains(&name)
    });
    let certificates = match known.authorities(name, target.port).is_empty() {
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
        keepalive_interval: Some(target.keepalive).filter(|interval| !interval.is_zero()),
        keepalive_max: 3,
        nodelay: true,
        ..client::Config::default()
    }
}

/// Judges the host's key, and hears why a connection ends.
struct Client {
    known: KnownHosts,
    target: SshTarget,
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
    fn name(&self) -> &str {
        self.target.host_key_alias.as_deref().unwrap_or(&self.target.address)
    }

    fn judge(&self, key: &PublicKey) -> Result<(), HostKeyProblem> {
        let port = self.target.port;
        let bytes = key.to_bytes().unwrap_or_default();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let algorithm = key.algorithm().to_string();
        let policy = self.target.host_key_checking;
        match self.known.check(self.name(), port, &bytes) {
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
                let add = known_hosts::line(self.name(), port, &algorithm, &bytes);
                let file = self.target.known_hosts.first();
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
        let trusted = self.known.authorities(self.name(), self.target.port);
        let trusted = trusted
            .iter()
            .filter_map(|key| PublicKey::from_bytes(key).ok())
            .map(|key| key.fingerprint(HashAlg::Sha256))
            .collect::<Vec<_>>();
        let key = PublicKey::new(certificate.public_key().clone(), "");
        let bytes = key.to_bytes().unwrap_or_default();
        let revoked = matches!(
            self.known.check(self.name(), self.target.port, &bytes),
            Verdict::Revoked { .. }
        );
        let principals = certificate.valid_principals();
        let name = self.name().to_lowercase();
        let named = principals.is_empty()
            || principals.iter().any(|principal| pattern::glob(principal, &name));
        !revoked
            && named
            && certificate.cert_type().is_host()
            && certificate.validate(&trusted).is_ok()
    }
}
