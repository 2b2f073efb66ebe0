//! One task: its keywords, its module, its arguments; what can be checked without a host is.

use std::{path::Path, sync::Arc};

use rprov_modules::kit::{ArgError, Entry, Node, NodeKind, Span, Spec, nearest};

use super::keywords::{self, Keywords, Kind};
use super::load::Load;
use super::role::Wanted;
use super::{Action, Builtin, Chain, ChainLevel, Item, Task, freeform};
use crate::source::Diagnostic;
use crate::vars::Layer;

/// Imports are carried out while loading.
#[derive(Clone, Copy)]
enum Import {
    Tasks,
    Role,
}

enum Found {
    Action(Action),
    Import(Import),
}

/// Finds what a task's key stands for: `apt`, `ansible.builtin.apt`, …
fn find(name: &str) -> Option<Found> {
    let short = ["ansible.builtin.", "ansible.legacy."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    match short {
        "import_tasks" => return Some(Found::Import(Import::Tasks)),
        "import_role" => return Some(Found::Import(Import::Role)),
        // Removed from Ansible, found in playbooks: what it did last.
        "include" => return Some(Found::Action(Action::Builtin(Builtin::IncludeTasks))),
        _ => {}
    }
    if let Some((_, builtin)) = Builtin::NAMES.iter().find(|(known, _)| *known == short) {
        return Some(Found::Action(Action::Builtin(*builtin)));
    }
    rprov_modules::find(name).map(|spec| Found::Action(Action::Module(spec)))
}

/// Whether a key names something a task can do.
pub(super) fn is_action(name: &str) -> bool {
    find(name).is_some()
}

fn known_actions() -> impl Iterator<Item = &'static str> {
    rprov_modules::MODULES
        .iter()
        .flat_map(|spec| spec.names.iter().copied())
        .chain(Builtin::NAMES.iter().map(|(name, _)| *name))
        .chain(["import_tasks", "import_role"])
}

