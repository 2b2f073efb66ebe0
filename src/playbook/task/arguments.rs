//! The arguments of a task, in whatever form they are written, as a mapping.

use rprov_modules::kit::{Entry, Node, NodeKind, Span, Spec};

use super::{Found, Import};
use crate::playbook::freeform;
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Load;
use crate::playbook::{Action, Chain};
use crate::source::Diagnostic;

impl Load<'_> {
    /// Arguments as a mapping, whatever way they are written.
    pub(super) fn arguments(
        &mut self,
        args: &Node,
        found: &Found,
        keywords: &Keywords,
        key: Span,
    ) -> Option<Node> {
        let free_form = match found {
            // Nobody reads them.
            Found::Action(Action::Absent | Action::Templated) => return Some(args.clone()),
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

    /// The `module_defaults` of the module that acts in this one's place on some hosts.
    pub(super) fn other_defaults(&mut self, action: Action, chain: &Chain) -> Vec<Node> {
        let Action::Module(Spec { through: Some(through), .. }) = action else { return Vec::new() };
        self.defaults(Action::Module((through.spec)()), chain)
    }

    /// The arguments with what `module_defaults` adds, and what is only known once it is rendered.
    pub(super) fn with_defaults(
        &mut self,
        action: Action,
        mut args: Node,
        chain: &Chain,
    ) -> (Node, Vec<Node>) {
        let mut defaults = match action {
            Action::Builtin(builtin) if !builtin.takes_defaults() => Vec::new(),
            _ => self.defaults(action, chain),
        };
        defaults.extend(chain.keywords.get("args").filter(|args| args.scalar().is_some()).cloned());
        defaults.retain(|node| !node.is_null());
        if args.entries().is_none() || defaults.iter().any(|node| node.entries().is_none()) {
            return (args, defaults);
        }
        for entry in defaults.iter().rev().flat_map(|node| node.entries().unwrap_or_default()) {
            let name = entry.key.text().unwrap_or_default();
            if args.get(name).is_none() {
                args.set(name, entry.value.clone());
            }
        }
        (args, Vec::new())
    }
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
        // Gone from Ansible, where it is still no word of the command.
        "warn",
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
    // Text without parameters stays as it is, with the line break at its end.
    let rest =
        if mapping.entries().is_some_and(|all| !all.is_empty()) { rest.trim() } else { &rest };
    if !rest.trim().is_empty() {
        mapping.set(free, Node::string(span, rest));
    }
    Ok(mapping)
}

/// The name at the beginning of a line; a template in it may have spaces.
pub(super) fn first_word(text: &str) -> &str {
    let text = text.trim();
    let mut from = 0;
    while let Some(length) = text[from..].find(char::is_whitespace) {
        let end = from + length;
        let inside = text[..end].rfind("{{") > text[..end].rfind("}}");
        match text[end..].find("}}").filter(|_| inside) {
            Some(close) => from = end + close + 2,
            None => return &text[..end],
        }
    }
    text
}

/// `action: module key=value` or `action: {module: name, …}`.
pub(super) fn written_action(node: &Node) -> Option<(String, Node)> {
    if let Some(text) = node.text() {
        let name = first_word(text);
        let rest = text.trim_start()[name.len()..].trim();
        let args = match rest.is_empty() {
            true => Node::null(node.span),
            false => Node::string(node.span, rest),
        };
        return (!name.is_empty()).then(|| (name.to_owned(), args));
    }
    let name = node.get("module")?.text()?.to_owned();
    let rest = node.entries()?.iter().filter(|e| e.key.text() != Some("module")).cloned().collect();
    Some((name, Node::map(node.span, rest)))
}

/// `with_items: x` is kept as `loop` with the lookup's name; the engine knows both forms.
pub(super) fn with_loop(kind: &str, entry: &Entry) -> Node {
    let span = entry.key.span;
    let form = Entry { key: Node::string(span, WITH), value: Node::string(span, kind) };
    let terms = Entry { key: Node::string(span, TERMS), value: entry.value.clone() };
    Node::map(entry.value.span, vec![form, terms])
}

/// Keys of the mapping that stands for a `with_…` loop. No YAML key can look like this.
pub(crate) const WITH: &str = "\u{0}with";

pub(crate) const TERMS: &str = "\u{0}terms";

pub(crate) fn has_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The text is one `{{ … }}` and nothing else.
fn whole_template(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("{{") && text.ends_with("}}")
}
