//! Who the host says it is, and whether that is so.
//!
//! A certificate of an authority that we trust for the host will do; else its key must be the known
//! one. A host whose key is not right is left before anything about us is said.

use std::sync::Arc;

use russh::{
    Channel,
    client::{self, ChannelOpenHandle, DisconnectReason, Msg, Session},
    keys::{Certificate, HashAlg, PublicKey, PublicKeyOrCertificate},
};

use super::{
    HostKeyChecking, Note,
    known_hosts::{self, KnownHosts, Verdict},
    note, pattern,
    settings::Settings,
};
use crate::session::HostKeyProblem;

/// Judges the host's key, and hears why a connection ends.
pub(super) struct Client {
    pub(super) known: KnownHosts,
    pub(super) settings: Settings,
    /// The only key it may show.
    pub(super) pinned: Option<Arc<PublicKey>>,
    pub(super) problem: Note<HostKeyProblem>,
    /// Its key is another one than before, which was to be accepted.
    pub(super) changed: Note<()>,
    pub(super) end: Note<String>,
    /// What the host says before it lets anybody in: the latest.
    pub(super) banner: Note<String>,
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

    async fn auth_banner(
        &mut self,
        banner: &str,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        note(&self.banner, banner.to_owned());
        Ok(())
    }

    /// The host asks our agent, as `ForwardAgent` allows it to.
    async fn server_channel_open_agent_forward(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        // Dropped, the reply is a refusal.
        let Some(socket) = self.settings.forwarded() else { return Ok(()) };
        let Ok(mut agent) = tokio::net::UnixStream::connect(socket).await else { return Ok(()) };
        reply.accept().await;
        tokio::spawn(async move {
            let mut host = channel.into_stream();
            // Either side may leave at any time.
            let _ = tokio::io::copy_bidirectional(&mut host, &mut agent).await;
        });
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<russh::Error>,
    ) -> Result<(), russh::Error> {
        let (why, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (format!("the server says: {}", info.message), Ok(()))
            }
            DisconnectReason::Error(why) => (super::cause(&why), Err(why)),
        };
        note(&self.end, why);
        result
    }
}

impl Client {
    fn judge(&mut self, key: &PublicKey) -> Result<(), HostKeyProblem> {
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
            Verdict::Changed { .. } if policy == HostKeyChecking::No => {
                // As OpenSSH has it: it may be somebody else, so it gets nothing it could use.
                self.settings.forward_agent = false;
                note(&self.changed, ());
                Ok(())
            }
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
                if policy != HostKeyChecking::Yes {
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
