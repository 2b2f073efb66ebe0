//! `rprov why HOST VAR`: the value a variable has, who gave it, and whom that one overrules.
//!
//! No host is asked: facts, results and what tasks set are not known here; where a playbook is
//! given, its tasks that would set the variable are listed. Secrets are masked unless asked for.

mod included;
mod path;
mod sight;
mod tasks;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use minijinja::Value;
use minijinja::value::ValueKind;
use rprov_modules::kit::{Entry, Node, NodeKind, Span, Tag, nearest};

use self::path::Path;
use self::sight::{Seen, Sight};
use super::args::WhyArgs;
use super::basis::Basis;
use super::inputs::{Inputs, collect, environment, split};
use super::{Exit, Result};
use crate::inventory::{Host, Inventory};
use crate::playbook::{Play, has_template};
use crate::report::{MASK, Redactor};
use crate::source::emit::{Layout, to_yaml};
use crate::source::{Diagnostic, SourceMap};
use crate::template::names::Names;
use crate::template::{Context, ErrorKind, Raw, Scope, Templar, TemplateError, from_node};
use crate::vars::{Binding, Layers, Level};

/// The longest value shown on a line of its own kind, in characters.
const WIDEST: usize = 100;

/// What only a task has, or a role's task, or a loop's.
const IN_TASKS: [&str; 13] = [
    "ansible_delegated_vars",
    "ansible_failed_result",
    "ansible_failed_task",
    "ansible_index_var",
    "ansible_loop",
    "ansible_loop_var",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
    "ansible_search_path",
    "item",
    "omit",
    "role_name",
    "role_path",
];

pub(super) fn why(basis: &Basis, args: WhyArgs) -> Result {
    let Basis { map, redactor, .. } = basis;
    let (words, others) = split(args.words);
    if let Some(other) = others.first() {
        let error = Diagnostic::error(format!("expected `name=value`, found `{other}`"));
        return Err(vec![error.help("write `rprov why HOST VAR env=ENV`")]);
    }
    let (environment, words) = environment(words)?;
    let mut inputs = Inputs::read(basis, environment.as_ref(), &words, &args.input)?;
    inputs.need_inventory()?;
    let templar = basis.templar();
    let loader = inputs.loader(basis, &templar);
    let mut errors = inputs.take_errors();
    let mut plays: Vec<Play> = Vec::new();
    for file in &args.playbook {
        collect(&mut errors, loader.playbook(file), |more| plays.extend(more));
    }
    let path = Path::parse(&args.variable);
    errors.extend(path.as_ref().err().cloned());
    let inventory = inputs.inventory.clone();
    let (Some(inventory), Ok(path), true) = (inventory, path, errors.is_empty()) else {
        return Err(errors);
    };
    let host = known_host(&inventory, &args.host)?;
    let dir =
        args.playbook.first().and_then(|file| file.parent()).map_or(PathBuf::new(), Into::into);
    let sight = Sight::new(basis, &inputs, inventory.clone(), &templar, &loader, dir);
    let why = Why { map, redactor, templar: &templar, path: &path, show: args.show };

    let mut answers: Vec<(String, std::result::Result<String, Vec<Diagnostic>>)> = Vec::new();
    let mut note = |title: String, seen: Seen, play: Option<&Play>| {
        let later = play.map(|play| tasks::of(play, &path.name, &loader)).unwrap_or_default();
        let answer = why.answer(host, &seen, &later);
        if !answers.iter().any(|(_, known)| *known == answer) {
            answers.push((title, answer));
        }
    };
    for play in &plays {
        if let Some(seen) = sight.play(host, play)? {
            note(title(play, map), seen, Some(play));
        }
    }
    if answers.is_empty() {
        if !plays.is_empty() {
            let message = format!("no play of the playbook has host `{}`", host.name);
            let warning =
                Diagnostic::warning(message).note("this is what the inventory alone says");
            super::complain(&format!(
                "{}\n\n",
                warning.render(map, basis.color(&std::io::stderr()))
            ));
        }
        let seen = sight.inventory(host)?;
        answers.push((String::new(), why.answer(host, &seen, &[])));
    }
    let several = answers.len() > 1;
    let (mut out, mut errors) = (String::new(), Vec::new());
    for (title, answer) in answers {
        match answer {
            Ok(text) => {
                let gap = if out.is_empty() { "" } else { "\n" };
                let head = if several { format!("{title}\n") } else { String::new() };
                let _ = write!(out, "{gap}{head}{text}");
            }
            Err(more) => errors.extend(more),
        }
    }
    super::say(&if args.show { out } else { redactor.clean(&out) });
    if errors.is_empty() { Ok(Exit::Ok) } else { Err(errors) }
}

