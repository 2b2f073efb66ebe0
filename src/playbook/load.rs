//! Files to plays: reads a playbook and everything it imports, and collects every error.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rprov_modules::kit::{Node, NodeKind, Span};

use super::keywords::{self, Keywords, Kind};
use super::{Block, Chain, ChainLevel, Item, Play, Role, Task};
use crate::source::{Diagnostic, SourceMap};
use crate::template::{Context, Decrypt, Raw, Scope, Search, Templar};
use crate::vars::{Layer, files::Reader};

/// What loading depends on.
#[derive(Clone)]
pub struct Settings {
    pub map: SourceMap,
    pub templar: Templar,
    /// `-e` variables: the only ones that static names (`import_tasks: "{{ x }}.yml"`) may use,
    /// beside the play's own `vars`.
    pub extra: Arc<Layer>,
    /// Directories to search for roles after those beside the playbook.
    pub roles_path: Vec<PathBuf>,
    /// Reads files, vaulted ones too.
    pub reader: Reader,
    /// Opens `!vault` values.
    pub decrypt: Option<Decrypt>,
}

/// Reads playbooks, task files and roles; parsed files are kept, so an include in a loop is cheap.
pub struct Loader {
    pub(super) settings: Settings,
    files: Mutex<HashMap<PathBuf, Arc<Node>>>,
    templates: Mutex<HashMap<PathBuf, (u32, Arc<str>)>>,
}

/// One loading: the errors so far, and what the play gained on the way.
pub(super) struct Load<'a> {
    pub(super) loader: &'a Loader,
    pub(super) errors: Vec<Diagnostic>,
    /// Roles whose variables the play sees.
    pub(super) roles: Vec<Arc<Role>>,
    pub(super) handlers: Vec<Arc<Task>>,
    /// Files being read, to tell a file that imports itself.
    pub(super) reading: Vec<PathBuf>,
    /// Roles already taken into the play, by name and parameters.
    pub(super) taken: BTreeSet<String>,
    pub(super) playbook_dir: PathBuf,
    /// Handler files and roles already added to the play.
    pub(super) handler_roles: BTreeSet<PathBuf>,
}

/// What a dynamic include brings into a running play.
pub struct Included {
    pub items: Vec<Item>,
    pub handlers: Vec<Arc<Task>>,
    /// Roles whose variables the rest of the play sees (`public: true`).
    pub roles: Vec<Arc<Role>>,
}

impl Loader {
    pub fn new(settings: Settings) -> Loader {
        Loader { settings, files: Mutex::default(), templates: Mutex::default() }
    }

    /// Reads files of the user's.
    pub(crate) fn reader(&self) -> &Reader {
        &self.settings.reader
    }

    /// A template's number in the source map; the same text is added once.
    pub(crate) fn template_file(&self, path: &Path, text: &Arc<str>) -> u32 {
        let mut templates = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        match templates.get(path) {
            Some((file, known)) if known == text => *file,
            _ => {
                let file = self.settings.map.add(path, text.clone());
                templates.insert(path.to_owned(), (file, text.clone()));
                file
            }
        }
    }

    pub fn map(&self) -> &SourceMap {
        &self.settings.map
    }

