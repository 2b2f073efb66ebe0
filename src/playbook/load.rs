//! Files to plays: reads a playbook and everything it imports, and collects every error.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use rprov_modules::kit::{Node, Span};

use super::{Chain, Installed, Item, Play, Role, RoleNames, Task};
use crate::source::{Diagnostic, SourceMap};
use crate::template::{Context, Decrypt, Scope, Search, Templar};
use crate::vars::{Layer, files::Reader};

/// What loading depends on.
#[derive(Clone)]
pub struct Settings {
    pub map: SourceMap,
    pub templar: Templar,
    /// `-e` variables: the only ones that static names (`import_tasks: "{{ x }}.yml"`) may use,
    /// beside the play's own `vars`.
    pub extra: Arc<Layer>,
    /// Keywords of plays that do not have them.
    pub keywords: Vec<(&'static str, Node)>,
    /// Keys of tasks that mean nothing are passed over, with a warning.
    pub lenient: bool,
    /// The variables of roles are theirs alone, where a role does not say.
    pub private_roles: bool,
    /// Directories to search for roles after those beside the playbook.
    pub roles_path: Vec<PathBuf>,
    /// Directories to search for collections after `collections/` beside the playbook.
    pub collections_path: Vec<PathBuf>,
    /// Reads files, vaulted ones too.
    pub reader: Reader,
    /// Opens `!vault` values.
    pub decrypt: Option<Decrypt>,
}

/// Reads playbooks, task files and roles; parsed files are kept, so an include in a loop is cheap.
pub struct Loader {
    pub(super) settings: Settings,
    files: Mutex<HashMap<PathBuf, Arc<Node>>>,
    /// Filters, tests and lookups that do not exist, and faulty template files, of the files read since they were told.
    unknown: Mutex<Vec<Diagnostic>>,
    /// Files whose templates were parsed.
    parsed: Mutex<BTreeSet<PathBuf>>,
    templates: Mutex<HashMap<PathBuf, (u32, Arc<str>)>>,
    /// Everything that was warned of, and how much of it was told.
    warnings: Mutex<(Vec<Diagnostic>, usize)>,
    /// Faults that concern only hosts whose conditions let them get there.
    later: Mutex<Vec<Diagnostic>>,
    /// `collections/` beside the playbooks that were asked for.
    pub(super) beside: Mutex<Vec<PathBuf>>,
    /// Names that no run knows.
    pub(super) installed: OnceLock<Installed>,
}

/// One loading: the errors so far, and what the play gained on the way.
pub(super) struct Load<'a> {
    pub(super) loader: &'a Loader,
    pub(super) errors: Vec<Diagnostic>,
    /// Roles whose variables the play sees.
    pub(super) roles: Vec<Arc<Role>>,
    /// Roles that the one being read depends on.
    pub(super) entered: Vec<Arc<Role>>,
    pub(super) names: RoleNames,
    pub(super) handlers: Vec<Arc<Task>>,
    /// Handlers of imported roles.
    pub(super) imported: Vec<Arc<Task>>,
    /// Files being read, to tell a file that imports itself.
    pub(super) reading: Vec<PathBuf>,
    pub(super) playbook_dir: PathBuf,
}

/// What a dynamic include brings into a running play.
pub struct Included {
    pub items: Vec<Item>,
    pub handlers: Vec<Arc<Task>>,
    /// Roles whose variables the rest of the play sees (`public: true`).
    pub roles: Vec<Arc<Role>>,
    pub names: RoleNames,
}

impl Loader {
    pub fn new(settings: Settings) -> Loader {
        Loader {
            settings,
            files: Mutex::default(),
            unknown: Mutex::default(),
            parsed: Mutex::default(),
            templates: Mutex::default(),
            warnings: Mutex::default(),
            later: Mutex::default(),
            beside: Mutex::default(),
            installed: OnceLock::new(),
        }
    }

