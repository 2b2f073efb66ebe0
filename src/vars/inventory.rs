//! The variables that an inventory gives its hosts, with the `group_vars/` and `host_vars/` beside
//! the inventory and beside the playbook.
//!
//! Each file is read once, when a host that needs it is first asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::files::{Directory, Reader};
use super::{Layer, Layers, Level, special};
use crate::inventory::{Host, HostName, Inventory, Vars};
use crate::source::Diagnostic;
use crate::template::Raw;

/// Hands out the lowest layers of every host.
#[derive(Debug)]
pub struct InventoryVars {
    inventory: Arc<Inventory>,
    playbook_dir: Option<PathBuf>,
    reader: Reader,
    /// `group_vars` and `host_vars` directories by their path.
    directories: Mutex<HashMap<PathBuf, Arc<Directory>>>,
    /// By directory and name.
    files: Mutex<HashMap<(PathBuf, String), Files>>,
    hosts: Mutex<HashMap<HostName, Layers>>,
    groups: Mutex<HashMap<String, Arc<Layer>>>,
}

/// The files of one name, read: or what is wrong with them.
type Files = Result<Vec<Arc<Layer>>, Vec<Diagnostic>>;

impl InventoryVars {
    /// `playbook_dir` is the directory of the playbook; without a playbook, the working directory.
    pub fn new(
        inventory: Arc<Inventory>,
        playbook_dir: Option<PathBuf>,
        reader: Reader,
    ) -> InventoryVars {
        let (directories, files, hosts, groups) = Default::default();
        InventoryVars { inventory, playbook_dir, reader, directories, files, hosts, groups }
    }

    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// The layers of a host, of the levels [`Level::InventoryAll`] to [`Level::PlaybookHostVars`].
    ///
    /// # Errors
    /// Everything that is wrong in the files of the host and of its groups.
    pub fn layers(&self, host: &Host) -> Result<Layers, Vec<Diagnostic>> {
        if let Some(known) = lock(&self.hosts).get(&host.name) {
            return Ok(known.clone());
        }
        let mut layers = Layers::default();
        let mut errors = vec![];
        layers.push(Level::Default, Arc::new(special::defaults()));
        let own = [(
            "all",
            Level::InventoryAll,
            Level::InventoryGroupVarsAll,
            Level::PlaybookGroupVarsAll,
        )];
        let groups = self.inventory.groups_of(host);
        let others = groups.iter().map(|group| {
            (
                &*group.name,
                Level::InventoryGroup,
                Level::InventoryGroupVars,
                Level::PlaybookGroupVars,
            )
        });
        for (name, inventory, beside, playbook) in own.into_iter().chain(others) {
            layers.push(inventory, self.group(name));
            self.beside("group_vars", name, [beside, playbook], &mut layers, &mut errors);
        }
        let mut written = layer(&host.vars);
        written.extend(special::host(&self.inventory, host));
        layers.push(Level::InventoryHost, Arc::new(written));
        let levels = [Level::InventoryHostVars, Level::PlaybookHostVars];
        self.beside("host_vars", &host.name, levels, &mut layers, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        lock(&self.hosts).insert(host.name.clone(), layers.clone());
        Ok(layers)
    }

    /// The variables of a group in the inventory itself, shared by its hosts.
    fn group(&self, name: &str) -> Arc<Layer> {
        let make = || {
            Arc::new(self.inventory.group(name).map(|group| layer(&group.vars)).unwrap_or_default())
        };
        lock(&self.groups).entry(name.to_owned()).or_insert_with(make).clone()
    }

    /// Pushes the files of `name` beside each source of the inventory and beside the playbook.
    fn beside(
        &self,
        kind: &str,
        name: &str,
        [inventory, playbook]: [Level; 2],
        layers: &mut Layers,
        errors: &mut Vec<Diagnostic>,
    ) {
        let sources = self.inventory.directories().iter().map(|directory| (directory, inventory));
        for (directory, level) in
            sources.chain(self.playbook_dir.iter().map(|directory| (directory, playbook)))
        {
            match self.read(&directory.join(kind), name) {
                Ok(files) => files.into_iter().for_each(|file| layers.push(level, file)),
                // A directory may be both; its faults are told once.
                Err(faults) => errors.extend(
                    faults.into_iter().filter(|fault| !errors.contains(fault)).collect::<Vec<_>>(),
                ),
            }
        }
    }

    fn read(&self, directory: &Path, name: &str) -> Files {
        let key = (directory.to_owned(), name.to_owned());
        if let Some(known) = lock(&self.files).get(&key) {
            return known.clone();
        }
        let (mut read, mut errors) = (vec![], vec![]);
        let make = || Arc::new(Directory::list(directory.to_owned()));
        let listed =
            lock(&self.directories).entry(directory.to_owned()).or_insert_with(make).clone();
        for path in listed.find(name) {
            match self.reader.layer(&path) {
                Ok(layer) => read.push(Arc::new(layer)),
                Err(error) => errors.push(error),
            }
        }
        let files = if errors.is_empty() { Ok(read) } else { Err(errors) };
        lock(&self.files).insert(key, files.clone());
        files
    }
}

fn layer(vars: &Vars) -> Layer {
    let mut layer = Layer::default();
    for (name, (origin, value)) in vars {
        layer.insert(name, Raw::Node(value.clone()), *origin);
    }
    layer
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