impl Load<'_> {
    /// A task, or what it imports.
    pub(super) fn task(&mut self, node: &Node, chain: &Arc<Chain>, place: u8) -> Vec<Item> {
        let Some(entries) = node.entries() else {
            self.fail(
                Diagnostic::error(format!("expected a task, found {}", node.type_name()))
                    .at(node.span, "a task is a mapping")
                    .help("write `- name: …` and a module below it"),
            );
            return Vec::new();
        };
        let mut keywords = Keywords::default();
        let mut action: Option<(&Node, Node, Found)> = None;
        let mut failed = false;
        for entry in entries {
            let key = entry.key.text().unwrap_or_default();
            if let Some(kind) = key.strip_prefix("with_") {
                keywords.set("loop", with_loop(kind, entry));
                continue;
            }
            let (name, args, span) = match keywords::kind(key, place) {
                Kind::Keyword("action" | "local_action") => match written_action(&entry.value) {
                    Some((name, args)) => {
                        if key == "local_action" {
                            keywords.set("delegate_to", Node::string(entry.key.span, "localhost"));
                        }
                        (name, args, &entry.value)
                    }
                    None => {
                        self.fail(
                            Diagnostic::error("expected the name of a module")
                                .at(entry.value.span, ""),
                        );
                        failed = true;
                        continue;
                    }
                },
                Kind::Keyword(name) => {
                    keywords.set(name, entry.value.clone());
                    continue;
                }
                Kind::NotYet => {
                    self.fail(keywords::not_yet(&entry.key));
                    failed = true;
                    continue;
                }
                Kind::Misplaced | Kind::Other => (key.to_owned(), entry.value.clone(), &entry.key),
            };
            let Some(found) = find(&name) else {
                self.fail(unknown(&name, span, place));
                failed = true;
                continue;
            };
            if let Some((first, ..)) = &action {
                let error = Diagnostic::error("a task has one module, here are two")
                    .at(span.span, "the second");
                self.fail(
                    error
                        .context(first.span, "the first")
                        .help("make two tasks of it: begin the second with `- `"),
                );
                failed = true;
                continue;
            }
            action = Some((span, args, found));
        }
        let Some((key, args, found)) = action else {
            if !failed {
                self.fail(
                    Diagnostic::error("this task has no module")
                        .at(node.span, "does nothing")
                        .help("add one, for example `ansible.builtin.command: …`"),
                );
            }
            return Vec::new();
        };
        let named = key.text().or(key.get("module").and_then(Node::text)).unwrap_or_default();
        let written = named.split_whitespace().next().unwrap_or_default().to_owned();
        let vars = Arc::new(self.vars(keywords.get("vars")));
        let args = match self.arguments(&args, &found, &keywords, key.span) {
            Some(args) => args,
            None => return Vec::new(),
        };
        let level = match &found {
            // The variables of an import are those of a block around what it brings.
            Found::Import(_) => ChainLevel::Block,
            Found::Action(_) => ChainLevel::Task,
        };
        let name = keywords.get("name").cloned();
        let own = Arc::new(Chain {
            keywords,
            level,
            vars,
            role: chain.role.clone(),
            dir: chain.dir.clone(),
            up: Some(chain.clone()),
        });
        match found {
            Found::Import(import) => self.import(import, &args, key.span, &own, place),
            Found::Action(action) => {
                self.check(action, &args, key);
                self.look_into(action, &args, &own);
                vec![Item::Task(Arc::new(Task {
                    name,
                    action,
                    written,
                    args,
                    chain: own,
                    span: key.span,
                }))]
            }
        }
    }

    /// Arguments as a mapping, whatever way they are written.
    fn arguments(
        &mut self,
        args: &Node,
        found: &Found,
        keywords: &Keywords,
        key: Span,
    ) -> Option<Node> {
        let free_form = match found {
            Found::Action(Action::Module(spec)) => spec.free_form,
            Found::Action(Action::Builtin(builtin)) => builtin.free_form(),
            Found::Import(Import::Tasks) => Some("file"),
            Found::Import(Import::Role) => None,
        };
        let mut mapping = match &args.kind {
            NodeKind::Map(_) => args.clone(),
            _ if args.is_null() => Node::map(key, Vec::new()),
            NodeKind::Scalar(scalar) if whole_template(&scalar.text) && free_form.is_none() => {
                args.clone()
            }
            NodeKind::Scalar(scalar) => match line(
                &scalar.text,
                args.span,
                free_form,
                matches!(found, Found::Action(Action::Module(_))),
            ) {
                Ok(mapping) => mapping,
                Err(message) => {
                    self.fail(
                        Diagnostic::error(message)
                            .at(args.span, "")
                            .help("write the parameters as a mapping, one on each line"),
                    );
                    return None;
                }
            },
            NodeKind::List(_) => {
                // `assert`'s and `command`'s lists are parameters, never the whole.
                self.fail(
                    Diagnostic::error(format!("expected parameters, found {}", args.type_name()))
                        .at(args.span, "a mapping belongs here"),
                );
                return None;
            }
        };
        if let Some(more) = keywords.get("args") {
            for entry in more.entries().unwrap_or_default() {
                let name = entry.key.text().unwrap_or_default();
                if mapping.get(name).is_none()
                    && let NodeKind::Map(entries) = &mut mapping.kind
                {
                    entries.push(entry.clone());
                }
            }
        }
        Some(mapping)
    }

    /// Checks the names of parameters always, and the values where no template is involved.
    fn check(&mut self, action: Action, args: &Node, key: &Node) {
        match action {
            Action::Builtin(builtin) => {
                let known = builtin.parameters();
                for entry in args.entries().unwrap_or_default() {
                    let name = entry.key.text().unwrap_or_default();
                    if !known.is_empty() && !known.contains(&name) {
                        let error = Diagnostic::error(format!("unknown parameter `{name}`"))
                            .at(entry.key.span, "")
                            .context(key.span, "of this action");
                        self.fail(error.help(match nearest(name, known.iter().copied()) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => format!("known parameters: {}", known.join(", ")),
                        }));
                    }
                }
            }
            Action::Module(spec) => {
                if let Err(error) = check_module(spec, args) {
                    let mut shown = Diagnostic::error(error.message)
                        .at(error.span.unwrap_or(args.span), "")
                        .context(key.span, format!("in this `{}` task", spec.name()));
                    if let Some(help) = error.help {
                        shown = shown.help(help);
                    }
                    self.fail(shown);
                }
            }
        }
    }

    /// Files that a dynamic include surely reads are checked before the first connection, too.
    fn look_into(&mut self, action: Action, args: &Node, chain: &Arc<Chain>) {
        let constant =
            |name: &str| args.get(name).and_then(Node::text).filter(|text| !has_template(text));
        match action {
            Action::Builtin(Builtin::IncludeTasks) => {
                let Some(file) = constant("file") else { return };
                let Some(path) = self.task_path(file, chain) else {
                    // Under a condition the file may be meant to be missing.
                    if chain.nearest("when").is_none() {
                        let span = args.get("file").map_or(args.span, |node| node.span);
                        self.fail(
                            Diagnostic::error(format!("there is no task file `{file}`"))
                                .at(span, "not found")
                                .note(format!(
                                    "looked in `{}`",
                                    super::shown(&chain.dir).display()
                                )),
                        );
                    }
                    return;
                };
                if !self.reading.contains(&path) {
                    let before = (self.roles.len(), self.handlers.len());
                    self.task_file(&path, args.span, &inside(&path, chain));
                    self.roles.truncate(before.0);
                    self.handlers.truncate(before.1);
                }
            }
            Action::Builtin(Builtin::IncludeRole) => {
                if let Some(wanted) = Wanted::from_args(args)
                    && !has_template(&wanted.name)
                    && ![&wanted.tasks_from, &wanted.vars_from]
                        .into_iter()
                        .flatten()
                        .any(|from| has_template(from))
                {
                    let before =
                        (self.roles.len(), self.handlers.len(), self.handler_roles.clone());
                    if self.reading.len() < 20 {
                        self.role(&wanted, chain);
                    }
                    self.roles.truncate(before.0);
                    self.handlers.truncate(before.1);
                    self.handler_roles = before.2;
                }
            }
            _ => {}
        }
    }

    fn import(
        &mut self,
        import: Import,
        args: &Node,
        span: Span,
        chain: &Arc<Chain>,
        place: u8,
    ) -> Vec<Item> {
        if let Some(keyword) = ["loop", "register", "until", "notify"]
            .iter()
            .find(|name| chain.keywords.get(name).is_some())
        {
            let at = chain.keywords.get(keyword).map_or(span, |node| node.span);
            self.fail(
                Diagnostic::error(format!("`{keyword}` cannot be used with an import"))
                    .at(at, "")
                    .help(
                        "an import happens before the run; use `include_tasks` or `include_role`",
                    ),
            );
            return Vec::new();
        }
        match import {
            Import::Tasks => {
                let Some(file) = args.get("file") else {
                    self.fail(
                        Diagnostic::error("expected the name of a file")
                            .at(span, "imports nothing"),
                    );
                    return Vec::new();
                };
                let name = match self.loader.text(file, self.statics(chain)) {
                    Ok(name) => name,
                    Err(error) => {
                        self.fail(error);
                        return Vec::new();
                    }
                };
                match self.task_path(&name, chain) {
                    Some(path) => self.file_items(&path, file.span, &inside(&path, chain), place),
                    None => {
                        self.fail(
                            Diagnostic::error(format!("there is no task file `{name}`"))
                                .at(file.span, "not found")
                                .note(format!(
                                    "looked in `{}`",
                                    super::shown(&chain.dir).display()
                                )),
                        );
                        Vec::new()
                    }
                }
            }
            Import::Role => {
                let Some(mut wanted) = Wanted::from_args(args) else {
                    self.fail(
                        Diagnostic::error("expected the name of a role")
                            .at(span, "imports nothing"),
                    );
                    return Vec::new();
                };
                let name = Node::string(wanted.span, wanted.name.as_str());
                match self.loader.text(&name, self.statics(chain)) {
                    Ok(name) => wanted.name = name,
                    Err(error) => {
                        self.fail(error);
                        return Vec::new();
                    }
                }
                wanted.public = true;
                self.role(&wanted, chain)
            }
        }
    }

    fn task_path(&self, name: &str, chain: &Chain) -> Option<std::path::PathBuf> {
        find_tasks(name, chain, &self.playbook_dir)
    }
}

