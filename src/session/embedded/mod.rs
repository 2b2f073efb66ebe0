//! The embedded host: an SSH server inside this process, before a copy-on-write view of this machine.
//!
//! It is the demo's host and the test server in one, so that what both exercise is the path a real
//! host takes. Its keys are made for one run and never written anywhere.

mod command;
mod connection;
mod counters;
mod delay;
mod sandbox;
mod sandbox_error;
mod server;

use std::net::SocketAddr;
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};

pub use counters::{Counters, Cut};
pub use sandbox::{Mode, Origin, Sandbox, Support, container};
pub use sandbox_error::SandboxError;
pub use server::{Refuse, Server, ServerOptions, new_key};

/// What an embedded host is to be.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Its host name, and the name it is kept under.
    pub name: String,
    /// Whether it outlives this process. Default: no.
    pub keep: bool,
    /// Added to every round trip. Default: none.
    pub delay: Duration,
}

impl HostOptions {
    /// A host that ends with this process.
    pub fn new(name: impl Into<String>) -> HostOptions {
        HostOptions { name: name.into(), keep: false, delay: Duration::ZERO }
    }
}

/// A host inside this process, reached by SSH: connect to `address` as `user` with `key`.
///
/// Dropping it does what `stop` does, but blocks.
#[derive(Debug)]
pub struct EmbeddedHost {
    server: Server,
    sandbox: Sandbox,
    key: PrivateKey,
}

impl EmbeddedHost {
    /// Opens the view and serves it. Must be called within a tokio runtime.
    pub async fn start(options: HostOptions) -> Result<EmbeddedHost, SandboxError> {
        let HostOptions { name, keep, delay } = options;
        let sandbox = blocking(move || Sandbox::open(&name, keep)).await?;
        let serve = async {
            let key = new_key()?;
            let server = Server::start(ServerOptions {
                authorised_keys: vec![key.public_key().clone()],
                user: EmbeddedHost::USER.to_owned(),
                home: "/root".into(),
                directory: "/".into(),
                shell: sandbox.shell(),
                delay,
                ..ServerOptions::default()
            });
            Ok((key, server.await?))
        };
        let (key, server) = serve.await.map_err(|error| SandboxError::Server { error })?;
        Ok(EmbeddedHost { server, sandbox, key })
    }

    /// The account to log in as. In a user namespace, too, it is root of the view.
    pub const USER: &'static str = "root";

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The account to log in as.
    pub fn user(&self) -> &'static str {
        EmbeddedHost::USER
    }

    /// The one key that is let in.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The host's public key, to be expected by the client.
    pub fn host_key(&self) -> &PublicKey {
        self.server.host_key()
    }

    /// What the server saw so far.
    pub fn counters(&self) -> &Counters {
        self.server.counters()
    }

    /// Whether the view was there before.
    pub fn origin(&self) -> Origin {
        self.sandbox.origin()
    }

    /// By what right the view was made.
    pub fn mode(&self) -> Mode {
        self.sandbox.mode()
    }

    /// Ends every connection, then the view unless it is kept, and waits until all is gone.
    pub async fn stop(self) -> Result<(), SandboxError> {
        let EmbeddedHost { server, sandbox, key: _ } = self;
        server.stop().await;
        blocking(move || sandbox.close()).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, SandboxError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(SandboxError::Server { error: std::io::Error::other(error) }),
    }
}
