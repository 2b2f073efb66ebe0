//! Files of variables: `group_vars/`, `host_vars/`, `vars_files`, `-e @file`; vaulted or not.
//!
//! Only the names of groups and hosts that are asked for are read, so that a vaulted file of an
//! environment nobody runs needs no password.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rprov_modules::kit::{Node, NodeKind};

use super::Layer;
use crate::source::{self, Diagnostic, SourceMap};
use crate::template::{Decrypt, Secrets};

/// The kind of the error that says that a file cannot be decrypted.
pub(crate) const VAULTED: &str = "vaulted";

/// Endings of a file of variables, in the order in which they are looked for after none.
const ENDINGS: [&str; 3] = [".yml", ".yaml", ".json"];

/// Directories deeper than this below `group_vars/NAME` are a loop of links.
const DEEPEST: usize = 16;

/// Reads files of the user's: text to nodes, through the vault if need be.
#[derive(Clone)]
pub struct Reader {
    pub map: SourceMap,
    decrypt: Option<Decrypt>,
    secrets: Option<Secrets>,
    /// Of files in `group_vars/` and `host_vars/`; `None`: there are none.
    endings: Option<Arc<[String]>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("vault", &self.decrypt.is_some()).finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader that knows no vault password.
    pub fn new(map: SourceMap) -> Reader {
        Reader {
            map,
            decrypt: None,
            secrets: None,
            endings: Some(ENDINGS.map(str::to_owned).into()),
        }
    }

    /// Opens vaulted files with `decrypt` and tells `secrets` every scalar found in them.
    #[must_use]
    pub fn with_vault(mut self, decrypt: Decrypt, secrets: Secrets) -> Reader {
        (self.decrypt, self.secrets) = (Some(decrypt), Some(secrets));
        self
    }

    /// Looks for files of these endings in `group_vars/` and `host_vars/`.
    #[must_use]
    pub fn with_endings(mut self, endings: Vec<String>) -> Reader {
        self.endings = Some(endings.into());
        self
    }

    /// Reads no `group_vars/` and `host_vars/`.
    #[must_use]
    pub fn without_files_beside(mut self) -> Reader {
        self.endings = None;
        self
    }

    /// What opens vaulted values.
    pub(crate) fn decrypt(&self) -> Option<Decrypt> {
        self.decrypt.clone()
    }

    /// The bytes of a file, decrypted if it is vaulted: then all of it is a secret.
    ///
    /// # Errors
    /// When it cannot be read or decrypted.
    pub fn bytes(&self, path: &Path) -> Result<Vec<u8>, Diagnostic> {
        let (bytes, vaulted) = self.open(path)?;
        if let (true, Some(secrets), Ok(text)) =
            (vaulted, &self.secrets, std::str::from_utf8(&bytes))
        {
            secrets(text);
        }
        Ok(bytes)
    }

    /// The bytes of a file, decrypted if it is vaulted; and whether it was: then the caller has to
    /// [`Reader::tell`] what is secret in it.
    ///
    /// # Errors
    /// When it cannot be read or decrypted.
    pub(crate) fn open(&self, path: &Path) -> Result<(Vec<u8>, bool), Diagnostic> {
        let bytes = read(path).map_err(|error| unreadable(path, &error))?;
        if !rprov_vault::is_encrypted(&bytes) {
            return Ok((bytes, false));
        }
        let shown = path.display();
        let Some(decrypt) = &self.decrypt else {
            let error =
                Diagnostic::error(format!("`{shown}` is encrypted and no vault password is known"))
                    .kind(VAULTED);
            return Err(error.help("give one with `--vault-password-file` or `--ask-vault-pass`"));
        };
        match decrypt(&bytes) {
            Ok(plain) => {
                self.map.conceal(path);
                Ok((plain, true))
            }
            Err(error) => {
                let shown =
                    Diagnostic::error(format!("cannot decrypt `{shown}`: {}", error.reason))
                        .kind(VAULTED);
                Err(error.help.into_iter().fold(shown, Diagnostic::help))
            }
        }
    }

