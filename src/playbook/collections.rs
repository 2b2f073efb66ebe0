//! Collections on this machine: `ansible_collections/NAMESPACE/NAME` below some directories.

use std::{
    path::{Path, PathBuf},
    sync::PoisonError,
};

use rprov_modules::kit::Span;

use super::load::{Load, Loader};
use crate::source::Diagnostic;

/// `acme.tools.web`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// `acme.tools`
    pub(super) collection: &'a str,
    /// `web`; of a role in a subdirectory `sub.web`.
    pub(super) name: &'a str,
}

impl<'a> Named<'a> {
    pub(super) fn new(full: &'a str) -> Option<Named<'a>> {
        let first = full.find('.')?;
        let second = first + 1 + full[first + 1..].find('.')?;
        let (collection, name) = (&full[..second], &full[second + 1..]);
        let word = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let words = full.split('.').all(word) && !name.is_empty();
        words.then_some(Named { collection, name })
    }
}

/// Where a collection would be.
fn places(playbook_dir: &Path, configured: &[PathBuf], collection: &str) -> Vec<PathBuf> {
    let (space, name) = collection.split_once('.').unwrap_or((collection, ""));
    let mut places = Vec::new();
    let roots = std::iter::once(playbook_dir.join("collections")).chain(configured.iter().cloned());
    for root in roots {
        let inner = match root.ends_with("ansible_collections") {
            true => root,
            false => root.join("ansible_collections"),
        };
        let place = inner.join(space).join(name);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// The directory of a collection (`acme.tools`), or where it was looked for.
pub(crate) fn find(
    playbook_dir: &Path,
    configured: &[PathBuf],
    collection: &str,
) -> Result<PathBuf, Vec<PathBuf>> {
    let places = places(playbook_dir, configured, collection);
    match places.iter().find(|place| place.is_dir()) {
        Some(place) => Ok(place.clone()),
        None => Err(places),
    }
}

impl Load<'_> {
    pub(super) fn collection(&self, collection: &str) -> Result<PathBuf, Vec<PathBuf>> {
        self.loader.collection(&self.playbook_dir, collection)
    }
}

impl Loader {
    /// The directory of a collection, or where it was looked for.
    pub(super) fn collection(&self, dir: &Path, collection: &str) -> Result<PathBuf, Vec<PathBuf>> {
        let mut roots = self.beside.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What belongs to a collection finds those beside it.
        let own = dir.ancestors().find(|up| up.ends_with("ansible_collections"));
        roots.extend(own.map(Path::to_owned));
        roots.extend(self.settings.collections_path.iter().cloned());
        find(dir, &roots, collection)
            .or_else(|places| self.installed_collection(collection).ok_or(places))
    }

    /// What `import_playbook` names: a file, or `acme.tools.site`.
    pub(super) fn imported(
        &self,
        dir: &Path,
        name: &str,
        span: Span,
    ) -> Result<PathBuf, Diagnostic> {
        let beside = dir.join(name);
        let Some(named) = Named::new(name).filter(|_| !beside.is_file()) else { return Ok(beside) };
        // `more.site.yml` is a file that is missing.
        if matches!(name.rsplit('.').next(), Some("yml" | "yaml")) {
            return Ok(beside);
        }
        match self.collection(dir, named.collection) {
            Ok(collection) => playbook(&collection, named.name).ok_or_else(|| {
                Diagnostic::error(format!("there is no playbook `{name}`"))
                    .at(span, "not found")
                    .note(format!("looked in `{}`", collection.join("playbooks").display()))
            }),
            Err(places) => {
                let error =
                    Diagnostic::error(format!("there is no collection `{}`", named.collection));
                Err(searched(error.at(span, "not found"), &places))
            }
        }
    }
}

/// Tells where a collection was looked for.
pub(super) fn searched(error: Diagnostic, places: &[PathBuf]) -> Diagnostic {
    places
        .iter()
        .fold(error, |error, place| error.note(format!("looked for `{}`", place.display())))
}

/// `site`, or `sub.site`, among the playbooks of a collection.
fn playbook(collection: &Path, name: &str) -> Option<PathBuf> {
    let below = collection.join("playbooks").join(name.replace('.', "/"));
    ["yml", "yaml"]
        .map(|extension| below.with_extension(extension))
        .into_iter()
        .find(|p| p.is_file())
}

/// The collection that a directory belongs to: `…/ansible_collections/acme/tools/playbooks`.
pub(super) fn around(dir: &Path) -> Option<String> {
    let dir = std::path::absolute(dir).ok()?;
    let words: Vec<&str> = dir.iter().filter_map(|word| word.to_str()).collect();
    let at = words.iter().rposition(|word| *word == "ansible_collections")?;
    Some(format!("{}.{}", words.get(at + 1)?, words.get(at + 2)?))
}

/// The file of a playbook that is named on the command line: itself, or one of a collection.
pub fn playbook_file(name: &Path, configured: &[PathBuf]) -> PathBuf {
    let text = name.to_string_lossy();
    let named = Named::new(&text).filter(|_| !name.exists());
    let found = named.and_then(|named| {
        let collection = find(Path::new(""), configured, named.collection).ok()?;
        playbook(&collection, named.name)
    });
    found.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_has_three_words() {
        let named = |collection, name| Some(Named { collection, name });
        assert_eq!(Named::new("acme.tools.web"), named("acme.tools", "web"));
        assert_eq!(Named::new("acme.tools.sub.web"), named("acme.tools", "sub.web"));
        for other in ["web", "acme.tools", "a.b.", "../x.y.z", "a.b.c/d", "1.2.3", "a b.c.d"] {
            assert_eq!(Named::new(other), None, "{other}");
        }
    }
}
