//! `known_hosts`: keys of other hosts that an account of the host trusts.
//!
//! ```yaml
//! - known_hosts:
//!     name: github.com
//!     key: github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
//!     path: /etc/ssh/ssh_known_hosts
//! - known_hosts: { name: old.example.org, state: absent }
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use crate::content::{Found, Writing};
use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Result, ask, sh,
};
use crate::text_file::{self, Edit, lines};

/// Adds the key of another host to a known_hosts file, or removes it.
///
/// `register` gets `name`, `key`, `path`, `hash_host` and `state`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownHosts {
    /// The host, as it stands in the file: `name`, or `[name]:port`. Required.
    #[serde(alias = "host")]
    name: String,
    /// The line: names, type and key. A key of the same type is replaced. Required for `present`;
    /// with `absent`, only this key is removed. Default: all keys of the host.
    key: Option<String>,
    /// `present` or `absent`. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// The file. Default: `~/.ssh/known_hosts`.
    #[serde(default = "own")]
    path: String,
    /// Write the host's name as a hash. Default: false.
    #[serde(default)]
    hash_host: bool,
}

fn own() -> String {
    "~/.ssh/known_hosts".into()
}

/// A line of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry<'a> {
    /// `@cert-authority` or `@revoked`; empty for a plain key.
    marker: &'a str,
    hosts: &'a str,
    kind: &'a str,
    key: &'a str,
}

impl<'a> Entry<'a> {
    fn read(line: &'a str) -> Option<Entry<'a>> {
        let mut words = line.split_whitespace();
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let (marker, hosts) = match first.starts_with('@') {
            true => (first, words.next()?),
            false => ("", first),
        };
        Some(Entry { marker, hosts, kind: words.next()?, key: words.next()? })
    }

    /// Whether the entry is of this host, as ssh decides.
    fn is_of(&self, host: &str) -> bool {
        if let Some(rest) = self.hosts.strip_prefix("|1|") {
            let Some((salt, digest)) = rest.split_once('|') else { return false };
            let decode = |text: &str| STANDARD.decode(text).ok();
            return match (decode(salt), decode(digest)) {
                (Some(salt), Some(digest)) => hmac(&salt, host.as_bytes()) == digest,
                _ => false,
            };
        }
        let mut found = false;
        for pattern in self.hosts.split(',') {
            match pattern.strip_prefix('!') {
                Some(pattern) if matches(pattern, host) => return false,
                Some(_) => {}
                None => found |= matches(pattern, host),
            }
        }
        found
    }
}

/// Whether a name fits a pattern with `*` and `?`, whatever the case.
fn matches(pattern: &str, name: &str) -> bool {
    fn fits(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => (0..=name.len()).any(|skip| fits(rest, &name[skip..])),
            (Some((b'?', rest)), Some((_, name))) => fits(rest, name),
            (Some((a, rest)), Some((b, name))) => a.eq_ignore_ascii_case(b) && fits(rest, name),
            _ => false,
        }
    }
    fits(pattern.as_bytes(), name.as_bytes())
}

/// HMAC with SHA-1, for the names that OpenSSH hashes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = match key.len() {
        0..=64 => key.to_vec(),
        _ => Sha1::digest(key).to_vec(),
    };
    block.resize(64, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha1::digest([&pad(0x36), text].concat());
    Sha1::digest([&pad(0x5c)[..], &inner].concat()).to_vec()
}

impl KnownHosts {
    fn host(&self) -> String {
        self.name.to_lowercase()
    }

    fn check(&self) -> Result<()> {
        let Some(key) = &self.key else {
            return match self.state {
                Presence::Present => Err("No key specified when adding a host".into()),
                Presence::Absent => Ok(()),
            };
        };
        if self.name.contains(',') {
            return Err("Comma separated list of names is not supported. Please pass a single name to lookup in the known_hosts file.".into());
        }
        if key.trim().contains('\n') {
            return Err("`key` has more than one line: give each key in a task of its own".into());
        }
        match Entry::read(key) {
            None => Err(Refusal::new(format!(
                "expected `key` to be a line `NAME TYPE KEY`, found `{}`",
                key.trim()
            ))),
            Some(entry) if !self.hash_host && !entry.is_of(&self.host()) => {
                Err("Host parameter does not match hashed host field in supplied key".into())
            }
            Some(_) => Ok(()),
        }
    }

