//! What a run would refuse: playbooks are read as a run reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Check;
use crate::lint::findings::Findings;
use crate::lint::galaxy::required;
use crate::lint::sources::{Kind, imports, real};
use crate::lint::tree::Tree;
use crate::playbook::{exists_elsewhere, is_action};
use crate::source::Diagnostic;
use crate::vars::files::VAULTED;

const fn found(id: &'static str, finds: &'static str) -> Check {
    Check { id, finds, run: None }
}

pub(super) const BROKEN_FILE: Check =
    found("broken-file", "a file that cannot be read or is no valid YAML");
pub(super) const BROKEN_INVENTORY: Check =
    found("broken-inventory", "an inventory of the settings that is missing or cannot be used");
pub(super) const DUPLICATE_KEY: Check = found("duplicate-key", "a key that is given twice");
pub(super) const MISSING_ROLE: Check =
    found("missing-role", "a role that is in none of the places where roles are looked for");
pub(super) const REFUSED: Check = found(
    "refused",
    "anything else that a run refuses: a task without a module, a keyword of a wrong type …",
);
pub(super) const UNKNOWN_FILTER: Check =
    found("unknown-filter", "a filter, test or lookup that there is not");
pub(super) const UNKNOWN_KEYWORD: Check =
    found("unknown-keyword", "a keyword that plays or blocks do not have");
pub(super) const UNKNOWN_MODULE: Check =
    found("unknown-module", "a module, or a keyword of a task, that there is not");
pub(super) const UNKNOWN_PARAMETER: Check = found(
    "unknown-parameter",
    "a parameter that a module does not have, or a value it does not take",
);
pub(super) const UNSUPPORTED: Check =
    found("unsupported", "a module or keyword of Ansible that rprov does not have");

/// Reads every playbook, and every role that no playbook uses.
pub(in crate::lint) fn run(tree: &Tree<'_>, findings: &mut Findings<'_>) {
    let mut found = Vec::new();
    let loader = tree.request.loader;
    for path in playbooks(tree) {
        loader.begin();
        found.extend(loader.playbook(&path).err().unwrap_or_default());
    }
    for (role, _) in tree.sources.roles.iter().zip(&tree.used).filter(|(_, used)| !**used) {
        let Some((book, name)) = play_of(role) else { continue };
        let name = serde_json::Value::from(name);
        let text = format!("- hosts: all\n  roles:\n    - role: {name}\n");
        found.extend(loader.text_playbook(&book, &text).err().unwrap_or_default());
    }
    let later = loader.take_later().into_iter();
    found.extend(later.map(|fault| fault.note("behind a `when`: hosts that get there fail")));
    let required = required(tree.sources, loader);
    for fault in found {
        if fault.check() == Some(VAULTED) {
            continue;
        }
        let id = fault.check().unwrap_or(REFUSED.id);
        let fault = if id == MISSING_ROLE.id { installable(fault, &required, tree) } else { fault };
        findings.of(id).keep(fault.kind(id));
    }
    // A run only warns of those that stand under a condition.
    let later = |fault: &Diagnostic| fault.check() == Some(UNKNOWN_PARAMETER.id);
    for fault in loader.all_warnings().into_iter().filter(later) {
        findings.of(UNKNOWN_PARAMETER.id).keep(fault);
    }
    for fault in loader.map().take_warnings() {
        findings.of(DUPLICATE_KEY.id).keep(fault);
    }
    for fault in &tree.request.faults {
        findings.of(BROKEN_INVENTORY.id).keep(fault.clone().kind(BROKEN_INVENTORY.id));
    }
    for (_, fault) in &tree.sources.faults {
        let id = fault.check().unwrap_or(BROKEN_FILE.id);
        findings.of(id).keep(fault.clone().kind(id));
    }
}

/// Modules that rprov does not have and that are no error of every run: their tasks have a condition.
pub(in crate::lint) fn passed_over(tree: &Tree<'_>, findings: &[Diagnostic]) -> Option<String> {
    let brought: BTreeSet<&OsStr> = tree
        .sources
        .texts
        .iter()
        .filter(|path| path.parent().is_some_and(|dir| dir.ends_with("library")))
        .filter_map(|path| path.file_stem())
        .collect();
    let names: BTreeSet<String> = tree
        .tasks
        .iter()
        .filter(|task| tree.sources.wanted(&real(&task.file.path)))
        .filter_map(|task| Some(task.module.as_ref()?.name))
        .filter(|name| !is_action(name))
        .filter(|name| exists_elsewhere(name) || brought.contains(OsStr::new(name)))
        .map(|name| format!("`{name}`"))
        .filter(|name| !findings.iter().any(|finding| finding.message().contains(name)))
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!("hosts that reach a task with one of these modules fail: {}", names.join(", "))
    })
}

/// Tells how to get a role that is not there, if the project says so.
fn installable(
    fault: Diagnostic,
    required: &BTreeMap<String, PathBuf>,
    tree: &Tree<'_>,
) -> Diagnostic {
    let written = fault.span().and_then(|span| {
        let text = tree.map().text(span.file)?;
        text.get(span.start as usize..span.end as usize).map(str::to_owned)
    });
    let name = written.unwrap_or_default();
    match required.get(name.trim_matches(['\'', '"'])) {
        Some(file) => {
            let command = format!("ansible-galaxy install -r {}", file.display());
            fault.help(format!("`{command}` installs it"))
        }
        None => fault,
    }
}

/// The playbooks to be read: what others import is read with those.
fn playbooks(tree: &Tree<'_>) -> Vec<PathBuf> {
    let files = tree.sources.files.iter().filter(|file| file.kind == Kind::Playbook);
    let books: BTreeMap<PathBuf, (&Path, Vec<PathBuf>)> =
        files.map(|file| (real(&file.path), (file.path.as_path(), imports(file)))).collect();
    let imported: BTreeSet<&PathBuf> = books
        .iter()
        .flat_map(|(own, (_, paths))| paths.iter().filter(move |path| *path != own))
        .collect();
    let (mut chosen, mut met) = (Vec::new(), BTreeSet::new());
    // Those that import each other have no first one: any will do.
    let last = books.keys().filter(|path| imported.contains(path));
    for path in books.keys().filter(|path| !imported.contains(path)).chain(last) {
        if met.contains(path) {
            continue;
        }
        chosen.extend(books.get(path).map(|(written, _)| written.to_path_buf()));
        let mut open = vec![path];
        while let Some(next) = open.pop() {
            if met.insert(next) {
                open.extend(books.get(next).into_iter().flat_map(|(_, paths)| paths));
            }
        }
    }
    chosen
}

/// Where a playbook would stand that uses a role, and the role's name there.
fn play_of(role: &Path) -> Option<(PathBuf, String)> {
    let name = match role.file_name() {
        Some(name) => name.to_owned(),
        None => role.canonicalize().ok()?.file_name()?.to_owned(),
    };
    let name = name.to_string_lossy().into_owned();
    let roles = role.parent().filter(|_| role.file_name().is_some());
    let dir = match roles {
        Some(roles) if roles.file_name().is_some_and(|name| name == "roles") => {
            roles.parent().unwrap_or(Path::new("")).to_owned()
        }
        Some(beside) => beside.to_owned(),
        None => PathBuf::from(".."),
    };
    Some((dir.join(format!("a play of the role {name}")), name))
}
