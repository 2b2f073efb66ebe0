//! `rprov secrets`: the secrets of an environment, edited, compared, verified and shared.

mod args;
mod check;
mod conflicts;
mod diff;
mod document;
mod edit;
mod git;
mod inline;
mod migrate;
mod recipients;
mod rekey;
mod target;
mod value;

pub(super) use self::args::SecretsVerb;
use super::Result;
use crate::report::Redactor;

/// Runs one verb.
///
/// # Errors
/// When a file cannot be read, opened or written.
pub(super) fn run(verb: SecretsVerb, redactor: &Redactor) -> Result {
    match verb {
        SecretsVerb::Edit(args) => edit::edit(&args, redactor),
        SecretsVerb::View(args) => value::view(&args, redactor),
        SecretsVerb::Get(args) => value::get(&args, redactor),
        SecretsVerb::Set(args) => value::set(&args, redactor),
        SecretsVerb::Unset(args) => value::unset(&args, redactor),
        SecretsVerb::Diff(args) => diff::diff(&args, redactor),
        SecretsVerb::Check(args) => check::check(&args, redactor),
        SecretsVerb::Rekey(args) => rekey::rekey(&args, redactor),
        SecretsVerb::Migrate(args) => migrate::migrate(&args, redactor),
        SecretsVerb::Recipients(verb) => recipients::run(verb, redactor),
        SecretsVerb::Hook(verb) => git::hook::run(verb, redactor),
        SecretsVerb::Textconv(args) => git::textconv::run(&args, redactor),
        SecretsVerb::MergeDriver(args) => git::merge::run(&args, redactor),
    }
}