    /// Says that these values are secrets.
    pub(crate) fn tell<'a>(&self, values: impl IntoIterator<Item = &'a str>) {
        if let Some(secrets) = &self.secrets {
            values.into_iter().for_each(|value| secrets(value));
        }
    }

    /// The one value of a YAML or JSON file.
    ///
    /// # Errors
    /// When it cannot be read, decrypted or parsed.
    pub fn node(&self, path: &Path) -> Result<Node, Diagnostic> {
        let (bytes, vaulted) = self.open(path).map_err(|error| match path.exists() {
            true => broken(error),
            false => error.kind("missing-file"),
        })?;
        let text = source::yaml::utf8(&self.map, path, &bytes).map_err(broken)?;
        let node = source::yaml::parse_value(&self.map, path, text).map_err(broken);
        match &node {
            Ok(node) if vaulted => self.tell(scalars(node)),
            // The message may quote any word of it.
            Err(_) if vaulted => self.tell(text.split_whitespace().chain(text.lines())),
            _ => {}
        }
        node
    }

    /// The variables of a file: a mapping, or nothing.
    ///
    /// # Errors
    /// As [`Reader::node`], and when the value is no mapping.
    pub fn layer(&self, path: &Path) -> Result<Layer, Diagnostic> {
        Layer::from_node(&self.node(path)?)
    }
}

fn broken(error: Diagnostic) -> Diagnostic {
    if error.check().is_some() { error } else { error.kind("broken-file") }
}

/// Every scalar of a value, but no keys.
pub(crate) fn scalars(node: &Node) -> Vec<&str> {
    match &node.kind {
        NodeKind::Scalar(scalar) => vec![&*scalar.text],
        NodeKind::List(items) => items.iter().flat_map(scalars).collect(),
        NodeKind::Map(entries) => entries.iter().flat_map(|entry| scalars(&entry.value)).collect(),
    }
}

/// The bytes of a file; of a vault whose header does not end where it must, not more than tell that.
///
/// # Errors
/// Those of reading.
pub(crate) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(rprov_vault::MAX_HEADER as u64).read_to_end(&mut bytes)?;
    let endless = rprov_vault::mode(&bytes).is_some()
        && matches!(rprov_vault::recipients(&bytes), Err(rprov_vault::Error::HeaderTooLarge));
    if !endless {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// An I/O error in words, without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    let shown = Diagnostic::error(format!("cannot read `{}`: {}", path.display(), reason(error)));
    match path.read_link() {
        Ok(target) if error.kind() == std::io::ErrorKind::NotFound => {
            shown.note(format!("it is a link to `{}`", target.display()))
        }
        _ => shown,
    }
}

/// A `group_vars` or `host_vars` directory, which need not exist; listed once, however many hosts
/// ask for their file.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    names: HashSet<OsString>,
    endings: Arc<[String]>,
}

impl Directory {
    pub(super) fn list(path: PathBuf, reader: &Reader) -> Directory {
        let Some(endings) = reader.endings.clone() else {
            return Directory { path, names: HashSet::new(), endings: [].into() };
        };
        let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name()).collect();
        Directory { path, names, endings }
    }

    /// The files of a group or host: the first of `name` and `name` with one of the endings that exists; if that is a directory, all files in it in the order of their names, at any
    /// depth, but no hidden files, no backups (`~`) and no other endings.
    pub(super) fn find(&self, name: &str) -> Vec<PathBuf> {
        let mut found = vec![];
        let endings = [""].into_iter().chain(self.endings.iter().map(|ending| &**ending));
        let candidates = endings.map(|ending| OsString::from(format!("{name}{ending}")));
        if let Some(first) = candidates.into_iter().find(|candidate| self.names.contains(candidate))
        {
            let path = self.path.join(first);
            match path.is_dir() {
                true => self.below(&path, 0, &mut found),
                false => found.push(path),
            }
        }
        found
    }

    fn below(&self, directory: &Path, depth: usize, found: &mut Vec<PathBuf>) {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        for name in names {
            let path = directory.join(&name);
            let ending = path
                .extension()
                .map_or(String::new(), |ending| format!(".{}", ending.to_string_lossy()));
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            if path.is_dir() {
                if ending.is_empty() && depth < DEEPEST {
                    self.below(&path, depth + 1, found);
                }
            } else if ending.is_empty() || self.endings.contains(&ending) {
                found.push(path);
            }
        }
    }
}
