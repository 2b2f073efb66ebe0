//! Collections on this machine: `ansible_collections/NAMESPACE/NAME` below some directories.

use std::path::{Path, PathBuf};

use super::load::Load;

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
        find(&self.playbook_dir, &self.loader.settings.collections_path, collection)
    }
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
