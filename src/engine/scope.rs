//! The variables a task sees on a host: every layer at its level of precedence.

use std::{path::PathBuf, sync::Arc};

use super::delegate;
use super::host::Host;
use super::implied;
use super::play::PlayRun;
use crate::playbook::{Chain, ChainLevel, Task};
use crate::source::Diagnostic;
use crate::template::{Context, Search};
use crate::vars::{Layer, Layers, Level, hostvars, special};

impl PlayRun {
    /// What a task sees on a host; with no task, what the play itself sees.
    ///
    /// # Errors
    /// What is wrong in the variable files of the host.
    pub(super) fn context(
        &self,
        host: &Host,
        task: Option<&Task>,
    ) -> Result<Context, Vec<Diagnostic>> {
        let chain = task.map_or(&self.play.chain, |task| &task.chain);
        let layers = self.layers(host, chain)?;
        let search = self.search(chain);
        let inner = Context::new(Arc::new(layers.clone()), search.clone());
        let inner = match &self.engine.decrypt {
            Some(decrypt) => inner.decrypt_with(decrypt.clone()),
            None => inner,
        };
        let address = match self.engine.world.inventory().host(&host.name) {
            Some(host) if host.implicit => "127.0.0.1",
            _ => &host.name,
        };
        let of = (&*host.name, address);
        let implied = implied::layer(&self.engine, of, chain, &layers, &inner);
        let all = hostvars::vars(inner, self.engine.templar.clone());
        let environment = chain
            .all("environment")
            .into_iter()
            .flat_map(|node| node.items().map_or_else(|| vec![node.clone()], <[_]>::to_vec));
        let place = special::place(all, environment.collect(), &search.dirs);
        let layers = layers.with(Level::Special, Arc::new(place));
        let layers = layers.with(Level::Implied, Arc::new(implied));
        let context = Context::new(Arc::new(layers), search);
        Ok(match &self.engine.decrypt {
            Some(decrypt) => context.decrypt_with(decrypt.clone()),
            None => context,
        })
    }

    pub(super) fn layers(&self, host: &Host, chain: &Chain) -> Result<Layers, Vec<Diagnostic>> {
        let engine = &self.engine;
        let vars = engine.world.vars();
        let known = delegate::known(vars.inventory(), &host.name);
        let mut layers = vars.layers(&known)?;
        let learnt = host.learnt();
        let roles = self.roles();
        for role in &roles {
            layers.extend(Level::RoleDefaults, role.all_defaults());
            layers.extend(Level::Role, role.all_vars());
        }
        if let Some(own) = &chain.role {
            layers.extend(Level::RoleDefaults, own.inherited_defaults());
            for role in own.parents.iter().rev() {
                layers.push(Level::RoleDefaults, role.defaults.clone());
                layers.push(Level::Role, role.vars.clone());
                layers.push(Level::RoleParams, role.params.clone());
            }
            layers.extend(Level::Role, own.inherited_vars());
            layers.push(Level::RoleDefaults, own.defaults.clone());
            layers.push(Level::Role, own.vars.clone());
            layers.push(Level::RoleParams, own.params.clone());
            layers.push(Level::Special, Arc::new(special::role(own.special())));
        }
        layers.push(Level::Facts, learnt.facts.vars);
        layers.push(Level::Play, self.play.vars.clone());
        layers.push(Level::Prompt, self.prompted.clone());
        layers.push(Level::PlayFiles, self.vars_files(host));
        let mut levels: Vec<&Chain> = chain.levels().collect();
        levels.reverse();
        for level in levels {
            let at = match level.level {
                // The play's own variables have those of its import.
                ChainLevel::Import | ChainLevel::Play => continue,
                ChainLevel::Role | ChainLevel::Block => Level::Block,
                ChainLevel::Include => Level::IncludeParams,
                ChainLevel::Task => Level::Task,
            };
            layers.push(at, level.vars.clone());
        }
        layers.push(Level::IncludeVars, learnt.included);
        layers.push(Level::SetFact, learnt.set);
        layers.push(Level::Extra, engine.extra.clone());
        layers.push(Level::Special, self.special());
        layers.push(Level::Special, self.standing());
        if let Some(grown) = engine.world.special() {
            layers.push(Level::Special, grown);
        }
        layers.push(Level::Special, self.role_names());
        Ok(layers)
    }

    /// Ansible's order: the role's own directory, the task file's, the playbook's.
    fn search(&self, chain: &Chain) -> Search {
        let mut dirs: Vec<PathBuf> = Vec::new();
        if let Some(role) = &chain.role {
            dirs.extend(std::iter::once(role).chain(&role.parents).map(|role| role.path.clone()));
        }
        dirs.push(chain.dir.clone());
        dirs.push(self.play.dir.clone());
        dirs.dedup();
        Search { dirs }
    }

    /// `vars_files`, as they are for one host: read once.
    fn vars_files(&self, host: &Host) -> Arc<Layer> {
        let files = self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        files.get(&host.name).cloned().unwrap_or_default()
    }
}
