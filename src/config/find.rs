//! Which files of settings there are.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Surroundings;
use super::value::resolve;
use crate::source::Diagnostic;

/// The name of our own file.
pub(super) const OURS: &str = "rprov.toml";

/// The `ansible.cfg` that counts: of `ANSIBLE_CONFIG`, the working directory, the home directory and
/// `/etc/ansible`, the first that exists. One in a directory that everybody may write to is passed
/// over: anybody could have put it there.
pub(super) fn ansible_cfg(
    around: &Surroundings,
    warnings: &mut Vec<Diagnostic>,
) -> Option<PathBuf> {
    if let Some(named) = around.variable("ANSIBLE_CONFIG").filter(|named| !named.is_empty()) {
        let mut path = resolve(named, &around.directory, around);
        if path.is_dir() {
            path.push("ansible.cfg");
        }
        if path.exists() {
            return Some(path);
        }
        let warning = format!("ANSIBLE_CONFIG names `{}`, which does not exist", path.display());
        warnings.push(Diagnostic::warning(warning));
    }
    let here = around.directory.join("ansible.cfg");
    if here.exists() {
        match is_everybodys(&around.directory) {
            false => return Some(here),
            true => {
                let warning =
                    format!("`{}` is passed over: everybody may write there", here.display());
                let help = format!(
                    "run `chmod o-w {}`, or name the file in ANSIBLE_CONFIG",
                    around.directory.display()
                );
                warnings.push(Diagnostic::warning(warning).help(help));
            }
        }
    }
    let home = around.home.as_ref().map(|home| home.join(".ansible.cfg"));
    home.into_iter().chain([PathBuf::from("/etc/ansible/ansible.cfg")]).find(|path| path.exists())
}

/// Whether everybody may write to a directory.
fn is_everybodys(directory: &Path) -> bool {
    directory.metadata().is_ok_and(|found| found.permissions().mode() & 0o002 != 0)
}

/// A directory and those above it, up to the first above it that everybody may write to, such as `/tmp`:
/// what is found there may be anybody's, and is no part of a project below.
pub(crate) fn upwards(directory: &Path) -> impl Iterator<Item = &Path> {
    let above = directory.ancestors().skip(1).take_while(|dir| !is_everybodys(dir));
    std::iter::once(directory).chain(above)
}

/// The nearest `rprov.toml`, from the working directory upwards.
pub(super) fn ours(around: &Surroundings) -> Option<PathBuf> {
    upwards(&around.directory).map(|dir| dir.join(OURS)).find(|path| path.is_file())
}