    /// Reads a playbook and all it imports.
    ///
    /// # Errors
    /// Everything that is wrong in any of the files.
    pub fn playbook(&self, path: &Path) -> Result<Vec<Play>, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let mut plays = Vec::new();
        self.plays(path, None, None, &mut plays, &mut errors, &mut Vec::new());
        if errors.is_empty() { Ok(plays) } else { Err(errors) }
    }

    /// Reads a playbook that is no file.
    ///
    /// # Errors
    /// As [`Loader::playbook`].
    pub fn text_playbook(&self, name: &str, text: &str) -> Result<Vec<Play>, Vec<Diagnostic>> {
        let path = PathBuf::from(name);
        let node = crate::source::yaml::parse_value(&self.settings.map, &path, text)
            .map_err(|error| vec![error])?;
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.clone(), Arc::new(node));
        self.playbook(&path)
    }

    fn plays(
        &self,
        path: &Path,
        from: Option<Span>,
        outer: Option<&Arc<Chain>>,
        plays: &mut Vec<Play>,
        errors: &mut Vec<Diagnostic>,
        reading: &mut Vec<PathBuf>,
    ) {
        if reading.iter().any(|open| open == path) {
            let error = Diagnostic::error(format!("playbook `{}` imports itself", path.display()));
            errors.push(error.at(from.unwrap_or_default(), "imported here again"));
            return;
        }
        let node = match self.file(path, from) {
            Ok(node) => node,
            Err(error) => return errors.push(error),
        };
        let Some(items) = node.items() else {
            let error =
                Diagnostic::error(format!("expected a list of plays, found {}", node.type_name()));
            return errors
                .push(error.at(node.span, "a playbook is a list").help("begin with `- hosts: …`"));
        };
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        reading.push(path.to_owned());
        for item in items {
            let import = [
                "import_playbook",
                "ansible.builtin.import_playbook",
                "ansible.legacy.import_playbook",
            ]
            .iter()
            .find_map(|name| item.get(name));
            match import {
                Some(target) => {
                    let mut load = self.load(dir.clone());
                    let chain = load.import_playbook(item, outer, &dir);
                    let scope = load.statics(&chain);
                    errors.append(&mut load.errors);
                    match self.text(target, scope) {
                        Ok(name) => {
                            let path = dir.join(name);
                            self.plays(
                                &path,
                                Some(target.span),
                                Some(&chain),
                                plays,
                                errors,
                                reading,
                            )
                        }
                        Err(error) => errors.push(error),
                    }
                }
                None => {
                    let mut load = self.load(dir.clone());
                    load.reading.push(path.to_owned());
                    let play = load.play(item, outer);
                    errors.append(&mut load.errors);
                    plays.extend(play);
                }
            }
        }
        reading.pop();
    }

    /// Reads a task file for `include_tasks`, below `chain`.
    ///
    /// # Errors
    /// Everything that is wrong in it or in what it imports.
    pub fn tasks(
        &self,
        path: &Path,
        from: Span,
        chain: &Arc<Chain>,
        playbook_dir: &Path,
    ) -> Result<Included, Vec<Diagnostic>> {
        let mut load = self.load(playbook_dir.to_owned());
        let items = load.task_file(path, from, chain);
        load.finish(items)
    }

    /// Reads a role for `include_role`, below `chain`.
    ///
    /// # Errors
    /// Everything that is wrong in it or in what it imports.
    pub fn role(
        &self,
        wanted: &super::role::Wanted,
        chain: &Arc<Chain>,
        playbook_dir: &Path,
    ) -> Result<Included, Vec<Diagnostic>> {
        let mut load = self.load(playbook_dir.to_owned());
        let items = load.role(wanted, chain);
        load.finish(items)
    }

    fn load(&self, playbook_dir: PathBuf) -> Load<'_> {
        Load {
            loader: self,
            errors: Vec::new(),
            roles: Vec::new(),
            handlers: Vec::new(),
            reading: Vec::new(),
            taken: BTreeSet::new(),
            playbook_dir,
            handler_roles: BTreeSet::new(),
        }
    }

    /// A parsed YAML file; each file is read once.
    pub(crate) fn file(&self, path: &Path, from: Option<Span>) -> Result<Arc<Node>, Diagnostic> {
        let files = || self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = files().get(path) {
            return Ok(node.clone());
        }
        let node = self.settings.reader.node(path).map_err(|error| match (error.span(), from) {
            (None, Some(span)) => error.at(span, "needed here"),
            _ => error,
        })?;
        let node = Arc::new(node);
        files().insert(path.to_owned(), node.clone());
        Ok(node)
    }

    /// Renders a name that must be known before any host is.
    pub(super) fn text(&self, node: &Node, scope: Arc<dyn Scope>) -> Result<String, Diagnostic> {
        let context = self.context(scope);
        let rendered = self.settings.templar.render(node, &context).map_err(|error| {
            Diagnostic::from(error).help("what is imported must be known before the first host is: only `-e` and the play's `vars` count; use an `include_…` instead")
        })?;
        match rendered.text() {
            Some(text) => Ok(text.to_owned()),
            None => {
                Err(Diagnostic::error(format!("expected a name, found {}", rendered.type_name()))
                    .at(node.span, ""))
            }
        }
    }

    pub(super) fn context(&self, scope: Arc<dyn Scope>) -> Context {
        let context = Context::new(scope, Search::default());
        match &self.settings.decrypt {
            Some(decrypt) => context.decrypt_with(decrypt.clone()),
            None => context,
        }
    }
}