    /// Keeps a warning for [`Loader::take_warnings`].
    pub(super) fn warn(&self, warning: Diagnostic) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &Diagnostic| {
            known.message() == warning.message() && known.span() == warning.span()
        };
        if !warnings.0.iter().any(same) {
            warnings.0.push(warning);
        }
    }

    /// The warnings there are since the last time they were taken; what was said once of another place is
    /// not said again.
    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let all = warnings.0.len();
        let told = std::mem::replace(&mut warnings.1, all);
        let new = |at: &usize| {
            let message = warnings.0[*at].message();
            !warnings.0[..*at].iter().any(|known| known.message() == message)
        };
        (told..all).filter(new).map(|at| warnings.0[at].clone()).collect()
    }

    /// Keeps a fault that is none of every run, because a condition stands before it.
    pub(super) fn later(&self, fault: Diagnostic) {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// The faults behind conditions: hosts that get there will fail.
    pub(crate) fn take_later(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut *self.later.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Every warning, of every place.
    pub(crate) fn all_warnings(&self) -> Vec<Diagnostic> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
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
        let (plays, errors) = self.readable(path);
        if errors.is_empty() { Ok(plays) } else { Err(errors) }
    }

    /// The plays of a playbook and of all it imports, without what is wrong in them, which is told.
    pub(crate) fn readable(&self, path: &Path) -> (Vec<Play>, Vec<Diagnostic>) {
        let beside = path.parent().unwrap_or(Path::new("")).join("collections");
        self.beside.lock().unwrap_or_else(PoisonError::into_inner).push(beside);
        let mut errors = Vec::new();
        let mut plays = Vec::new();
        self.plays(path, None, None, &mut plays, &mut errors, &mut Vec::new());
        errors.append(&mut self.take_unknown());
        (plays, errors)
    }

    /// Forgets the playbooks that were read before: the next one is of another run.
    pub(crate) fn begin(&self) {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads a playbook that is no file.
    ///
    /// # Errors
    /// As [`Loader::playbook`].
    pub fn text_playbook(&self, path: &Path, text: &str) -> Result<Vec<Play>, Vec<Diagnostic>> {
        let node = crate::source::yaml::parse_value(&self.settings.map, path, text)
            .map_err(|error| vec![error])?;
        self.files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), Arc::new(node));
        self.playbook(path)
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
            let error = error.at(from.unwrap_or_default(), "imported here again");
            errors.push(error.note(super::circle(reading, path)));
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
        errors.append(&mut self.syntax(path, &node));
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
                            let path = match self.imported(&dir, &name, target.span) {
                                Ok(path) => path,
                                Err(error) => {
                                    errors.push(error);
                                    continue;
                                }
                            };
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
        load.errors.append(&mut self.take_unknown());
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
        load.errors.append(&mut self.take_unknown());
        load.finish(items)
    }

    pub(super) fn load(&self, playbook_dir: PathBuf) -> Load<'_> {
        Load {
            loader: self,
            errors: Vec::new(),
            roles: Vec::new(),
            entered: Vec::new(),
            names: RoleNames::default(),
            handlers: Vec::new(),
            imported: Vec::new(),
            reading: Vec::new(),
            playbook_dir,
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
        let Settings { map, templar, .. } = &self.settings;
        let mut unknown = crate::template::names::unknown_plugins(&node, path, map, templar);
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).append(&mut unknown);
        let node = Arc::new(node);
        files().insert(path.to_owned(), node.clone());
        Ok(node)
    }

    /// Notes that the templates of a file are parsed; false if they were before.
    pub(super) fn parse_once(&self, path: &Path) -> bool {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned())
    }

    /// Every file that was read.
    pub(super) fn nodes(&self) -> Vec<Arc<Node>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn take_unknown(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut *self.unknown.lock().unwrap_or_else(PoisonError::into_inner))
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
    fn finish(mut self, items: Vec<Item>) -> Result<Included, Vec<Diagnostic>> {
        // What a role imports is loaded before it is.
        self.imported.append(&mut self.handlers);
        match self.errors.is_empty() {
            true => Ok(Included {
                items,
                handlers: self.imported,
                roles: self.roles,
                names: self.names,
            }),
            false => Err(self.errors),
        }
    }

    pub(super) fn fail(&mut self, error: Diagnostic) {
        self.errors.push(error);
    }
}

/// Handlers of a block are handlers like the others.
pub(super) fn flat(items: Vec<Item>) -> Vec<Arc<Task>> {
    items
        .into_iter()
        .flat_map(|item| match item {
            Item::Task(task) => vec![task],
            Item::Block(block) => flat(block.body.to_vec()),
            Item::RoleEnd(_) => Vec::new(),
        })
        .collect()
}