/// A level for the tasks of a file: what they name is looked for beside it first.
pub(super) fn inside(path: &Path, chain: &Arc<Chain>) -> Arc<Chain> {
    Arc::new(Chain {
        keywords: Keywords::default(),
        level: ChainLevel::Block,
        vars: Arc::default(),
        role: chain.role.clone(),
        dir: path.parent().map(Path::to_owned).unwrap_or_default(),
        up: Some(chain.clone()),
    })
}

/// Where a task file is: beside the file that names it, in the role's `tasks/`, beside the playbook.
pub(crate) fn find_tasks(
    name: &str,
    chain: &Chain,
    playbook_dir: &Path,
) -> Option<std::path::PathBuf> {
    let mut dirs: Vec<_> = chain.levels().map(|level| level.dir.clone()).collect();
    dirs.dedup();
    if let Some(role) = &chain.role {
        dirs.push(role.path.join("tasks"));
        dirs.push(role.path.clone());
    }
    dirs.push(playbook_dir.join("tasks"));
    dirs.push(playbook_dir.to_owned());
    dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file())
}

impl Wanted {
    /// The parameters of `import_role` and `include_role`.
    pub(crate) fn from_args(args: &Node) -> Option<Wanted> {
        let name = args.get("name").or_else(|| args.get("role"))?;
        let text = |key: &str| {
            let text = args.get(key)?.text()?;
            Some(
                ["yml", "yaml"]
                    .iter()
                    .find_map(|e| text.strip_suffix(e)?.strip_suffix('.'))
                    .unwrap_or(text)
                    .to_owned(),
            )
        };
        let public = args.get("public").and_then(Node::text).and_then(rprov_modules::kit::boolean);
        Some(Wanted {
            name: name.text()?.to_owned(),
            span: name.span,
            tasks_from: text("tasks_from"),
            vars_from: text("vars_from"),
            defaults_from: text("defaults_from"),
            handlers_from: text("handlers_from"),
            params: Arc::new(Layer::default()),
            public: public.unwrap_or(false),
        })
    }
}

