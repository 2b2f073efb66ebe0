//! The project rprov is called in: `playbooks/` and `inventories/ENV/`.

use std::path::{Path, PathBuf};

use rprov_modules::kit::nearest;

use super::args::commands;
use crate::config::upwards;
use crate::source::Diagnostic;

/// The nearest directory, upwards from the working directory, that has playbooks or inventories.
#[derive(Debug, Clone)]
pub(super) struct Project {
    root: PathBuf,
}

/// An environment: a directory of `inventories/`.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    pub(super) name: String,
    pub(super) hosts: PathBuf,
    pub(super) secrets: Option<PathBuf>,
}

impl Project {
    /// Finds the project from the working directory.
    ///
    /// # Errors
    /// When no directory upwards is one.
    pub(super) fn find() -> Result<Project, Diagnostic> {
        let here = std::env::current_dir().map_err(|error| {
            Diagnostic::error(format!("cannot tell the working directory: {error}"))
        })?;
        let found = upwards(&here)
            .find(|dir| dir.join("inventories").is_dir() || dir.join("playbooks").is_dir());
        match found {
            // Relative paths read better, and most people stand in the root.
            Some(root) if root == here => Ok(Project { root: PathBuf::new() }),
            Some(root) => Ok(Project { root: root.to_owned() }),
            None => Err(Diagnostic::error(format!("`{}` is in no project", here.display())).help("a project has `playbooks/` and `inventories/`; to run one file use `rprov playbook FILE -i INVENTORY`")),
        }
    }

    /// The same, or else the working directory, if there are playbooks in it.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn here() -> Result<Project, Diagnostic> {
        Project::find().or_else(|error| {
            let bare = Project { root: PathBuf::new() };
            if bare.verbs().is_empty() { Err(error) } else { Ok(bare) }
        })
    }

    /// Where its vault password is, if it has one; no part of the repository.
    pub(super) fn vault_password(&self) -> PathBuf {
        self.root.join("vault-password")
    }

    /// The root, as an absolute path.
    pub(super) fn directory(&self) -> PathBuf {
        // Of an empty path this is the working directory.
        std::path::absolute(self.root.join(".")).unwrap_or_else(|_| self.root.clone())
    }

    /// The playbook of a verb: `playbooks/VERB.yml`, or `VERB.yml` in the root.
    ///
    /// # Errors
    /// When there is none, with the verbs there are.
    pub(super) fn playbook(&self, verb: &str) -> Result<PathBuf, Diagnostic> {
        let verbs = self.verbs();
        if let Some((_, path)) = verbs.iter().find(|(name, _)| name == verb) {
            return Ok(path.clone());
        }
        let error = Diagnostic::error(format!("there is no verb `{verb}`"))
            .note("a verb is a playbook in `playbooks/` or in the project's root");
        let commands = commands();
        let commands = commands.iter().map(|(name, _)| name.as_str());
        let names: Vec<&str> =
            verbs.iter().map(|(name, _)| name.as_str()).chain(commands).collect();
        Err(match nearest(verb, names.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("known verbs: {}", names.join(", "))),
        })
    }

    /// All verbs and their playbooks, by name.
    pub(super) fn verbs(&self) -> Vec<(String, PathBuf)> {
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for dir in [self.root.join("playbooks"), self.root.clone()] {
            for path in files(&dir) {
                let yaml =
                    matches!(path.extension().and_then(|e| e.to_str()), Some("yml" | "yaml"));
                let name = path
                    .file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned())
                    .unwrap_or_default();
                let is_play = || {
                    std::fs::read_to_string(&path).is_ok_and(|text| {
                        text.lines().any(|l| {
                            l.trim_start().trim_start_matches("- ").starts_with("hosts:")
                                || l.contains("import_playbook:")
                        })
                    })
                };
                if yaml
                    && path.is_file()
                    && !name.starts_with('.')
                    && !found.iter().any(|(known, _)| *known == name)
                    && is_play()
                {
                    found.push((name, path));
                }
            }
        }
        found.sort();
        found
    }

    pub(super) fn environments(&self) -> Vec<String> {
        let dirs = files(&self.root.join("inventories")).into_iter().filter(|path| path.is_dir());
        let mut names: Vec<String> = dirs
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect();
        names.sort();
        names
    }

    /// An environment by name.
    ///
    /// # Errors
    /// When there is none, or a piece of it is missing.
    pub(super) fn environment(&self, name: &str) -> Result<Environment, Diagnostic> {
        let known = self.environments();
        if name.is_empty() || name.contains('/') || !known.iter().any(|env| env == name) {
            let error =
                Diagnostic::error(format!("there is no environment `{name}`")).note(format!(
                    "an environment is a directory of `{}`",
                    self.root.join("inventories").display()
                ));
            return Err(match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => error.help(format!("did you mean `env={near}`?")),
                None => error.help(format!("known environments: {}", known.join(", "))),
            });
        }
        let dir = self.root.join("inventories").join(name);
        let first =
            |names: &[&str]| names.iter().map(|name| dir.join(name)).find(|path| path.exists());
        let Some(hosts) =
            first(&["hosts", "hosts.yml", "hosts.yaml", "hosts.ini", "inventory.yml"])
        else {
            return Err(Diagnostic::error(format!("environment `{name}` has no hosts"))
                .help(format!("write them to `{}`", dir.join("hosts").display())));
        };
        Ok(Environment {
            name: name.to_owned(),
            hosts,
            secrets: first(&["secrets", "secrets.yml", "secrets.yaml"]),
        })
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| path.strip_prefix("./").map(Path::to_owned).unwrap_or(path))
        .collect()
}
