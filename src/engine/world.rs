//! The inventory as it is now: what its sources say, and what the run has added to it.
//!
//! An inventory is replaced, never changed in place: a task keeps the one it began with.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Engine, include};
use crate::inventory::{Addition, Inventory};
use crate::source::Diagnostic;
use crate::vars::{InventoryVars, Layer, special};

/// Reads the sources of the inventory again.
pub type Reload = Box<dyn Fn() -> Result<InventoryVars, Vec<Diagnostic>> + Send + Sync>;

pub(super) struct World {
    now: RwLock<Arc<InventoryVars>>,
    reload: Reload,
    /// In order: they count again when the sources are read again.
    additions: Mutex<Vec<Addition>>,
    /// `groups` and `hostvars`, once they are others than in the beginning.
    special: RwLock<Option<Arc<Layer>>>,
}

impl World {
    pub(super) fn new(vars: InventoryVars, reload: Reload) -> World {
        World {
            now: RwLock::new(Arc::new(vars)),
            reload,
            additions: Mutex::default(),
            special: RwLock::default(),
        }
    }

    pub(super) fn vars(&self) -> Arc<InventoryVars> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn inventory(&self) -> Arc<Inventory> {
        self.vars().inventory().clone()
    }

    /// What stands above the special variables a play began with.
    pub(super) fn special(&self) -> Option<Arc<Layer>> {
        self.special.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A play begins: the `group_vars` and `host_vars` beside its playbook count.
    pub(super) fn enter(&self, engine: &Engine, playbook_dir: &Path) {
        let vars = self.vars();
        if vars.playbook_dir() != Some(playbook_dir) {
            *self.now.write().unwrap_or_else(PoisonError::into_inner) =
                Arc::new(vars.beside(playbook_dir));
            engine.forget_views();
        }
    }

    /// Adds a host or a group; whether that made a difference.
    ///
    /// # Errors
    /// When a group would become its own child.
    pub(super) fn add(
        &self,
        engine: &Arc<Engine>,
        addition: Addition,
    ) -> Result<bool, Vec<Diagnostic>> {
        let mut additions = self.additions.lock().unwrap_or_else(PoisonError::into_inner);
        let vars = self.vars();
        let grown = vars.inventory().with(&addition)?;
        additions.push(addition);
        let Some(grown) = grown else { return Ok(false) };
        self.replace(engine, vars.following(Arc::new(grown)));
        Ok(true)
    }

    /// Reads the sources again; what the run has added stays.
    ///
    /// # Errors
    /// What is wrong with the sources; then everything stays as it was.
    pub(super) fn refresh(&self, engine: &Arc<Engine>) -> Result<(), Vec<Diagnostic>> {
        let additions = self.additions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut vars = (self.reload)()?;
        if let Some(dir) = self.vars().playbook_dir() {
            vars = vars.beside(dir);
        }
        for addition in additions.iter() {
            if let Some(grown) = vars.inventory().with(addition)? {
                vars = vars.following(Arc::new(grown));
            }
        }
        self.replace(engine, vars);
        Ok(())
    }

    fn replace(&self, engine: &Arc<Engine>, vars: InventoryVars) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(vars);
        let layer = special::hosts(&self.inventory(), include::hostvars(engine));
        *self.special.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(layer));
        engine.forget_views();
    }
}
