//! Questions a probe may put to a host, and the answers.
//!
//! Asks are values that can be compared: the engine asks equal ones once, merges like ones (one
//! `stat` for a hundred paths), and keeps the answers until a step may have changed the host.

use std::sync::Arc;

use super::facts::PackageManager;
use super::script::Script;

/// A question. Answering it changes nothing on the host, unless it is an [act](Cost::Act).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ask {
    /// What is at `path`; through a final symbolic link if `follow`. Answer: [`Answer::Stat`].
    Stat { path: String, follow: bool },
    /// The content of a regular file (links are followed), unless its SHA-256 (hex) is `unless` or
    /// it is larger than `limit` bytes. Answer: [`Answer::Content`].
    Read { path: String, limit: u64, unless: Option<String> },
    /// The digest of a regular file (links are followed), in hex. Answer: [`Answer::Digest`].
    Digest { path: String, algorithm: Algorithm },
    /// The installed version of a package. Answer: [`Answer::Package`].
    Package { manager: PackageManager, name: String },
    /// A systemd unit (`nginx` means `nginx.service`). Answer: [`Answer::Unit`].
    Unit { name: String },
    /// An account, by name or number. Answer: [`Answer::User`].
    User { name: String },
    /// A group, by name or number. Answer: [`Answer::Group`].
    Group { name: String },
    /// Anything else. Only an act may change the host. Answer: [`Answer::Sh`].
    Sh { script: Script, cost: Cost },
}

impl Ask {
    /// Whether asking it does something.
    pub fn is_act(&self) -> bool {
        matches!(self, Ask::Sh { cost: Cost::Act, .. })
    }
}

/// When a question may be asked, and how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Cost {
    #[default]
    Cheap,
    /// Network access, large digests, slow tools: asked ahead only while nothing changes.
    Costly,
    /// Asking it does something: it sends a form, waits for a port. It is asked in its own task's
    /// turn, after all other questions of the probe, once, and never in check mode. No answer from
    /// before it is used in a later task, and the plan behind it is not verified.
    Act,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// What a host answered: the variant belongs to the ask.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// `None`: nothing is there.
    Stat(Option<Stat>),
    Content(Content),
    /// `None`: no such file, or not a regular one.
    Digest(Option<String>),
    /// `None`: not installed (also: removed but configured).
    Package(Option<String>),
    Unit(Unit),
    User(Option<User>),
    Group(Option<Group>),
    Sh(Reply),
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Stat {
    pub kind: FileKind,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// The owner's name, or its number as text where it has no name.
    pub owner: String,
    /// The group's name, or its number as text where it has no name.
    pub group: String,
    /// In bytes.
    pub size: u64,
    /// Seconds since the epoch.
    pub atime: i64,
    pub mtime: i64,
    pub ctime: i64,
    pub inode: u64,
    pub device: u64,
    pub links: u64,
    /// What a symbolic link says, as it is written in the link.
    pub target: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    File,
    Directory,
    Link,
    Block,
    Character,
    Fifo,
    Socket,
}

/// The answer to [`Ask::Read`].
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Absent,
    /// There is something, but no regular file.
    NotAFile,
    /// Its SHA-256 is the expected one.
    Same,
    Bytes(Arc<[u8]>),
    /// Larger than the limit, and not the expected one. `sha256` in hex.
    Large {
        size: u64,
        sha256: String,
    },
}

/// A systemd unit as `systemctl show` tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// `loaded`, `not-found`, `masked`, … Empty where there is no systemd.
    pub load: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active: String,
    pub sub: String,
    /// `enabled`, `disabled`, `static`, `masked`, `generated`, … Empty if unknown.
    pub file_state: String,
    /// Where the unit is defined; empty for none.
    pub fragment: String,
    /// The unit changed on disk since systemd read it.
    pub needs_reload: bool,
}

/// A line of the passwd database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub comment: String,
    pub home: String,
    pub shell: String,
    /// Names of all groups of the user, the primary one included.
    pub groups: Vec<String>,
}

/// A line of the group database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// What a script left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// Exit status; 128 + N when ended by signal N.
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Reply {
    pub fn ok(&self) -> bool {
        self.status == 0
    }

    /// Standard output as text; bytes that are not UTF-8 become U+FFFD.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are not UTF-8 become U+FFFD.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Lines of standard output.
    pub fn lines(&self) -> Vec<String> {
        self.out().lines().map(str::to_owned).collect()
    }
}

impl Unit {
    pub fn exists(&self) -> bool {
        !matches!(self.load.as_str(), "" | "not-found")
    }

    pub fn is_active(&self) -> bool {
        matches!(self.active.as_str(), "active" | "activating" | "reloading")
    }

    pub fn is_enabled(&self) -> bool {
        matches!(
            self.file_state.as_str(),
            "enabled" | "enabled-runtime" | "alias" | "static" | "indirect"
        )
    }
}
