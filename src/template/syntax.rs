//! Whether texts are templates and conditions at all, told without evaluating anything.

use rprov_modules::kit::{Node, NodeKind, Scalar, Tag};

use super::compile::{Compiled, Part};
use super::error::{ErrorKind, TemplateError};
use super::fault::{Place, broken};
use super::lazy::is_template;
use super::prepare::Backslash;
use super::{FileOptions, Templar, file};

impl Templar {
    /// What is wrong with the syntax of the templates in a node: scalars, keys, and what lists and
    /// mappings hold. `!unsafe` and `!vault` text is none.
    pub fn syntax(&self, node: &Node) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        self.look_at(node, &mut errors);
        errors
    }

    /// What is wrong with the syntax of a condition (`when`, `until`, `that` …) or a list of them.
    pub fn condition_syntax(&self, node: &Node) -> Vec<TemplateError> {
        match &node.kind {
            NodeKind::List(items) => {
                items.iter().flat_map(|item| self.one_condition(item)).collect()
            }
            _ => self.one_condition(node),
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
        let message = format!("expected a condition, found {found}");
        let error = TemplateError::new(ErrorKind::Condition, message, node.span);
        vec![error.help("write the condition as one string")]
    }

    fn scalar_condition(&self, scalar: &Scalar, node: &Node) -> Option<TemplateError> {
        let text = scalar.text.trim();
        if scalar.tag.is_some() || text.is_empty() || node.is_null() {
            return None;
        }
        if text.starts_with("{{") || text.starts_with("{%") {
            return self.text_syntax(scalar, node);
        }
        match &*self.expression_of(&scalar.text, Backslash::Embedded) {
            Part::Broken(fault) => {
                let error = broken(fault, &Place::node(&scalar.text, node, self));
                Some(super::evaluate::about_equals(error, text))
            }
            Part::Text(_) | Part::Name(..) | Part::Expression(..) => None,
        }
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
        for text in ["x =", "a ==", "a and", "not", "x = 1", "a in [", "{{ x | }}"] {
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
            ["x", "a == 'b'", "", "{{ x }}", "true", "a.b.c is not g.h.i(1) or not x", "'{{' in x"]
        {
            assert_eq!(said(text, true), None, "{text}");
        }
    }
}