fn known_host<'a>(inventory: &'a Inventory, name: &str) -> Result<&'a Host> {
    inventory.host(name).ok_or_else(|| {
        let error = Diagnostic::error(format!("there is no host `{name}` in the inventory"));
        let known: Vec<&str> = inventory.hosts().map(|host| &*host.name).collect();
        vec![match (inventory.group(name), nearest(name, known.iter().copied())) {
            (Some(_), _) => error.help("it is a group: name one of its hosts"),
            (None, Some(near)) => error.help(format!("did you mean `{near}`?")),
            (None, None) => error.help("`rprov why` takes the name of one host"),
        }]
    })
}

fn title(play: &Play, map: &SourceMap) -> String {
    let name = play.name.as_ref().or(Some(&play.hosts)).and_then(Node::text).unwrap_or("a play");
    format!("# play {name} ({})", place(play.span, map))
}

/// `file:line:column`.
fn place(span: Span, map: &SourceMap) -> String {
    match map.line_col(span) {
        Some((path, line, column)) => {
            let here = std::env::current_dir().unwrap_or_default();
            let near = path.strip_prefix(&here).unwrap_or(&path);
            format!("{}:{line}:{column}", near.display())
        }
        None => "rprov itself".to_owned(),
    }
}

/// The question, and what is needed to answer it.
struct Why<'a> {
    map: &'a SourceMap,
    redactor: &'a Redactor,
    templar: &'a Templar,
    path: &'a Path,
    /// Secrets, too.
    show: bool,
}

