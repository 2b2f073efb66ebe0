//! known_hosts files: which keys a host may show. Reading is pure; [`append`] writes one line.
//!
//! Every line that names the host counts, in all files: a revoked key is refused whatever else
//! stands there, a known key is accepted, any other key of a host with known keys has changed —
//! also one of another algorithm, for we ask for the known ones first.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::pattern;

/// What the files say.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownHosts {
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    place: String,
    marker: Option<Marker>,
    hosts: Hosts,
    algorithm: String,
    key: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Revoked,
    Authority,
}

#[derive(Debug, Clone)]
enum Hosts {
    Patterns(Vec<String>),
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

/// What the files say of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Known,
    Revoked {
        place: String,
    },
    /// `known` is a key that was expected, in its binary form.
    Changed {
        known: Vec<u8>,
        place: String,
    },
    Unknown,
}

/// A host as known_hosts files name it: `[host]:port` unless the port is 22.
pub(crate) fn name(host: &str, port: u16) -> String {
    let host = host.to_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

impl KnownHosts {
    /// Reads all files there are; one that is missing or unreadable names nobody.
    pub(crate) fn load(files: &[PathBuf]) -> KnownHosts {
        let mut known = KnownHosts::default();
        for file in files {
            if let Ok(bytes) = fs::read(file) {
                known.add(&file.display().to_string(), &String::from_utf8_lossy(&bytes));
            }
        }
        known
    }

    /// Adds a file's text. Lines that make no sense are skipped.
    pub(crate) fn add(&mut self, file: &str, text: &str) {
        for (i, line) in text.lines().enumerate() {
            self.lines.extend(parse(line, format!("{file}:{}", i + 1)));
        }
    }

    /// Judges a key in its binary form.
    pub(crate) fn check(&self, host: &str, port: u16, key: &[u8]) -> Verdict {
        let full = name(host, port);
        match self.judge(&full, key) {
            // As OpenSSH: a key that is known for the host itself will do on any port.
            Verdict::Unknown
                if port != 22 && self.judge(&name(host, 22), key) == Verdict::Known =>
            {
                Verdict::Known
            }
            verdict => verdict,
        }
    }

    fn judge(&self, name: &str, key: &[u8]) -> Verdict {
        let mut verdict = Verdict::Unknown;
        for line in self.naming(name) {
            let same = line.key == key;
            match line.marker {
                Some(Marker::Revoked) if same => {
                    return Verdict::Revoked { place: line.place.clone() };
                }
                None if same => verdict = Verdict::Known,
                None if verdict == Verdict::Unknown => {
                    let (known, place) = (line.key.clone(), line.place.clone());
                    verdict = Verdict::Changed { known, place };
                }
                _ => {}
            }
        }
        verdict
    }

    /// Keys of the authorities that may vouch for the host, in binary form.
    pub(crate) fn authorities(&self, host: &str, port: u16) -> Vec<&[u8]> {
        let lines = self.naming(&name(host, port));
        let has = |key: &[u8], marker| {
            lines.iter().any(|line| line.marker == Some(marker) && line.key == key)
        };
        let mut keys = lines.iter().map(|line| line.key.as_slice()).collect::<Vec<_>>();
        keys.retain(|key| has(key, Marker::Authority) && !has(key, Marker::Revoked));
        keys
    }

    /// Algorithms of the keys known for a host (`ssh-ed25519`, …), each once.
    pub(crate) fn algorithms(&self, host: &str, port: u16) -> Vec<&str> {
        let mut found = Vec::new();
        for line in self.naming(&name(host, port)) {
            if line.marker.is_none() && !found.contains(&line.algorithm.as_str()) {
                found.push(line.algorithm.as_str());
            }
        }
        found
    }

    fn naming(&self, name: &str) -> Vec<&Line> {
        self.lines.iter().filter(|line| line.hosts.contains(name)).collect()
    }
}

impl Hosts {
    fn contains(&self, name: &str) -> bool {
        match self {
            Hosts::Patterns(patterns) => pattern::list(patterns.iter().map(String::as_str), name),
            Hosts::Hashed { salt, hash } => {
                Hmac::<Sha1>::new_from_slice(salt).is_ok_and(|mut mac| {
                    mac.update(name.as_bytes());
                    mac.verify_slice(hash).is_ok()
                })
            }
        }
    }
}

fn parse(line: &str, place: String) -> Option<Line> {
    let mut words = line.split_ascii_whitespace();
    let mut hosts = words.next().filter(|word| !word.starts_with('#'))?;
    let marker = match hosts {
        "@revoked" => Some(Marker::Revoked),
        "@cert-authority" => Some(Marker::Authority),
        word if word.starts_with('@') => return None,
        _ => None,
    };
    if marker.is_some() {
        hosts = words.next()?;
    }
    let hosts = match hosts.strip_prefix("|1|") {
        Some(hashed) => {
            let (salt, hash) = hashed.split_once('|')?;
            Hosts::Hashed { salt: STANDARD.decode(salt).ok()?, hash: STANDARD.decode(hash).ok()? }
        }
        None => Hosts::Patterns(hosts.split(',').map(str::to_lowercase).collect()),
    };
    let algorithm = words.next()?.to_owned();
    let key = STANDARD.decode(words.next()?).ok()?;
    // The binary form begins with the algorithm's name.
    let length = key.first_chunk::<4>().map(|head| u32::from_be_bytes(*head) as usize)?;
    if key.get(4..4 + length)? != algorithm.as_bytes() {
        return None;
    }
    Some(Line { place, marker, hosts, algorithm, key })
}

/// The line that makes a key known.
pub(crate) fn line(host: &str, port: u16, algorithm: &str, key: &[u8]) -> String {
    format!("{} {algorithm} {}", name(host, port), STANDARD.encode(key))
}

/// Adds a line to a file in one write, making the file and its directory (both private) if needed.
///
/// # Errors
/// As the file system says.
pub(crate) fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file)?;
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    let separator = if last == [b'\n'] { "" } else { "\n" };
    file.write_all(format!("{separator}{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIEZBV6RkKnuBRRUUmOq/lVMy4B0wT58cZnKTVAIzOx0t";
    const B: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIIwqYuTGS9hAPfcXXrKSvGeMUVBR6VVdFO/zP0S9WyOa";

    fn key(text: &str) -> Vec<u8> {
        STANDARD.decode(text).expect("base64")
    }

    fn known(text: &str) -> KnownHosts {
        let mut known = KnownHosts::default();
        known.add("f", &text.replace("A!", A).replace("B!", B));
        known
    }

    /// What `generate.sh` had OpenSSH find for each name.
    #[test]
    fn finds_the_lines_that_openssh_finds() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/session/known_hosts");
        let text = |name: &str| fs::read_to_string(directory.join(name)).expect("golden data");
        let mut known = KnownHosts::default();
        known.add("plain", &text("plain"));
        known.add("hashed", &text("hashed"));
        let script = text("generate.sh");
        let names = script.split_once("for name in ").and_then(|(_, rest)| rest.split_once(';'));
        let names = names.expect("names").0.split_whitespace().filter(|word| *word != "\\");
        let mut found = String::new();
        for name in names {
            let name = name.trim_matches('\'');
            for line in known.naming(&name.to_lowercase()) {
                found += &format!("{name} {}\n", line.place);
            }
        }
        assert_eq!(found, text("expected"));
    }

    #[test]
    fn every_kind_of_line() {
        let text = "# comment\n\n \t h1,Other\tssh-ed25519  A!  a comment\nnonsense\n@new h1 ssh-ed25519 B!\n\
            h1 ssh-rsa A!\n*.prod,!x.prod ssh-ed25519 A!\n[h2]:2222 ssh-ed25519 A!\n";
        let known = known(text);
        let check = |host, port| known.check(host, port, &key(A));
        assert_eq!(check("h1", 22), Verdict::Known);
        assert_eq!(check("OTHER", 22), Verdict::Known);
        assert_eq!(check("a.prod", 22), Verdict::Known);
        assert_eq!(check("x.prod", 22), Verdict::Unknown);
        assert_eq!(check("h2", 22), Verdict::Unknown);
        assert_eq!(check("h2", 2222), Verdict::Known);
        assert_eq!(check("h1", 2222), Verdict::Known, "known without a port");
        let Verdict::Changed { known: expected, place } = known.check("h1", 22, &key(B)) else {
            panic!("expected a changed key");
        };
        assert_eq!((expected, place.as_str()), (key(A), "f:3"));
        assert_eq!(known.algorithms("h1", 22), ["ssh-ed25519"]);
    }

    #[test]
    fn revoked_wins_and_authorities_are_no_keys() {
        let revoked = known("h ssh-ed25519 A!\n@revoked * ssh-ed25519 A!\n");
        assert_eq!(revoked.check("h", 22, &key(A)), Verdict::Revoked { place: "f:2".into() });
        let two = known("h ssh-ed25519 B!\nh ssh-ed25519 A!\n");
        assert_eq!(two.check("h", 22, &key(A)), Verdict::Known, "the second of two keys");
        let authority = known("@cert-authority *.x ssh-ed25519 A!\n");
        assert_eq!(authority.check("h.x", 22, &key(A)), Verdict::Unknown);
        assert_eq!(authority.authorities("h.x", 22), [key(A)]);
        assert!(authority.authorities("h", 22).is_empty());
    }

    #[test]
    fn appending_keeps_lines_apart() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("ssh/known_hosts");
        append(&file, "one").expect("written");
        fs::write(&file, "one").expect("no line end");
        append(&file, "two").expect("written");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "one\ntwo\n");
    }
}
