//! What can be told of a project without a host: mistakes, dead parts, secrets in the open.
//!
//! [`sources`] reads every file there is and says what each one is; [`tree`] looks at them as plays,
//! tasks and roles, however faulty they are; each file of `checks/` is one check with a stable id.
//! What a run would refuse is found by the same code that refuses it. A check says nothing where it
//! is not sure: a name that some file might define, a file that a task might make.

mod checks;
mod findings;
mod galaxy;
mod project;
mod sources;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::checks::{CHECKS, Check};
use self::findings::Findings;
pub use self::project::root;
use self::sources::Sources;
use self::tree::Tree;
use crate::inventory::Inventory;
use crate::playbook::Loader;
use crate::source::Diagnostic;
use crate::template::Templar;
use crate::vars::Layer;

/// What to look at, and what is known beside the files.
pub struct Request<'a> {
    /// Playbooks, roles, files of tasks or variables, directories of them.
    pub targets: Vec<PathBuf>,
    pub loader: &'a Loader,
    pub templar: &'a Templar,
    /// The inventory that was given, if any.
    pub inventory: Option<Arc<Inventory>>,
    /// What is wrong with the inventory of the settings.
    pub faults: Vec<Diagnostic>,
    /// Variables of the command line.
    pub extra: Arc<Layer>,
    /// Tags that are meant to select something.
    pub tags: Vec<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of files and places.
    pub findings: Vec<Diagnostic>,
    /// What could not be looked at, in words.
    pub notes: Vec<String>,
    /// How many files were read.
    pub files: usize,
}

/// Runs every check.
///
/// # Errors
/// A target that is not there.
pub fn run(request: &Request<'_>) -> Result<Report, Vec<Diagnostic>> {
    let sources = Sources::read(&request.targets, request.loader)?;
    request.loader.install(galaxy::installed(&sources, request.loader));
    let tree = Tree::new(&sources, request);
    let mut findings = Findings::new(request.loader.map());
    for check in CHECKS {
        if let Some(run) = check.run {
            run(&tree, &mut findings.of(check.id));
        }
    }
    // Last: where a check knows more of the same place, it is heard first.
    checks::loading::run(&tree, &mut findings);
    let findings = findings.shown(&sources);
    let mut notes = tree.notes();
    notes.extend(checks::loading::passed_over(&tree, &findings));
    Ok(Report { findings, notes, files: sources.read_files() })
}
