//! Every file of a project, read, and what each of them is.
//!
//! The project is larger than what is asked about: a variable may be defined anywhere in it. What is
//! found counts only if it is in a target or in what a target reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rprov_modules::kit::Node;

use super::project::{DEEPEST, MARKS, root, walk};
use super::tree::short;
use crate::playbook::Loader;
use crate::source::Diagnostic;
use crate::vars::files::VAULTED;

/// A YAML file and what it is.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) node: Arc<Node>,
    pub(super) kind: Kind,
    /// The role it is in, by its place in [`Sources::roles`].
    pub(super) role: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Playbook,
    Tasks,
    Handlers,
    /// `group_vars/`, `host_vars/`, `vars/`, `defaults/`.
    Vars,
    /// `meta/main.yml` of a role.
    Meta,
    /// `meta/argument_specs.yml`.
    Specs,
    /// A mapping that is none of these: perhaps variables, perhaps an inventory.
    Other,
}

/// The files of a project.
pub(super) struct Sources {
    pub(super) files: Vec<File>,
    /// Directories of roles.
    pub(super) roles: Vec<PathBuf>,
    /// Files that are no YAML: templates, scripts, documents, inventories.
    pub(super) texts: Vec<PathBuf>,
    /// `requirements.yml`: what `ansible-galaxy` installs.
    pub(super) requirements: Vec<PathBuf>,
    /// Files that cannot be read, and why.
    pub(super) faults: Vec<(PathBuf, Diagnostic)>,
    /// Files that cannot be decrypted.
    pub(super) sealed: Vec<PathBuf>,
    targets: Vec<PathBuf>,
    /// Targets that are playbooks.
    books: Vec<PathBuf>,
    /// Playbooks that no target is or imports.
    apart: BTreeSet<PathBuf>,
}

impl Sources {
    /// # Errors
    /// A target that is not there.
    pub(super) fn read(targets: &[PathBuf], loader: &Loader) -> Result<Sources, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let mut paths = BTreeSet::new();
        let mut real = Vec::new();
        for target in targets {
            match target.canonicalize() {
                Ok(path) => real.push(path),
                Err(error) => errors.push(crate::vars::files::unreadable(target, &error)),
            }
            let dir = if target.is_dir() { target.as_path() } else { parent(target) };
            match root(dir) {
                Some(root) => walk(&root, 0, &mut paths),
                None if target.is_dir() => walk(dir, 0, &mut paths),
                None => {
                    let beside = MARKS.iter().chain(&["vars", "tasks", "handlers", "templates"]);
                    beside.for_each(|name| walk(&dir.join(name), 0, &mut paths));
                    // What it imports stands there, too.
                    walk(dir, DEEPEST, &mut paths);
                }
            }
            if target.is_file() && !paths.iter().any(|path| same(path, target)) {
                paths.insert(target.clone());
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let roles: BTreeSet<PathBuf> = paths.iter().filter_map(|path| role_of(path)).collect();
        let mut sources = Sources {
            files: Vec::new(),
            roles: roles.into_iter().collect(),
            texts: Vec::new(),
            requirements: Vec::new(),
            faults: Vec::new(),
            sealed: Vec::new(),
            targets: real,
            books: Vec::new(),
            apart: BTreeSet::new(),
        };
        paths.into_iter().for_each(|path| sources.add(path, loader));
        sources.set_apart();
        Ok(sources)
    }

    /// Whether a finding in this file was asked for: one in a target or below one, and below the
    /// directory of a playbook that is one, but in no other playbook.
    pub(super) fn wanted(&self, path: &Path) -> bool {
        self.targets.iter().any(|target| path.starts_with(target))
            || (!self.apart.contains(path)
                && self.books.iter().any(|book| path.starts_with(parent(book))))
    }

    fn set_apart(&mut self) {
        let books = self.files.iter().filter(|file| file.kind == Kind::Playbook);
        let books: BTreeMap<PathBuf, Vec<PathBuf>> =
            books.map(|file| (real(&file.path), imports(file))).collect();
        self.books =
            self.targets.iter().filter(|path| books.contains_key(*path)).cloned().collect();
        let mut open: Vec<PathBuf> = self.books.clone();
        let mut reached = BTreeSet::new();
        while let Some(next) = open.pop() {
            if reached.insert(next.clone()) {
                open.extend(books.get(&next).into_iter().flatten().cloned());
            }
        }
        self.apart = books.into_keys().filter(|path| !reached.contains(path)).collect();
    }

    /// How many files were read as YAML, faulty ones included.
    pub(super) fn read_files(&self) -> usize {
        self.files.len() + self.faults.len()
    }

    /// Whether the target was named itself.
    pub(super) fn is_target(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| self.targets.contains(&path))
    }

