//! The checks, one in a file, by their stable ids.

mod conditions;
mod deprecated;
mod handlers;
pub(super) mod loading;
mod missing_files;
mod secrets;
mod self_reference;
mod tags;
mod templates;
mod undefined;
mod unused_handlers;

use super::findings::Of;
use super::tree::Tree;

/// What a check finds, under a name that stays.
#[derive(Clone, Copy)]
pub struct Check {
    pub id: &'static str,
    /// What it finds, in words.
    pub finds: &'static str,
    /// None: found by the code that reads playbooks, which a run uses, too.
    pub(super) run: Option<fn(&Tree<'_>, &mut Of<'_, '_>)>,
}

/// Every check, by id.
pub const CHECKS: &[Check] = &[
    loading::BROKEN_FILE,
    loading::BROKEN_INVENTORY,
    tags::CHECK,
    deprecated::CHECK,
    loading::DUPLICATE_KEY,
    missing_files::CHECK,
    loading::MISSING_ROLE,
    secrets::CHECK,
    loading::REFUSED,
    self_reference::CHECK,
    templates::CHECK,
    undefined::CHECK,
    loading::UNKNOWN_FILTER,
    handlers::CHECK,
    loading::UNKNOWN_KEYWORD,
    loading::UNKNOWN_MODULE,
    loading::UNKNOWN_PARAMETER,
    conditions::CHECK,
    loading::UNSUPPORTED,
    unused_handlers::CHECK,
];
