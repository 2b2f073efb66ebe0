//! Variables that need themselves: whoever uses one gets an error.

use std::collections::BTreeMap;

use rprov_modules::kit::{Entry, Node};

use super::Check;
use crate::lint::findings::Of;
use crate::lint::sources::Kind;
use crate::lint::tree::Tree;
use crate::source::{Diagnostic, SourceMap};
use crate::template::names::Names;

pub(super) const CHECK: Check = Check {
    id: "self-reference",
    finds: "a variable whose value needs itself, at once or through others beside it",
    run: Some(run),
};

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    for file in &tree.sources.files {
        match file.kind {
            Kind::Vars => variables(&file.node, tree.map(), findings),
            Kind::Playbook | Kind::Tasks | Kind::Handlers | Kind::Meta => {
                within(&file.node, tree.map(), findings);
            }
            Kind::Specs | Kind::Other => {}
        }
    }
}

/// Every `vars:` and every entry of `roles:` in a file.
fn within(node: &Node, map: &SourceMap, findings: &mut Of<'_, '_>) {
    for entry in node.entries().unwrap_or_default() {
        match entry.key.text() {
            Some("vars") => variables(&entry.value, map, findings),
            Some("roles" | "dependencies") => {
                let roles = entry.value.items().unwrap_or_default();
                roles.iter().for_each(|role| {
                    variables(role, map, findings);
                    within(role, map, findings);
                });
            }
            _ => within(&entry.value, map, findings),
        }
    }
    node.items().unwrap_or_default().iter().for_each(|item| within(item, map, findings));
}

/// The variables of one mapping.
fn variables(node: &Node, map: &SourceMap, findings: &mut Of<'_, '_>) {
    let entries = node.entries().unwrap_or_default();
    let mut needs: BTreeMap<&str, (&Entry, Vec<String>)> = BTreeMap::new();
    for entry in entries {
        // What a list or a mapping holds is evaluated part by part.
        let (Some(name), Some(_)) = (entry.key.text(), entry.value.text()) else { continue };
        let used = Names::of_node(&entry.value, map).uses.into_iter().map(|used| used.name);
        needs.insert(name, (entry, used.collect()));
    }
    let mut told: Vec<&str> = Vec::new();
    for (&name, (entry, _)) in &needs {
        if told.contains(&name) {
            continue;
        }
        let Some(way) = circle(name, name, &needs, &mut Vec::new()) else { continue };
        told.extend(&way);
        let shown: Vec<&str> = way.iter().copied().chain([name]).collect();
        let mut finding = match way.len() {
            1 => Diagnostic::warning(format!("`{name}` needs itself")),
            _ => Diagnostic::warning(format!("`{name}` needs itself: {}", shown.join(" -> "))),
        };
        finding = finding.at(entry.value.span, "an error wherever it is used");
        for other in way.iter().skip(1) {
            if let Some((entry, _)) = needs.get(other) {
                finding = finding.context(entry.value.span, "");
            }
        }
        findings.add(finding.help("a value does not see the one it shadows: use another name"));
    }
}

/// The names on the way from `at` back to `name`.
fn circle<'a>(
    name: &str,
    at: &'a str,
    needs: &BTreeMap<&'a str, (&Entry, Vec<String>)>,
    way: &mut Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    if way.contains(&at) {
        return None;
    }
    way.push(at);
    let (_, used) = needs.get(at)?;
    for next in used {
        if next == name {
            return Some(way.clone());
        }
        if let Some((&next, _)) = needs.get_key_value(next.as_str())
            && let Some(found) = circle(name, next, needs, way)
        {
            return Some(found);
        }
    }
    way.pop();
    None
}
