//! Names under which others install roles and collections: of those that are developed here, and of those
//! that are required from elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rprov_modules::kit::Node;

use super::sources::{Sources, parent, real};
use crate::playbook::{Installed, Loader};

/// What the roles and collections of a project are called once they are installed.
pub(super) fn installed(sources: &Sources, loader: &Loader) -> Installed {
    let mut installed = Installed { roles: sources.roles.clone(), ..Installed::default() };
    for role in &sources.roles {
        installed.names.insert(role.clone(), names(role, loader));
    }
    for file in &sources.files {
        let text = |key: &str| file.node.get(key).and_then(Node::text);
        if file.path.file_stem().is_some_and(|stem| stem == "galaxy")
            && let (Some(space), Some(name)) = (text("namespace"), text("name"))
        {
            let dir = parent(&file.path).to_owned();
            installed.collections.insert(format!("{space}.{name}"), dir);
        }
    }
    installed
}

/// Other names of a role: the one it is published under, and that of a repository without what such
/// names begin with.
fn names(role: &Path, loader: &Loader) -> Vec<String> {
    let last = real(role).file_name().map(|name| name.to_string_lossy().into_owned());
    let last = last.unwrap_or_default();
    let plain = ["ansible-role-", "ansible-"].iter().find_map(|start| last.strip_prefix(start));
    let mut names: Vec<String> = plain.into_iter().map(str::to_owned).collect();
    names.push(last);
    for end in ["yml", "yaml"] {
        let Ok(meta) = loader.file(&role.join("meta/main").with_extension(end), None) else {
            continue;
        };
        let name = meta.get("galaxy_info").and_then(|info| info.get("role_name")?.text());
        names.extend(name.map(str::to_owned));
    }
    names
}

/// Roles by name and the file that says where they are to be had.
pub(super) fn required(sources: &Sources, loader: &Loader) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for path in &sources.requirements {
        let Ok(node) = loader.file(path, None) else { continue };
        let roles = node.get("roles").and_then(Node::items).or_else(|| node.items());
        for role in roles.unwrap_or_default() {
            let text = |key: &str| role.get(key).and_then(Node::text);
            let name = text("name").or_else(|| text("src")).or_else(|| text("role"));
            if let Some(name) = name.or_else(|| role.text()) {
                // `NAME,VERSION`, as it was written once.
                let name = name.split(',').next().unwrap_or(name);
                found.entry(name.to_owned()).or_insert_with(|| path.clone());
            }
        }
    }
    found
}
