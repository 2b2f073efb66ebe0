//! Proving who we are: agent, key files, password, in an order that spares the server's patience.
//!
//! Servers end a connection after about six refusals, so the keys that were named come first, from
//! the agent or from their files; then what else the agent holds; passwords last.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use russh::{
    MethodKind,
    client::{AuthResult, Handle, KeyboardInteractiveAuthResponse},
    keys::{
        HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey,
        agent::{AgentIdentity, client::AgentClient},
    },
};
use tokio::{net::UnixStream, sync::Mutex};

use super::{
    Client, SshTarget,
    settings::{Methods, Settings},
};
use crate::vars::files::reason;

/// Asks the person for the passphrase of a key file; `None` if there is nobody to ask.
pub type AskPassphrase = Arc<dyn Fn(&Path) -> Option<String> + Send + Sync>;

/// The key files of a run: each is read, and its passphrase asked for, once. Cheap to clone.
#[derive(Clone, Default)]
pub struct Keyring {
    inner: Arc<Ring>,
}

#[derive(Default)]
struct Ring {
    ask: Option<AskPassphrase>,
    /// A key of no file, tried first.
    held: Option<Arc<PrivateKey>>,
    files: Mutex<HashMap<PathBuf, Result<Arc<PrivateKey>, String>>>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

impl PartialEq for Keyring {
    fn eq(&self, other: &Keyring) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Keyring {
    /// A keyring that asks for passphrases with `ask`.
    pub fn new(ask: AskPassphrase) -> Keyring {
        Keyring { inner: Arc::new(Ring { ask: Some(ask), ..Ring::default() }) }
    }

    /// A keyring with a key that is in no file.
    pub fn holding(key: PrivateKey) -> Keyring {
        let held = Some(Arc::new(key));
        Keyring { inner: Arc::new(Ring { held, ..Ring::default() }) }
    }

    /// Hosts that need the same key wait for the one that reads it.
    async fn load(&self, path: &Path, passphrase: Option<&str>) -> Result<Arc<PrivateKey>, String> {
        let mut keys = self.inner.files.lock().await;
        if let Some(known) = keys.get(path) {
            return known.clone();
        }
        let (file, mut ask) = (path.to_owned(), self.inner.ask.clone());
        if let Some(known) = passphrase.map(str::to_owned) {
            ask = Some(Arc::new(move |_: &Path| Some(known.clone())));
        }
        // Deriving a key from a passphrase takes a noticeable time.
        let loaded = tokio::task::spawn_blocking(move || read(&file, ask)).await;
        let loaded = loaded.unwrap_or_else(|why| Err(why.to_string()));
        keys.insert(path.to_owned(), loaded.clone());
        loaded
    }
}

fn read(path: &Path, ask: Option<AskPassphrase>) -> Result<Arc<PrivateKey>, String> {
    let text = std::fs::read_to_string(path).map_err(|why| reason(&why))?;
    decode(&text, || ask.and_then(|ask| ask(path)))
}

fn decode(
    text: &str,
    passphrase: impl FnOnce() -> Option<String>,
) -> Result<Arc<PrivateKey>, String> {
    use russh::keys::Error;
    let encrypted = match russh::keys::decode_secret_key(text, None) {
        Ok(key) => return Ok(Arc::new(key)),
        Err(Error::KeyIsEncrypted) => true,
        Err(Error::SshKey(_)) => text.contains("OPENSSH PRIVATE KEY"),
        Err(why) => return Err(why.to_string()),
    };
    if !encrypted {
        return Err("expected a private key".into());
    }
    let Some(passphrase) = passphrase() else {
        return Err("it is encrypted, and no passphrase was given".into());
    };
    let key = russh::keys::decode_secret_key(text, Some(&passphrase));
    key.map(Arc::new).map_err(|_| "wrong passphrase, or a damaged file".into())
}

/// A key that was named: in a file, or only its public half there.
struct Named {
    path: PathBuf,
    public: Option<PublicKey>,
}

/// The state of an authentication.
struct Attempt<'a> {
    handle: &'a mut Handle<Client>,
    user: &'a str,
    tried: Vec<String>,
    /// The server's last word: what else it would take.
    publickey: bool,
    password: bool,
    interactive: bool,
    /// What we would try.
    methods: Methods,
    passphrase: Option<&'a str>,
    rsa: Option<Option<HashAlg>>,
}

/// Tries everything there is.
///
/// # Errors
/// What was tried, if nothing was accepted.
pub(super) async fn authenticate(
    handle: &mut Handle<Client>,
    target: &SshTarget,
    settings: &Settings,
) -> Result<(), Vec<String>> {
    let mut attempt = Attempt {
        handle,
        user: &settings.user,
        tried: Vec::new(),
        publickey: settings.methods.publickey,
        password: settings.methods.password,
        interactive: settings.methods.interactive,
        methods: settings.methods,
        passphrase: target.passphrase.as_deref(),
        rsa: None,
    };
    if let Some(key) = &target.keyring.inner.held
        && attempt.key("the key of this run".into(), key.clone()).await
    {
        return Ok(());
    }
    if let Some(text) = &target.key {
        // Key files end in a line break; the text of a variable may have lost it.
        let text = format!("{}\n", text.trim());
        let passphrase = target.passphrase.clone();
        let decoded = tokio::task::spawn_blocking(move || decode(&text, || passphrase)).await;
        let what = "the key in `ansible_private_key`".to_owned();
        match decoded.unwrap_or_else(|why| Err(why.to_string())) {
            Ok(key) => {
                if attempt.publickey && attempt.key(what, key).await {
                    return Ok(());
                }
            }
            Err(why) => attempt.tried.push(format!("{what}: {why}")),
        }
    }
    let mut agent = match &settings.agent {
        Some(socket) => match AgentClient::<UnixStream>::connect_uds(socket).await {
            Ok(agent) => Some(agent),
            Err(why) => {
                attempt.tried.push(format!("agent {}: {why}", socket.display()));
                None
            }
        },
        None => None,
    };
    let mut held = match &mut agent {
        Some(agent) => agent.request_identities().await.unwrap_or_default(),
        None => Vec::new(),
    };
    for path in &settings.identities {
        let named = Named { path: path.clone(), public: public_half(path) };
        let same = |identity: &AgentIdentity| {
            let key = named.public.as_ref().map(PublicKey::key_data);
            key == Some(identity.public_key().key_data())
        };
        if let (Some(agent), Some(at)) = (&mut agent, held.iter().position(same)) {
            let identity = held.remove(at);
            if attempt.agent_key(agent, &identity).await {
                return Ok(());
            }
        } else if attempt.key_file(&named.path, &target.keyring, settings.identities_named).await {
            return Ok(());
        }
    }
    if let Some(agent) = &mut agent
        && !settings.identities_only
    {
        for identity in &held {
            if attempt.agent_key(agent, identity).await {
                return Ok(());
            }
        }
    }
    if let Some(password) = &target.password
        && (attempt.password(password).await || attempt.interactive(password).await)
    {
        return Ok(());
    }
    Err(attempt.tried)
}

/// `KEY.pub`, or the key itself if it is not encrypted.
fn public_half(path: &Path) -> Option<PublicKey> {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    russh::keys::load_public_key(PathBuf::from(name))
        .or_else(|_| russh::keys::load_public_key(path))
        .ok()
}

impl Attempt<'_> {
    async fn agent_key(
        &mut self,
        agent: &mut AgentClient<UnixStream>,
        identity: &AgentIdentity,
    ) -> bool {
        if !self.publickey {
            return false;
        }
        let key = identity.public_key().into_owned();
        let fingerprint = key.fingerprint(HashAlg::Sha256);
        let what = format!("agent key {fingerprint} ({})", identity.comment());
        let Some(hash) = self.hash(&key).await else {
            self.tried.push(format!("{what}: the server knows SHA-1 only"));
            return false;
        };
        let result = match identity {
            AgentIdentity::PublicKey { .. } => {
                self.handle.authenticate_publickey_with(self.user, key, hash, agent).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                let certificate = certificate.clone();
                self.handle.authenticate_certificate_with(self.user, certificate, hash, agent).await
            }
        };
        self.heard(what, result)
    }

