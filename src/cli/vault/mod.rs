//! `rprov vault`: what ansible-vault does, on the same files.

mod args;
mod files;
mod text;

use std::io::IsTerminal;

pub(super) use self::args::VaultVerb;
use super::{Exit, Result};
use crate::report::Redactor;

/// Runs one verb.
///
/// # Errors
/// When a file cannot be read, opened or written; the files before it are done.
pub(super) fn run(verb: VaultVerb, redactor: &Redactor) -> Result {
    match verb {
        VaultVerb::Create(args) => files::create(&args, redactor),
        VaultVerb::Decrypt(args) => files::decrypt(&args, redactor),
        VaultVerb::Edit(args) => files::edit(&args, redactor),
        VaultVerb::View(args) => files::view(&args, redactor),
        VaultVerb::Encrypt(args) => files::encrypt(&args, redactor),
        VaultVerb::EncryptString(args) => text::encrypt(&args, redactor),
        VaultVerb::Rekey(args) => files::rekey(&args, redactor),
    }
}

/// Says what was done, to a person: programs look at the exit code.
fn done(what: &str) -> Result {
    if std::io::stdout().is_terminal() {
        super::complain(&format!("{what}\n"));
    }
    Ok(Exit::Ok)
}
