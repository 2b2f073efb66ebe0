//! Inventory scripts: a program that prints hosts and groups as JSON when run with `--list`.
//!
//! `_meta.hostvars` holds the variables of all hosts; without it the program is run once more for
//! every host with `--host NAME`. What it prints may hold secrets: messages name the place in it,
//! but never show it.

use std::path::Path;

use indexmap::IndexMap;
use rprov_modules::kit::{Entry, Node, NodeKind, Scalar, Span, Tag};

use super::build::Build;
use super::program;
use crate::source::{self, Diagnostic, SourceMap};

/// Whether a file is a program: executable, and something the system can run.
#[cfg(unix)]
pub(super) fn is_program(path: &Path, bytes: &[u8]) -> bool {
    is_executable(path) && (bytes.starts_with(b"#!") || bytes.starts_with(b"\x7fELF"))
}

/// Whether somebody may execute the file.
#[cfg(unix)]
pub(super) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
}

/// Runs the program at `path` and reads what it prints into `build`.
pub(super) fn read(path: &Path, map: &SourceMap, build: &mut Build) {
    if let Err(error) = (Script { path, map }).read(build) {
        build.report(error);
    }
}

struct Script<'a> {
    path: &'a Path,
    map: &'a SourceMap,
}

impl Script<'_> {
    fn read(&self, build: &mut Build) -> Result<(), Diagnostic> {
        let root = self.run(&["--list"])?;
        let groups = self.object(&root, "the groups")?;
        let meta = root.get("_meta");
        let hostvars = meta.and_then(|meta| meta.get("hostvars"));
        match (meta, hostvars) {
            (None, _) => {}
            (Some(_), Some(hostvars)) => drop(self.object(hostvars, "`_meta.hostvars`")?),
            (Some(meta), None) => {
                let error = Diagnostic::error("expected `hostvars` in `_meta`").at(meta.span, "");
                return Err(error.note(self.place()));
            }
        }
        let mut hosts = IndexMap::new();
        for entry in groups.iter().filter(|entry| entry.key.text() != Some("_meta")) {
            self.group(entry, &mut hosts, build)?;
        }
        for (name, host) in hosts {
            let one;
            let vars = match hostvars {
                Some(hostvars) => hostvars.get(&name),
                None => {
                    one = self.run(&["--host", &name])?;
                    Some(&one)
                }
            };
            let Some(vars) = vars else { continue };
            for Entry { key, value } in self.object(vars, &format!("the variables of `{name}`"))? {
                build.host_var(host, key.text().unwrap_or_default(), key.span, value.clone());
            }
        }
        Ok(())
    }

    /// A group is a list of hosts, a mapping with `hosts`, `children` and `vars`, or, from the
    /// oldest of scripts, the variables of a group whose one host has the same name.
    fn group(
        &self,
        entry: &Entry,
        hosts: &mut IndexMap<String, usize>,
        build: &mut Build,
    ) -> Result<(), Diagnostic> {
        let name = entry.key.text().unwrap_or_default();
        let group = build.group(name, entry.key.span);
        let mut add = |host: &str, span: Span, build: &mut Build| {
            let index = build.host(host, span);
            build.member(group, index);
            hosts.insert(host.to_owned(), index);
        };
        let Some(parts) = entry.value.entries() else {
            for host in self.strings(&entry.value, &format!("group `{name}`"))? {
                add(host, entry.value.span, build);
            }
            return Ok(());
        };
        let known = |part: &Entry| matches!(part.key.text(), Some("hosts" | "vars" | "children"));
        if !parts.iter().any(known) {
            add(name, entry.key.span, build);
            for var in parts {
                let name = var.key.text().unwrap_or_default();
                build.group_var(group, name, var.key.span, var.value.clone());
            }
            return Ok(());
        }
        if let Some(listed) = entry.value.get("hosts") {
            for host in self.strings(listed, &format!("`{name}.hosts`"))? {
                add(host, listed.span, build);
            }
        }
        if let Some(vars) = entry.value.get("vars") {
            for var in self.object(vars, &format!("`{name}.vars`"))? {
                let name = var.key.text().unwrap_or_default();
                build.group_var(group, name, var.key.span, var.value.clone());
            }
        }
        if let Some(listed) = entry.value.get("children") {
            for child in self.strings(listed, &format!("`{name}.children`"))? {
                let index = build.group(child, listed.span);
                build.child(group, index, listed.span);
            }
        }
        Ok(())
    }

    fn object<'n>(&self, node: &'n Node, what: &str) -> Result<&'n [Entry], Diagnostic> {
        node.entries().ok_or_else(|| self.shape(node, what, "a JSON object"))
    }

    fn strings<'n>(&self, node: &'n Node, what: &str) -> Result<Vec<&'n str>, Diagnostic> {
        let items = node.items().ok_or_else(|| self.shape(node, what, "a JSON array"))?;
        let text = |item: &'n Node| match &item.kind {
            NodeKind::Scalar(scalar) if !scalar.plain => Ok(&*scalar.text),
            _ => Err(self.shape(item, &format!("each entry of {what}"), "a name")),
        };
        items.iter().map(text).collect()
    }

    fn shape(&self, found: &Node, what: &str, wanted: &str) -> Diagnostic {
        let found_type = found.type_name();
        let message = format!("expected {what} to be {wanted}, found {found_type}");
        Diagnostic::error(message).at(found.span, "").note(self.place())
    }

    fn place(&self) -> String {
        format!("in what the inventory script `{}` printed", self.path.display())
    }

    fn run(&self, args: &[&str]) -> Result<Node, Diagnostic> {
        let shown = format!("{} {}", self.path.display(), args.join(" "));
        let output = program::run(self.path, args, &shown, program::LIMIT)?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let with_stderr = |error: Diagnostic| match said.is_empty() {
            true => error,
            false => error.note(format!("it said: {said}")),
        };
        if !output.status.success() {
            let how = match output.status.code() {
                Some(code) => format!("failed with exit status {code}"),
                None => format!("was ended by a {}", output.status),
            };
            let message = format!("the inventory script `{shown}` {how}");
            return Err(with_stderr(Diagnostic::error(message)));
        }
        let name = Path::new(&shown);
        self.map.conceal(name);
        let text = source::yaml::utf8(self.map, name, &output.stdout).map_err(with_stderr)?;
        if text.trim().is_empty() && args[0] == "--host" {
            return Ok(Node::map(Span::default(), vec![]));
        }
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
            let reason = match text.trim().is_empty() {
                true => "nothing".to_owned(),
                false => format!("other text: {error}"),
            };
            let message = format!("expected JSON from `{shown}`, found {reason}");
            let error = with_stderr(Diagnostic::error(message));
            return Err(error.help("a file that is no script must not be executable"));
        }
        let mut root = source::yaml::parse_value(self.map, name, text).map_err(with_stderr)?;
        revive(&mut root);
        Ok(root)
    }
}

/// Ansible's way to write a vaulted or unsafe text in JSON: `{"__ansible_vault": "…"}`.
fn revive(node: &mut Node) {
    let marked = match node.entries() {
        Some([entry]) => match (entry.key.text(), entry.value.text()) {
            (Some("__ansible_vault"), Some(text)) => Some((text, Tag::Vault)),
            (Some("__ansible_unsafe"), Some(text)) => Some((text, Tag::Unsafe)),
            _ => None,
        },
        _ => None,
    };
    if let Some((text, tag)) = marked {
        let scalar = Scalar { text: text.into(), plain: false, tag: Some(tag) };
        node.kind = NodeKind::Scalar(scalar);
        return;
    }
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(revive),
        NodeKind::Map(entries) => entries.iter_mut().for_each(|entry| revive(&mut entry.value)),
        NodeKind::Scalar(_) => {}
    }
}
