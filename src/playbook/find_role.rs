//! Where a role is.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use rprov_modules::kit::{Node, nearest};

use super::collections::{self, Named};
use super::load::Load;
use super::role::Wanted;
use super::{Chain, Role, shown};
use crate::source::Diagnostic;

/// A role that was found.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Of a collection always the full name.
    pub(super) name: String,
    pub(super) collection: Option<String>,
}

impl Load<'_> {
    /// In its collection if it names one, in the collections that are searched here; then beside the
    /// playbook in `roles/`, in the configured paths, beside the role that wants it, and in the
    /// playbook's directory.
    pub(super) fn find_role(
        &mut self,
        wanted: &Wanted,
        chain: &Chain,
        owner: Option<&Arc<Role>>,
    ) -> Option<Found> {
        let mut error = Diagnostic::error(format!("there is no role `{}`", wanted.name))
            .kind("missing-role")
            .at(wanted.span, "not found");
        let candidates = match Named::new(&wanted.name) {
            Some(named) => vec![(named.collection.to_owned(), named.name.to_owned())],
            None => self
                .searched(chain, owner)
                .into_iter()
                .map(|collection| (collection, wanted.name.clone()))
                .collect(),
        };
        for (collection, name) in candidates {
            match self.collection(&collection) {
                Ok(dir) => {
                    let path = dir.join("roles").join(name.replace('.', "/"));
                    if path.is_dir() {
                        let name = format!("{collection}.{name}");
                        return Some(Found { path, name, collection: Some(collection) });
                    }
                    let roles = dir.join("roles");
                    error = error.note(format!("looked in `{}`", roles.display()));
                }
                Err(places) => error = collections::searched(error, &places),
            }
        }
        let mut places = vec![self.playbook_dir.join("roles")];
        places.extend(self.loader.settings.roles_path.iter().cloned());
        places.extend(owner.and_then(|role| role.path.parent()).map(Path::to_owned));
        places.push(self.playbook_dir.clone());
        let found = places
            .iter()
            .map(|place| straight(place.join(&wanted.name)))
            .find(|path| path.is_dir())
            .map(resolved);
        let found = found.or_else(|| self.loader.installed_role(&self.playbook_dir, &wanted.name));
        if let Some(path) = found {
            return Some(Found { path, name: wanted.name.clone(), collection: None });
        }
        let mut seen = std::collections::HashSet::new();
        places.retain(|place| seen.insert(place.clone()));
        let known: Vec<String> = places
            .iter()
            .filter_map(|place| std::fs::read_dir(place).ok())
            .flatten()
            .flatten()
            .filter(|entry| entry.path().join("tasks").is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        for place in &places {
            error = error.note(format!("looked in `{}`", shown(place).display()));
        }
        if let Some(near) = nearest(&wanted.name, known.iter().map(String::as_str)) {
            error = error.help(format!("did you mean `{near}`?"));
        }
        self.fail(error);
        None
    }

    /// The collections in which a name without one is looked for: those of the nearest
    /// `collections:` in the same role or play, else those of the role, or of the playbook.
    fn searched(&self, chain: &Chain, owner: Option<&Arc<Role>>) -> Vec<String> {
        let same = |level: &&Chain| match (&level.role, &chain.role) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        let own = match (owner, &chain.role) {
            (Some(role), _) | (None, Some(role)) => role.collections.clone(),
            (None, None) => collections::around(&self.playbook_dir).into_iter().collect(),
        };
        let inside_owner = owner.is_some() && chain.role.is_none();
        let written = chain
            .levels()
            .take_while(same)
            .find_map(|level| level.keywords.get("collections"))
            .filter(|_| !inside_owner);
        let Some(written) = written else { return own };
        let items: Vec<&Node> =
            written.items().map_or_else(|| vec![written], |items| items.iter().collect());
        let written = items.into_iter().filter_map(Node::text).map(str::to_owned);
        let mut all: Vec<String> = written.collect();
        all.extend(own.into_iter().filter(|name| !all.contains(name)).collect::<Vec<_>>());
        all.retain(|name| !matches!(name.as_str(), "ansible.builtin" | "ansible.legacy"));
        all
    }
}

/// Without `..` after a directory that does not exist: `roles/../../web` is found where there is no
/// `roles/`.
fn straight(path: PathBuf) -> PathBuf {
    if path.is_dir() {
        return path;
    }
    let mut way = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if !way.exists() && way.file_name().is_some() => {
                way.pop();
            }
            part => way.push(part),
        }
    }
    way
}

/// Through links, as Ansible has it in `role_path` and in results; a path without links stays as it is.
fn resolved(path: PathBuf) -> PathBuf {
    match (std::fs::canonicalize(&path), std::path::absolute(&path)) {
        (Ok(real), Ok(plain)) if real != plain => real,
        _ => path,
    }
}