    /// The line to be written. `salt` is random.
    fn line(&self, key: &str, salt: &[u8]) -> String {
        let key = key.trim();
        let Some(entry) = Entry::read(key).filter(|_| self.hash_host) else {
            return format!("{key}\n");
        };
        let digest = STANDARD.encode(hmac(salt, self.host().as_bytes()));
        let hosts = format!("|1|{}|{digest}", STANDARD.encode(salt));
        let words = key.split_whitespace();
        let words = words.map(|word| if word == entry.hosts { hosts.as_str() } else { word });
        words.collect::<Vec<_>>().join(" ") + "\n"
    }

    fn edit(&self, old: &str, salt: &[u8]) -> Edit {
        let host = self.host();
        let mut all = lines(old);
        let Some(key) = &self.key else {
            // Authorities are not of one host: they stay, as ssh-keygen leaves them.
            all.retain(|line| {
                Entry::read(line)
                    .is_none_or(|entry| !entry.marker.is_empty() || !entry.is_of(&host))
            });
            let new = all.concat();
            return (new != old).then(|| (new, String::new()));
        };
        let wanted = self.line(key, salt);
        let wanted_entry = Entry::read(&wanted)?;
        let same = |entry: &Entry<'_>| {
            let hashed = |entry: &Entry<'_>| entry.hosts.starts_with("|1|");
            let hosts = entry.hosts == wanted_entry.hosts || hashed(entry) && hashed(&wanted_entry);
            hosts
                && (entry.marker, entry.kind, entry.key)
                    == (wanted_entry.marker, wanted_entry.kind, wanted_entry.key)
        };
        // The first entry of the host that is the same, or that has another key of the type.
        let found = all.iter().enumerate().find_map(|(at, line)| {
            let entry = Entry::read(line).filter(|entry| entry.is_of(&host))?;
            let kin = entry.marker.is_empty() && entry.kind == wanted_entry.kind;
            (same(&entry) || kin).then(|| (at, same(&entry)))
        });
        match (self.state, found) {
            (Presence::Present, Some((_, true))) | (Presence::Absent, None) => return None,
            (Presence::Absent, Some((at, _))) => drop(all.remove(at)),
            (Presence::Present, found) => {
                if let Some((at, _)) = found {
                    all.remove(at);
                }
                if let Some(last) = all.last_mut().filter(|last| !last.ends_with('\n')) {
                    last.push('\n');
                }
                all.push(wanted);
            }
        }
        Some((all.concat(), String::new()))
    }
}

impl Module for KnownHosts {
    const NAMES: &'static [&'static str] = &["known_hosts"];
    type State = ((Found, bool), Vec<u8>);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let salt = match self.hash_host && self.key.is_some() {
            true => ask(sh(SALT, [self.name.as_str()])).try_map(|reply| match reply.stdout.len() {
                20 => Ok(reply.stdout),
                _ => Err(Refusal::new("the host has no random numbers to hash a name with")),
            }),
            false => Probe::known(vec![]),
        };
        text_file::open(facts, &self.path, self.state == Presence::Present).and(salt)
    }

    fn plan(&self, _: &Facts, (file, salt): Self::State) -> Result<Plan> {
        let writing = Writing { attributes: <_>::default(), backup: false, validate: None };
        let mut plan = text_file::edit(&file, &writing, |old| Ok(self.edit(&old.text, &salt)))?;
        plan.values.clear();
        plan.on_change.clear();
        Ok(plan
            .value("name", &*self.name)
            .value("key", self.key.clone().map_or(Value::Null, Value::from))
            .value("path", file.0.path)
            .value("hash_host", self.hash_host)
            .value("state", if self.state == Presence::Present { "present" } else { "absent" }))
    }
}

/// Asked for each host by itself: no two names shall have one salt.
const SALT: &str = r#"# a salt for the name of a host
head -c 20 /dev/urandom
"#;

#[cfg(test)]
mod tests {
    use super::{Entry, matches};

    /// `ssh-keygen -H` made the hash.
    #[test]
    fn hosts_are_found_as_ssh_finds_them() {
        let hashed =
            "|1|mucIk+mOfMwiQIHXMB+HwAUPj80=|G7Re7FVHpQj+PLFi2kcND18uaZk= ssh-ed25519 AAAA";
        let hashed = Entry::read(hashed).expect("an entry");
        assert!(hashed.is_of("host.example.org") && !hashed.is_of("other.example.org"));
        assert!(
            matches("*.example.org", "A.example.ORG") && !matches("*.example.org", "example.org")
        );
        let entry = Entry::read("*.example.org,!b.example.org ssh-rsa AAAA x").expect("an entry");
        assert!(entry.is_of("a.example.org") && !entry.is_of("b.example.org"));
        assert_eq!(Entry::read("# a b c"), None);
        assert_eq!(Entry::read("a b"), None);
    }
}
