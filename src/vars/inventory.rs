//! The variables that an inventory gives its hosts, with the `group_vars/` and `host_vars/` beside
//! the inventory and beside the playbook.
//!
//! Each file is read once, when a host that needs it is first asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::files::{Directory, Reader};
use super::{Layer, Layers, Level, special};
use crate::inventory::{Group, Host, HostName, Inventory, Overruled, Vars};
use crate::source::Diagnostic;
use crate::template::Raw;

/// Hands out the lowest layers of every host.
#[derive(Debug)]
pub struct InventoryVars {
    inventory: Arc<Inventory>,
    beside: Arc<Beside>,
    merge: bool,
    managed: Option<String>,
    hosts: Mutex<HashMap<HostName, Layers>>,
    groups: Mutex<HashMap<String, Arc<Layer>>>,
}

impl InventoryVars {
    /// `playbook_dir` is the directory of the playbook; without a playbook, the working directory.
    pub fn new(
        inventory: Arc<Inventory>,
        playbook_dir: Option<PathBuf>,
        reader: Reader,
    ) -> InventoryVars {
        let beside = Arc::new(Beside::new(playbook_dir, reader));
        let (hosts, groups) = Default::default();
        InventoryVars { inventory, beside, merge: false, managed: None, hosts, groups }
    }

    /// Mappings that are defined more than once are merged.
    #[must_use]
    pub fn merging(mut self, merge: bool) -> InventoryVars {
        self.merge = merge;
        self
    }

    /// What `ansible_managed` is, where no variable says otherwise. Default: `Ansible managed`.
    #[must_use]
    pub fn managed(mut self, text: Option<String>) -> InventoryVars {
        self.managed = text;
        self
    }

    /// The same files for an inventory that has gained hosts or groups. None is read again.
    #[must_use]
    pub fn following(&self, inventory: Arc<Inventory>) -> InventoryVars {
        let beside = self.beside.clone();
        let (hosts, groups) = Default::default();
        let managed = self.managed.clone();
        InventoryVars { inventory, beside, merge: self.merge, managed, hosts, groups }
    }

    /// The same for a playbook in another directory. None of the files is read again.
    #[must_use]
    pub fn beside(&self, playbook_dir: &Path) -> InventoryVars {
        let beside = Arc::new(self.beside.at(playbook_dir));
        let (hosts, groups) = Default::default();
        let (inventory, managed) = (self.inventory.clone(), self.managed.clone());
        InventoryVars { inventory, beside, merge: self.merge, managed, hosts, groups }
    }

    /// The directory of the playbook whose files count.
    #[must_use]
    pub fn playbook_dir(&self) -> Option<&Path> {
        self.beside.playbook_dir.as_deref()
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
        let all = self.inventory.group("all").into_iter();
        let groups: Vec<&Group> = all.chain(self.inventory.groups_of(host)).collect();
        // A group's own variables are shared by its hosts.
        let shared = |group: &Group| {
            let mut known = lock(&self.groups);
            let make = || Arc::new(layer(&group.vars, &group.overruled));
            known.entry(group.name.to_string()).or_insert_with(make).clone()
        };
        let directories = self.inventory.directories();
        let layers = self.beside.layers(&self.inventory, host, &groups, shared, directories)?;
        let mut layers = layers.merging(self.merge);
        if let Some(text) = &self.managed {
            let mut layer = Layer::default();
            layer.set("ansible_managed", text.as_str());
            layers.push(Level::Default, Arc::new(layer));
        }
        lock(&self.hosts).insert(host.name.clone(), layers.clone());
        Ok(layers)
    }

    /// What a host itself is given, without its groups: in the inventory and in `host_vars/`.
    ///
    /// # Errors
    /// Everything that is wrong in the files.
    pub fn of_host(&self, host: &Host) -> Result<Layers, Vec<Diagnostic>> {
        let vars = layer(&host.vars, &host.overruled);
        let own = (Level::InventoryHost, vars, "host_vars", &*host.name);
        self.own(own, [Level::InventoryHostVars, Level::PlaybookHostVars], true)
    }

    /// What a group itself is given: in the inventory, in `group_vars/` beside it and, if `playbook` says
    /// so, beside the playbook.
    ///
    /// # Errors
    /// Everything that is wrong in the files.
    pub fn of_group(&self, group: &Group, playbook: bool) -> Result<Layers, Vec<Diagnostic>> {
        let vars = layer(&group.vars, &group.overruled);
        let own = (Level::InventoryGroup, vars, "group_vars", &*group.name);
        self.own(own, [Level::InventoryGroupVars, Level::PlaybookGroupVars], playbook)
    }

    fn own(
        &self,
        (level, vars, kind, name): (Level, Layer, &str, &str),
        levels: [Level; 2],
        playbook: bool,
    ) -> Result<Layers, Vec<Diagnostic>> {
        let mut layers = Layers::default().with(level, Arc::new(vars)).merging(self.merge);
        let mut errors = vec![];
        let places = self.beside.places(self.inventory.directories(), levels);
        let places = places.filter(|(_, place)| playbook || *place == levels[0]);
        self.beside.push(kind, name, places, &mut layers, &mut errors);
        if errors.is_empty() { Ok(layers) } else { Err(errors) }
    }
}

