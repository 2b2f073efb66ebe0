//! ssh_config files: which options hold for a host. As OpenSSH reads them; `ssh -G` is the oracle.
//!
//! The first value of an option wins, but key files add up. `Match` decides by what is known when
//! its line is reached; `Match final` makes the files be read a second time, after everything else.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{pattern, tokens::Tokens};
use crate::session::SessionError;

/// How deep files may include files.
const DEPTH: usize = 16;

/// Options by their name in lower case, as they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    values: HashMap<String, String>,
    /// `IdentityFile`, in order.
    pub(crate) identities: Vec<String>,
}

impl Options {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets an option that has no value yet.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let name = match name.to_lowercase().as_str() {
            "identityfile" => {
                if !self.identities.iter().any(|known| known == value) {
                    self.identities.push(value.to_owned());
                }
                return;
            }
            // `none` and whichever of the two comes first wins.
            "proxyjump" if self.values.contains_key("proxycommand") => return,
            "proxycommand" if self.values.contains_key("proxyjump") => return,
            name => name.to_owned(),
        };
        self.values.entry(name).or_insert_with(|| value.to_owned());
    }
}

/// Whom the options are for.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    /// The host as the user calls it.
    pub(crate) host: &'a str,
    /// The local user, and their home directory.
    pub(crate) local_user: &'a str,
    pub(crate) home: &'a Path,
}

/// Adds what the files say to the options. A file that is missing says nothing.
///
/// # Errors
/// A file that cannot be read, or a line that makes no sense.
pub(crate) fn read(
    options: &mut Options,
    subject: &Subject<'_>,
    files: &[PathBuf],
) -> Result<(), SessionError> {
    let mut wants_final = false;
    for pass in [false, true] {
        if pass && !wants_final {
            break;
        }
        for file in files {
            let mut reader =
                Reader { options, subject, pass, wants_final: &mut wants_final, active: true };
            reader.file(file, 0)?;
        }
    }
    Ok(())
}

/// As [`read`], of one file's text.
#[cfg(any(fuzzing, test))]
pub(super) fn read_text(
    options: &mut Options,
    subject: &Subject<'_>,
    text: &str,
) -> Result<(), SessionError> {
    let mut wants_final = false;
    for pass in [false, true] {
        let mut reader =
            Reader { options, subject, pass, wants_final: &mut wants_final, active: true };
        reader.text(Path::new("/nonexistent/config"), text, 0)?;
    }
    Ok(())
}

struct Reader<'a, 'b> {
    options: &'a mut Options,
    subject: &'a Subject<'b>,
    /// Whether this is the second reading.
    pass: bool,
    wants_final: &'a mut bool,
    /// Whether the lines read now are for our host.
    active: bool,
}

impl Reader<'_, '_> {
    fn file(&mut self, file: &Path, depth: usize) -> Result<(), SessionError> {
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(why) => return Err(bad(&format!("{}: {why}", file.display()))),
        };
        if depth > DEPTH {
            return Err(bad(&format!("{}: too many files include each other", file.display())));
        }
        self.text(file, &String::from_utf8_lossy(&bytes), depth)
    }

    fn text(&mut self, file: &Path, text: &str, depth: usize) -> Result<(), SessionError> {
        for (i, line) in text.lines().enumerate() {
            let fail = |why: &str| bad(&format!("{}:{}: {why}", file.display(), i + 1));
            let Some((keyword, words)) = split(line).map_err(|why| fail(&why))? else { continue };
            match keyword.as_str() {
                "host" => self.active = self.host(&words),
                "match" => self.active = self.criteria(&words).map_err(|why| fail(&why))?,
                // In a block of another host nothing of a file can hold.
                "include" if !self.active => {}
                "include" => {
                    let before = self.active;
                    for word in &words {
                        for included in self.included(word, file) {
                            // A block in an included file ends with it.
                            self.active = before;
                            self.file(&included, depth + 1)?;
                        }
                    }
                    self.active = before;
                }
                _ if !self.active => {}
                _ if words.is_empty() => return Err(fail(&format!("`{keyword}` has no value"))),
                // A command is the rest of the line, quotes and all.
                "proxycommand" => self.options.set(&keyword, rest(line)),
                _ => self.options.set(&keyword, &words.join(" ")),
            }
        }
        Ok(())
    }

    fn host(&self, patterns: &[String]) -> bool {
        pattern::list(patterns.iter().map(String::as_str), self.subject.host)
    }

    fn criteria(&mut self, words: &[String]) -> Result<bool, String> {
        let mut words = words.iter();
        let mut holds = true;
        let mut any = false;
        while let Some(word) = words.next() {
            any = true;
            let (negated, word) = match word.strip_prefix('!') {
                Some(word) => (true, word),
                None => (false, word.as_str()),
            };
            // `host=x` is `host x`.
            let (name, glued) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word, None),
            };
            let name = name.to_lowercase();
            let result = match name.as_str() {
                "all" => true,
                "canonical" => self.pass,
                "final" => {
                    *self.wants_final = true;
                    self.pass
                }
                _ => {
                    let argument = glued.or_else(|| words.next().cloned());
                    let argument = argument.ok_or_else(|| format!("`{name}` has no value"))?;
                    self.criterion(&name, &argument, holds)?
                }
            };
            holds &= result != negated;
        }
        if any { Ok(holds) } else { Err("expected something to match".into()) }
    }

    /// `so_far`: whether a command may still make a difference.
    fn criterion(&self, name: &str, argument: &str, so_far: bool) -> Result<bool, String> {
        let tokens = self.tokens();
        let list = |text: &str| pattern::list(argument.split(','), text);
        Ok(match name {
            "host" => list(&tokens.hostname),
            "originalhost" => list(self.subject.host),
            "user" => list(&tokens.user),
            "localuser" => list(self.subject.local_user),
            "exec" => so_far && succeeds(&tokens.expand(argument)?),
            "tagged" => list(self.options.get("tag").unwrap_or_default()),
            "localnetwork" => false,
            _ => return Err(format!("`Match {name}` is not known")),
        })
    }

    fn tokens(&self) -> Tokens {
        Tokens::new(self.options, self.subject)
    }

    fn included(&self, word: &str, from: &Path) -> Vec<PathBuf> {
        // A fuzzer makes up files that never end.
        if cfg!(fuzzing) {
            return vec![];
        }
        let path = match word.strip_prefix("~/") {
            Some(rest) => self.subject.home.join(rest),
            None if word.starts_with('/') => PathBuf::from(word),
            None if from.starts_with("/etc/ssh") => Path::new("/etc/ssh").join(word),
            None => self.subject.home.join(".ssh").join(word),
        };
        expand_globs(&path)
    }
}

