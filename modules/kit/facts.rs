//! What is known about a host and the user we act as, before the first task.

use std::{collections::BTreeMap, sync::Arc};

/// Learnt from the first answer of a shell, and immutable during a play.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub system: Arc<System>,
    /// The account the shell runs as (after become).
    pub user: String,
    pub uid: u32,
    pub gid: u32,
    /// Its home directory.
    pub home: String,
}

/// The same for every user of the host.
#[derive(Debug, Clone, Default)]
pub struct System {
    /// `ID` of /etc/os-release: `debian`, `ubuntu`, `alpine`, …
    pub id: String,
    /// `ID_LIKE`, word by word.
    pub id_like: Vec<String>,
    /// `VERSION_ID`, e.g. `12`.
    pub version: String,
    /// `VERSION_CODENAME`, e.g. `bookworm`.
    pub codename: String,
    /// `uname -m`, e.g. `x86_64`.
    pub architecture: String,
    /// `uname -n`.
    pub hostname: String,
    /// `uname -r`.
    pub kernel: String,
    pub package_manager: Option<PackageManager>,
    pub service_manager: ServiceManager,
    /// Home directories by account, from /etc/passwd.
    pub homes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackageManager {
    Apt,
    Dnf,
    Apk,
    Zypper,
    Pacman,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServiceManager {
    Systemd,
    OpenRc,
    /// Scripts in /etc/init.d.
    #[default]
    SysV,
}

impl Facts {
    /// A path parameter as Ansible reads it: `~`, `~user` and `$HOME` at its start expanded.
    pub fn path(&self, path: &str) -> String {
        for home in ["$HOME", "${HOME}"] {
            match path.strip_prefix(home) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                    return format!("{}{rest}", self.home.trim_end_matches('/'));
                }
                _ => {}
            }
        }
        self.expand(path)
    }

    /// Expands a leading `~` or `~user`. An account made later than the facts is not known here:
    /// its path is returned as it is.
    pub fn expand(&self, path: &str) -> String {
        let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
        let (user, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let home = match user {
            "" => Some(&self.home),
            user => self.system.homes.get(user),
        };
        match home {
            Some(home) => format!("{}{tail}", home.trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}