/// The `group_vars/` and `host_vars/` directories, listed and read once.
#[derive(Debug)]
pub(crate) struct Beside {
    playbook_dir: Option<PathBuf>,
    reader: Reader,
    known: Arc<Known>,
}

/// What was read, for playbooks of any directory.
#[derive(Debug, Default)]
struct Known {
    /// `group_vars` and `host_vars` directories by their path.
    directories: Mutex<HashMap<PathBuf, Arc<Directory>>>,
    /// By directory and name.
    files: Mutex<HashMap<(PathBuf, String), Files>>,
}

/// The files of one name, read: or what is wrong with them.
type Files = Result<Vec<Arc<Layer>>, Vec<Diagnostic>>;

impl Beside {
    pub(crate) fn new(playbook_dir: Option<PathBuf>, reader: Reader) -> Beside {
        Beside { playbook_dir, reader, known: Arc::default() }
    }

    /// For a playbook in another directory.
    fn at(&self, playbook_dir: &Path) -> Beside {
        let (reader, known) = (self.reader.clone(), self.known.clone());
        Beside { playbook_dir: Some(playbook_dir.to_owned()), reader, known }
    }

    /// The layers of a host that is in these groups, in this order; with the files beside the
    /// playbook and in these directories.
    ///
    /// # Errors
    /// Everything that is wrong in the files of the host and of the groups.
    pub(crate) fn layers(
        &self,
        inventory: &Inventory,
        host: &Host,
        groups: &[&Group],
        written: impl Fn(&Group) -> Arc<Layer>,
        directories: &[PathBuf],
    ) -> Result<Layers, Vec<Diagnostic>> {
        let mut layers = Layers::default();
        let mut errors = vec![];
        layers.push(Level::Default, Arc::new(special::defaults()));
        for group in groups {
            let [own, beside, playbook] = match &*group.name {
                "all" => {
                    [Level::InventoryAll, Level::InventoryGroupVarsAll, Level::PlaybookGroupVarsAll]
                }
                _ => [Level::InventoryGroup, Level::InventoryGroupVars, Level::PlaybookGroupVars],
            };
            layers.push(own, written(group));
            let places = self.places(directories, [beside, playbook]);
            self.push("group_vars", &group.name, places, &mut layers, &mut errors);
        }
        let mut own = layer(&host.vars, &host.overruled);
        own.extend(special::host(inventory, host));
        layers.push(Level::InventoryHost, Arc::new(own));
        let places = self.places(directories, [Level::InventoryHostVars, Level::PlaybookHostVars]);
        self.push("host_vars", &host.name, places, &mut layers, &mut errors);
        if errors.is_empty() { Ok(layers) } else { Err(errors) }
    }

    /// Where files may stand: beside each source of the inventory and beside the playbook.
    fn places<'a>(
        &'a self,
        directories: &'a [PathBuf],
        [inventory, playbook]: [Level; 2],
    ) -> impl Iterator<Item = (&'a PathBuf, Level)> {
        let sources = directories.iter().map(move |directory| (directory, inventory));
        sources.chain(self.playbook_dir.iter().map(move |directory| (directory, playbook)))
    }

    /// Pushes the files of `name`.
    fn push<'a>(
        &self,
        kind: &str,
        name: &str,
        places: impl Iterator<Item = (&'a PathBuf, Level)>,
        layers: &mut Layers,
        errors: &mut Vec<Diagnostic>,
    ) {
        for (directory, level) in places {
            // `./group_vars` and `group_vars` are one directory.
            let directory = directory.strip_prefix(".").unwrap_or(directory);
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
        if let Some(known) = lock(&self.known.files).get(&key) {
            return known.clone();
        }
        let (mut read, mut errors) = (vec![], vec![]);
        let make = || Arc::new(Directory::list(directory.to_owned(), &self.reader));
        let listed =
            lock(&self.known.directories).entry(directory.to_owned()).or_insert_with(make).clone();
        for path in listed.find(name) {
            match self.reader.layer(&path) {
                Ok(layer) => read.push(Arc::new(layer)),
                Err(error) => errors.push(error),
            }
        }
        let files = if errors.is_empty() { Ok(read) } else { Err(errors) };
        lock(&self.known.files).insert(key, files.clone());
        files
    }
}

/// Variables as the inventory has them.
pub(crate) fn layer(vars: &Vars, overruled: &[Overruled]) -> Layer {
    let mut layer = Layer::default();
    for (name, origin, value) in overruled {
        layer.overrule(name, Raw::Node(value.clone()), *origin);
    }
    for (name, (origin, value)) in vars {
        layer.insert(name, Raw::Node(value.clone()), *origin);
    }
    layer
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
