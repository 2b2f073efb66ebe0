//! What a module is.

use std::sync::Arc;

use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;

use super::{ArgError, Facts, Node, NodeKind, Plan, Probe, Result};

/// A task's wish about one aspect of a host.
///
/// The implementing struct is the task's arguments, already templated. Both functions are pure.
pub trait Module: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The keys a playbook may use, the main one first: `["systemd", "systemd_service"]`.
    const NAMES: &'static [&'static str];

    /// The parameter that takes free-form text (`command: ls -l` sets it to `ls -l`), if the
    /// module takes any.
    const FREE_FORM: Option<&'static str> = None;

    /// The module that acts in this one's place on some hosts, if there is one.
    const THROUGH: Option<Through> = None;

    /// The aspect of the host this module cares about.
    type State: Send;

    /// What must be known before planning can begin, from the machine rprov runs on.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// Takes what [`Module::needs`] asked for, in the same order.
    ///
    /// # Errors
    /// A message, when what was found is of no use.
    fn supply(&mut self, _: Vec<Supply>) -> Result<()> {
        Ok(())
    }

    /// How to read the state. Must not change the host: it may run early, more than once, or for
    /// nothing.
    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State>;

    /// What separates the state from the goal. An empty plan means `ok`.
    ///
    /// # Errors
    /// A refusal, when the goal cannot or must not be reached.
    fn plan(&self, facts: &Facts, now: Self::State) -> Result<Plan>;
}

/// Something on the machine rprov runs on. Found by the engine, by Ansible's search rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A file or directory, looked for in `files/`. Vaulted files are decrypted. A `src` that ends
    /// in `/` means the content of the directory.
    File { src: String },
    /// A template, looked for in `templates/` and rendered for this host.
    Template { src: String, options: TemplateOptions },
}

/// Parameters of the template module that change how text is rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateOptions {
    pub block_start_string: Option<String>,
    pub block_end_string: Option<String>,
    pub variable_start_string: Option<String>,
    pub variable_end_string: Option<String>,
    pub comment_start_string: Option<String>,
    pub comment_end_string: Option<String>,
    /// Default: true.
    pub trim_blocks: Option<bool>,
    /// Default: false.
    pub lstrip_blocks: Option<bool>,
    /// `\n` (default), `\r` or `\r\n`.
    pub newline_sequence: Option<String>,
}

/// What was found for a [`Need`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supply {
    /// `path` is where it was found, `mode` its permission bits there.
    File { path: String, content: Arc<[u8]>, mode: u32 },
    /// A directory, parents before children.
    Tree { path: String, entries: Vec<TreeEntry> },
}

/// A path relative to the tree's root; `content` is `None` for a directory, and a link's target is
/// in `link`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    pub path: String,
    pub mode: u32,
    pub content: Option<Arc<[u8]>>,
    pub link: Option<String>,
}

/// A module bound to its arguments, its type erased: all the engine ever sees.
pub trait Goal: Send + Sync {
    fn needs(&self) -> Vec<Need>;
    /// # Errors
    /// As [`Module::supply`].
    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()>;
    /// Since planning is pure, "probe, then plan" is itself a probe.
    fn probe_plan<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Plan>;
}

impl<M: Module> Goal for M {
    fn needs(&self) -> Vec<Need> {
        Module::needs(self)
    }

    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()> {
        Module::supply(self, supplies)
    }

    fn probe_plan<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Plan> {
        self.probe(facts).try_map(move |now| self.plan(facts, now))
    }
}

/// Another module that acts in a module's place on some hosts, with the same arguments.
#[derive(Debug, Clone, Copy)]
pub struct Through {
    pub spec: fn() -> &'static Spec,
    /// Whether this is a host where it does, for a task with these arguments.
    pub here: fn(&Facts, &Node) -> bool,
    /// Parameters that it does not get.
    pub without: &'static [&'static str],
}

impl Through {
    /// The arguments that the other module gets.
    #[must_use]
    pub fn arguments(&self, args: &Node) -> Node {
        let mut args = args.clone();
        if let NodeKind::Map(entries) = &mut args.kind {
            entries.retain(|entry| {
                let name = entry.key.text().unwrap_or_default();
                !self.without.contains(&name)
            });
        }
        args
    }
}

/// A registry entry.
pub struct Spec {
    pub names: &'static [&'static str],
    pub through: Option<Through>,
    pub free_form: Option<&'static str>,
    pub schema: fn() -> Schema,
    pub bind: fn(&Node) -> Result<Box<dyn Goal>, ArgError>,
}

impl Spec {
    pub const fn of<M: Module>() -> Spec {
        Spec {
            names: M::NAMES,
            through: M::THROUGH,
            free_form: M::FREE_FORM,
            schema: || schemars::schema_for!(M),
            bind: |node| Ok(Box::new(M::deserialize(node)?)),
        }
    }

    /// The main name.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }
}
