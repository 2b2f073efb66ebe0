//! `argument_specs` of a role: the task before its tasks that checks what it is given.

use std::{path::Path, sync::Arc};

use rprov_modules::kit::{Entry, Node, Span};

use super::keywords::Keywords;
use super::load::Load;
use super::role::Wanted;
use super::{Action, Builtin, Chain, ChainLevel, Item, Task};
use crate::source::Diagnostic;
use crate::template::Raw;
use crate::vars::Layer;

impl Load<'_> {
    /// The check of the entry point that is wanted; `None` if the role says nothing about it.
    pub(super) fn spec_task(
        &mut self,
        role: &Path,
        wanted: &Wanted,
        meta: Option<&Node>,
        chain: &Arc<Chain>,
    ) -> Option<Item> {
        if wanted.unvalidated {
            return None;
        }
        let own = ["yml", "yaml", "json"]
            .iter()
            .map(|extension| role.join("meta").join(format!("argument_specs.{extension}")))
            .find(|path| path.is_file());
        let own = match own {
            Some(path) => match self.loader.file(&path, Some(wanted.span)) {
                Ok(node) => Some(node),
                Err(error) => {
                    self.fail(error);
                    return None;
                }
            },
            None => None,
        };
        let specs = own.as_deref().or(meta).and_then(|node| node.get("argument_specs"))?;
        let point = wanted.point.as_deref().unwrap_or("main");
        let spec = specs.get(point).filter(|spec| !spec.is_null())?;
        if spec.entries().is_none() {
            let found = spec.type_name();
            let error = format!("expected the spec of an entry point, found {found}");
            self.fail(
                Diagnostic::error(error).at(spec.span, "a mapping with `options` belongs here"),
            );
            return None;
        }
        let mut name = format!("Validating arguments against arg spec '{point}'");
        if let Some(short) = spec.get("short_description").and_then(Node::text) {
            name = format!("{name} - {short}");
        }
        let span = spec.span;
        let options = spec.get("options").cloned().unwrap_or_else(|| Node::map(span, Vec::new()));
        let about = [
            ("type", "role"),
            ("name", &wanted.name),
            ("argument_spec_name", point),
            ("path", &role.to_string_lossy()),
        ]
        .map(|(key, value)| field(span, key, Node::string(span, value)));
        let args = vec![
            field(span, "argument_spec", options),
            field(span, "provided_arguments", given(span, &wanted.params)),
            field(span, "validate_args_context", Node::map(span, about.into())),
        ];
        let chain = Arc::new(Chain {
            keywords: Keywords::always(),
            level: ChainLevel::Task,
            vars: Arc::default(),
            role: chain.role.clone(),
            dir: chain.dir.clone(),
            up: Some(chain.clone()),
        });
        Some(Item::Task(Arc::new(Task {
            name: Some(Node::string(span, name)),
            action: Action::Builtin(Builtin::ValidateArgumentSpec),
            written: "ansible.builtin.validate_argument_spec".to_owned(),
            args: Node::map(span, args),
            defaults: Vec::new(),
            others: Vec::new(),
            chain,
            span,
        })))
    }
}

fn field(span: Span, key: &str, value: Node) -> Entry {
    Entry { key: Node::string(span, key), value }
}

/// The parameters in the role's entry.
fn given(span: Span, params: &Layer) -> Node {
    let entries = params.iter().filter_map(|(name, binding)| match &binding.value {
        Raw::Node(node) => Some(field(binding.origin, name, node.clone())),
        Raw::Value(_) => None,
    });
    Node::map(span, entries.collect())
}
