//! Variables that templates read and nothing can define.
//!
//! Whoever defines a name anywhere in the project defines it everywhere: which of the definitions a
//! task sees depends on hosts and on what ran before. A name that some template asks for with
//! `is defined` or `default` may come from outside. What is left is a name that nobody can know.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use rprov_modules::kit::{Node, NodeKind, Resolved, Span, nearest};

use super::Check;
use crate::lint::findings::Of;
use crate::lint::sources::{File, Kind};
use crate::lint::tree::{Tree, each, each_entry, short};
use crate::playbook::freeform;
use crate::source::{Diagnostic, SourceMap};
use crate::template::FileOptions;
use crate::template::names::{Names, Use};

pub(super) const CHECK: Check = Check {
    id: "undefined-variable",
    finds: "a variable that is read, and that no file, task, fact or argument can define",
    run: Some(run),
};

/// What rprov and Ansible define themselves; anything that begins with `ansible_` is such.
const MAGIC: [&str; 23] = [
    "hostvars",
    "groups",
    "group_names",
    "inventory_hostname",
    "inventory_hostname_short",
    "inventory_dir",
    "inventory_file",
    "playbook_dir",
    "role_name",
    "role_names",
    "role_path",
    "play_hosts",
    "omit",
    "environment",
    "vars",
    "item",
    "template_host",
    "template_uid",
    "template_path",
    "template_fullpath",
    "template_run_date",
    "template_destpath",
    "template_mtime",
];

/// Beginnings of names that others define: facts, inventory plugins, Ansible Tower, Molecule.
const FOREIGN: [&str; 12] = [
    "ansible_",
    "facter_",
    "ohai_",
    "awx_",
    "tower_",
    "molecule_",
    "getent_",
    "discovered_",
    "ec2_",
    "gce_",
    "azure_",
    "openstack_",
];

/// Facts that stand under a name of their own, by the module that gathers them.
const FACTS: [&str; 2] = ["services", "packages"];

/// Keywords whose text is an expression.
const CONDITIONS: [&str; 6] = ["when", "changed_when", "failed_when", "until", "that", "var"];

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    let mut known = Known::default();
    tree.sources.files.iter().for_each(|file| known.file(file, tree.map()));
    known.outside(tree);
    if known.anything && !tree.sources.sealed.is_empty() {
        return;
    }
    let mut uses = Uses { tree, known: &mut known, all: Vec::new() };
    uses.files();
    uses.templates();
    let all = uses.all;
    let mut open: BTreeMap<String, Vec<(Span, &Path)>> = BTreeMap::new();
    for (used, path) in &all {
        if !known.defines(&used.name) {
            open.entry(used.name.clone()).or_default().push((used.span, path));
        }
    }
    if open.is_empty() || !tree.sources.sealed.is_empty() && known.anything {
        return;
    }
    mentioned(tree, &mut open);
    for (name, places) in open {
        let mut told: HashSet<&Path> = HashSet::new();
        let (first, path) = places[0];
        told.insert(path);
        let mut finding =
            Diagnostic::warning(format!("nothing defines `{name}`")).at(first, "read here");
        for (span, path) in &places[1..] {
            if told.insert(path) && told.len() <= 3 {
                finding = finding.context(*span, "and here");
            }
        }
        let near = nearest(&name, known.names.keys().map(String::as_str).filter(|n| n.len() > 3));
        findings.add(match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!(
                "define it, give it (`rprov lint {name}=…`), or write `{name} | default(…)`"
            )),
        });
    }
}

/// Every name that may be defined.
#[derive(Default)]
struct Known {
    names: HashMap<String, ()>,
    /// What names that are computed begin and end with.
    shapes: Vec<(String, String)>,
    /// Names are computed of which nothing is known: any text of the project may be one.
    anything: bool,
    /// Every text that might be a name.
    texts: HashSet<String>,
}

impl Known {
    fn defines(&self, name: &str) -> bool {
        MAGIC.contains(&name)
            || FOREIGN.iter().any(|start| name.starts_with(start))
            || self.names.contains_key(name)
            || (self.anything && self.texts.contains(name))
            || self.shapes.iter().any(|(start, end)| {
                name.len() >= start.len() + end.len()
                    && name.starts_with(start.as_str())
                    && name.ends_with(end.as_str())
            })
    }

    fn name(&mut self, name: &str) {
        match (name.find("{{"), name.rfind("}}")) {
            (Some(start), Some(end)) if end > start => {
                let (start, end) = (name[..start].to_owned(), name[end + 2..].to_owned());
                match start.len() + end.len() {
                    0..3 => self.anything = true,
                    _ => self.shapes.push((start, end)),
                }
            }
            _ => {
                self.names.insert(name.to_owned(), ());
            }
        }
    }

