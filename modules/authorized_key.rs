//! `authorized_key`: who may log in to an account with an SSH key.
//!
//! Other lines of the file stay as they are, byte for byte.
//!
//! ```yaml
//! - authorized_key:
//!     user: deploy
//!     key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAvvmgjmtqzLH4hBKg9hUdlVoYlh0Y2JhYmFiYWJhYmFi ann@laptop
//! - authorized_key:
//!     user: deploy
//!     key: https://git.example.org/ann.keys
//!     key_options: no-port-forwarding,from="10.0.0.0/8"
//!     exclusive: true
//! ```

use serde_json::Value;

use crate::attributes::{Attributes, split};
use crate::command::yes;
use crate::content::{Found, Writing};
use crate::download::download;
use crate::file::MAKE_DIRECTORY;
use crate::kit::{
    Content, Deserialize, Diff, Facts, JsonSchema, Mode, Module, Plan, Presence, Probe, Refusal,
    Result, Stat, Step, User, read, sh, stat, user,
};
use crate::text_file::{self, Edit, lines};

/// Adds SSH keys to an account's `authorized_keys`, or removes them.
///
/// `register` gets `user`, `key`, `keyfile`, `state`, `exclusive` and the other parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizedKey {
    /// The account. Required.
    user: String,
    /// Public keys, one in a line, options before them allowed; or a URL (`http://`, `https://`,
    /// fetched by the host) or `file:///PATH` (a file of the host) with such lines. Required.
    key: String,
    /// `present`: the keys are there. `absent`: they are not. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// The file. Default: `.ssh/authorized_keys` in the account's home directory.
    path: Option<String>,
    /// Give the file's directory to the account with mode 0700, when the file is written. Set it to
    /// false if `path` is in a directory of somebody else. Default: true.
    #[serde(default = "yes")]
    manage_dir: bool,
    /// Options for all the keys, in place of those before them, as sshd takes them. Default: those
    /// before each key.
    key_options: Option<String>,
    /// With `state: present`: remove everything else from the file. In a loop, only the key of the
    /// last round stays: give all of them in one `key`. Default: false.
    #[serde(default)]
    exclusive: bool,
    /// A comment in place of those behind the keys. Default: those behind each key.
    comment: Option<String>,
    /// Whether the certificate of an `https://` server must be valid. Default: true.
    #[serde(default = "yes")]
    validate_certs: bool,
    /// Write through a symbolic link at `path`. Otherwise a file takes its place. Default: false.
    #[serde(default)]
    follow: bool,
}

/// A line with a key.
#[derive(Debug, PartialEq)]
struct Key {
    /// Sorted; several of one name in their order.
    options: Vec<String>,
    /// As they are written.
    written: String,
    kind: String,
    blob: String,
    comment: String,
}

impl Key {
    /// Nothing for a comment, and for what is no key.
    fn read(line: &str) -> Option<Key> {
        let line = line.replace("\\#", "#");
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first()?.starts_with('#') {
            return None;
        }
        let at = words.iter().position(|word| TYPES.contains(word))?;
        let (written, options) = options(&words[..at].join(" "));
        Some(Key {
            options,
            written,
            kind: words[at].to_owned(),
            blob: (*words.get(at + 1)?).to_owned(),
            comment: words[at + 2..].join(" "),
        })
    }

    fn line(&self) -> String {
        let parts = [&self.written, &self.kind, &self.blob, &self.comment];
        let parts: Vec<&str> =
            parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        parts.join(" ") + "\n"
    }

    fn same(&self, other: &Key) -> bool {
        self.options == other.options
            && (&self.kind, &self.comment) == (&other.kind, &other.comment)
    }
}

