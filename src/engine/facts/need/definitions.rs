//! Every definition of every variable that a run can see, by name.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use rprov_modules::kit::{Node, Span};

use crate::engine::Engine;
use crate::playbook::Play;
use crate::template::Raw;
use crate::vars::Layer;

#[derive(Debug, Default)]
pub(super) struct Definitions {
    by_name: HashMap<String, Vec<Node>>,
    /// Kept, so that an address stays that of one layer.
    seen: HashMap<usize, Arc<Layer>>,
    places: HashSet<(Span, String)>,
}

impl Definitions {
    /// What the command line, the plays, their files and roles, and the inventory define.
    pub(super) fn new(engine: &Engine, plays: &[Arc<Play>]) -> Definitions {
        let mut all = Definitions::default();
        all.layer(&engine.extra);
        let dirs: BTreeSet<&Path> = plays.iter().map(|play| &*play.dir).collect();
        for vars in dirs.into_iter().map(|dir| engine.world.vars().beside(dir)) {
            for host in vars.inventory().hosts() {
                // What is wrong in the files of a host is told by the play that wants it.
                let layers = vars.layers(host).unwrap_or_default();
                layers.layers().for_each(|layer| all.layer(layer));
            }
        }
        for play in plays {
            all.layer(&play.vars);
            for role in &play.roles {
                role.all_defaults().chain(role.all_vars()).for_each(|layer| all.layer(layer));
            }
            for file in &play.vars_files {
                let choices = file.items().map_or_else(|| vec![file], |list| list.iter().collect());
                for name in choices.into_iter().filter_map(Node::text) {
                    let node = engine.loader.file(&play.dir.join(name), None);
                    if let Some(Ok(layer)) = node.ok().map(|node| Layer::from_node(&node)) {
                        all.layer(&Arc::new(layer));
                    }
                }
            }
        }
        all
    }

    pub(super) fn layer(&mut self, layer: &Arc<Layer>) {
        let address = Arc::as_ptr(layer) as usize;
        if self.seen.insert(address, layer.clone()).is_some() {
            return;
        }
        for (name, binding) in layer.iter() {
            // The same place read for several hosts is one definition.
            if let Raw::Node(node) = &binding.value
                && (node.span == Span::default()
                    || self.places.insert((node.span, name.to_owned())))
            {
                self.by_name.entry(name.to_owned()).or_default().push(node.clone());
            }
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.by_name.keys().cloned()
    }

    pub(super) fn of(&self, name: &str) -> Vec<Node> {
        self.by_name.get(name).cloned().unwrap_or_default()
    }
}
