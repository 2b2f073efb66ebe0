//! What a host sees of its variables before anything has run.

use std::path::PathBuf;
use std::sync::Arc;

use rprov_modules::kit::Node;

use super::super::Result;
use super::super::basis::Basis;
use super::super::inputs::Inputs;
use super::super::rules::variables;
use crate::inventory::{Host, HostName, Inventory, pattern};
use crate::playbook::{Loader, Play};
use crate::source::Diagnostic;
use crate::template::{Context, Decrypt, Search, Templar};
use crate::vars::hostvars::{Contexts, hostvars};
use crate::vars::{InventoryVars, Layer, Layers, Level, special};

/// Everything that hosts see is made of.
pub(super) struct Sight<'a> {
    inventory: Arc<Inventory>,
    all: Arc<All>,
    templar: &'a Templar,
    loader: &'a Loader,
    run: special::Run,
}

/// The variables of a host, and what evaluates them.
pub(super) struct Seen {
    pub(super) layers: Layers,
    pub(super) context: Context,
}

/// What every host sees without a play.
struct All {
    vars: InventoryVars,
    extra: Arc<Layer>,
    decrypt: Decrypt,
}

impl<'a> Sight<'a> {
    /// `dir` is the playbook's directory.
    pub(super) fn new(
        basis: &Basis,
        inputs: &Inputs,
        inventory: Arc<Inventory>,
        templar: &'a Templar,
        loader: &'a Loader,
        dir: PathBuf,
    ) -> Sight<'a> {
        let shown = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir.clone() };
        let run = special::Run {
            playbook_dir: std::path::absolute(&shown).unwrap_or(shown),
            sources: inputs.sources.clone(),
            ..special::Run::default()
        };
        let vars = variables(basis, inventory.clone(), Some(dir), inputs.reader.clone());
        let all = All { vars, extra: inputs.extra.clone(), decrypt: inputs.passwords.decrypt() };
        Sight { inventory, all: Arc::new(all), templar, loader, run }
    }

    /// Without a playbook.
    ///
    /// # Errors
    /// What is wrong with the files of the host and of its groups.
    pub(super) fn inventory(&self, host: &Host) -> Result<Seen> {
        let layers = self.all.layers(host)?.with(Level::Special, Arc::new(self.special()));
        Ok(self.seen(layers, Search::default()))
    }

    /// In a play; none if the host is not in it.
    ///
    /// # Errors
    /// As above, and what is wrong with the play's hosts and `vars_files`.
    pub(super) fn play(&self, host: &Host, play: &Play) -> Result<Option<Seen>> {
        let hosts = self.hosts(play)?;
        if !hosts.contains(&host.name) {
            return Ok(None);
        }
        let mut layers = self.all.layers(host)?;
        for role in &play.roles {
            layers.extend(Level::RoleDefaults, role.all_defaults());
            layers.extend(Level::Role, role.all_vars());
        }
        layers.push(Level::Play, play.vars.clone());
        let name = play.name.as_ref().unwrap_or(&play.hosts).text().unwrap_or_default();
        let mut special = self.special();
        let hosts: Vec<_> = hosts.iter().collect();
        special.extend(special::Play { name, all: &hosts, hosts: &hosts, batch: &hosts }.layer());
        layers.push(Level::Special, Arc::new(special));
        let search = Search { dirs: vec![play.dir.clone()] };
        let without = self.seen(layers.clone(), search.clone());
        layers.push(Level::PlayFiles, Arc::new(self.vars_files(play, &without.context)?));
        Ok(Some(self.seen(layers, search)))
    }

    fn seen(&self, layers: Layers, search: Search) -> Seen {
        let context = Context::new(Arc::new(layers.clone()), search);
        Seen { layers, context: context.decrypt_with(self.all.decrypt.clone()) }
    }

    fn special(&self) -> Layer {
        let all = hostvars(self.inventory.clone(), self.templar.clone(), self.all.clone());
        self.run.layer(&self.inventory, all)
    }

    fn hosts(&self, play: &Play) -> Result<Vec<HostName>> {
        let scope = Layers::default()
            .with(Level::Play, play.vars.clone())
            .with(Level::Extra, self.all.extra.clone());
        let context = Context::new(Arc::new(scope), Search::default());
        let rendered = self.templar.render(&play.hosts, &context);
        let rendered = rendered.map_err(|error| vec![Diagnostic::from(error)])?;
        let text = match rendered.items() {
            Some(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
            None => rendered.text().unwrap_or_default().to_owned(),
        };
        // A pattern that matches nothing leaves its play out of a run, too.
        let selected = pattern::select(&self.inventory, &text, play.hosts.span, None);
        Ok(selected.map(|selection| selection.hosts).unwrap_or_default())
    }

    /// `vars_files`: of each entry the first file there is; one that needs facts is passed over.
    fn vars_files(&self, play: &Play, context: &Context) -> Result<Layer> {
        let mut layer = Layer::default();
        let mut errors = Vec::new();
        for entry in &play.vars_files {
            let choices = entry.items().unwrap_or(std::slice::from_ref(entry));
            let names = choices.iter().filter_map(|name| self.templar.render(name, context).ok());
            let mut paths = names.filter_map(|name| Some(play.dir.join(name.text()?)));
            let Some(path) = paths.find(|path| path.is_file()) else { continue };
            let read = self.loader.file(&path, Some(entry.span));
            match read.and_then(|node| Layer::from_node(&node)) {
                Ok(more) => layer.extend(more),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(layer) } else { Err(errors) }
    }
}

impl All {
    fn layers(&self, host: &Host) -> Result<Layers> {
        Ok(self.vars.layers(host)?.with(Level::Extra, self.extra.clone()))
    }
}

impl Contexts for All {
    fn context(&self, host: &Host) -> std::result::Result<Context, String> {
        let layers = self.layers(host).map_err(|errors| {
            errors.first().map_or_else(String::new, |error| error.message().to_owned())
        })?;
        let context = Context::new(Arc::new(layers), Search::default());
        Ok(context.decrypt_with(self.decrypt.clone()))
    }
}
