//! Forms that Ansible has given up, or is about to.

use rprov_modules::kit::{Node, Span};

use super::Check;
use crate::lint::findings::Of;
use crate::lint::sources::Kind;
use crate::lint::tree::{OLD, Task, Tree, each_entry};
use crate::playbook::has_template;
use crate::source::Diagnostic;

pub(super) const CHECK: Check = Check {
    id: "deprecated",
    finds: "a form that Ansible has removed or is about to: `include`, `sudo`, bare names in `with_items` …",
    run: Some(run),
};

/// Names of variables that have better ones.
const RENAMED: [(&str, &str); 8] = [
    ("ansible_ssh_host", "ansible_host"),
    ("ansible_ssh_port", "ansible_port"),
    ("ansible_ssh_user", "ansible_user"),
    ("ansible_ssh_pass", "ansible_password"),
    ("ansible_sudo_pass", "ansible_become_password"),
    ("ansible_sudo", "ansible_become"),
    ("ansible_su_pass", "ansible_become_password"),
    ("play_hosts", "ansible_play_batch"),
];

/// Loops whose one term is a list, never a text of its own.
const OF_LISTS: [&str; 6] = [
    "with_items",
    "with_dict",
    "with_list",
    "with_flattened",
    "with_indexed_items",
    "with_together",
];

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    for task in &tree.tasks {
        of_task(task, findings);
    }
    for play in &tree.plays {
        if let Some(entry) =
            play.entries().unwrap_or_default().iter().find(|entry| {
                matches!(entry.key.text(), Some("include" | "ansible.builtin.include"))
            })
        {
            removed(entry.key.span, "include", "import_playbook", findings);
        }
        old_keywords(play, findings);
    }
    for file in &tree.sources.files {
        if matches!(file.kind, Kind::Meta | Kind::Specs) {
            continue;
        }
        each_entry(&file.node, &mut |entry| {
            let name = entry.key.text().unwrap_or_default();
            if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == name) {
                old(entry.key.span, name, new, findings);
            }
        });
    }
}

fn of_task(task: &Task<'_>, findings: &mut Of<'_, '_>) {
    old_keywords(task.node, findings);
    if let Some(module) = task.module.as_ref().filter(|module| module.name == "include") {
        old(module.span, "include", "include_tasks` or `import_tasks", findings);
    }
    for entry in task.node.entries().unwrap_or_default() {
        let key = entry.key.text().unwrap_or_default();
        let text = entry.value.text().unwrap_or_default();
        if OF_LISTS.contains(&key) && is_name(text) && !has_template(text) {
            let finding = Diagnostic::warning(format!("`{text}` is a text here, no variable"))
                .at(entry.value.span, "")
                .note("Ansible took bare names for variables up to 2.1");
            findings.add(finding.help(format!("write `\"{{{{ {text} }}}}\"`")));
        }
    }
}

fn old_keywords(node: &Node, findings: &mut Of<'_, '_>) {
    for entry in node.entries().unwrap_or_default() {
        let key = entry.key.text().unwrap_or_default();
        if !OLD.contains(&key) || key == "static" {
            continue;
        }
        let new = match key {
            "sudo" | "su" => "become: true",
            "sudo_user" | "su_user" => "become_user",
            "always_run" => "check_mode: false",
            _ => "ansible_become_password",
        };
        removed(entry.key.span, key, new, findings);
    }
}

/// What a run refuses.
fn removed(span: Span, name: &str, new: &str, findings: &mut Of<'_, '_>) {
    let finding = Diagnostic::error(format!("`{name}` is no longer a keyword")).at(span, "");
    findings.add(finding.help(format!("write `{new}`")));
}

fn old(span: Span, name: &str, new: &str, findings: &mut Of<'_, '_>) {
    let finding = Diagnostic::warning(format!("`{name}` is deprecated")).at(span, "");
    findings.add(finding.help(format!("write `{new}`")));
}

/// A name, perhaps with a path.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c))
        && text.contains('_')
}