impl Load<'_> {
    fn finish(self, items: Vec<Item>) -> Result<Included, Vec<Diagnostic>> {
        match self.errors.is_empty() {
            true => Ok(Included { items, handlers: self.handlers, roles: self.roles }),
            false => Err(self.errors),
        }
    }

    pub(super) fn fail(&mut self, error: Diagnostic) {
        self.errors.push(error);
    }

    /// The keywords beside `import_playbook`: they hold for every task of the plays.
    fn import_playbook(
        &mut self,
        node: &Node,
        outer: Option<&Arc<Chain>>,
        dir: &Path,
    ) -> Arc<Chain> {
        let mut keywords = Keywords::default();
        for entry in node.entries().unwrap_or_default() {
            let key = entry.key.text().unwrap_or_default();
            match (key, keywords::kind(key, keywords::BLOCK)) {
                (_, Kind::Keyword(name @ ("name" | "tags" | "when" | "vars"))) => {
                    keywords.set(name, entry.value.clone());
                }
                _ if key.ends_with("import_playbook") => {}
                _ => self.fail(
                    Diagnostic::error(format!("`{key}` cannot be used with `import_playbook`"))
                        .at(entry.key.span, "")
                        .help("allowed beside it: name, tags, vars, when"),
                ),
            }
        }
        let vars = Arc::new(self.vars(keywords.get("vars")));
        Arc::new(Chain {
            keywords,
            level: ChainLevel::Import,
            vars,
            role: None,
            dir: dir.to_owned(),
            up: outer.cloned(),
        })
    }

    fn play(&mut self, node: &Node, outer: Option<&Arc<Chain>>) -> Option<Play> {
        let Some(entries) = node.entries() else {
            self.fail(
                Diagnostic::error(format!("expected a play, found {}", node.type_name()))
                    .at(node.span, "a play is a mapping with `hosts:`"),
            );
            return None;
        };
        let mut keywords = Keywords::default();
        for entry in entries {
            let key = match entry.key.text().unwrap_or_default() {
                "user" => "remote_user",
                key => key,
            };
            match keywords::kind(key, keywords::PLAY) {
                Kind::Keyword(name) => keywords.set(name, entry.value.clone()),
                Kind::NotYet => self.fail(keywords::not_yet(&entry.key)),
                Kind::Misplaced | Kind::Other => {
                    let error = Diagnostic::error(format!("`{key}` is not a keyword of a play"))
                        .at(entry.key.span, "unknown");
                    let known = super::task::is_action(key);
                    self.fail(match keywords::suggestion(key, keywords::PLAY) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None if known => error.help("a task belongs below `tasks:`"),
                        None => error,
                    });
                }
            }
        }
        let Some(hosts) = keywords.get("hosts").filter(|hosts| !hosts.is_null()).cloned() else {
            self.fail(
                Diagnostic::error("a play needs `hosts`")
                    .at(node.span, "no `hosts` here")
                    .help("add `hosts: all`, a group, or a host pattern"),
            );
            return None;
        };
        let mut vars = self.vars(keywords.get("vars"));
        for import in outer.iter().flat_map(|chain| chain.levels()) {
            vars.extend((*import.vars).clone());
        }
        let vars = Arc::new(vars);
        let take = |name: &str| keywords.get(name).cloned();
        let (name, roles) = (take("name"), take("roles"));
        let (pre, tasks, post, handlers) =
            (take("pre_tasks"), take("tasks"), take("post_tasks"), take("handlers"));
        let (vars_files, vars_prompt) = (list(take("vars_files")), list(take("vars_prompt")));
        for file in &vars_files {
            if let Some(name) = file.text().filter(|name| !super::has_template(name))
                && let Err(error) = self.loader.file(&self.playbook_dir.join(name), Some(file.span))
            {
                self.fail(error);
            }
        }
        let chain = Arc::new(Chain {
            keywords,
            level: ChainLevel::Play,
            vars: vars.clone(),
            role: None,
            dir: self.playbook_dir.clone(),
            up: outer.cloned(),
        });
        let before = self.items(pre.as_ref(), &chain, keywords::TASK);
        let mut during = self.play_roles(roles.as_ref(), &chain);
        during.extend(self.items(tasks.as_ref(), &chain, keywords::TASK));
        let after = self.items(post.as_ref(), &chain, keywords::TASK);
        let mut all_handlers = flat(self.items(handlers.as_ref(), &chain, keywords::HANDLER));
        // Handlers of roles come first, in the order of the roles; the play's own come last.
        let mut of_roles = std::mem::take(&mut self.handlers);
        of_roles.append(&mut all_handlers);
        Some(Play {
            name,
            hosts,
            chain,
            vars,
            vars_files,
            vars_prompt,
            roles: std::mem::take(&mut self.roles),
            phases: vec![before.into(), during.into(), after.into()],
            handlers: of_roles,
            dir: self.playbook_dir.clone(),
            span: node.span,
        })
    }

    /// A list of tasks and blocks.
    pub(super) fn items(
        &mut self,
        node: Option<&Node>,
        chain: &Arc<Chain>,
        place: u8,
    ) -> Vec<Item> {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Vec::new() };
        let Some(list) = node.items() else {
            self.fail(
                Diagnostic::error(format!("expected a list of tasks, found {}", node.type_name()))
                    .at(node.span, "begin each task with `- `"),
            );
            return Vec::new();
        };
        list.iter().flat_map(|item| self.item(item, chain, place)).collect()
    }

    fn item(&mut self, node: &Node, chain: &Arc<Chain>, place: u8) -> Vec<Item> {
        if node.is_null() {
            return Vec::new();
        }
        if node.get("block").is_none() {
            return self.task(node, chain, place);
        }
        let mut keywords = Keywords::default();
        for entry in node.entries().unwrap_or_default() {
            let key = entry.key.text().unwrap_or_default();
            match keywords::kind(key, keywords::BLOCK) {
                Kind::Keyword(name) => keywords.set(name, entry.value.clone()),
                Kind::NotYet => self.fail(keywords::not_yet(&entry.key)),
                Kind::Misplaced | Kind::Other => {
                    let error = Diagnostic::error(format!("`{key}` is not a keyword of a block"))
                        .at(entry.key.span, "unknown");
                    self.fail(match keywords::suggestion(key, keywords::BLOCK) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None => error.help("move it to the tasks of the block"),
                    });
                }
            }
        }
        let vars = Arc::new(self.vars(keywords.get("vars")));
        let parts = ["block", "rescue", "always"].map(|name| keywords.get(name).cloned());
        let chain = Arc::new(Chain {
            keywords,
            level: ChainLevel::Block,
            vars,
            role: chain.role.clone(),
            dir: chain.dir.clone(),
            up: Some(chain.clone()),
        });
        let [body, rescue, always] =
            parts.map(|part| self.items(part.as_ref(), &chain, place).into());
        vec![Item::Block(Arc::new(Block { chain, body, rescue, always }))]
    }

    /// The tasks of a file, below `chain`.
    pub(super) fn task_file(&mut self, path: &Path, from: Span, chain: &Arc<Chain>) -> Vec<Item> {
        self.file_items(path, from, chain, keywords::TASK)
    }

    pub(super) fn file_items(
        &mut self,
        path: &Path,
        from: Span,
        chain: &Arc<Chain>,
        place: u8,
    ) -> Vec<Item> {
        if self.reading.iter().any(|open| open == path) {
            self.fail(
                Diagnostic::error(format!("`{}` imports itself", path.display()))
                    .at(from, "imported here again"),
            );
            return Vec::new();
        }
        let node = match self.loader.file(path, Some(from)) {
            Ok(node) => node,
            Err(error) => {
                self.fail(error);
                return Vec::new();
            }
        };
        self.reading.push(path.to_owned());
        let items = self.items(Some(&node), chain, place);
        self.reading.pop();
        items
    }

    /// `vars:` of a play, block, task or role.
    pub(super) fn vars(&mut self, node: Option<&Node>) -> Layer {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Layer::default() };
        // Ansible also takes a list of mappings.
        let parts: Vec<&Node> =
            node.items().map_or_else(|| vec![node], |items| items.iter().collect());
        let mut layer = Layer::default();
        for part in parts {
            match Layer::from_node(part) {
                Ok(more) => layer.extend(more),
                Err(error) => self.fail(error),
            }
        }
        layer
    }

    /// The variables that count while loading: `-e`, then `vars` from the inside out.
    pub(super) fn statics(&self, chain: &Arc<Chain>) -> Arc<dyn Scope> {
        let layers: Vec<_> = chain.levels().map(|level| level.vars.clone()).collect();
        Arc::new(Static::new(&self.loader.settings.extra, layers))
    }
}

