//! `rprov secrets rekey`: a new key for everything, or another password.

use std::path::Path;

use rprov_vault::Recipient;

use super::args::RekeyArgs;
use super::document::{Document, Form, wrong};
use super::inline::Inline;
use super::target;
use super::team::Team;
use super::whole::{WholeFile, is_whole};
use crate::cli::basis::Basis;
use crate::cli::held::changed;
use crate::cli::passwords::{NewArgs, Passwords};
use crate::cli::{Exit, Result, say};
use crate::source::Diagnostic;

pub(super) fn rekey(args: &RekeyArgs, basis: &Basis) -> Result {
    let path = target::only(&args.place, &args.words)?;
    let new = &args.new;
    let named = new.new_vault_id.is_some() || new.new_vault_password_file.is_some();
    let shown = path.display();
    let done = || {
        say(&format!("`{shown}` has a new {}\n", if named { "password" } else { "key" }));
        Ok(Exit::Ok)
    };
    if is_whole(&path) {
        let mut file = WholeFile::open(&path, &args.place.passwords, basis)?;
        let passwords = file.passwords.clone();
        renew(&path, &mut file, named.then_some(new), &passwords)?;
        file.save()?;
        return done();
    }
    let mut document = Document::open(&path, &args.place.passwords, basis)?;
    let clear = document.clear.clone();
    let passwords = document.passwords.clone();
    match &mut document.form {
        Form::Plain => {
            let error = format!("`{shown}` is not encrypted");
            return Err(vec![Diagnostic::error(error).help("`rprov secrets migrate` does that")]);
        }
        Form::Values(vault) => renew(&path, &mut **vault, named.then_some(new), &passwords)?,
        Form::Whole(_) => return Err(vec![changed(&path)]),
        Form::Envelope(password) => *password = passwords.new_one(new, None)?,
        Form::Inline(inline) => {
            *inline = Inline::new(&passwords, Some(passwords.new_one(new, None)?));
        }
    }
    document.save(&clear)?;
    done()
}

/// A new key, for a new passphrase in the place of the old ones if there is one.
fn renew(
    path: &Path,
    team: &mut dyn Team,
    new: Option<&NewArgs>,
    passwords: &Passwords,
) -> Result<()> {
    let renewed = match new {
        None => passwords.with_passphrases(|keyring| team.rekey(keyring)),
        Some(new) => {
            let password = passwords.new_one(new, None)?;
            let recipient = passwords.recipient(&password.bytes)?;
            exchange(team, &recipient, passwords)
        }
    };
    renewed.map_err(|error| wrong(path, &error))
}

/// A new passphrase in the place of all that there were.
fn exchange(
    team: &mut dyn Team,
    new: &Recipient,
    passwords: &Passwords,
) -> std::result::Result<(), rprov_vault::Error> {
    let old: Vec<String> = team
        .recipients()
        .iter()
        .filter(|known| known.is_passphrase())
        .map(Recipient::key)
        .collect();
    team.add(new, &passwords.keyring())?;
    for key in old {
        passwords.with_passphrases(|keyring| team.remove(&key, keyring))?;
    }
    // Also where nobody was removed: who knew the key knows it no more.
    passwords.with_passphrases(|keyring| team.rekey(keyring))
}
