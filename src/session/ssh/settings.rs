//! From wishes to settings: what a target asks for, then ssh_config, then the defaults.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    HostKeyChecking, SshTarget,
    config::{self, Options, Subject},
    tokens::{self, Tokens},
};
use crate::session::SessionError;

/// How a host is really reached.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) identities: Vec<PathBuf>,
    /// Whether they were asked for: then a missing file is worth a word.
    pub(crate) identities_named: bool,
    /// Whether other keys of the agent are left alone.
    pub(crate) identities_only: bool,
    pub(crate) agent: Option<PathBuf>,
    pub(crate) host_key_checking: HostKeyChecking,
    /// What the host is called in known_hosts files.
    pub(crate) name: String,
    /// Without its port, if it has a name of its own there.
    pub(crate) known_port: u16,
    /// New keys are added to the first.
    pub(crate) known_hosts: Vec<PathBuf>,
    pub(crate) connect_timeout: Duration,
    pub(crate) keepalive: Duration,
    pub(crate) keepalives: usize,
    pub(crate) proxy: Proxy,
    /// Default: either.
    pub(crate) family: Option<Family>,
    /// Ways to prove who we are that may be tried.
    pub(crate) methods: Methods,
    /// Whether the host may ask our agent.
    pub(crate) forward_agent: bool,
}

/// The kind of address to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Methods {
    pub(crate) publickey: bool,
    pub(crate) password: bool,
    pub(crate) interactive: bool,
}

/// What stands between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proxy {
    None,
    /// A command whose standard input and output are the connection.
    Command(String),
    /// Hosts to go through, in order, as `[user@]host[:port]`.
    Jump(Vec<String>),
}

impl Settings {
    /// The agent that the host may ask.
    pub(crate) fn forwarded(&self) -> Option<&PathBuf> {
        self.agent.as_ref().filter(|_| self.forward_agent)
    }

    /// Reads the files, and may run commands that they name: blocks.
    ///
    /// # Errors
    /// A file that makes no sense.
    pub(crate) fn resolve(target: &SshTarget) -> Result<Settings, SessionError> {
        let (local_user, home) = tokens::local_user();
        let subject = Subject { host: &target.address, local_user: &local_user, home: &home };
        let mut options = Options::default();
        if let Some(port) = target.port {
            options.set("port", &port.to_string());
        }
        if let Some(user) = &target.user {
            options.set("user", user);
        }
        for identity in &target.identities {
            options.set("identityfile", &identity.to_string_lossy().replace('%', "%%"));
        }
        for (name, value) in &target.options {
            options.set(name, value);
        }
        let files = match &target.config {
            Some(file) if file.as_os_str() == "none" => vec![],
            Some(file) if !file.exists() => {
                let why = format!("there is no configuration file `{}`", file.display());
                return Err(SessionError::Config(why));
            }
            Some(file) => vec![file.clone()],
            None => vec![home.join(".ssh/config"), "/etc/ssh/ssh_config".into()],
        };
        config::read(&mut options, &subject, &files)?;
        let tokens = Tokens::new(&options, &subject);
        from_options(target, &options, &tokens, &home).map_err(|why| {
            SessionError::Config(format!("ssh options for `{}`: {why}", target.address))
        })
    }
}