/// Options as they are written, and sorted by their names.
fn options(text: &str) -> (String, Vec<String>) {
    let (mut options, mut quote) = (vec![String::new()], None);
    for c in text.chars() {
        match (c, quote) {
            (',', None) => {
                options.push(String::new());
                continue;
            }
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
        if let Some(last) = options.last_mut() {
            last.push(c);
        }
    }
    options.retain(|option| !option.is_empty());
    let written = options.join(",");
    options.sort_by(|a, b| a.split('=').next().cmp(&b.split('=').next()));
    (written, options)
}

/// The types of keys and certificates that OpenSSH knows.
const TYPES: [&str; 23] = [
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-512-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-dss",
    "ssh-dss-cert-v01@openssh.com",
    "ssh-ed25519",
    "ssh-ed25519-cert-v01@openssh.com",
    "ssh-rsa",
    "ssh-rsa-cert-v01@openssh.com",
    "ssh-xmss-cert-v01@openssh.com",
    "ssh-xmss@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
];

impl AuthorizedKey {
    /// The text with the keys.
    fn source<'a>(&'a self, facts: &Facts) -> Probe<'a, String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if self.key.starts_with("http://") || self.key.starts_with("https://") {
            return download(&self.key, self.validate_certs).map(move |bytes| text(&bytes));
        }
        let Some(path) = self.key.strip_prefix("file://") else {
            return Probe::known(self.key.clone());
        };
        read(facts.path(path), LIMIT).try_map(move |content| match content {
            Content::Bytes(bytes) => Ok(text(&bytes)),
            Content::Absent => Err(format!("Path to a key file not found: {path}").into()),
            _ => Err(format!("expected a file with keys, found something else at {path}").into()),
        })
    }

    /// The wanted keys.
    fn keys(&self, source: &str) -> Result<Vec<Key>> {
        let lines = source.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        lines
            .map(|line| {
                let mut key = Key::read(line)
                    .ok_or_else(|| Refusal::new(format!("invalid key specified: {line}")))?;
                if let Some(given) = &self.key_options {
                    (key.written, key.options) = options(given);
                }
                key.comment = self.comment.clone().unwrap_or(key.comment);
                Ok(key)
            })
            .collect()
    }

    fn edit(&self, old: &str, wanted: &[Key]) -> Edit {
        // Each line with the key that is in it.
        let mut now: Vec<_> = lines(old).into_iter().map(|line| (Key::read(&line), line)).collect();
        for key in wanted {
            let is = |found: &Option<Key>| found.as_ref().is_some_and(|f| f.blob == key.blob);
            // Of several lines with one key, the last counts.
            let right = now.iter().rev().find(|(found, _)| is(found));
            match self.state {
                Presence::Present if right.is_some_and(|(f, _)| f.iter().all(|f| key.same(f))) => {}
                Presence::Present => {
                    now.retain(|(found, _)| !is(found));
                    if let Some((_, last)) = now.last_mut().filter(|(_, l)| !l.ends_with('\n')) {
                        last.push('\n');
                    }
                    let line = key.line();
                    now.push((Key::read(&line), line));
                }
                Presence::Absent => now.retain(|(found, _)| !is(found)),
            }
        }
        if self.exclusive && self.state == Presence::Present {
            // Nothing but the keys, each once: its last line.
            let mut seen: Vec<String> = wanted.iter().map(|key| key.blob.clone()).collect();
            now.reverse();
            now.retain(|(found, _)| {
                let at = found.as_ref().and_then(|f| seen.iter().position(|blob| *blob == f.blob));
                at.map(|at| seen.swap_remove(at)).is_some()
            });
            now.reverse();
        }
        let new: String = now.into_iter().map(|(_, line)| line).collect();
        (new != old).then(|| (new, String::new()))
    }

    /// The file's directory as it should be, when the file is written.
    fn directory(&self, path: &str, now: Option<&Stat>, user: &User) -> Plan {
        let directory = split(path).0;
        let (owner, gid) = (user.name.as_str(), user.gid.to_string());
        match (self.manage_dir, now) {
            (true, Some(now)) => {
                let mode = Mode::Bits(0o700);
                Attributes { owner: Some(owner), group: Some(&gid), mode: Some(&mode) }
                    .fix(directory, now)
            }
            (true, None) => Plan::none().changes(
                vec![
                    Diff::field(directory, "state", "absent", "directory"),
                    Diff::field(directory, "owner", "", owner),
                    Diff::field(directory, "mode", "", "0700"),
                ],
                Step::run(sh(MAKE_DIRECTORY, [directory, &format!("{owner}:{gid}"), "0700"])),
            ),
            (false, _) => Plan::none(),
        }
    }
}

pub(crate) struct Now {
    user: User,
    source: String,
    file: (Found, bool),
    directory: Option<Stat>,
}

impl Module for AuthorizedKey {
    const NAMES: &'static [&'static str] = &["authorized_key"];
    type State = Now;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Now> {
        let account = user(&self.user).then(move |found| {
            let Some(found) = found else {
                return Probe::refuse(format!("Failed to lookup user {}: no such user", self.user));
            };
            let path = match &self.path {
                Some(path) => facts.path(path),
                None => format!("{}/.ssh/authorized_keys", found.home.trim_end_matches('/')),
            };
            let directory = stat(split(&path).0);
            let create = !self.manage_dir && self.state == Presence::Present;
            text_file::open_following(facts, &path, create, self.follow)
                .and(directory)
                .map(move |(file, directory)| (found, file, directory))
        });
        account.and(self.source(facts)).map(|((user, file, directory), source)| Now {
            user,
            source,
            file,
            directory,
        })
    }

    fn plan(&self, _: &Facts, now: Now) -> Result<Plan> {
        let wanted = self.keys(&now.source)?;
        if self.exclusive && wanted.is_empty() && self.state == Presence::Present {
            return Err("there is no key in what is given, and `exclusive` would remove all".into());
        }
        let gid = now.user.gid.to_string();
        let mode = Mode::Bits(0o600);
        let owner = Some(now.user.name.as_str());
        let attributes = Attributes { owner, group: Some(&gid), mode: Some(&mode) };
        let writing = Writing { attributes, backup: false, validate: None };
        let path = now.file.0.path.clone();
        let mut is_right = false;
        let file = text_file::edit(&now.file, &writing, |old| {
            let edit = self.edit(&old.text, &wanted);
            is_right = edit.is_none();
            Ok(edit)
        })?;
        let mut plan = match is_right {
            // Owner and mode are set with the content, and only then.
            true => Plan::none(),
            false => self.directory(&path, now.directory.as_ref(), &now.user).followed_by(file),
        };
        plan.values.clear();
        plan.on_change.clear();
        let text = |given: &Option<String>| given.clone().map_or(Value::Null, Value::from);
        Ok(plan
            .value("user", &*self.user)
            .value("key", &*self.key)
            .value("keyfile", path)
            .value("path", text(&self.path))
            .value("state", if self.state == Presence::Present { "present" } else { "absent" })
            .value("manage_dir", self.manage_dir)
            .value("exclusive", self.exclusive)
            .value("follow", self.follow)
            .value("validate_certs", self.validate_certs)
            .value("key_options", text(&self.key_options))
            .value("comment", text(&self.comment)))
    }
}

/// Bytes up to which a file with keys is read.
const LIMIT: u64 = 1024 * 1024;
