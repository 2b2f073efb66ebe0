//! Where a project begins, and the files in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::upwards;

/// Directories deeper than this are a loop of links.
pub(super) const DEEPEST: usize = 24;

/// A project is looked for in so many directories upwards.
const HIGHEST: usize = 4;

/// What only a project has.
pub(super) const MARKS: [&str; 7] =
    ["ansible.cfg", "roles", "inventories", "inventory", "playbooks", "group_vars", "host_vars"];

/// What a project has in its highest directory: nothing above that one is looked at.
const TOPS: [&str; 2] = [".git", "ansible.cfg"];

/// Directories that hold no sources of the project's own.
const FOREIGN: [&str; 6] =
    ["node_modules", "ansible_collections", "venv", "target", "dist", "vendor"];

/// The directory of the project that a directory is in: the highest of the nearest directories upwards
/// that look like a project, but none above a repository or a directory with an `ansible.cfg`, and no
/// home directory. None if nothing looks like one.
pub fn root(dir: &Path) -> Option<PathBuf> {
    let has = |dir: &Path, marks: &[&str]| marks.iter().any(|mark| dir.join(mark).exists());
    let here = dir.canonicalize().ok()?;
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let above = upwards(&here)
        .take(HIGHEST)
        .take_while(|dir| dir.parent().is_some() && home.as_deref() != Some(*dir));
    let mut found = None;
    for (at, dir) in above.enumerate() {
        if has(dir, &MARKS) {
            found = Some(at);
        }
        if has(dir, &TOPS) {
            break;
        }
    }
    let found = found?;
    // As the user wrote it, not as the file system has it.
    let up: PathBuf = std::iter::repeat_n("..", found).collect();
    Some(match found {
        0 => dir.to_owned(),
        _ => match std::env::current_dir().and_then(|cwd| cwd.canonicalize()) {
            Ok(cwd) => match here.ancestors().nth(found) {
                Some(root) => root.strip_prefix(&cwd).map_or_else(|_| dir.join(up), Path::to_owned),
                None => dir.join(up),
            },
            Err(_) => dir.join(up),
        },
    })
}

/// Every file in a directory and below, but for hidden ones and those of others.
pub(super) fn walk(dir: &Path, depth: usize, paths: &mut BTreeSet<PathBuf>) {
    let listed = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let Ok(entries) = std::fs::read_dir(listed) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(text) = name.to_str() else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        let path = dir.join(text);
        let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
        if text.starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            if depth < DEEPEST && !FOREIGN.contains(&text) {
                walk(&path, depth + 1, paths);
            }
        } else if path.is_file() {
            paths.insert(path);
        }
    }
}
