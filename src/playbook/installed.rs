//! Roles and collections by the names they have once they are installed, though they are only being
//! developed here. A run does not know them; whoever looks at a whole project does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::load::Loader;

/// Where those of a project are.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    /// Directories of roles.
    pub(crate) roles: Vec<PathBuf>,
    /// Other names of roles, by their directories.
    pub(crate) names: BTreeMap<PathBuf, Vec<String>>,
    /// `acme.tools` and its directory.
    pub(crate) collections: BTreeMap<String, PathBuf>,
}

impl Installed {
    /// What a playbook beside or below a role means by a name: tests of a role name the role itself,
    /// and those beside it.
    fn role(&self, playbook_dir: &Path, name: &str) -> Option<&Path> {
        let short = name.rsplit('.').next().unwrap_or(name);
        let here = std::path::absolute(playbook_dir).ok()?;
        let around = |role: &&PathBuf| {
            let dir = std::path::absolute(role.join(".")).unwrap_or_default();
            here.starts_with(&dir)
        };
        let own = self.roles.iter().rfind(around)?;
        let called = |role: &Path| {
            role.file_name().is_some_and(|last| last == name)
                || self.names.get(role).is_some_and(|names| names.iter().any(|one| one == short))
        };
        if called(own) {
            return Some(own);
        }
        let beside = |role: &&PathBuf| role.parent() == own.parent() && called(role);
        self.roles.iter().find(beside).map(PathBuf::as_path)
    }
}

impl Loader {
    /// From now on these names are known, too, where a run would find nothing.
    pub(crate) fn install(&self, installed: Installed) {
        // A loader looks at one project.
        let _ = self.installed.set(installed);
    }

    pub(super) fn installed_role(&self, playbook_dir: &Path, name: &str) -> Option<PathBuf> {
        self.installed.get()?.role(playbook_dir, name).map(Path::to_owned)
    }

    pub(super) fn installed_collection(&self, name: &str) -> Option<PathBuf> {
        self.installed.get()?.collections.get(name).cloned()
    }
}
