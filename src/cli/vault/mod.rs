//! `rprov vault`: what ansible-vault does, on the same files.

mod args;
mod files;
mod text;

use std::io::IsTerminal;

pub(super) use self::args::VaultVerb;
use super::basis::Basis;
use super::{Exit, Result};

/// Runs one verb.
///
/// # Errors
/// When a file cannot be read, opened or written; the files before it are done.
pub(super) fn run(verb: VaultVerb, basis: &Basis) -> Result {
    match verb {
        VaultVerb::Create(args) => files::create(&args, basis),
        VaultVerb::Decrypt(args) => files::decrypt(&args, basis),
        VaultVerb::Edit(args) => files::edit(&args, basis),
        VaultVerb::View(args) => files::view(&args, basis),
        VaultVerb::Encrypt(args) => files::encrypt(&args, basis),
        VaultVerb::EncryptString(args) => text::encrypt(&args, basis),
        VaultVerb::Rekey(args) => files::rekey(&args, basis),
    }
}

/// Says what was done, to a person: programs look at the exit code.
fn done(what: &str) -> Result {
    if std::io::stdout().is_terminal() {
        super::complain(&format!("{what}\n"));
    }
    Ok(Exit::Ok)
}
