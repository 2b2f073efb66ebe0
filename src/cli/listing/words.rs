//! What a listing shows of a play's own words: rendered as far as they can be without a host.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use minijinja::Value;
use rprov_modules::kit::Node;

use crate::inventory::Inventory;
use crate::playbook::{Chain, Loader, Play, has_template};
use crate::template::{Context, Search, Templar, from_node};
use crate::vars::{Layer, Layers, Level, special};

/// Renders the words of one play.
pub(super) struct Words<'a> {
    templar: &'a Templar,
    context: Context,
}

impl<'a> Words<'a> {
    /// A play sees its variables and those of its roles and files, the defaults of what it would ask
    /// for, `-e`, and the inventory's groups.
    pub(super) fn new(
        play: &Play,
        inventory: &Inventory,
        loader: &'a Loader,
        templar: &'a Templar,
        extra: &Arc<Layer>,
    ) -> Words<'a> {
        let mut layers = Layers::default();
        for role in &play.roles {
            layers.extend(Level::RoleDefaults, role.all_defaults());
            layers.extend(Level::Role, role.all_vars());
        }
        let mut asked = Layer::default();
        for entry in &play.vars_prompt {
            if let (Some(name), Some(value)) =
                (entry.get("name").and_then(Node::text), entry.get("default"))
            {
                asked.set(name, from_node(value));
            }
        }
        let mut files = Layer::default();
        for name in play.vars_files.iter().filter_map(Node::text) {
            if !has_template(name)
                && let Ok(node) = loader.file(&play.dir.join(name), None)
            {
                files.extend(Layer::from_node(&node).unwrap_or_default());
            }
        }
        let mut special = special::hosts(inventory, Value::UNDEFINED);
        let dir = if play.dir.as_os_str().is_empty() { Path::new(".") } else { &play.dir };
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        special.set("playbook_dir", dir.to_string_lossy());
        layers.push(Level::Play, play.vars.clone());
        layers.push(Level::Prompt, Arc::new(asked));
        layers.push(Level::PlayFiles, Arc::new(files));
        layers.push(Level::Extra, extra.clone());
        layers.push(Level::Special, Arc::new(special));
        let search = Search { dirs: vec![play.dir.clone()] };
        Words { templar, context: Context::new(Arc::new(layers), search) }
    }

    /// The words of a text or a list; what cannot be rendered stays as it is written.
    pub(super) fn of(&self, node: &Node) -> Vec<String> {
        let rendered = self.templar.render(node, &self.context);
        words(rendered.as_ref().unwrap_or(node))
    }

    /// All tags of a task or a play, each once.
    pub(super) fn tags(&self, chain: &Chain) -> BTreeSet<String> {
        let texts = chain.all("tags").into_iter().flat_map(|node| self.of(node));
        let mut tags = BTreeSet::new();
        for text in texts {
            let words = text.split(',').map(|tag| tag.trim().to_owned());
            tags.extend(words.filter(|tag| !tag.is_empty()));
        }
        tags
    }
}

/// The words as they are written.
pub(super) fn words(node: &Node) -> Vec<String> {
    match node.items() {
        Some(items) => items.iter().flat_map(words).collect(),
        None => node.text().map(str::to_owned).into_iter().collect(),
    }
}
