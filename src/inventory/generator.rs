//! The `generator` plugin: a host, and groups above it, for each combination of some layers.
//!
//! `hosts.name` and the names and variables of its `parents` are templates of the layers' values.
//! Every made text is final, never a template.

use std::sync::Arc;

use rprov_modules::kit::{Node, NodeKind};

use super::build::Build;
use crate::source::Diagnostic;
use crate::template::{Context, Raw, Search, Templar, fixed};
use crate::vars::files::Reader;
use crate::vars::{Layer, Layers, Level};

/// Groups above groups above groups deeper than this are a mistake.
const DEEPEST: usize = 100;

/// Reads the settings and adds to `build` what they make.
pub(super) fn read(root: &Node, reader: &Reader, build: &mut Build) {
    if let Err(error) = Generator::make(root, reader, build) {
        build.report(error);
    }
}

struct Generator {
    templar: Templar,
}

impl Generator {
    fn make(root: &Node, reader: &Reader, build: &mut Build) -> Result<(), Diagnostic> {
        let hosts = part(root, "hosts", "a mapping with `name` and `parents`")?;
        let layers = part(root, "layers", "a mapping of names to lists")?;
        let mut names = Vec::new();
        for layer in layers.entries().ok_or_else(|| expected(layers, "a mapping"))? {
            let values = layer.value.items().ok_or_else(|| expected(&layer.value, "a list"))?;
            let name = layer.key.text().ok_or_else(|| expected(&layer.key, "the layer's name"))?;
            names.push((name, values));
        }
        let name = part(hosts, "name", "a template of the layers")?;
        let generator = Generator { templar: Templar::new(reader.map.clone()) };
        let mut chosen = vec![0; names.len()];
        if names.iter().any(|(_, values)| values.is_empty()) {
            return Ok(());
        }
        loop {
            let mut layer = Layer::default();
            for ((name, values), at) in names.iter().zip(&chosen) {
                layer.insert(*name, Raw::Node(values[*at].clone()), values[*at].span);
            }
            let layers = Layers::default().with(Level::Extra, Arc::new(layer));
            let context = Context::new(Arc::new(layers), Search::default());
            let text = generator.text(name, &context, "a host")?;
            let host = build.host(&text, name.span);
            for parent in parents(hosts)? {
                let group = generator.group(parent, &context, 0, build)?;
                build.member(group, host);
            }
            // The last layer turns fastest.
            let turn = (0..names.len()).rev().find(|at| chosen[*at] + 1 < names[*at].1.len());
            let Some(turn) = turn else { return Ok(()) };
            chosen[turn] += 1;
            chosen[turn + 1..].fill(0);
        }
    }

    /// The group that an entry of `parents` names, with the groups above it.
    fn group(
        &self,
        parent: &Node,
        context: &Context,
        depth: usize,
        build: &mut Build,
    ) -> Result<usize, Diagnostic> {
        if depth > DEEPEST {
            return Err(Diagnostic::error("groups are nested too deep").at(parent.span, ""));
        }
        let name = part(parent, "name", "the name of a group")?;
        let text = self.text(name, context, "a group")?;
        let group = build.group(&text, name.span);
        let vars = parent.get("vars").filter(|vars| !vars.is_null());
        let entries = vars.map(|vars| vars.entries().ok_or_else(|| expected(vars, "a mapping")));
        for var in entries.transpose()?.unwrap_or_default() {
            let name = var.key.text().ok_or_else(|| expected(&var.key, "a variable's name"))?;
            let value = match var.value.kind {
                NodeKind::Scalar(_) => fixed(self.templar.render(&var.value, context)?),
                // As it is written: its texts are templates of whoever uses it.
                _ => var.value.clone(),
            };
            build.group_var(group, name, var.key.span, value);
        }
        for above in parents(parent)? {
            let above_group = self.group(above, context, depth + 1, build)?;
            build.child(above_group, group, above.span);
        }
        Ok(group)
    }

    fn text(&self, node: &Node, context: &Context, what: &str) -> Result<String, Diagnostic> {
        let made = self.templar.render(node, context)?;
        match made.text().filter(|text| !text.is_empty() && !made.is_null()) {
            Some(text) => Ok(text.to_owned()),
            None => Err(expected(node, &format!("the name of {what}"))),
        }
    }
}

fn parents(of: &Node) -> Result<&[Node], Diagnostic> {
    match of.get("parents").filter(|parents| !parents.is_null()) {
        None => Ok(&[]),
        Some(parents) => parents.items().ok_or_else(|| expected(parents, "a list of groups")),
    }
}

fn part<'n>(of: &'n Node, name: &str, what: &str) -> Result<&'n Node, Diagnostic> {
    of.get(name).ok_or_else(|| {
        Diagnostic::error(format!("expected `{name}`")).at(of.span, "").help(format!("add {what}"))
    })
}

fn expected(node: &Node, what: &str) -> Diagnostic {
    Diagnostic::error(format!("expected {what}, found {}", node.type_name())).at(node.span, "")
}
