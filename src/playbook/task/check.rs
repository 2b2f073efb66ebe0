//! What of a task can be checked without a host: names and values of parameters, files it includes.

use std::sync::Arc;

use rprov_modules::kit::{
    ArgError, Entry, Facts, Goal, Node, NodeKind, PackageManager, ServiceManager, Spec, System,
    Through, nearest,
};

use super::arguments::has_template;
use super::import::inside;
use crate::playbook::load::Load;
use crate::playbook::role::Wanted;
use crate::playbook::{Action, Builtin, Chain, shown};
use crate::source::Diagnostic;

impl Load<'_> {
    /// Checks the names of parameters always, and the values where no template is involved.
    ///
    /// A name nobody knows, and that is no typing error, is under a condition only warned of: roles for several
    /// systems and versions of Ansible have such (`warn`, `disable_plugin`), and a host that reaches one fails.
    pub(super) fn check(&mut self, action: Action, args: &Node, key: &Node, conditional: bool) {
        match action {
            Action::Absent | Action::Templated => {}
            Action::Builtin(builtin) => {
                self.check_builtin(builtin, args, key);
                let known = builtin.parameters();
                for entry in args.entries().unwrap_or_default() {
                    let name = entry.key.text().unwrap_or_default();
                    if !known.is_empty() && !known.contains(&name) {
                        let near = nearest(name, known.iter().copied());
                        let when = Later::of(conditional, &entry.value);
                        let when = when.filter(|_| near.is_none());
                        let later = when.is_some();
                        let shown = unknown_parameter(entry, known, when);
                        let shown = shown.context(key.span, "of this action");
                        self.tell(shown, later);
                    }
                }
            }
            Action::Module(spec) => {
                let other = |through: Through| {
                    mistakes((through.spec)(), &through.arguments(args)).is_empty()
                };
                let errors = mistakes(spec, args);
                if errors.is_empty() || spec.through.is_some_and(other) {
                    return;
                }
                for error in errors {
                    let named = args.entries().unwrap_or_default().iter().find(|entry| {
                        error.span.is_some_and(|span| span.start == entry.key.span.start)
                    });
                    let value = named.map_or(args, |entry| &entry.value);
                    let when = Later::of(conditional, value).filter(|_| {
                        error.message.starts_with(UNKNOWN)
                            && !error.help.as_ref().is_some_and(|help| help.starts_with("did you"))
                    });
                    let later = when.is_some();
                    let mut shown = told(error.message, when)
                        .at(error.span.unwrap_or(args.span), "")
                        .context(key.span, format!("in this `{}` task", spec.name()));
                    if let Some(help) = error.help {
                        shown = shown.help(help);
                    }
                    self.tell(shown, later);
                }
            }
        }
    }

    fn tell(&mut self, shown: Diagnostic, later: bool) {
        match later {
            true => self.loader.warn(shown),
            false => self.fail(shown),
        }
    }

    /// Files that a dynamic include surely reads are checked before the first connection, too.
    pub(super) fn look_into(&mut self, action: Action, args: &Node, chain: &Arc<Chain>) {
        let before = self.errors.len();
        self.read_included(action, args, chain);
        // Under a condition they may be meant to be missing: roles of other systems, files that only some have.
        if chain.nearest("when").is_some() {
            let loader = self.loader;
            let is_missing = |fault: &mut Diagnostic| {
                matches!(fault.check(), Some("missing-role" | "missing-file"))
            };
            self.errors.extract_if(before.., is_missing).for_each(|fault| loader.later(fault));
        }
    }

    fn read_included(&mut self, action: Action, args: &Node, chain: &Arc<Chain>) {
        let constant =
            |name: &str| args.get(name).and_then(Node::text).filter(|text| !has_template(text));
        match action {
            Action::Builtin(Builtin::IncludeTasks) => {
                let Some(file) = constant("file") else { return };
                let Some(path) = self.task_path(file, chain) else {
                    let span = args.get("file").map_or(args.span, |node| node.span);
                    self.fail(
                        Diagnostic::error(format!("there is no task file `{file}`"))
                            .kind("missing-file")
                            .at(span, "not found")
                            .note(format!("looked in `{}`", shown(&chain.dir).display())),
                    );
                    return;
                };
                if !self.reading.contains(&path) {
                    let before = (self.roles.len(), self.handlers.len());
                    let imported = self.imported.len();
                    let names = self.names.clone();
                    self.task_file(&path, args.span, &inside(&path, chain));
                    self.names = names;
                    self.roles.truncate(before.0);
                    self.handlers.truncate(before.1);
                    self.imported.truncate(imported);
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
                    let before = (self.roles.len(), self.handlers.len());
                    let imported = self.imported.len();
                    let names = self.names.clone();
                    if self.reading.len() < 20 {
                        self.role(&wanted, chain);
                    }
                    self.names = names;
                    self.roles.truncate(before.0);
                    self.handlers.truncate(before.1);
                    self.imported.truncate(imported);
                }
            }
            _ => {}
        }
    }
}