    fn keys(&mut self, node: &Node) {
        for entry in node.entries().unwrap_or_default() {
            self.name(entry.key.text().unwrap_or_default());
        }
        node.items().unwrap_or_default().iter().for_each(|item| self.keys(item));
    }

    fn file(&mut self, file: &File, map: &SourceMap) {
        each(&file.node, &mut |node| {
            if let Some(text) = node.text().filter(|text| is_name(text)) {
                self.texts.insert(text.to_owned());
            }
        });
        match file.kind {
            Kind::Vars => self.keys(&file.node),
            Kind::Other | Kind::Specs => each_entry(&file.node, &mut |entry| {
                self.name(entry.key.text().unwrap_or_default());
            }),
            Kind::Playbook | Kind::Tasks | Kind::Handlers | Kind::Meta => {
                self.code(&file.node, map)
            }
        }
    }

    /// What plays, tasks and roles define, wherever it stands.
    fn code(&mut self, root: &Node, map: &SourceMap) {
        each_entry(root, &mut |entry| {
            let key = entry.key.text().unwrap_or_default();
            let value = &entry.value;
            match short(key) {
                "vars" | "set_fact" | "add_host" | "args" => {
                    self.keys(value);
                    self.words(value);
                }
                "register" | "loop_var" | "index_var" => {
                    self.name(value.text().unwrap_or_default());
                }
                "action" | "local_action" => {
                    self.keys(value);
                    self.words(value);
                }
                "include_vars" => {
                    self.words(value);
                    if let Some(name) = value.get("name").and_then(Node::text) {
                        self.name(name);
                    }
                }
                "roles" | "dependencies" => {
                    value.items().unwrap_or_default().iter().for_each(|role| self.keys(role));
                }
                "vars_prompt" => {
                    for prompt in value.items().unwrap_or_default() {
                        self.name(prompt.get("name").and_then(Node::text).unwrap_or_default());
                    }
                }
                "include" | "include_tasks" | "import_tasks" | "import_playbook" => {
                    self.words(value);
                }
                // It must be given where it is needed before any host is known.
                "hosts" => {
                    Names::of_node(value, map).uses.iter().for_each(|used| self.name(&used.name));
                }
                name if name.contains("_facts") || name.ends_with("_info") => {
                    FACTS.iter().for_each(|fact| self.name(fact));
                    let foreign = key.matches('.').count() >= 2 && !key.starts_with("ansible.");
                    self.anything |= foreign && name.contains("_facts");
                }
                _ => {}
            }
        });
    }

    /// `name=value` words.
    fn words(&mut self, node: &Node) {
        let words = node.text().and_then(|text| freeform::words(text).ok()).unwrap_or_default();
        for word in &words {
            if let Some((name, _)) = word.split_once('=') {
                self.name(name);
            }
        }
    }

