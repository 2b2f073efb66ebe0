//! Roles: where they are found, their variables, their dependencies and what they bring.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rprov_modules::kit::{Node, NodeKind, Span};

use super::keywords::{self, Keywords, Kind};
use super::load::Load;
use super::{Chain, ChainLevel, Item};
use crate::source::Diagnostic;
use crate::template::{Raw, from_node};
use crate::vars::{Layer, special};

/// A role in use, with the variables it gives its tasks.
#[derive(Debug)]
pub struct Role {
    /// As it was written: `web`; of a collection always `acme.tools.web`.
    pub name: String,
    /// `acme.tools`
    pub collection: Option<String>,
    pub path: PathBuf,
    /// Collections in which its tasks look for roles: its own, then those of `meta/main.yml`.
    pub collections: Vec<String>,
    pub defaults: Arc<Layer>,
    pub vars: Arc<Layer>,
    /// `{role: web, port: 80}`: everything that is no keyword.
    pub params: Arc<Layer>,
    /// Roles that depend on this one or include it, the nearest first.
    pub parents: Vec<Arc<Role>>,
    /// How many of these include or import it by a task.
    pub includers: usize,
    /// `allow_duplicates: false`: a host that has been through it passes over what is the same.
    pub once: bool,
    /// What is the same role: its place and files, its parameters, `vars`, `when` and `tags`.
    pub identity: String,
    dependencies: OnceLock<Dependencies>,
}

/// The variables of roles that another one depends on, the weakest first.
#[derive(Debug, Default)]
struct Dependencies {
    defaults: Vec<Arc<Layer>>,
    vars: Vec<Arc<Layer>>,
}

impl Dependencies {
    fn of(roles: &[Arc<Role>]) -> Dependencies {
        Dependencies {
            defaults: roles.iter().flat_map(|role| role.all_defaults()).cloned().collect(),
            vars: roles.iter().flat_map(|role| role.all_vars()).cloned().collect(),
        }
    }
}

impl Role {
    /// The defaults of roles it depends on, of all below them, too.
    pub fn inherited_defaults(&self) -> &[Arc<Layer>] {
        self.dependencies.get().map(|all| &*all.defaults).unwrap_or_default()
    }

    /// The variables of roles it depends on.
    pub fn inherited_vars(&self) -> &[Arc<Layer>] {
        self.dependencies.get().map(|all| &*all.vars).unwrap_or_default()
    }

    /// What a play sees of it: the inherited defaults, then its own.
    pub fn all_defaults(&self) -> impl Iterator<Item = &Arc<Layer>> {
        self.inherited_defaults().iter().chain([&self.defaults])
    }

    /// The same of its variables.
    pub fn all_vars(&self) -> impl Iterator<Item = &Arc<Layer>> {
        self.inherited_vars().iter().chain([&self.vars])
    }

    /// What its tasks know of it.
    pub(crate) fn special(&self) -> special::Role<'_> {
        let parents = self.parents.iter().take(self.includers);
        special::Role {
            name: &self.name,
            collection: self.collection.as_deref(),
            path: &self.path,
            parents: parents.map(|role| (role.name.as_str(), role.path.as_path())).collect(),
        }
    }
}

/// What of a role is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub name: String,
    pub span: Span,
    pub tasks_from: Option<String>,
    pub vars_from: Option<String>,
    pub defaults_from: Option<String>,
    pub handlers_from: Option<String>,
    pub params: Arc<Layer>,
    /// `tasks_from` as it is written.
    pub point: Option<String>,
    /// `rolespec_validate: false`.
    pub unvalidated: bool,
    /// `allow_duplicates` of `include_role` and `import_role`.
    pub repeats: bool,
    /// The rest of the play sees the role's variables.
    pub public: Option<bool>,
}

