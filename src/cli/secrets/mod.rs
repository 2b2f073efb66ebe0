//! `rprov secrets`: the secrets of an environment, edited, compared, verified and shared.

mod args;
mod check;
pub(super) mod conflicts;
mod diff;
mod document;
mod edit;
mod files;
mod git;
mod inline;
mod migrate;
mod recipients;
mod rekey;
pub(super) mod supply;
mod target;
mod team;
mod value;
mod whole;

pub(super) use self::args::SecretsVerb;
use super::Result;
use super::basis::Basis;

/// Runs one verb.
///
/// # Errors
/// When a file cannot be read, opened or written.
pub(super) fn run(verb: SecretsVerb, basis: &Basis) -> Result {
    match verb {
        SecretsVerb::Edit(args) => edit::edit(&args, basis),
        SecretsVerb::View(args) => value::view(&args, basis),
        SecretsVerb::Get(args) => value::get(&args, basis),
        SecretsVerb::Set(args) => value::set(&args, basis),
        SecretsVerb::Unset(args) => value::unset(&args, basis),
        SecretsVerb::Diff(args) => diff::diff(&args, basis),
        SecretsVerb::Check(args) => check::check(&args, basis),
        SecretsVerb::Encrypt(args) => files::encrypt(&args, basis),
        SecretsVerb::Decrypt(args) => files::decrypt(&args, basis),
        SecretsVerb::Rekey(args) => rekey::rekey(&args, basis),
        SecretsVerb::Migrate(args) => migrate::migrate(&args, basis),
        SecretsVerb::Recipients(verb) => recipients::run(verb, basis),
        SecretsVerb::Hook(verb) => git::hook::run(verb, basis),
        SecretsVerb::Textconv(args) => git::textconv::run(&args, basis),
        SecretsVerb::MergeDriver(args) => git::merge::run(&args, basis),
    }
}