    /// What is defined beside the YAML files: by the command line, by inventories, in templates.
    fn outside(&mut self, tree: &Tree<'_>) {
        tree.request.extra.iter().for_each(|(name, _)| self.name(name));
        if let Some(inventory) = &tree.request.inventory {
            let hosts = inventory.hosts().flat_map(|host| host.vars.keys());
            let groups = inventory.groups().flat_map(|group| group.vars.keys());
            hosts.chain(groups).for_each(|name| self.name(name));
        }
        // What a file defines that cannot be read is told by how its lines begin.
        for (path, _) in &tree.sources.faults {
            let text = std::fs::read(path).unwrap_or_default();
            for line in String::from_utf8_lossy(&text).lines() {
                let name =
                    line.trim_start_matches([' ', '-']).split(':').next().unwrap_or_default();
                if is_name(name) {
                    self.name(name);
                }
            }
        }
        // A module may return a fact of its own name.
        for module in tree.tasks.iter().filter_map(|task| task.module.as_ref()) {
            self.name(module.name.rsplit('.').next().unwrap_or(module.name));
        }
        for path in &tree.sources.texts {
            if !may_define(path) {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            for line in text.lines() {
                for (at, _) in line.match_indices('=') {
                    let before = line[..at].trim_end();
                    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let start = before.trim_end_matches(part).len();
                    if is_name(&before[start..]) {
                        self.name(&before[start..]);
                    }
                }
            }
        }
        for missing in &tree.missing_roles {
            let name = missing.rsplit(['.', '/']).next().unwrap_or(missing).replace('-', "_");
            let name = name.trim_start_matches("ansible_role_").trim_start_matches("ansible_");
            self.shapes.push((format!("{name}_"), String::new()));
        }
    }
}

/// An inventory in INI form, or a text that something is assigned in.
fn may_define(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let extension = path.extension().and_then(|end| end.to_str());
    let plain =
        extension.is_none() && std::fs::metadata(path).is_ok_and(|meta| meta.len() < 1 << 20);
    matches!(extension, Some("ini" | "cfg" | "inventory" | "hosts" | "j2"))
        || plain
        || name.starts_with("hosts")
        || name.starts_with("inventory")
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Every name that is read without being asked for first.
struct Uses<'t, 'a> {
    tree: &'t Tree<'a>,
    known: &'t mut Known,
    all: Vec<(Use, PathBuf)>,
}

impl Uses<'_, '_> {
    fn take(&mut self, names: Names, path: &Path, counts: bool) {
        for used in names.uses {
            match used.guarded {
                // Somebody asks whether it is there: it may come from outside.
                true => self.known.name(&used.name),
                false if counts => self.all.push((used, path.to_owned())),
                false => {}
            }
        }
    }

    fn files(&mut self) {
        let tree = self.tree;
        for file in &tree.sources.files {
            if matches!(file.kind, Kind::Other | Kind::Specs | Kind::Meta) {
                continue;
            }
            let counts = !tree.is_alone(file) && !self.is_open(file);
            self.take(Names::of_node(&file.node, tree.map()), &file.path, counts);
            if file.kind == Kind::Vars {
                continue;
            }
            each_entry(&file.node, &mut |entry| {
                let key = entry.key.text().unwrap_or_default();
                if CONDITIONS.contains(&key) && is_condition(&entry.value) {
                    let names = Names::of_condition(&entry.value, tree.map());
                    self.take(names, &file.path, counts);
                }
            });
        }
    }

    /// A playbook that uses a role which is not here.
    fn is_open(&self, file: &File) -> bool {
        file.role.is_none() && !self.tree.missing_roles.is_empty()
    }

    fn templates(&mut self) {
        let tree = self.tree;
        let marked: HashSet<String> = tree
            .tasks
            .iter()
            .filter(|task| {
                ["variable_start_string", "block_start_string", "comment_start_string"]
                    .iter()
                    .any(|name| task.parameter(name).is_some())
            })
            .filter_map(|task| task.parameter("src"))
            .filter_map(|src| {
                Path::new(src.text()?).file_name().map(|n| n.to_string_lossy().into())
            })
            .collect();
        for path in &tree.sources.texts {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            let is_template = path.extension().is_some_and(|end| end == "j2");
            if !is_template || marked.contains(&name) {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            self.set_in(&text);
            let role = tree.sources.roles.iter().rposition(|role| path.starts_with(role));
            let counts = match role {
                Some(role) => tree.used[role],
                None => tree.missing_roles.is_empty(),
            };
            let file = tree.map().add(path, text.as_str().into());
            let options = FileOptions { file, ..FileOptions::default() };
            self.take(Names::of_file(&text, &options, tree.map()), path, counts);
        }
    }

    /// What a template sets is seen by those it includes.
    fn set_in(&mut self, text: &str) {
        for (at, _) in text.match_indices("{%") {
            let inside = text[at + 2..].trim_start_matches(['-', '+']).trim_start();
            let words = inside
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .filter(|word| !word.is_empty());
            let mut words =
                words.skip_while(|word| !matches!(*word, "set" | "for" | "macro")).skip(1);
            if inside.starts_with("set") {
                words.next().into_iter().for_each(|name| self.known.name(name));
            } else if inside.starts_with("for") || inside.starts_with("macro") {
                words
                    .take_while(|word| *word != "in")
                    .take(8)
                    .for_each(|name| self.known.name(name));
            }
        }
    }
}

/// A text, or a list of such; `var` may also be a parameter that is no expression.
fn is_condition(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => scalar.resolve() == Resolved::Str,
        NodeKind::List(items) => items.iter().all(is_condition),
        NodeKind::Map(_) => false,
    }
}

/// Drops names that documents, scripts, pipelines or comments speak of: those may be given by hand.
fn mentioned(tree: &Tree<'_>, open: &mut BTreeMap<String, Vec<(Span, &Path)>>) {
    for path in &tree.sources.texts {
        let is_code = path.extension().is_some_and(|end| end == "j2");
        let small = std::fs::metadata(path).is_ok_and(|meta| meta.len() < 1 << 20);
        if is_code || !small {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        forget(&text, open);
    }
    for file in &tree.sources.files {
        let Some(text) = tree.map().text(file.node.span.file) else { continue };
        for line in text.lines() {
            if let Some((_, comment)) = line.split_once('#') {
                forget(comment, open);
            }
        }
    }
}

fn forget(text: &str, open: &mut BTreeMap<String, Vec<(Span, &Path)>>) {
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        open.remove(word);
    }
}
