//! `vars:` of every level, and those that count while loading.

use std::path::Path;
use std::sync::Arc;

use rprov_modules::kit::Node;

use super::Chain;
use super::keywords::Keywords;
use super::load::Load;
use crate::source::Diagnostic;
use crate::template::{Raw, Scope};
use crate::vars::{Layer, special};

impl Load<'_> {
    /// What is checked of the keywords of any level.
    pub(super) fn check_keywords(&mut self, keywords: &Keywords) {
        self.check_defaults(keywords);
        self.check_kinds(keywords);
        let debugger = keywords.get("debugger");
        if let Some(node) = debugger.filter(|node| node.text() != Some("never")) {
            let note = Diagnostic::warning("`debugger` has no effect: rprov never stops to ask");
            self.loader.warn(note.at(node.span, ""));
        }
    }

    /// The variables that count while loading: `-e`, then `vars` from the inside out; and where the
    /// playbook and the role are.
    pub(super) fn statics(&self, chain: &Arc<Chain>) -> Arc<dyn Scope> {
        let mut places = Layer::default();
        let here = Path::new(".");
        let dir = if self.playbook_dir.as_os_str().is_empty() { here } else { &self.playbook_dir };
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        places.set("playbook_dir", dir.to_string_lossy());
        if let Some(role) = &chain.role {
            places.extend(special::role(role.special()));
        }
        let layers = chain.levels().map(|level| level.vars.clone()).chain([Arc::new(places)]);
        Arc::new(Static::new(&self.loader.settings.extra, layers))
    }

    /// `vars:` of a play, block, task or role.
    pub(super) fn vars(&mut self, node: Option<&Node>) -> Layer {
        let Some(node) = node.filter(|node| !node.is_null()) else { return Layer::default() };
        // Ansible also takes a list of mappings.
        let parts: Vec<&Node> =
            node.items().map_or_else(|| vec![node], |items| items.iter().collect());
        let mut layer = Layer::default();
        for part in parts {
            match Layer::from_node(part) {
                Ok(more) => layer.extend(more),
                Err(error) => self.fail(error),
            }
        }
        layer
    }
}

/// The few variables that are known before any host is.
#[derive(Debug)]
struct Static {
    layers: Vec<Arc<Layer>>,
}

impl Static {
    fn new(extra: &Arc<Layer>, inner: impl IntoIterator<Item = Arc<Layer>>) -> Static {
        Static { layers: std::iter::once(extra.clone()).chain(inner).collect() }
    }
}

impl Scope for Static {
    fn get(&self, name: &str) -> Option<Raw> {
        self.layers.iter().find_map(|layer| layer.get(name).map(|binding| binding.value.clone()))
    }

    fn names(&self) -> Vec<String> {
        self.layers.iter().flat_map(|layer| layer.iter()).map(|(name, _)| name.to_owned()).collect()
    }
}
