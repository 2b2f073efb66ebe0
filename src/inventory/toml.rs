//! The TOML inventory: as in YAML, but `children` is a list.

use std::path::Path;

use rprov_modules::kit::{Entry, Node, NodeKind, Span, nearest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::build::Build;
use crate::source::{Diagnostic, SourceMap};

/// Reads the text of a file into `build`.
pub(super) fn read(map: &SourceMap, path: &Path, text: &str, build: &mut Build) {
    let file = map.add(path, text.into());
    let span = |range: std::ops::Range<usize>| Span {
        file,
        start: u32::try_from(range.start).unwrap_or(u32::MAX),
        end: u32::try_from(range.end).unwrap_or(u32::MAX),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            let message = format!("not TOML: {}", error.message());
            build.error(message, span(error.span().unwrap_or_default()), "");
        }
        return;
    }
    let tree = Tree { file };
    for entry in tree.entries(table.get_ref()) {
        match (entry.key.text(), entry.value.entries()) {
            (Some("plugin"), None) => {
                let error = Diagnostic::error("expected an inventory, found a plugin's settings");
                build.report(error.at(entry.key.span, "").help("those belong in a `.yml` file"));
            }
            (Some(name), Some(parts)) => group(name, entry.key.span, parts, build),
            (name, None) => {
                let name = name.unwrap_or_default();
                build.error(
                    format!("expected group `{name}` to be a table"),
                    entry.value.span,
                    format!("found {}", entry.value.type_name()),
                );
            }
            (None, _) => {}
        }
    }
}

fn group(name: &str, span: Span, parts: &[Entry], build: &mut Build) {
    let group = build.group(name, span);
    for part in parts {
        let key = part.key.text().unwrap_or_default();
        match (key, &part.value.kind) {
            ("vars", NodeKind::Map(vars)) => {
                for var in vars {
                    let name = var.key.text().unwrap_or_default();
                    build.group_var(group, name, var.key.span, var.value.clone());
                }
            }
            ("children", NodeKind::List(children)) => {
                for child in children {
                    match &child.kind {
                        NodeKind::Scalar(scalar) if !scalar.plain => {
                            let index = build.group(&scalar.text, child.span);
                            build.child(group, index, child.span);
                        }
                        _ => build.error(
                            "expected the name of a group",
                            child.span,
                            format!("found {}", child.type_name()),
                        ),
                    }
                }
            }
            ("hosts", NodeKind::Map(hosts)) => {
                hosts.iter().for_each(|entry| host(group, entry, build));
            }
            ("vars" | "children" | "hosts", _) => {
                let wanted = if key == "children" { "a list" } else { "a table" };
                build.error(
                    format!("expected `{key}` of group `{name}` to be {wanted}"),
                    part.value.span,
                    format!("found {}", part.value.type_name()),
                );
            }
            _ => {
                let message = format!("unknown key `{key}` in group `{name}`");
                let warning = Diagnostic::warning(message).at(part.key.span, "ignored");
                build.report(match nearest(key, ["hosts", "children", "vars"]) {
                    Some(near) => warning.help(format!("did you mean `{near}`?")),
                    None => warning.help("a group holds `hosts`, `children` and `vars`"),
                });
            }
        }
    }
}

fn host(group: usize, entry: &Entry, build: &mut Build) {
    let expression = entry.key.text().unwrap_or_default();
    let hosts = build.hosts(expression, entry.key.span);
    let Some(vars) = entry.value.entries() else {
        let message = format!("expected the variables of `{expression}` to be a table");
        let label = format!("found {}", entry.value.type_name());
        return build.error(message, entry.value.span, label);
    };
    for &host in &hosts {
        build.member(group, host);
        for var in vars {
            let name = var.key.text().unwrap_or_default();
            build.host_var(host, name, var.key.span, var.value.clone());
        }
    }
}

/// Turns values into nodes.
struct Tree {
    file: u32,
}

impl Tree {
    fn span<T>(&self, value: &Spanned<T>) -> Span {
        let range = value.span();
        let at = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        Span { file: self.file, start: at(range.start), end: at(range.end) }
    }

    fn entries(&self, table: &DeTable<'_>) -> Vec<Entry> {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            Entry { key: Node::string(self.span(key), &**name), value: self.node(value) }
        };
        table.iter().map(entry).collect()
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let span = self.span(value);
        match value.get_ref() {
            DeValue::String(text) => Node::string(span, &**text),
            DeValue::Boolean(value) => Node::plain(span, if *value { "true" } else { "false" }),
            DeValue::Integer(number) => {
                // YAML would take `0o17` and `1_000` for something else.
                let decimal = i128::from_str_radix(number.as_str(), number.radix());
                Node::plain(span, decimal.map_or(number.to_string(), |number| number.to_string()))
            }
            DeValue::Float(number) => Node::plain(span, float(number.as_str())),
            DeValue::Datetime(moment) => Node::string(span, date(&moment.to_string())),
            DeValue::Array(items) => {
                Node::list(span, items.iter().map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => Node::map(span, self.entries(table)),
        }
    }
}

/// A float as YAML writes it: with a point, and with a sign in its exponent.
fn float(text: &str) -> String {
    let sign = if text.starts_with('-') { "-" } else { "" };
    match text.trim_start_matches(['+', '-']) {
        "inf" => format!("{sign}.inf"),
        "nan" => ".nan".to_owned(),
        digits => match digits.parse::<f64>() {
            Ok(number) => format!("{sign}{number:?}").replace('e', "e+").replace("e+-", "e-"),
            Err(_) => text.to_owned(),
        },
    }
}

/// As Python writes it, and so Ansible: UTC is `+00:00`.
fn date(text: &str) -> String {
    match text.strip_suffix(['Z', 'z']) {
        Some(local) => format!("{local}+00:00"),
        None => text.to_owned(),
    }
}