    fn add(&mut self, path: PathBuf, loader: &Loader) {
        let has = |name: &str| parts(&path).any(|part| part == name);
        let yaml = matches!(path.extension().and_then(OsStr::to_str), Some("yml" | "yaml"));
        if !yaml || has("templates") || has("docs") || (has("files") && !self.is_target(&path)) {
            return self.texts.push(path);
        }
        let node = match loader.file(&path, None) {
            Ok(node) => node,
            Err(fault) if fault.check() == Some(VAULTED) => return self.sealed.push(path),
            Err(fault) => {
                if self.is_target(&path) || place(&path).is_some() || looks_like_plays(&path) {
                    self.faults.push((path, fault));
                }
                return;
            }
        };
        if path.file_stem().is_some_and(|stem| stem == "requirements") {
            self.requirements.push(path.clone());
        }
        let Some(kind) = kind(&path, &node) else { return };
        let role = self.roles.iter().rposition(|role| path.starts_with(role));
        self.files.push(File { path, node, kind, role });
    }
}

/// Whether a file that is no valid YAML was meant to be a playbook or a list of tasks.
fn looks_like_plays(path: &Path) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let begins = ["- hosts:", "- name:", "- import_playbook:", "hosts:", "tasks:"];
    text.lines().any(|line| begins.iter().any(|begin| line.trim_start().starts_with(begin)))
}

/// The playbooks that a playbook imports.
pub(super) fn imports(file: &File) -> Vec<PathBuf> {
    let plays = file.node.items().unwrap_or_default();
    let entries = plays.iter().flat_map(|play| play.entries().unwrap_or_default());
    let imports =
        entries.filter(|entry| entry.key.text().is_some_and(|key| short(key) == "import_playbook"));
    let names = imports.filter_map(|entry| entry.value.text());
    names.map(|name| real(&parent(&file.path).join(name))).collect()
}

/// The one path of a file.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// What a file is; none if it is nothing of ours.
fn kind(path: &Path, node: &Node) -> Option<Kind> {
    if let Some(items) = node.items() {
        let has = |key: &str| items.iter().any(|item| item.get(key).is_some());
        if has("hosts") || has("import_playbook") || has("ansible.builtin.import_playbook") {
            return Some(Kind::Playbook);
        }
        return match place(path) {
            Some(Kind::Handlers) => Some(Kind::Handlers),
            Some(Kind::Tasks) => Some(Kind::Tasks),
            Some(_) => None,
            None => items.iter().all(is_task).then_some(Kind::Tasks),
        };
    }
    node.entries()?;
    match (place(path), path.file_stem().and_then(OsStr::to_str)) {
        (Some(Kind::Meta), Some("main")) => Some(Kind::Meta),
        (Some(Kind::Meta), Some("argument_specs")) => Some(Kind::Specs),
        (Some(Kind::Vars), _) => Some(Kind::Vars),
        _ => Some(Kind::Other),
    }
}

/// Whether a mapping anywhere can only be a task.
fn is_task(node: &Node) -> bool {
    let entries = node.entries().unwrap_or_default();
    !entries.is_empty()
        && entries.iter().any(|entry| {
            let key = entry.key.text().unwrap_or_default();
            key == "block" || crate::playbook::is_action(key)
        })
}

/// What the directory says a file is.
fn place(path: &Path) -> Option<Kind> {
    parts(parent(path)).filter_map(of_directory).last()
}

fn of_directory(name: &str) -> Option<Kind> {
    match name {
        "tasks" => Some(Kind::Tasks),
        "handlers" => Some(Kind::Handlers),
        "vars" | "defaults" | "group_vars" | "host_vars" => Some(Kind::Vars),
        "meta" => Some(Kind::Meta),
        _ => None,
    }
}

/// The role that a file is in: a directory of `roles/`, or one with `meta/main.yml` or
/// `tasks/main.yml`.
fn role_of(path: &Path) -> Option<PathBuf> {
    path.ancestors().skip(1).find_map(|dir| {
        let name = dir.file_name()?.to_str()?;
        let within = of_directory(name).is_some() && !name.ends_with("_vars");
        if !within && !["templates", "files", "library"].contains(&name) {
            return None;
        }
        let role = dir.parent()?;
        let among = role.parent().and_then(Path::file_name).is_some_and(|name| name == "roles");
        let main = |part: &str| {
            ["yml", "yaml"].iter().any(|end| role.join(part).join(format!("main.{end}")).is_file())
        };
        (among || main("meta") || main("tasks")).then(|| role.to_owned())
    })
}

fn parts(path: &Path) -> impl Iterator<Item = &str> {
    path.iter().filter_map(OsStr::to_str)
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn same(a: &Path, b: &Path) -> bool {
    a.file_name() == b.file_name() && a.canonicalize().ok() == b.canonicalize().ok()
}
