//! SSH, in process: connecting, checking the host's key, shells on channels.
//!
//! Every channel is drained by a task of its own, for an unread channel stalls its connection.
//! Connecting and authenticating have one time limit, ours: the library has none.

mod auth;
mod config;
#[cfg(any(fuzzing, test))]
pub(super) mod fuzz;
mod host_key;
mod known_hosts;
mod options;
mod pattern;
mod proxy;
mod settings;
mod stream;
mod target;
mod tokens;

use std::{
    borrow::Cow,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use russh::{
    ChannelMsg, Preferred, cipher,
    client::{self, Handle},
    keys::Algorithm,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

pub(crate) use self::tokens::local_user;
pub use self::{
    auth::{AskPassphrase, Keyring},
    options::{OptionEffect, ssh_option},
    target::{HostKeyChecking, SshTarget},
};
use self::{
    host_key::Client,
    known_hosts::KnownHosts,
    proxy::ProxyCommand,
    settings::{Family, Proxy, Settings},
};
use super::{
    error::SessionError,
    wires::{Output, Wires},
};
use crate::vars::files::reason;

/// Handshakes at a time: more would only wait for each other, and servers refuse bursts.
static HANDSHAKES: Semaphore = Semaphore::const_new(64);

/// Larger than the library's, or downloads over long lines would wait.
const WINDOW: u32 = 16 << 20;

/// How many hosts that need a proxy may stand behind each other.
const HOPS: usize = 8;

/// Before a host that is out of reach is tried again.
const BETWEEN: Duration = Duration::from_secs(1);

/// An authenticated connection.
pub(crate) struct Link {
    handle: Handle<Client>,
    /// Why it ended.
    end: Note<String>,
    /// The host may ask our agent.
    forward_agent: bool,
    /// What it goes through, kept for as long.
    _through: Through,
}

enum Through {
    Nothing,
    Command { _command: ProxyCommand },
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
        let mut left = target.retries;
        loop {
            match Link::attempt(host, target).await {
                Err(SessionError::Unreachable { .. }) if left > 0 => left -= 1,
                result => return result,
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    async fn attempt(host: &str, target: &SshTarget) -> Result<Link, SessionError> {
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
            let failed = |why: &std::io::Error| unreachable(format!("{place}: {}", reason(why)));
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
            let mut command = None;
            let (stream, through): (Box<dyn Duplex>, Through) = match (via, &settings.proxy) {
                (Some(link), _) => {
                    let port = u32::from(settings.port);
                    let opened = link.handle.channel_open_direct_tcpip(
                        settings.address.as_str(),
                        port,
                        "127.0.0.1",
                        0,
                    );
                    let channel =
                        opened.await.map_err(|why| unreachable(format!("{place}: {why}")))?;
                    (Box::new(channel.into_stream()), Through::Link { _link: Box::new(link) })
                }
                (None, Proxy::Command(line)) => {
                    let (stream, started) = proxy::start(line).map_err(|why| failed(&why))?;
                    command = Some(started);
                    (Box::new(stream), Through::Nothing)
                }
                (None, _) => {
                    let stream = connect(&settings).await.and_then(stream::Prompt::new);
                    (Box::new(stream.map_err(|why| failed(&why))?), Through::Nothing)
                }
            };
            let link = Link::handshake(host, target, &settings, stream, through).await;
            let Some(command) = command else { return link };
            match link {
                Ok(link) => Ok(Link { _through: Through::Command { _command: command }, ..link }),
                Err(SessionError::Unreachable { why, .. }) => {
                    Err(unreachable(match command.last_words().await {
                        Some(said) => format!("{place}: the proxy command says: {said}"),
                        None => format!("{why} (by a proxy command)"),
                    }))
                }
                Err(other) => Err(other),
            }
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
        let (problem, changed, end) = (Note::default(), Note::default(), Note::default());
        let banner: Note<String> = Note::default();
        let config = config(settings, &known);
        let client = Client {
            known,
            settings: settings.clone(),
            pinned: target.host_key.clone(),
            problem: problem.clone(),
            changed: changed.clone(),
            end: end.clone(),
            banner: banner.clone(),
        };
        let connected = client::connect_stream(Arc::new(config), stream, client).await;
        let mut handle = connected.map_err(|why| match noted(&problem) {
            Some(why) => SessionError::HostKey { host: host.to_owned(), why: Box::new(why) },
            None => SessionError::Unreachable {
                host: host.to_owned(),
                why: format!(
                    "{}:{}: {}",
                    settings.address,
                    settings.port,
                    noted(&end).unwrap_or_else(|| cause(&why))
                ),
            },
        })?;
        let changed = noted(&changed).is_some();
        let mut settings = settings.clone();
        if changed {
            settings.forward_agent = false;
            settings.methods.password = false;
            settings.methods.interactive = false;
        }
        match auth::authenticate(&mut handle, target, &settings).await {
            Ok(()) => Ok(Link {
                handle,
                end,
                forward_agent: settings.forwarded().is_some(),
                _through: through,
            }),
            Err(mut tried) => {
                if changed && target.password.is_some() {
                    tried.push("no password, for the host's key is another one than before".into());
                }
                // Who ends the conversation instead of saying no has a reason, and may have told it.
                let said = noted(&banner).filter(|_| handle.is_closed());
                let (host, user) = (host.to_owned(), settings.user);
                Err(SessionError::Authentication { host, user, tried, said: said.map(one_line) })
            }
        }
    }

    /// Starts a command line of the login shell, if need be on a terminal: then errors come with
    /// the output.
    ///
    /// # Errors
    /// The connection is lost, or the server opens no further channel.
    pub(crate) async fn start(
        &self,
        host: &str,
        line: &str,
        terminal: bool,
    ) -> Result<Wires, SessionError> {
        let opened = async {
            let channel = self.handle.channel_open_session().await?;
            if terminal {
                channel.request_pty(false, "dumb", 80, 24, 0, 0, &[]).await?;
            }
            if self.forward_agent {
                channel.agent_forward(false).await?;
            }
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
                    why: noted(&self.end).unwrap_or_else(|| cause(&why)),
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
        Ok(Wires { stdin: Box::new(writer), output, alive: Some(alive), terminal: None })
    }
}

/// The first address that answers, of the family that is wanted.
async fn connect(settings: &Settings) -> std::io::Result<TcpStream> {
    let place = (settings.address.as_str(), settings.port);
    let Some(version) = settings.family else { return TcpStream::connect(place).await };
    let all = tokio::net::lookup_host(place).await?;
    let wanted: Vec<_> = all.filter(|place| place.is_ipv6() == (version == Family::V6)).collect();
    if wanted.is_empty() {
        return Err(std::io::Error::other("it has no address of the family that is wanted"));
    }
    TcpStream::connect(&*wanted).await
}

/// Reads configuration files and may run commands, neither of which may hold up the others.
async fn resolve(target: &SshTarget) -> Result<Settings, SessionError> {
    let target = target.clone();
    let resolved = tokio::task::spawn_blocking(move || Settings::resolve(&target)).await;
    resolved.map_err(|why| SessionError::Config(why.to_string()))?
}

/// The first words of a text, on one line.
fn one_line(text: String) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(200).collect()
}

/// Why a connection ended, in words.
fn cause(why: &russh::Error) -> String {
    match why {
        russh::Error::Disconnect | russh::Error::HUP => "the connection was closed".to_owned(),
        russh::Error::IO(why) if why.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection was closed".to_owned()
        }
        russh::Error::IO(why) => reason(why),
        why => why.to_string(),
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