/// Files that a path with wildcards names, sorted.
fn expand_globs(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in path.components() {
        let name = part.as_os_str().to_string_lossy();
        if !name.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let mut next = Vec::new();
        for directory in &found {
            let entries = fs::read_dir(directory).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name());
            next.extend(names.filter_map(|entry| {
                let text = entry.to_string_lossy();
                let hidden = text.starts_with('.') && !name.starts_with('.');
                (!hidden && pattern::glob(&name, &text)).then(|| directory.join(&entry))
            }));
        }
        next.sort();
        found = next;
    }
    found
}

fn succeeds(command: &str) -> bool {
    // A fuzzer makes up commands.
    if cfg!(fuzzing) {
        return false;
    }
    let status = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// A line's keyword in lower case, and its words without quotes; `None` for a line of none.
fn split(line: &str) -> Result<Option<(String, Vec<String>)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let keyword = line[..end].trim_matches('"').to_lowercase();
    let mut words = Vec::new();
    let mut text = rest(line).chars().peekable();
    while let Some(&c) = text.peek() {
        if c.is_whitespace() {
            text.next();
            continue;
        }
        if c == '#' {
            break;
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(&c) = text.peek() {
            match (quote, c) {
                (None, c) if c.is_whitespace() => break,
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if c == open => quote = None,
                (_, '\\') => {
                    text.next();
                    match text.peek() {
                        Some(&next) if "\"'\\ ".contains(next) => word.push(next),
                        Some(&next) => word.extend(['\\', next]),
                        None => {
                            word.push('\\');
                            break;
                        }
                    }
                }
                (_, c) => word.push(c),
            }
            text.next();
        }
        if quote.is_some() {
            return Err("a quote is not closed".into());
        }
        words.push(word);
    }
    Ok(Some((keyword, words)))
}

/// What follows the keyword.
fn rest(line: &str) -> &str {
    let line = line.trim();
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let rest = line[end..].trim_start();
    rest.strip_prefix('=').unwrap_or(rest).trim()
}

fn bad(why: &str) -> SessionError {
    SessionError::Config(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `generate.sh` had OpenSSH say of every host.
    #[test]
    fn reads_as_openssh_does() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/session/ssh_config");
        let expected = fs::read_to_string(directory.join("expected")).expect("golden data");
        // `Include` is relative to ~/.ssh.
        let home = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink(&directory, home.path().join(".ssh")).expect("a link");
        for block in expected.split("== ").skip(1) {
            let (host, lines) = block.split_once('\n').expect("a host");
            let subject = Subject { host, local_user: "root", home: home.path() };
            let mut options = Options::default();
            read(&mut options, &subject, &[directory.join("config")]).expect("options");
            let tokens = Tokens::new(&options, &subject);
            let files = lines.lines().filter_map(|line| line.strip_prefix("identityfile "));
            assert_eq!(options.identities, files.collect::<Vec<_>>(), "{host}");
            for line in lines.lines().filter(|line| !line.starts_with("identityfile")) {
                let (name, want) = line.split_once(' ').expect("a value");
                let found = match name {
                    "hostname" => tokens.hostname.clone(),
                    "user" => tokens.user.clone(),
                    "port" => tokens.port.clone(),
                    _ => match (options.get(name), want) {
                        (Some("1m30"), "90") => want.to_owned(),
                        (Some(found), _) => found.to_owned(),
                        // A default.
                        (None, _) => want.to_owned(),
                    },
                };
                let default = [("identitiesonly", "no"), ("stricthostkeychecking", "ask")];
                if options.get(name).is_none() && !["hostname", "user", "port"].contains(&name) {
                    let known = default.contains(&(name, want))
                        || matches!(want, "0" | "3" | "none")
                        || name == "userknownhostsfile";
                    assert!(known, "{host}: {line} is missing");
                }
                assert_eq!(found, want, "{host}: {name}");
            }
        }
    }

    #[test]
    fn bad_lines_name_their_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("config");
        let subject = Subject { host: "h", local_user: "u", home: directory.path() };
        for (text, want) in [
            ("Port\n", "config:1: `port` has no value"),
            ("\nUser \"x\n", "config:2: a quote is not closed"),
            ("Match nonsense x\n", "config:1: `Match nonsense` is not known"),
            ("Include config\n", "too many files"),
        ] {
            fs::write(&file, text).expect("a file");
            fs::create_dir_all(directory.path().join(".ssh")).expect("a directory");
            let _ = std::os::unix::fs::symlink(&file, directory.path().join(".ssh/config"));
            let result = read(&mut Options::default(), &subject, std::slice::from_ref(&file));
            let why = result.expect_err("an error").to_string();
            assert!(why.contains(want), "{why}");
        }
    }
}
