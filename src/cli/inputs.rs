//! What a command is given beside its subject: an environment, an inventory, extra variables, a vault.
//!
//! Everything is read, and every mistake kept, before any of it is used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Result;
use super::args::InputArgs;
use super::basis::Basis;
use super::passwords::{Otherwise, Passwords};
use super::project::{Environment, Project};
use super::rules::{looking, rules};
use super::secrets::supply;
use crate::config;
use crate::inventory::{Inventory, Rules};
use crate::playbook::{Loader, Settings};
use crate::source::Diagnostic;
use crate::template::Templar;
use crate::vars::{Layer, extra, files::Reader};

/// The inputs of a command, read.
pub(super) struct Inputs {
    pub(super) passwords: Passwords,
    pub(super) reader: Reader,
    pub(super) extra: Arc<Layer>,
    /// The inventory's sources, in order; none if none was given.
    pub(super) sources: Vec<String>,
    /// How they are read.
    pub(super) rules: Arc<Rules>,
    /// None if a source is faulty; without any hosts if none was given.
    pub(super) inventory: Option<Arc<Inventory>>,
    /// What is wrong with the inventory.
    pub(super) faults: Vec<Diagnostic>,
    /// What is wrong with anything else.
    pub(super) errors: Vec<Diagnostic>,
}

impl Inputs {
    /// Reads the inputs. `words` are `name=value`; they and `-e` win over the environment's secrets.
    ///
    /// # Errors
    /// When the places of vault passwords cannot be understood; all else is in `errors` and `faults`.
    pub(super) fn read(
        basis: &Basis,
        environment: Option<&Environment>,
        words: &[String],
        args: &InputArgs,
    ) -> Result<Inputs> {
        let passwords = Passwords::new(&args.passwords, basis, Otherwise::Fail)?;
        let reader = looking(passwords.reader(&basis.map), &basis.config);
        let rules = rules(&basis.config)?;
        let mut errors = Vec::new();
        let mut extra = Layer::default();
        if let Some(secrets) = environment.and_then(|env| env.secrets.as_ref()) {
            collect(
                &mut errors,
                supply::layer(secrets, &reader).map_err(|error| vec![error]),
                |layer| extra.extend(layer),
            );
        }
        for word in words {
            extra.extend(extra::word(word, &reader).unwrap_or_default());
        }
        collect(&mut errors, extra::parse(&args.extra_vars, &reader), |layer| extra.extend(layer));
        let extra = Arc::new(extra);

        let mut sources: Vec<String> =
            environment.iter().map(|env| env.hosts.to_string_lossy().into_owned()).collect();
        sources.extend(args.inventory.iter().cloned());
        if sources.is_empty() {
            sources = basis.config.list(&config::INVENTORY);
            // Nobody asked for the default.
            if basis.config.given(&config::INVENTORY).is_none() {
                sources.retain(|source| Path::new(source).exists());
            }
        }
        let (mut inventory, mut faults) = (None, Vec::new());
        collect(&mut faults, Inventory::load(&sources, &reader, &extra, &rules), |found| {
            inventory = Some(Arc::new(found))
        });
        Ok(Inputs { passwords, reader, extra, sources, rules, inventory, faults, errors })
    }

    /// Everything that is wrong, once.
    pub(super) fn take_errors(&mut self) -> Vec<Diagnostic> {
        let mut errors = std::mem::take(&mut self.errors);
        errors.append(&mut self.faults);
        errors
    }

    /// That there is an inventory at all.
    ///
    /// # Errors
    /// When no source was given.
    pub(super) fn need_inventory(&self) -> Result<()> {
        match self.sources.is_empty() {
            false => Ok(()),
            true => Err(vec![
                Diagnostic::error("no inventory was given")
                    .help("write `-i INVENTORY`, or `env=ENV` in a project"),
            ]),
        }
    }

    /// Reads playbooks with these inputs.
    pub(super) fn loader(&self, basis: &Basis, templar: &Templar) -> Loader {
        let paths = |setting| basis.config.list(setting).into_iter().map(PathBuf::from).collect();
        Loader::new(Settings {
            map: basis.map.clone(),
            templar: templar.clone(),
            extra: self.extra.clone(),
            keywords: super::options::keywords(&basis.config),
            lenient: !basis.config.flag(&config::INVALID_TASK_ATTRIBUTE_FAILED),
            private_roles: basis.config.flag(&config::PRIVATE_ROLE_VARS),
            roles_path: paths(&config::ROLES_PATH),
            collections_path: paths(&config::COLLECTIONS_PATH),
            reader: self.reader.clone(),
            decrypt: Some(self.passwords.decrypt()),
        })
    }
}

/// `name=value` words, and the others.
pub(super) fn split(words: Vec<String>) -> (Vec<String>, Vec<String>) {
    words.into_iter().partition(|word| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The environment that `env=` names, and the other words.
pub(super) fn environment(words: Vec<String>) -> Result<(Option<Environment>, Vec<String>)> {
    let (env, words): (Vec<String>, Vec<String>) =
        words.into_iter().partition(|word| word.starts_with("env="));
    match env.last() {
        None => Ok((None, words)),
        Some(word) => {
            let project = Project::find().map_err(|error| vec![error])?;
            let environment =
                project.environment(&word["env=".len()..]).map_err(|error| vec![error])?;
            Ok((Some(environment), words))
        }
    }
}

/// Keeps the value, or the errors.
pub(super) fn collect<T>(
    errors: &mut Vec<Diagnostic>,
    result: std::result::Result<T, Vec<Diagnostic>>,
    keep: impl FnOnce(T),
) {
    match result {
        Ok(value) => keep(value),
        Err(more) => errors.extend(more),
    }
}
