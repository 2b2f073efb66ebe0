//! Whether texts are templates and conditions at all, told without evaluating anything.

use rprov_modules::kit::{Node, NodeKind, Resolved, Scalar, Tag, resolve};

use super::compile::{Compiled, Part};
use super::error::{ErrorKind, TemplateError};
use super::fault::{Place, broken};
use super::lazy::is_template;
use super::prepare::{self, Backslash};
use super::{FileOptions, Templar, file};

impl Templar {
    /// What is wrong with the syntax of the templates in a node: scalars, keys, and what lists and
    /// mappings hold. `!unsafe` and `!vault` text is none.
    pub fn syntax(&self, node: &Node) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        self.look_at(node, &mut errors);
        errors
    }

    /// What is wrong with the syntax of a condition (`when`, `until`, `that` …) or a list of them. Nothing
    /// at all (`when:`) is for the caller to judge.
    pub fn condition_syntax(&self, node: &Node) -> Vec<TemplateError> {
        match &node.kind {
            NodeKind::List(items) => {
                items.iter().flat_map(|item| self.one_condition(item)).collect()
            }
            _ => self.one_condition(node),
        }
    }

    /// Where a condition is nothing at all: as a whole, or an entry of a list, unless that is taken there.
    pub fn nothing(&self, node: &Node, (whole, entry): (bool, bool)) -> Vec<TemplateError> {
        let entries = node.items().unwrap_or_default().iter().filter(|_| !entry);
        let whole = Some(node).filter(|_| !whole).into_iter();
        let nulls = whole.chain(entries).filter(|node| node.is_null() && !self.lenient());
        nulls.map(|node| no_condition("nothing", node)).collect()
    }

    /// What is wrong with the syntax of an expression without braces, or of a template in its place.
    pub fn expression_syntax(&self, node: &Node) -> Vec<TemplateError> {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.tag.is_none() && !scalar.text.trim().is_empty() => {
                self.bare_syntax(scalar, node).into_iter().collect()
            }
            _ => self.syntax(node),
        }
    }

    /// What is wrong with the syntax of a template file.
    pub fn file_syntax(&self, text: &str, options: &FileOptions) -> Option<TemplateError> {
        file::parse(self, text, "template", options).err()
    }

    fn look_at(&self, node: &Node, errors: &mut Vec<TemplateError>) {
        match &node.kind {
            NodeKind::Scalar(scalar) => errors.extend(self.text_syntax(scalar, node)),
            NodeKind::List(items) => items.iter().for_each(|item| self.look_at(item, errors)),
            NodeKind::Map(entries) => entries.iter().for_each(|entry| {
                self.look_at(&entry.key, errors);
                self.look_at(&entry.value, errors);
            }),
        }
    }

    fn text_syntax(&self, scalar: &Scalar, node: &Node) -> Option<TemplateError> {
        let sealed = matches!(scalar.tag, Some(Tag::Unsafe | Tag::Vault));
        if sealed || !is_template(&scalar.text) {
            return None;
        }
        match &*self.compiled(&scalar.text) {
            Compiled::Broken(fault) => Some(broken(fault, &Place::node(&scalar.text, node, self))),
            Compiled::Parts(_) | Compiled::Template(..) => None,
        }
    }

    fn one_condition(&self, node: &Node) -> Vec<TemplateError> {
        let found = match &node.kind {
            NodeKind::List(_) | NodeKind::Map(_) if self.lenient() => return Vec::new(),
            NodeKind::List(_) | NodeKind::Map(_) => node.type_name(),
            NodeKind::Scalar(scalar) => {
                return self.scalar_condition(scalar, node).into_iter().collect();
            }
        };
        vec![no_condition(found, node)]
    }

    fn scalar_condition(&self, scalar: &Scalar, node: &Node) -> Option<TemplateError> {
        let text = scalar.text.trim();
        if scalar.tag.is_some() || node.is_null() {
            return None;
        }
        let found = match resolve::plain(text) {
            _ if self.lenient() => None,
            _ if text.is_empty() => Some("nothing"),
            Resolved::Int(_) | Resolved::Float(_) => Some("a number"),
            _ => None,
        };
        if let Some(found) = found {
            return Some(no_condition(found, node));
        }
        self.bare_syntax(scalar, node)
    }

    fn bare_syntax(&self, scalar: &Scalar, node: &Node) -> Option<TemplateError> {
        let text = scalar.text.trim();
        if text.starts_with("{{") || text.starts_with("{%") {
            return self.text_syntax(scalar, node);
        }
        let place = Place::node(&scalar.text, node, self);
        match &*self.expression_of(&scalar.text, Backslash::Embedded) {
            Part::Broken(fault) => Some(super::evaluate::about_equals(broken(fault, &place), text)),
            Part::Text(_) | Part::Name(..) => None,
            Part::Expression(..) => self.embedded(&scalar.text, &place),
        }
    }

    /// What is wrong with a template in a string literal of a condition.
    fn embedded(&self, text: &str, place: &Place<'_>) -> Option<TemplateError> {
        prepare::literals(text).into_iter().find_map(|(literal, range)| {
            if !is_template(&literal) {
                return None;
            }
            match &*self.compiled(&literal) {
                Compiled::Broken(fault) => {
                    let within = Place::within(&literal, place.span(Some(range)), &self.shared.map);
                    Some(broken(fault, &within))
                }
                Compiled::Parts(_) | Compiled::Template(..) => None,
            }
        })
    }
}