impl Why<'_> {
    fn answer(
        &self,
        host: &Host,
        seen: &Seen,
        later: &[tasks::Later],
    ) -> std::result::Result<String, Vec<Diagnostic>> {
        let Seen { layers, context } = seen;
        let mut definitions = layers.definitions(&self.path.name);
        let Some((level, first)) = definitions.next() else {
            return Err(vec![self.unknown(host, layers, later)]);
        };
        let mut out = String::new();
        let value = self.templar.expression(&self.path.text, Span::default(), context);
        let raw = self.path.within(&first.value);
        let fault = value.map(|value| {
            let value = match raw.made_of() {
                Some(node) if !self.show => self.hidden(value, node, seen),
                _ => value,
            };
            let _ = writeln!(out, "{}", self.line(&value));
        });
        let _ =
            writeln!(out, "from     {} ({})", place(raw.origin(first), self.map), level.title());
        let open = raw.made_of().filter(|node| self.show || !self.concealed(node.span));
        if let Some(node) = open.filter(|node| templated(node)) {
            let _ = writeln!(out, "written  {}", self.shown(node, context));
        }
        let mut reads = Vec::new();
        if let Some(node) = open {
            self.reads(
                node,
                layers,
                context,
                0,
                &mut BTreeSet::from([self.path.name.clone()]),
                &mut reads,
            );
        }
        section(&mut out, "reads", &reads);
        let mut shadowed: Vec<String> =
            definitions.map(|(level, binding)| self.overruled(level, binding, context)).collect();
        let mut later: Vec<String> = later
            .iter()
            .map(|later| {
                let value =
                    later.value.as_ref().map(|node| format!(": {}", self.shown(node, context)));
                let place = place(later.span, self.map);
                format!("{place} ({}){}", later.how, value.unwrap_or_default())
            })
            .collect();
        if first.origin == Span::default() && self.path.name == "ansible_facts" {
            later.push("a run gathers the facts of the host".to_owned());
        }
        // Nothing overrules what the command line says.
        if level == Level::Extra {
            shadowed.append(&mut later);
        }
        section(&mut out, "shadows", &shadowed);
        section(&mut out, "later", &later);
        match fault {
            Ok(()) => Ok(out),
            Err(error) => {
                super::say(&if self.show { out } else { self.redactor.clean(&out) });
                Err(vec![known_in_a_run(error, raw.made_of().is_none())])
            }
        }
    }

    fn unknown(&self, host: &Host, layers: &Layers, later: &[tasks::Later]) -> Diagnostic {
        let name = &self.path.name;
        let mut error = Diagnostic::error(format!("host `{}` has no variable `{name}`", host.name));
        for later in later {
            let place = place(later.span, self.map);
            error = error.note(format!("a run may set it: {place} ({})", later.how));
        }
        if !later.is_empty() {
            return error;
        }
        if IN_TASKS.contains(&name.as_str()) {
            return error.help("it is known only while a task runs that has it");
        }
        if given_by_settings(name) {
            return error.help("nothing sets it: what `rprov config` shows counts");
        }
        let names = layers.names();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None if name.starts_with("ansible_") => {
                error.help("facts are known only while a playbook runs")
            }
            None => error.help("`--playbook FILE` adds the variables of its plays and roles"),
        }
    }

    /// The path and its value as YAML.
    fn line(&self, value: &Value) -> String {
        let layout = Layout { indent: 2, width: usize::MAX, sort_keys: false, ..Layout::NICE };
        to_yaml(&Value::from_pairs([(self.path.text.as_str(), value.clone())]), &layout)
    }

    /// One definition that does not count.
    fn overruled(&self, level: Level, binding: &Binding, context: &Context) -> String {
        let raw = self.path.within(&binding.value);
        let value = match (raw.made_of(), &binding.value) {
            (Some(node), _) => self.shown(node, context),
            (None, Raw::Value(value)) => flow(value),
            (None, Raw::Node(_)) => format!("has no `{}`", self.path.text),
        };
        format!("{} ({}): {value}", place(raw.origin(binding), self.map), level.title())
    }

    /// A node as it is written, on one line; what a vault holds is masked, or opened if asked for.
    fn shown(&self, node: &Node, context: &Context) -> String {
        if self.concealed(node.span) && !self.show {
            return MASK.to_owned();
        }
        let opened = self.opened(node, context);
        match &opened.kind {
            NodeKind::Scalar(scalar) if templated(&opened) => {
                let text = scalar.text.trim_end();
                match text.contains('\n') {
                    true => shorten(&text.split_whitespace().collect::<Vec<_>>().join(" ")),
                    false => shorten(text),
                }
            }
            _ => flow(&from_node(&opened)),
        }
    }

    /// `!vault` values in a node opened, or masked.
    fn opened(&self, node: &Node, context: &Context) -> Node {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.tag == Some(Tag::Vault) => {
                let value = self.show.then(|| self.templar.value(node, context).ok()).flatten();
                let text = value.and_then(|value| value.as_str().map(str::to_owned));
                Node::string(node.span, text.unwrap_or_else(|| MASK.to_owned()))
            }
            NodeKind::Scalar(_) => node.clone(),
            NodeKind::List(items) => {
                Node::list(node.span, items.iter().map(|item| self.opened(item, context)).collect())
            }
            NodeKind::Map(entries) => {
                let open = |entry: &Entry| {
                    let (key, value) = (entry.key.clone(), self.opened(&entry.value, context));
                    Entry { key, value }
                };
                Node::map(node.span, entries.iter().map(open).collect())
            }
        }
    }

    /// The variables a node's templates read, and those they read in turn.
    fn reads(
        &self,
        node: &Node,
        layers: &Layers,
        context: &Context,
        depth: usize,
        met: &mut BTreeSet<String>,
        lines: &mut Vec<String>,
    ) {
        for used in Names::of_node(node, self.map).uses {
            if !met.insert(used.name.clone()) {
                continue;
            }
            let indent = "  ".repeat(depth);
            let name = &used.name;
            let Some((level, binding)) = layers.definitions(name).next() else {
                lines.push(format!("{indent}{name}: not defined"));
                continue;
            };
            let value = match &binding.value {
                Raw::Node(node) => self.shown(node, context),
                // All of it is too much, and nothing in it is masked by its origin.
                Raw::Value(_) if name == "hostvars" => "{…}".to_owned(),
                Raw::Value(value) => flow(value),
            };
            let place = place(binding.origin, self.map);
            lines.push(format!("{indent}{name}: {value} (from {place}, {})", level.title()));
            if let Raw::Node(node) = &binding.value {
                self.reads(node, layers, context, depth + 1, met, lines);
            }
        }
    }

    fn concealed(&self, span: Span) -> bool {
        self.map.path(span.file).is_some_and(|path| self.map.is_concealed(&path))
    }

    /// A value with what came out of a vault masked. `node` is what the value was made of.
    fn hidden(&self, value: Value, node: &Node, seen: &Seen) -> Value {
        if self.concealed(node.span) {
            return each(&value, &|_| Value::from(MASK));
        }
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.tag == Some(Tag::Vault) => Value::from(MASK),
            NodeKind::Scalar(_) => {
                let mut secrets = Vec::new();
                self.secrets(node, seen, &mut BTreeSet::new(), &mut secrets);
                if secrets.is_empty() {
                    return value;
                }
                // A secret too short to be told from other text hides all of the text.
                let told = secrets.iter().all(|secret| self.redactor.clean(secret) != *secret);
                each(&value, &|value| {
                    let text = value.to_string();
                    Value::from(if told { self.redactor.clean(&text) } else { MASK.to_owned() })
                })
            }
            NodeKind::List(items) => {
                let values = value.try_iter().into_iter().flatten();
                values.zip(items).map(|(value, node)| self.hidden(value, node, seen)).collect()
            }
            NodeKind::Map(entries) => Value::from_pairs(entries.iter().filter_map(|entry| {
                let key = from_node(&entry.key);
                let value = value.get_item(&key).ok().filter(|value| !value.is_undefined())?;
                Some((key, self.hidden(value, &entry.value, seen)))
            })),
        }
    }

    /// What came out of a vault among that which a node reads.
    fn secrets(
        &self,
        node: &Node,
        seen: &Seen,
        met: &mut BTreeSet<String>,
        found: &mut Vec<String>,
    ) {
        for used in Names::of_node(node, self.map).uses {
            let first = seen.layers.definitions(&used.name).next();
            let Some(Raw::Node(node)) = first.map(|(_, binding)| &binding.value) else { continue };
            if !met.insert(used.name) {
                continue;
            }
            if self.concealed(node.span) || vaulted(node) {
                let value = self.templar.value(node, &seen.context).unwrap_or_default();
                scalars(&value, found);
            }
            self.secrets(node, seen, met, found);
        }
    }
}