impl Load<'_> {
    /// `roles:` of a play, dependencies first.
    pub(super) fn play_roles(&mut self, node: Option<&Node>, chain: &Arc<Chain>) -> Vec<Item> {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Vec::new() };
        let Some(list) = node.items() else {
            self.fail(
                Diagnostic::error(format!("expected a list of roles, found {}", node.type_name()))
                    .at(node.span, "")
                    .help("write `- NAME` for each role"),
            );
            return Vec::new();
        };
        list.iter().flat_map(|entry| self.role_entry(entry, chain, &[])).collect()
    }

    /// An entry of `roles:` or `dependencies:`: a name, or a mapping with keywords and parameters.
    fn role_entry(&mut self, entry: &Node, chain: &Arc<Chain>, parents: &[Arc<Role>]) -> Vec<Item> {
        let mut keywords = Keywords::default();
        let mut params = Vec::new();
        let mut name = entry.scalar().map(|_| entry);
        for field in entry.entries().unwrap_or_default() {
            let key = field.key.text().unwrap_or_default();
            match (key, keywords::kind(key, keywords::ROLE)) {
                ("role", _) => name = Some(&field.value),
                ("name", _) => name = name.or(Some(&field.value)),
                (_, Kind::Keyword(keyword)) => keywords.set(keyword, field.value.clone()),
                _ => params.push(field.clone()),
            }
        }
        let Some(name) = name else {
            self.fail(
                Diagnostic::error("expected the name of a role")
                    .at(entry.span, "")
                    .help("write `- name` or `- role: name`"),
            );
            return Vec::new();
        };
        let text = match self.loader.text(name, self.statics(chain)) {
            Ok(text) => text,
            Err(error) => {
                self.fail(error);
                return Vec::new();
            }
        };
        self.check_keywords(&keywords);
        let params = self.vars(Some(&Node::map(entry.span, params)));
        let vars = Arc::new(self.vars(keywords.get("vars")));
        let chain = Arc::new(Chain {
            keywords,
            level: ChainLevel::Role,
            vars,
            role: chain.role.clone(),
            dir: chain.dir.clone(),
            up: Some(chain.clone()),
        });
        let wanted = Wanted {
            name: text,
            span: name.span,
            params: Arc::new(params),
            // What a role depends on is seen with it.
            public: Some(parents.is_empty() && !self.loader.settings.private_roles),
            ..Wanted::default()
        };
        self.wanted_role(&wanted, &chain, parents, true)
    }

    /// A role for `import_role` and `include_role`.
    pub(super) fn role(&mut self, wanted: &Wanted, chain: &Arc<Chain>) -> Vec<Item> {
        let parents: Vec<Arc<Role>> = chain
            .role
            .iter()
            .flat_map(|role| std::iter::once(role).chain(&role.parents))
            .cloned()
            .collect();
        self.wanted_role(wanted, chain, &parents, false)
    }

    /// `entry`: of `roles:` or `dependencies:`, not of a task.
    fn wanted_role(
        &mut self,
        wanted: &Wanted,
        chain: &Arc<Chain>,
        parents: &[Arc<Role>],
        entry: bool,
    ) -> Vec<Item> {
        let Some(found) = self.find_role(wanted, chain, parents.first()) else {
            return Vec::new();
        };
        let path = found.path.clone();
        if entry && let Some(at) = parents.iter().position(|parent| parent.path == path) {
            let way = parents[..=at].iter().rev().map(|role| role.name.as_str());
            let way = way.chain([found.name.as_str()]).map(|name| format!("`{name}`"));
            self.fail(
                Diagnostic::error(format!("role `{}` depends on itself", wanted.name))
                    .at(wanted.span, "")
                    .note(way.collect::<Vec<_>>().join(" → ")),
            );
            return Vec::new();
        }
        let meta = self.part(&path, "meta", None, wanted.span);
        let meta = meta.as_deref();
        let repeat = meta
            .and_then(|m| m.get("allow_duplicates"))
            .and_then(Node::text)
            .is_some_and(|text| rprov_modules::kit::boolean(text) == Some(true));
        let defaults =
            self.layer_of(&path, "defaults", wanted.defaults_from.as_deref(), wanted.span);
        let vars = self.layer_of(&path, "vars", wanted.vars_from.as_deref(), wanted.span);
        match entry && !parents.is_empty() {
            true => self.names.dependent.push(found.name.clone()),
            false => self.names.own.push(found.name.clone()),
        }
        let mut collections: Vec<String> = found.collection.iter().cloned().collect();
        let more = meta.and_then(|meta| meta.get("collections")).and_then(Node::items);
        for name in more.unwrap_or_default().iter().filter_map(Node::text) {
            if !collections.iter().any(|known| known == name) {
                collections.push(name.to_owned());
            }
        }
        let role = Arc::new(Role {
            name: found.name,
            collection: found.collection,
            collections,
            includers: match (entry, parents.first()) {
                (false, _) => parents.first().map_or(0, |parent| parent.includers + 1),
                (true, parent) => parent.map_or(0, |parent| parent.includers),
            },
            path: path.clone(),
            defaults: Arc::new(defaults),
            vars: Arc::new(vars),
            params: wanted.params.clone(),
            parents: parents.to_vec(),
            once: !if entry { repeat } else { wanted.repeats },
            identity: identity(&path, wanted, chain, entry),
            dependencies: OnceLock::new(),
        });
        let inner = Arc::new(Chain {
            keywords: Keywords::default(),
            level: ChainLevel::Role,
            vars: Arc::default(),
            role: Some(role.clone()),
            dir: path.join("tasks"),
            up: Some(chain.clone()),
        });
        let mut items = Vec::new();
        let mut line = vec![role.clone()];
        line.extend(parents.iter().cloned());
        if let Some(dependencies) =
            meta.and_then(|meta| meta.get("dependencies")).and_then(Node::items)
        {
            let before = self.entered.len();
            for entry in dependencies {
                items.extend(self.role_entry(entry, chain, &line));
            }
            let roles = self.entered.split_off(before);
            role.dependencies.get_or_init(|| Dependencies::of(&roles));
        }
        if entry && !parents.is_empty() {
            self.entered.push(role.clone());
        }
        if wanted.public == Some(true) {
            self.roles.push(role.clone());
        }
        let from = wanted.handlers_from.as_deref();
        if let Some(file) = self.main_file(&path.join("handlers"), from, wanted.span) {
            let beside = super::task::inside(&file, &inner);
            let handlers = self.file_items(&file, wanted.span, &beside, keywords::HANDLER);
            self.handlers.extend(super::load::flat(handlers));
        }
        items.extend(self.spec_task(&path, wanted, meta, &inner));
        if let Some(file) =
            self.main_file(&path.join("tasks"), wanted.tasks_from.as_deref(), wanted.span)
        {
            let chain = super::task::inside(&file, &inner);
            items.extend(self.task_file(&file, wanted.span, &chain));
        }
        items.push(Item::RoleEnd(role));
        items
    }

    /// `main.yml`, `main.yaml`, `main.json` or `main` of a role's directory; another name if asked.
    fn main_file(&mut self, dir: &Path, from: Option<&str>, span: Span) -> Option<PathBuf> {
        let name = from.unwrap_or("main");
        let exact = dir.join(name);
        let found = ["yml", "yaml", "json"]
            .iter()
            .map(|extension| dir.join(format!("{name}.{extension}")))
            .chain([exact])
            .find(|path| path.is_file());
        if found.is_none() && from.is_some() {
            self.fail(
                Diagnostic::error(format!("there is no file `{name}` in `{}`", dir.display()))
                    .kind("missing-file")
                    .at(span, "wanted by this role"),
            );
        }
        found
    }

    fn part(
        &mut self,
        role: &Path,
        dir: &str,
        from: Option<&str>,
        span: Span,
    ) -> Option<Arc<Node>> {
        let file = self.main_file(&role.join(dir), from, span)?;
        match self.loader.file(&file, Some(span)) {
            Ok(node) => Some(node),
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    /// Variables of a role: one file, or all files of a `main/` directory in the order of names.
    fn layer_of(&mut self, role: &Path, dir: &str, from: Option<&str>, span: Span) -> Layer {
        let mut layer = Layer::default();
        let directory = role.join(dir).join(from.unwrap_or("main"));
        if directory.is_dir() {
            for file in files_below(&directory) {
                match self.loader.file(&file, Some(span)) {
                    Ok(node) => layer.extend(self.vars(Some(&*node))),
                    Err(error) => self.fail(error),
                }
            }
            return layer;
        }
        match self.part(role, dir, from, span) {
            Some(node) => {
                if !matches!(node.kind, NodeKind::Map(_)) && !node.is_null() {
                    self.fail(
                        Diagnostic::error(format!(
                            "expected variables, found {}",
                            node.type_name()
                        ))
                        .at(node.span, "a file of variables is a mapping"),
                    );
                    return layer;
                }
                layer.extend(self.vars(Some(&*node)));
                layer
            }
            None => layer,
        }
    }
}

/// What makes a role the same as another one. Of a task's role, the keywords are those of the task, and
/// do not count.
fn identity(path: &Path, wanted: &Wanted, chain: &Chain, entry: bool) -> String {
    let layer = |layer: &Layer| {
        let bindings = layer.iter().map(|(name, binding)| {
            let value = match &binding.value {
                Raw::Node(node) => from_node(node),
                Raw::Value(value) => value.clone(),
            };
            (name.to_owned(), serde_json::to_value(value).unwrap_or_default())
        });
        serde_json::Value::from_iter(bindings)
    };
    let keyword = |name| {
        let keyword = chain.keywords.get(name).filter(|_| entry);
        keyword.map(|node| serde_json::to_value(from_node(node)).unwrap_or_default())
    };
    serde_json::json!([
        path,
        [&wanted.tasks_from, &wanted.vars_from, &wanted.defaults_from, &wanted.handlers_from],
        layer(&wanted.params),
        layer(&chain.vars),
        keyword("when"),
        keyword("tags"),
        entry,
    ])
    .to_string()
}

/// Files of variables below a directory, sorted; hidden ones and backups are left out.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if matches!(
            path.extension().and_then(|e| e.to_str()),
            None | Some("yml" | "yaml" | "json")
        ) {
            found.push(path);
        }
    }
    found
}
