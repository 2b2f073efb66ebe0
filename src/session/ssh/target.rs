//! What is asked for when a host is reached by SSH; the rest comes from ssh_config.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use russh::keys::{PrivateKey, PublicKey};

use super::auth::Keyring;

/// A host that is reached by SSH. What is not said here is looked up in ssh_config.
#[derive(Clone, PartialEq)]
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
    /// The text of a private key, tried before all files.
    pub key: Option<String>,
    /// Of `key` and of the files of `identities`.
    pub passphrase: Option<String>,
    /// How often a host that is out of reach is tried again. Default: 0.
    pub retries: u32,
    /// The one key the host may show, whatever else is known of it.
    pub host_key: Option<Arc<PublicKey>>,
    /// As `-o` of the ssh command, the first value of each counting.
    pub(super) options: Vec<(String, String)>,
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
    /// The same, and accept a changed key; then no password is sent, and no agent lent.
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
            key: None,
            passphrase: None,
            retries: 0,
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