fn from_options(
    target: &SshTarget,
    options: &Options,
    tokens: &Tokens,
    home: &Path,
) -> Result<Settings, String> {
    let paths = |name: &str, default: &[&str]| -> Result<Vec<PathBuf>, String> {
        let words = options.get(name).map(|text| text.split_whitespace().collect());
        let words: Vec<&str> = words.unwrap_or_else(|| default.to_vec());
        let some = words.into_iter().filter(|word| *word != "none");
        some.map(|word| tokens.path(word)).collect()
    };
    let mut known_hosts =
        paths("userknownhostsfile", &["~/.ssh/known_hosts", "~/.ssh/known_hosts2"])?;
    let global = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
    known_hosts.extend(paths("globalknownhostsfile", &global)?);
    let named = !options.identities.is_empty();
    let identities = match named {
        true => {
            let some = options.identities.iter().filter(|file| *file != "none");
            some.map(|file| tokens.path(file)).collect::<Result<_, _>>()?
        }
        false => {
            ["id_rsa", "id_ecdsa", "id_ed25519"].map(|name| home.join(".ssh").join(name)).to_vec()
        }
    };
    let checking = match target.host_key_checking {
        Some(checking) => checking,
        None => match options.get("stricthostkeychecking") {
            // There is nobody to ask.
            None | Some("yes" | "true" | "ask") => HostKeyChecking::Yes,
            Some("accept-new") => HostKeyChecking::AcceptNew,
            Some("no" | "off" | "false") => HostKeyChecking::No,
            Some(other) => {
                return Err(format!("expected `yes`, `accept-new` or `no`, found `{other}`"));
            }
        },
    };
    let port = tokens.port.parse();
    let alias = options.get("hostkeyalias");
    let port = port.map_err(|_| format!("expected a port, found `{}`", tokens.port))?;
    let agent = match options.get("identityagent") {
        Some("none") => None,
        None | Some("SSH_AUTH_SOCK") => agent_socket("SSH_AUTH_SOCK"),
        Some(text) => match text.strip_prefix('$') {
            Some(name) if !name.starts_with('{') => agent_socket(name),
            _ => Some(tokens.path(text)?),
        },
    };
    let timeout = seconds(options, "connecttimeout")?.filter(|limit| !limit.is_zero());
    Ok(Settings {
        address: tokens.hostname.clone(),
        port,
        user: tokens.user.clone(),
        identities,
        identities_named: named,
        identities_only: matches!(options.get("identitiesonly"), Some("yes" | "true")),
        agent,
        host_key_checking: checking,
        name: alias.unwrap_or(&tokens.hostname).to_owned(),
        known_port: if alias.is_some() { 22 } else { port },
        known_hosts,
        connect_timeout: match target.connect_timeout == SshTarget::CONNECT_TIMEOUT {
            true => timeout.unwrap_or(SshTarget::CONNECT_TIMEOUT),
            false => target.connect_timeout,
        },
        keepalive: seconds(options, "serveraliveinterval")?.unwrap_or(Duration::from_secs(15)),
        keepalives: match options.get("serveralivecountmax") {
            Some(text) => text.parse().map_err(|_| format!("expected a number, found `{text}`"))?,
            None => 3,
        },
        proxy: proxy(options, tokens)?,
        family: match options.get("addressfamily") {
            None | Some("any") => None,
            Some("inet") => Some(Family::V4),
            Some("inet6") => Some(Family::V6),
            Some(other) => return Err(format!("expected `inet` or `inet6`, found `{other}`")),
        },
        methods: methods(options),
        forward_agent: matches!(options.get("forwardagent"), Some("yes" | "true")),
    })
}

/// What is not turned off, and among the preferred if there are such.
fn methods(options: &Options) -> Methods {
    let may = |option: &str, name: &str| {
        let preferred = options.get("preferredauthentications");
        !matches!(options.get(option), Some("no" | "false"))
            && preferred.is_none_or(|list| list.split(',').any(|one| one.trim() == name))
    };
    Methods {
        publickey: may("pubkeyauthentication", "publickey"),
        password: may("passwordauthentication", "password"),
        interactive: may("kbdinteractiveauthentication", "keyboard-interactive"),
    }
}

fn agent_socket(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|socket| !socket.is_empty()).map(PathBuf::from)
}

fn proxy(options: &Options, tokens: &Tokens) -> Result<Proxy, String> {
    let given = |name| options.get(name).filter(|text| !text.eq_ignore_ascii_case("none"));
    if let Some(jump) = given("proxyjump") {
        let hosts = jump.split(',').map(|host| tokens.expand(host.trim()));
        return Ok(Proxy::Jump(hosts.collect::<Result<_, _>>()?));
    }
    Ok(match given("proxycommand") {
        Some(command) => Proxy::Command(tokens.expand(command)?),
        None => Proxy::None,
    })
}

/// A span as ssh_config writes it: seconds, or `1h30m`.
fn seconds(options: &Options, name: &str) -> Result<Option<Duration>, String> {
    let Some(text) = options.get(name).filter(|text| *text != "none") else { return Ok(None) };
    let bad = || format!("expected a time, found `{text}`");
    let (mut total, mut number) = (0u64, None::<u64>);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let so_far = number.unwrap_or(0).checked_mul(10).ok_or_else(bad)?;
            number = Some(so_far + u64::from(digit));
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(bad()),
        };
        total += number.take().ok_or_else(bad)?.checked_mul(unit).ok_or_else(bad)?;
    }
    Ok(Some(Duration::from_secs(total + number.unwrap_or(0))))
}

/// A jump host: `[user@]host[:port]`, or the same as an `ssh://` address.
pub(crate) fn jump_target(text: &str, last: &SshTarget) -> SshTarget {
    let text = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, text),
    };
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        // More than one colon is an address of the new kind.
        None if place.matches(':').count() > 1 => (place, None),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let mut target = SshTarget::new(host);
    target.user = user;
    target.port = port.and_then(|port| port.parse().ok());
    target.config.clone_from(&last.config);
    target.keyring = last.keyring.clone();
    target.host_key_checking = last.host_key_checking;
    target
}