    async fn key_file(&mut self, path: &Path, keyring: &Keyring, named: bool) -> bool {
        if !self.publickey {
            return false;
        }
        let what = format!("key {}", path.display());
        // A default that is not there is not worth a word.
        if !named && !path.exists() {
            return false;
        }
        let key = match keyring.load(path, self.passphrase).await {
            Ok(key) => key,
            Err(why) => {
                self.tried.push(format!("{what}: {why}"));
                return false;
            }
        };
        let mut certificate = path.as_os_str().to_owned();
        certificate.push("-cert.pub");
        if let Ok(certificate) = russh::keys::load_openssh_certificate(PathBuf::from(certificate)) {
            let result =
                self.handle.authenticate_openssh_cert(self.user, key.clone(), certificate).await;
            if self.heard(format!("{what} with its certificate"), result) {
                return true;
            }
        }
        self.key(what, key).await
    }

    async fn key(&mut self, what: String, key: Arc<PrivateKey>) -> bool {
        let Some(hash) = self.hash(key.public_key()).await else {
            self.tried.push(format!("{what}: the server knows SHA-1 only"));
            return false;
        };
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let result = self.handle.authenticate_publickey(self.user, key).await;
        self.heard(what, result)
    }

    /// The hash to sign with; `None` for an RSA key that could only be used with SHA-1.
    async fn hash(&mut self, key: &PublicKey) -> Option<Option<HashAlg>> {
        if !key.algorithm().is_rsa() {
            return Some(None);
        }
        if self.rsa.is_none() {
            let best = self.handle.best_supported_rsa_hash().await;
            self.rsa = Some(best.unwrap_or_default().unwrap_or(Some(HashAlg::Sha512)));
        }
        self.rsa.flatten().map(Some)
    }

