//! The YAML (and JSON) inventory: groups of `hosts`, `children` and `vars`, to any depth.

use rprov_modules::kit::{Entry, Node, NodeKind, Resolved, nearest};

use super::build::Build;
use crate::source::Diagnostic;

/// Whether a document looks like an inventory rather than like something else that is also YAML:
/// a mapping whose values are mappings or nothing.
pub(super) fn is_inventory(root: &Node) -> bool {
    root.entries().is_some_and(|groups| {
        !groups.is_empty()
            && groups.iter().all(|group| group.value.is_null() || group.value.entries().is_some())
    })
}

/// Reads the root of a document into `build`.
pub(super) fn read(root: &Node, build: &mut Build) {
    let Some(groups) = root.entries() else {
        let message = format!("expected a mapping of groups, found {}", root.type_name());
        return build.error(message, root.span, "");
    };
    for entry in groups {
        group(entry, build);
    }
}

/// Reads one group and what is below it.
fn group(entry: &Entry, build: &mut Build) -> Option<usize> {
    let name = string_key(&entry.key, "group", build)?;
    if !entry.value.is_null() && entry.value.entries().is_none() {
        let label = format!("found {}", entry.value.type_name());
        let error = Diagnostic::error(format!("expected group `{name}` to be a mapping"))
            .at(entry.value.span, label);
        build.report(error.help("a group holds `hosts:`, `children:` and `vars:`"));
        return None;
    }
    let group = build.group(name, entry.key.span);
    for part in entry.value.entries().unwrap_or_default() {
        match part.key.text() {
            Some("hosts") => hosts(group, part, build),
            Some("children") => children(group, part, build),
            Some("vars") => {
                for var in section(part, build) {
                    if let Some(name) = string_key(&var.key, "variable", build) {
                        build.group_var(group, name, var.key.span, var.value.clone());
                    }
                }
            }
            _ => unknown_key(part, name, build),
        }
    }
    Some(group)
}

fn unknown_key(part: &Entry, group: &str, build: &mut Build) {
    let key = part.key.text().unwrap_or("a key");
    let message = format!("unknown key `{key}` in group `{group}`");
    let warning = Diagnostic::warning(message).at(part.key.span, "ignored");
    build.report(match nearest(key, ["hosts", "children", "vars"]) {
        Some(near) => warning.help(format!("did you mean `{near}`?")),
        None => warning.help("a group holds `hosts:`, `children:` and `vars:`"),
    });
}

/// The entries of `hosts:`, `children:` or `vars:`. A lone word is one entry without a value.
fn section(part: &Entry, build: &mut Build) -> Vec<Entry> {
    match &part.value.kind {
        NodeKind::Map(entries) => entries.clone(),
        NodeKind::Scalar(scalar) if scalar.resolve() == Resolved::Null => vec![],
        NodeKind::Scalar(scalar) if scalar.resolve() == Resolved::Str => {
            vec![Entry { key: part.value.clone(), value: Node::null(part.value.span) }]
        }
        _ => {
            let key = part.key.text().unwrap_or_default();
            let label = format!("found {}", part.value.type_name());
            let error = Diagnostic::error(format!("expected `{key}` to be a mapping"))
                .at(part.value.span, label);
            build.report(match part.value.items() {
                Some(_) => error.help("write `name:` for each instead of `- name`"),
                None => error,
            });
            vec![]
        }
    }
}

fn hosts(group: usize, part: &Entry, build: &mut Build) {
    for entry in section(part, build) {
        let Some(expression) = string_key(&entry.key, "host", build) else { continue };
        let hosts = build.hosts(expression, entry.key.span);
        for &host in &hosts {
            build.member(group, host);
        }
        if !entry.value.is_null() && entry.value.entries().is_none() {
            let label = format!("found {}", entry.value.type_name());
            let message = format!("expected the variables of `{expression}` to be a mapping");
            build.error(message, entry.value.span, label);
        }
        for var in entry.value.entries().unwrap_or_default() {
            let Some(name) = string_key(&var.key, "variable", build) else { continue };
            for &host in &hosts {
                build.host_var(host, name, var.key.span, var.value.clone());
            }
        }
    }
}

fn children(parent: usize, part: &Entry, build: &mut Build) {
    for entry in section(part, build) {
        if let Some(child) = group(&entry, build) {
            build.child(parent, child, entry.key.span);
        }
    }
}

fn string_key<'n>(key: &'n Node, what: &str, build: &mut Build) -> Option<&'n str> {
    let name =
        key.scalar().filter(|scalar| scalar.resolve() == Resolved::Str).map(|scalar| &*scalar.text);
    if name.is_none() {
        let error =
            Diagnostic::error(format!("expected the name of a {what}, found {}", key.type_name()));
        build.report(error.at(key.span, "").help("put it in quotes"));
    }
    name
}
