//! What is asked for: a variable, or a part of one: `app.port`, `list[0]`, `app['a.b']`.

use rprov_modules::kit::{Node, NodeKind, Span};

use crate::source::Diagnostic;
use crate::template::Raw;
use crate::vars::Binding;

#[derive(Debug)]
pub(super) struct Path {
    /// The variable.
    pub(super) name: String,
    steps: Vec<Step>,
    /// As it was given.
    pub(super) text: String,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(i64),
}

/// The part of a definition that a path leads to.
pub(super) struct Part {
    node: Option<Node>,
    /// A template, and the path leads into what it renders to.
    stopped: bool,
    /// The key it stands under.
    key: Option<Span>,
}

impl Path {
    /// # Errors
    /// When the text is no name followed by keys and indexes.
    pub(super) fn parse(text: &str) -> Result<Path, Diagnostic> {
        let wrong = || {
            Diagnostic::error(format!("expected the name of a variable, found `{text}`"))
                .help("a part of one is written `name.key`, `name[0]` or `name['any key']`")
        };
        let word = |text: &str| {
            text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
        };
        let (name, mut rest) = text.split_at(word(text));
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(wrong());
        }
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let (key, more) = after.split_at(word(after));
                match key.parse() {
                    _ if key.is_empty() => return Err(wrong()),
                    Ok(index) => steps.push(Step::Index(index)),
                    Err(_) => steps.push(Step::Key(key.to_owned())),
                }
                rest = more;
                continue;
            }
            let inside = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let Some((inside, more)) = inside else { return Err(wrong()) };
            let quoted = ['\'', '"'].iter().find_map(|&quote| {
                inside.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
            });
            steps.push(match (quoted, inside.parse()) {
                (Some(key), _) => Step::Key(key.to_owned()),
                (None, Ok(index)) => Step::Index(index),
                (None, Err(_)) => return Err(wrong()),
            });
            rest = more;
        }
        Ok(Path { name: name.to_owned(), steps, text: text.to_owned() })
    }

    /// What a definition of the variable has at this path.
    pub(super) fn within(&self, raw: &Raw) -> Part {
        let Raw::Node(root) = raw else { return Part { node: None, stopped: false, key: None } };
        let (mut node, mut key) = (root, None);
        for step in &self.steps {
            let next = match (step, &node.kind) {
                (Step::Key(name), NodeKind::Map(entries)) => {
                    let found = entries.iter().find(|entry| entry.key.text() == Some(name));
                    found.map(|entry| (&entry.value, Some(entry.key.span)))
                }
                (Step::Index(at), NodeKind::List(items)) => {
                    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                    let at = if *at < 0 { at + length } else { *at };
                    let item = usize::try_from(at).ok().and_then(|at| items.get(at));
                    item.map(|item| (item, Some(item.span)))
                }
                (Step::Index(at), NodeKind::Map(entries)) => {
                    let name = at.to_string();
                    let found = entries.iter().find(|entry| entry.key.text() == Some(&name));
                    found.map(|entry| (&entry.value, Some(entry.key.span)))
                }
                (_, NodeKind::Scalar(_)) => {
                    return Part { node: Some(node.clone()), stopped: true, key };
                }
                _ => None,
            };
            match next {
                Some((inner, place)) => (node, key) = (inner, place),
                None => return Part { node: None, stopped: false, key },
            }
        }
        Part { node: Some(node.clone()), stopped: false, key }
    }
}

impl Part {
    /// The node whose value it is, or is in.
    pub(super) fn made_of(&self) -> Option<&Node> {
        let plain =
            |node: &&Node| node.text().is_some_and(|text| !crate::playbook::has_template(text));
        // A plain scalar has no parts.
        self.node.as_ref().filter(|node| !(self.stopped && plain(node)))
    }

    pub(super) fn origin(&self, binding: &Binding) -> Span {
        self.key.unwrap_or(binding.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_name_with_keys_and_indexes() {
        let path = Path::parse("app.ports[0]['a.b'].-1");
        assert!(path.is_err(), "a sign needs brackets");
        let path = Path::parse("app.ports[-1]['a.b']").expect("a path");
        assert_eq!((path.name.as_str(), path.steps.len()), ("app", 3));
        for wrong in ["", "1a", "a.", "a[", "a[b]", "a b", "a|upper"] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
