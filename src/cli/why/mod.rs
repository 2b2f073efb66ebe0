//! `rprov why HOST VAR`: the value a variable has, who gave it, and whom that one overrules.
//!
//! No host is asked: facts, results and what tasks set are not known here; where a playbook is
//! given, its tasks that would set the variable are listed. Secrets are masked unless asked for.

mod included;
mod masked;
mod path;
mod sight;
mod tasks;
mod unknown;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use minijinja::Value;
use rprov_modules::kit::{Entry, Node, NodeKind, Span, Tag};

use self::path::Path;
use self::sight::{Seen, Sight};
use self::unknown::{NO_VARIABLE, known_host, known_in_a_run};
use super::args::WhyArgs;
use super::basis::Basis;
use super::inputs::{Inputs, environment, split};
use super::{Exit, Result};
use crate::inventory::Host;
use crate::playbook::{Play, has_template};
use crate::report::{MASK, Redactor};
use crate::source::emit::{Layout, to_yaml};
use crate::source::{Diagnostic, SourceMap};
use crate::template::names::Names;
use crate::template::{Context, Raw, Templar, from_node};
use crate::vars::{Binding, Layers, Level};

/// The longest value shown on a line of its own kind, in characters.
const WIDEST: usize = 100;

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
        let (more, faults) = loader.readable(file);
        match more.is_empty() {
            true => errors.extend(faults),
            false => faulty(&faults, file, basis),
        }
        plays.extend(more);
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
    let why = Why {
        map,
        redactor,
        templar: &templar,
        path: &path,
        show: args.show,
        played: !plays.is_empty(),
    };

    let mut answers: Vec<(String, std::result::Result<String, Vec<Diagnostic>>)> = Vec::new();
    let mut note = |title: String, seen: Seen, play: Option<&Play>| {
        let later = play.map(|play| tasks::of(play, &path.name, &loader)).unwrap_or_default();
        let answer = why.answer(host, &seen, &later);
        if !answers.iter().any(|(_, known)| *known == answer) {
            answers.push((title, answer));
        }
    };
    for play in &plays {
        match sight.play(host, play) {
            Ok(Some(seen)) => note(title(play, map), seen, Some(play)),
            Ok(None) => {}
            // Others may be what is asked about.
            Err(errors) if plays.len() > 1 => {
                errors.into_iter().for_each(|error| warn(&error.as_warning(), basis));
            }
            Err(errors) => return Err(errors),
        }
    }
    if answers.is_empty() {
        if !plays.is_empty() {
            let message = format!("no play of the playbook has host `{}`", host.name);
            warn(
                &Diagnostic::warning(message).note("this is what the inventory alone says"),
                basis,
            );
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
    // Where one play knows the variable, nobody asks about the others.
    if !out.is_empty() {
        errors.retain(|error| error.check() != Some(NO_VARIABLE));
    }
    super::say(&if args.show { out } else { redactor.clean(&out) });
    if errors.is_empty() { Ok(Exit::Ok) } else { Err(errors) }
}

fn warn(warning: &Diagnostic, basis: &Basis) {
    let color = basis.color(&std::io::stderr());
    super::complain(&format!("{}\n\n", warning.render(&basis.map, color)));
}

/// A playbook that no run would take still has variables.
fn faulty(faults: &[Diagnostic], file: &std::path::Path, basis: &Basis) {
    if let Some(first) = faults.first() {
        let message = format!("`{}` has mistakes: {}", file.display(), first.message());
        let warning = Diagnostic::warning(message).note("what cannot be read is not counted");
        let all = format!("`rprov lint {}` tells them all", file.display());
        warn(&warning.help(all), basis);
    }
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
    /// With a playbook.
    played: bool,
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
        // A role that two others need is there twice.
        let mut known = vec![first.origin];
        let mut shadowed: Vec<String> = Vec::new();
        for (level, binding) in definitions {
            if binding.origin == Span::default() || !known.contains(&binding.origin) {
                known.push(binding.origin);
                shadowed.push(self.overruled(level, binding, context));
            }
        }
        let set = |later: &tasks::Later| {
            let value = later.value.as_ref().map(|node| format!(": {}", self.shown(node, context)));
            let place = place(later.span, self.map);
            format!("{place} ({}){}", later.how, value.unwrap_or_default())
        };
        // A file may be both read when the play begins and named by a task.
        let (weak, strong): (Vec<&tasks::Later>, Vec<&tasks::Later>) = later
            .iter()
            .filter(|later| !later.weak || !known.contains(&later.span))
            .partition(|later| later.weak && level > Level::RoleDefaults);
        let mut later: Vec<String> = strong.into_iter().map(set).collect();
        shadowed.extend(weak.into_iter().map(set));
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