/// How the message begins that names a parameter nobody knows.
const UNKNOWN: &str = "unknown parameter";

/// An entry of a mapping that knows only these.
pub(super) fn unknown_parameter(entry: &Entry, known: &[&str], later: Option<Later>) -> Diagnostic {
    let name = entry.key.text().unwrap_or_default();
    let error = told(format!("{UNKNOWN} `{name}`"), later).at(entry.key.span, "");
    error.help(match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known parameters: {}", known.join(", ")),
    })
}

/// How the message begins that a parameter is given twice, by different names.
const TWICE: &str = "duplicate field";

/// When a parameter that nobody knows is an error, if not in every run.
#[derive(Clone, Copy)]
pub(super) enum Later {
    /// The task is under a condition.
    Reached,
    /// The value may be `omit`.
    Given,
}

impl Later {
    fn of(conditional: bool, value: &Node) -> Option<Later> {
        match may_be_omitted(value) {
            true => Some(Later::Given),
            false => conditional.then_some(Later::Reached),
        }
    }
}

/// A mistake in a parameter: an error now, or a warning of one to come.
fn told(message: String, later: Option<Later>) -> Diagnostic {
    match later {
        Some(Later::Reached) => {
            Diagnostic::warning(format!("{message}: a host that reaches this task fails"))
        }
        Some(Later::Given) => {
            Diagnostic::warning(format!("{message}: a host that does not omit it fails"))
        }
        None => Diagnostic::error(message),
    }
    .kind("unknown-parameter")
}

/// Whether a value is a template that may come to `omit`.
fn may_be_omitted(value: &Node) -> bool {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    value.text().is_some_and(|text| has_template(text) && text.split(word).any(|w| w == "omit"))
}

/// What is wrong with the arguments, those left out that are only known once rendered.
fn mistakes(spec: &Spec, args: &Node) -> Vec<ArgError> {
    let mut args = args.clone();
    let mut errors: Vec<ArgError> = Vec::new();
    let mut whole = true;
    loop {
        let error = match (spec.bind)(&args) {
            Ok(goal) => {
                let literal = whole && spec.through.is_none() && !templated(&args);
                let refused = literal.then(|| refusal(&*goal)).flatten();
                errors.extend(refused.map(|message| ArgError { message, span: None, help: None }));
                return errors;
            }
            Err(error) => error,
        };
        let NodeKind::Map(entries) = &mut args.kind else { return errors };
        // Of two names of one parameter one may be omitted.
        if error.message.starts_with(TWICE) && entries.iter().any(|e| may_be_omitted(&e.value)) {
            entries.retain(|entry| !may_be_omitted(&entry.value));
            whole = false;
            continue;
        }
        let names = error.message.starts_with(UNKNOWN);
        let span = error.span.unwrap_or_default();
        let within = |node: &Node| node.span.start <= span.start && span.end <= node.span.end;
        // The error stands in a value that is only known once rendered: leave the value out.
        let open = entries.iter().position(|entry| templated(&entry.value) && within(&entry.value));
        match open {
            Some(at) if !names => {
                entries.remove(at);
                whole = false;
                continue;
            }
            // What is missing may be what was left out.
            _ if !whole && !names && !entries.iter().any(|entry| within(&entry.value)) => {
                return errors;
            }
            _ => errors.push(error),
        }
        // The others may be wrong, too; what was written on one line cannot be told apart.
        let mut faulty =
            entries.iter().enumerate().filter(|(_, e)| within(&e.key) || within(&e.value));
        match (faulty.next().map(|(at, _)| at), faulty.next()) {
            (Some(at), None) => drop(entries.remove(at)),
            _ => return errors,
        }
        whole = false;
    }
}

/// What a module says of its arguments before it knows anything of a host. What it says on one kind
/// of host only is no fault of theirs.
fn refusal(goal: &dyn Goal) -> Option<String> {
    if !goal.needs().is_empty() {
        return None;
    }
    let debian = System {
        id: "debian".to_owned(),
        package_manager: Some(PackageManager::Apt),
        service_manager: ServiceManager::Systemd,
        ..System::default()
    };
    let says = |system: System| {
        let facts = Facts { system: Arc::new(system), ..Facts::default() };
        match goal.probe_plan(&facts).resolve(|_| None) {
            Ok(Err(refusal)) => Some(refusal.message),
            Ok(Ok(_)) | Err(_) => None,
        }
    };
    says(debian).filter(|why| says(System::default()).as_ref() == Some(why))
}

/// Whether any part of a value is only known once rendered.
pub(super) fn templated(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => has_template(&scalar.text),
        NodeKind::List(items) => items.iter().any(templated),
        NodeKind::Map(entries) => entries.iter().any(|e| templated(&e.value) || templated(&e.key)),
    }
}
