//! One SSH connection to the embedded server: who may come in, and what a channel may ask for.
//!
//! Only session channels with `exec` or `shell` are served; a pseudo-terminal is refused, so that a
//! client falls back to plain pipes. No callback waits for a command: the connection never stalls.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use bytes::Bytes;
use russh::keys::PublicKey;
use russh::server::VerifiedPublicKey;
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Pty};
use tokio::sync::watch;

use super::command::{self, Input, Surroundings};
use super::counters::Link;
use super::server::{Refuse, ServerOptions};

/// Channels one connection may have open, sshd's `MaxSessions`.
const MAX_SESSIONS: usize = 10;

struct Slot {
    channel: Arc<ChannelWriteHalf<Msg>>,
    environment: Vec<(OsString, OsString)>,
    started: bool,
    /// While the client may still write.
    input: Option<Input>,
}

pub(super) struct Connection {
    options: Arc<ServerOptions>,
    link: Arc<Link>,
    client: SocketAddr,
    server: SocketAddr,
    slots: HashMap<ChannelId, Slot>,
    /// Dropped with the connection, which kills what still runs.
    alive: watch::Sender<()>,
}

impl Connection {
    pub(super) fn new(
        options: Arc<ServerOptions>,
        link: Arc<Link>,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Connection {
        let alive = watch::Sender::new(());
        Connection { options, link, client, server, slots: HashMap::new(), alive }
    }

    fn knows(&self, user: &str, key: &PublicKey) -> bool {
        user == self.options.user
            && self.options.authorised_keys.iter().any(|known| known.key_data() == key.key_data())
    }

    /// The environment sshd gives to a command.
    fn environment(&self, slot: &Slot) -> Vec<(OsString, OsString)> {
        let options = &self.options;
        let (client, server) = (self.client, self.server);
        let ports = format!("{} {} {}", client.ip(), client.port(), server.port());
        let ends = format!("{} {} {} {}", client.ip(), client.port(), server.ip(), server.port());
        let mut path = OsString::new();
        if let Some(prefix) = &options.path_prefix {
            path.push(prefix);
            path.push(":");
        }
        path.push(if options.user == "root" {
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        } else {
            "/usr/local/bin:/usr/bin:/bin:/usr/games"
        });
        let mut all = slot.environment.clone();
        all.extend([
            ("USER".into(), options.user.clone().into()),
            ("LOGNAME".into(), options.user.clone().into()),
            ("HOME".into(), options.home.clone().into()),
            ("SHELL".into(), "/bin/sh".into()),
            ("PATH".into(), path),
            ("SSH_CLIENT".into(), ports.into()),
            ("SSH_CONNECTION".into(), ends.into()),
        ]);
        all
    }

    fn exec(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.link.question(0);
        let refused = self.options.refuse == Some(Refuse::Commands);
        let Some(slot) = self.slots.get(&id).filter(|slot| !slot.started && !refused) else {
            return self.reply(id, false, session);
        };
        let surroundings = Surroundings {
            shell: self.options.shell.clone(),
            environment: self.environment(slot),
            directory: self.options.directory.clone(),
        };
        let started = command::start(
            &surroundings,
            OsStr::from_bytes(command),
            Arc::clone(&slot.channel),
            session.handle(),
            Arc::clone(&self.link),
            self.alive.subscribe(),
        );
        let Ok(input) = started else { return self.reply(id, false, session) };
        self.link.command();
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.started = true;
            slot.input = Some(input);
        }
        self.reply(id, true, session)
    }

    fn reply(&self, id: ChannelId, yes: bool, session: &mut Session) -> Result<(), russh::Error> {
        match (self.link.answer(0), yes) {
            (false, _) => Ok(()),
            (true, true) => session.channel_success(id),
            (true, false) => session.channel_failure(id),
        }
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(if self.knows(user, offer.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        self.link.authentication();
        Ok(if self.knows(user, key.public_key) { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.link.authentication();
        let right = user == self.options.user && Some(password) == self.options.password.as_deref();
        Ok(if right { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.link.question(0);
        if !self.link.answer(0) {
            return Ok(());
        }
        if self.options.refuse == Some(Refuse::Channels) || self.slots.len() >= MAX_SESSIONS {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        }
        self.link.channel();
        // Input comes through the callbacks below; a reading half that nobody reads would stall
        // the connection.
        let (_, write) = channel.split();
        let channel = Arc::new(write);
        let slot = Slot { channel, environment: Vec::new(), started: false, input: None };
        self.slots.insert(slot.channel.id(), slot);
        reply.accept().await;
        Ok(())
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.link.question(0);
        // Debian's sshd_config: AcceptEnv LANG LC_*
        let accepted = name == "LANG" || name.starts_with("LC_");
        if let Some(slot) = self.slots.get_mut(&id).filter(|_| accepted) {
            slot.environment.push((name.into(), value.into()));
        }
        self.reply(id, accepted, session)
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.link.question(0);
        self.reply(id, false, session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.link.question(0);
        self.reply(id, false, session)
    }

    async fn shell_request(
        &mut self,
        id: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.exec(id, b"exec /bin/sh", session)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.exec(id, command, session)
    }

    async fn data(
        &mut self,
        id: ChannelId,
        data: &[u8],
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.link.question(data.len());
        if let Some(input) = self.slots.get(&id).and_then(|slot| slot.input.as_ref()) {
            // A command that has ended reads no more.
            let _ = input.send(Bytes::copy_from_slice(data));
        }
        self.link.question_handed_on();
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        id: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(slot) = self.slots.get_mut(&id) {
            // What is queued is still written.
            slot.input = None;
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        id: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.slots.remove(&id);
        Ok(())
    }
}