/// Every scalar in a value, as text.
fn scalars(value: &Value, found: &mut Vec<String>) {
    match value.kind() {
        ValueKind::Map => {
            for key in value.try_iter().into_iter().flatten() {
                scalars(&value.get_item(&key).unwrap_or_default(), found);
            }
        }
        ValueKind::Seq => {
            value.try_iter().into_iter().flatten().for_each(|item| scalars(&item, found))
        }
        _ => found.push(value.to_string()),
    }
}

/// The value with every scalar in it replaced.
fn each(value: &Value, replace: &dyn Fn(&Value) -> Value) -> Value {
    match value.kind() {
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            Value::from_pairs(keys.map(|key| {
                let item = value.get_item(&key).unwrap_or_default();
                (key, each(&item, replace))
            }))
        }
        ValueKind::Seq => {
            value.try_iter().into_iter().flatten().map(|item| each(&item, replace)).collect()
        }
        _ => replace(value),
    }
}

fn vaulted(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => scalar.tag == Some(Tag::Vault),
        NodeKind::List(items) => items.iter().any(vaulted),
        NodeKind::Map(entries) => entries.iter().any(|entry| vaulted(&entry.value)),
    }
}

/// Whether a value differs from what is written.
fn templated(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(scalar) => has_template(&scalar.text) && scalar.tag != Some(Tag::Unsafe),
        NodeKind::List(items) => items.iter().any(templated),
        NodeKind::Map(entries) => entries.iter().any(|entry| templated(&entry.value)),
    }
}

/// A value as YAML on one line, cut if it is long.
fn flow(value: &Value) -> String {
    let layout = Layout {
        width: usize::MAX,
        default_flow_style: Some(true),
        sort_keys: false,
        ..Layout::TERSE
    };
    let text = to_yaml(value, &layout);
    shorten(text.trim_end().trim_end_matches("\n...").trim_end())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Lines under a word at the left.
fn section(out: &mut String, word: &str, lines: &[String]) {
    for (number, line) in lines.iter().enumerate() {
        let _ = writeln!(out, "{:<9}{line}", if number == 0 { word } else { "" });
    }
}

/// Whether a variable says how to reach a host: where it is not set, settings do.
fn given_by_settings(name: &str) -> bool {
    ["become", "connection", "port", "user", "password", "private_key_file", "host_key_checking"]
        .iter()
        .any(|setting| {
            name.strip_prefix("ansible_")
                .map(|rest| rest.strip_prefix("ssh_").unwrap_or(rest))
                .is_some_and(|rest| rest == *setting || rest.starts_with("become_"))
        })
}

/// What cannot be evaluated here may be known in a run; a part that a plain value does not have is not.
fn known_in_a_run(error: TemplateError, plain: bool) -> Diagnostic {
    let undefined = error.kind == ErrorKind::Undefined && error.help.is_none() && !plain;
    let shown = Diagnostic::from(error);
    match undefined {
        true => shown.help("facts, results and `set_fact` are known only while a playbook runs"),
        false => shown,
    }
}