/// What is said of a condition that is none.
pub(super) fn no_condition(found: &str, node: &Node) -> TemplateError {
    let message = format!("expected a condition, found {found}");
    let error = TemplateError::new(ErrorKind::Condition, message, node.span);
    match found {
        "nothing" => error.help("write what must hold, or take the keyword away"),
        "a number" => error.help("write `true` or `false`, or compare something with it"),
        _ => error.help("write the condition as one string"),
    }
}

#[cfg(test)]
mod tests {
    use rprov_modules::kit::Span;

    use super::*;

    /// A string and, of a faulty one, what is said.
    fn said(text: &str, condition: bool) -> Option<String> {
        let node = Node::string(Span::default(), text);
        let templar = Templar::default();
        let found = match condition {
            true => templar.condition_syntax(&node),
            false => templar.syntax(&node),
        };
        found.into_iter().next().map(|error| error.message)
    }

    #[test]
    fn what_is_no_template_is_told() {
        for text in [
            "{{ foo | }}",
            "{{ foo",
            "{% if x %}a",
            "{{ a b }}",
            "{% endif %}",
            "{{ x.y( }}",
            "{% for %}{% endfor %}",
            "{{ 'a }}",
            "{{ }}",
            "{%- raw %} {{",
            "x {# y",
            "{{ a is }}",
            "docker ps --format '{{.Names}}'",
        ] {
            assert!(said(text, false).is_some(), "{text}");
        }
        for text in [
            "x =",
            "a ==",
            "a and",
            "not",
            "x = 1",
            "a in [",
            "{{ x | }}",
            "",
            "1",
            "2.5",
            "'{{ x | }}' == y",
            "'{{' in x",
        ] {
            assert!(said(text, true).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_one_is_not() {
        for text in [
            "{{ foo }}",
            "{{ do.data.ip }}",
            "{% raw %}{{ a | }}{% endraw %}",
            "{{ '{{' }}.Names{{ '}}' }}",
            "{{ x | unknown_filter }}",
            "{% if x %}a{% elif y is defined %}b{% else %}c{% endif %}",
            "{%- for k, v in x.items() if k recursive -%}{{ loop.index }}{%- endfor -%}",
            "{# a comment with {{ #}",
            "} }} %} #}",
            "{{ {'a': {'b': 1}} }}",
            "{{ a[1:2] ~ b[::-1] ** 2 // 3 }}",
            "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{% do x.append(1) %}",
            "{{ x if y }}",
            "{% macro m(a, b='c') %}{{ varargs }}{% endmacro %}{{ m(1) }}",
            "{{ (1, 2,) }}{{ [1, ] }}{{ {'a': 1, } }}",
            "{{ not a is defined and b not in c }}",
            "{{ 'it''s' }}",
            "{{ 1_000 + 0x1f + 0b1 + 0o7 + 1e3 }}",
            "{{ x | map(attribute='a.b', default=none) | list }}",
            "{{ f(*a, **b) }}",
            "{{ a is b.c.d and e is not f(1) }}",
        ] {
            assert_eq!(said(text, false), None, "{text}");
        }
        for text in
            ["x", "a == 'b'", "'{{ x }}' == y", "{{ x }}", "true", "a.b.c is not g.h.i(1) or not x"]
        {
            assert_eq!(said(text, true), None, "{text}");
        }
    }
}