    async fn password(&mut self, password: &str) -> bool {
        if !self.password || self.handle.is_closed() {
            return false;
        }
        let result = self.handle.authenticate_password(self.user, password).await;
        self.heard("password".into(), result)
    }

    /// Answers every hidden question with the password.
    async fn interactive(&mut self, password: &str) -> bool {
        if !self.interactive || self.handle.is_closed() {
            return false;
        }
        let mut reply =
            self.handle.authenticate_keyboard_interactive_start(self.user, None::<String>).await;
        for _ in 0..4 {
            match reply {
                Ok(KeyboardInteractiveAuthResponse::Success) => return true,
                Ok(KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. }) => {
                    let answer = |prompt: &russh::client::Prompt| match prompt.echo {
                        true => String::new(),
                        false => password.to_owned(),
                    };
                    let answers = prompts.iter().map(answer).collect();
                    reply = self.handle.authenticate_keyboard_interactive_respond(answers).await;
                }
                _ => break,
            }
        }
        self.tried.push("keyboard-interactive".into());
        false
    }

    /// Notes the server's answer; whether we are in.
    fn heard<E: fmt::Display>(&mut self, what: String, result: Result<AuthResult, E>) -> bool {
        match result {
            Ok(AuthResult::Success) => return true,
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                let has = |kind| remaining_methods.contains(&kind);
                self.publickey = self.methods.publickey && has(MethodKind::PublicKey);
                self.password = self.methods.password && has(MethodKind::Password);
                self.interactive = self.methods.interactive && has(MethodKind::KeyboardInteractive);
                self.tried.push(match partial_success {
                    true => format!("{what} (accepted, but more is asked for)"),
                    false => what,
                });
            }
            Err(why) => self.tried.push(format!("{what}: {why}")),
        }
        false
    }
}