/// `with_items: x` is kept as `loop` with the lookup's name; the engine knows both forms.
fn with_loop(kind: &str, entry: &Entry) -> Node {
    let span = entry.key.span;
    let form = Entry { key: Node::string(span, WITH), value: Node::string(span, kind) };
    let terms = Entry { key: Node::string(span, TERMS), value: entry.value.clone() };
    Node::map(entry.value.span, vec![form, terms])
}

/// Keys of the mapping that stands for a `with_…` loop. No YAML key can look like this.
pub(crate) const WITH: &str = "\u{0}with";
pub(crate) const TERMS: &str = "\u{0}terms";

/// `action: module key=value` or `action: {module: name, …}`.
fn written_action(node: &Node) -> Option<(String, Node)> {
    if let Some(text) = node.text() {
        let (name, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let args = if rest.trim().is_empty() {
            Node::null(node.span)
        } else {
            Node::string(node.span, rest.trim())
        };
        return (!name.is_empty()).then(|| (name.to_owned(), args));
    }
    let name = node.get("module")?.text()?.to_owned();
    let rest = node.entries()?.iter().filter(|e| e.key.text() != Some("module")).cloned().collect();
    Some((name, Node::map(node.span, rest)))
}

/// Parameters on one line. A module with free-form text takes what is no known `key=value`.
fn line(text: &str, span: Span, free_form: Option<&str>, module: bool) -> Result<Node, String> {
    const BESIDE: &[&str] = &[
        "chdir",
        "creates",
        "removes",
        "executable",
        "stdin",
        "strip_empty_ends",
        "stdin_add_newline",
        "expand_argument_vars",
        "argv",
        "cmd",
    ];
    let mut mapping = Node::map(span, Vec::new());
    let Some(free) = free_form else {
        for word in freeform::words(text)? {
            match freeform::pair(&word) {
                Some((key, value)) => mapping.set(key, Node::string(span, value)),
                None => return Err(format!("expected `key=value`, found `{word}`")),
            }
        }
        return Ok(mapping);
    };
    if !module {
        // `include_tasks: x.yml`, also with `key=value` after it.
        let mut words = freeform::words(text)?.into_iter();
        if let Some(first) = words.next() {
            match freeform::pair(&first) {
                Some((key, value)) => mapping.set(key, Node::string(span, value)),
                None => mapping.set(free, Node::string(span, freeform::unquote(&first))),
            }
        }
        for word in words {
            match freeform::pair(&word) {
                Some((key, value)) => mapping.set(key, Node::string(span, value)),
                None => return Err(format!("expected `key=value`, found `{word}`")),
            }
        }
        return Ok(mapping);
    }
    // A command: only parameters of the module are taken out of it, the rest stays as it is. Text
    // that cannot be split (an apostrophe in a here-document) is all command.
    let words = freeform::words(text).unwrap_or_default();
    let mut rest = text.to_owned();
    for word in &words {
        if let Some((key, value)) = freeform::pair(word).filter(|(key, _)| BESIDE.contains(key)) {
            mapping.set(key, Node::string(span, value));
            rest = rest.replacen(word.as_str(), "", 1);
        }
    }
    if !rest.trim().is_empty() {
        mapping.set(free, Node::string(span, rest.trim()));
    }
    Ok(mapping)
}

fn unknown(name: &str, key: &Node, place: u8) -> Diagnostic {
    let error = Diagnostic::error(format!("there is no module or keyword `{name}`"))
        .at(key.span, "unknown");
    let short = name.rsplit('.').next().unwrap_or(name);
    match nearest(short, known_actions()).or_else(|| keywords::suggestion(short, place)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error.help("COMPATIBILITY.md lists the modules there are"),
    }
}

pub(crate) fn has_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The text is one `{{ … }}` and nothing else.
fn whole_template(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}")
}

/// Binds the arguments with what is templated taken out.
fn check_module(spec: &Spec, args: &Node) -> Result<(), ArgError> {
    let mut args = args.clone();
    let mut hidden = false;
    loop {
        let error = match (spec.bind)(&args) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let names = error.message.starts_with("unknown parameter");
        let span = error.span.unwrap_or_default();
        let NodeKind::Map(entries) = &mut args.kind else { return Ok(()) };
        // The error stands in a value that is only known once rendered: leave the value out.
        let culprit = entries.iter().position(|entry| {
            templated(&entry.value)
                && entry.value.span.start <= span.start
                && span.end <= entry.value.span.end
        });
        match culprit {
            Some(at) if !names => {
                entries.remove(at);
                hidden = true;
            }
            // What is missing may be what was left out.
            _ if hidden && !names => return Ok(()),
            _ => return Err(error),
        }
    }
}

fn templated(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => has_template(&scalar.text),
        NodeKind::List(items) => items.iter().any(templated),
        NodeKind::Map(entries) => entries.iter().any(|e| templated(&e.value) || templated(&e.key)),
    }
}