/// The few variables that are known before any host is.
#[derive(Debug)]
struct Static {
    layers: Vec<Arc<Layer>>,
}

impl Static {
    fn new(extra: &Arc<Layer>, inner: impl IntoIterator<Item = Arc<Layer>>) -> Static {
        Static { layers: std::iter::once(extra.clone()).chain(inner).collect() }
    }
}

impl Scope for Static {
    fn get(&self, name: &str) -> Option<Raw> {
        self.layers.iter().find_map(|layer| layer.get(name).map(|binding| binding.value.clone()))
    }

    fn names(&self) -> Vec<String> {
        self.layers.iter().flat_map(|layer| layer.iter()).map(|(name, _)| name.to_owned()).collect()
    }
}

/// Handlers of a block are handlers like the others.
pub(super) fn flat(items: Vec<Item>) -> Vec<Arc<Task>> {
    items
        .into_iter()
        .flat_map(|item| match item {
            Item::Task(task) => vec![task],
            Item::Block(block) => flat(block.body.to_vec()),
        })
        .collect()
}

fn list(node: Option<Node>) -> Vec<Node> {
    match node {
        None => Vec::new(),
        Some(node) if node.is_null() => Vec::new(),
        Some(Node { kind: NodeKind::List(items), .. }) => items,
        Some(node) => vec![node],
    }
}
