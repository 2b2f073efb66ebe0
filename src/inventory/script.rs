//! Inventory scripts: a program that prints hosts and groups as JSON when run with `--list`.
//!
//! `_meta.hostvars` holds the variables of all hosts; without it the program is run once more for
//! every host with `--host NAME`.

use std::path::Path;
use std::process::Command;

use indexmap::IndexMap;
use rprov_modules::kit::{Entry, Node, Span};

use super::build::Build;
use crate::source::{self, Diagnostic};
use crate::vars::files::Reader;

#[cfg(unix)]
pub(super) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
}

pub(super) fn read(path: &Path, reader: &Reader, build: &mut Build) {
    let root = match run(path, &["--list"], reader) {
        Ok(root) => root,
        Err(error) => return build.report(error),
    };
    let Some(groups) = root.entries() else {
        let message = format!("expected a mapping of groups, found {}", root.type_name());
        return build.error(message, root.span, "");
    };
    let mut hosts = IndexMap::new();
    for entry in groups.iter().filter(|entry| entry.key.text() != Some("_meta")) {
        group(entry, &mut hosts, build);
    }
    let meta = root.get("_meta").and_then(|meta| meta.get("hostvars"));
    for (name, host) in hosts {
        let one;
        let vars = match meta {
            Some(meta) => meta.get(&name),
            None => match run(path, &["--host", &name], reader) {
                Ok(vars) => {
                    one = vars;
                    Some(&one)
                }
                Err(error) => return build.report(error),
            },
        };
        for Entry { key, value } in vars.and_then(Node::entries).unwrap_or_default() {
            build.host_var(host, key.text().unwrap_or_default(), key.span, value.clone());
        }
    }
}

/// A group is a list of hosts, or a mapping with `hosts`, `children` and `vars`.
fn group(entry: &Entry, hosts: &mut IndexMap<String, usize>, build: &mut Build) {
    let name = entry.key.text().unwrap_or_default();
    let group = build.group(name, entry.key.span);
    let listed = |key: &str| entry.value.get(key).and_then(Node::items).unwrap_or_default();
    for host in entry.value.items().unwrap_or_else(|| listed("hosts")) {
        let name = host.text().unwrap_or_default();
        let index = build.host(name, host.span);
        build.member(group, index);
        hosts.insert(name.to_owned(), index);
    }
    for child in listed("children") {
        let index = build.group(child.text().unwrap_or_default(), child.span);
        build.child(group, index, child.span);
    }
    for var in entry.value.get("vars").and_then(Node::entries).unwrap_or_default() {
        build.group_var(group, var.key.text().unwrap_or_default(), var.key.span, var.value.clone());
    }
}

fn run(path: &Path, args: &[&str], reader: &Reader) -> Result<Node, Diagnostic> {
    let shown = format!("{} {}", path.display(), args.join(" "));
    let program = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let output = Command::new(program)
        .args(args)
        .output()
        .map_err(|error| Diagnostic::error(format!("cannot run `{shown}`: {error}")))?;
    if !output.status.success() {
        let error =
            Diagnostic::error(format!("the inventory script `{shown}` failed: {}", output.status));
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(if said.trim().is_empty() {
            error
        } else {
            error.note(said.trim().to_owned())
        });
    }
    let name = Path::new(&shown);
    let text = source::yaml::utf8(&reader.map, name, &output.stdout)?;
    let root = source::yaml::parse_value(&reader.map, name, text)?;
    Ok(if root.is_null() { Node::map(Span::default(), vec![]) } else { root })
}
