//! `rprov secrets rekey`: a new key for everything, or another password.

use rprov_vault::{Recipient, Vault};

use super::args::RekeyArgs;
use super::document::{Document, Form, wrong};
use super::inline::Inline;
use super::target;
use crate::cli::basis::Basis;
use crate::cli::passwords::Passwords;
use crate::cli::{Exit, Result, say};
use crate::source::Diagnostic;

pub(super) fn rekey(args: &RekeyArgs, basis: &Basis) -> Result {
    let path = target::only(&args.place, &args.words)?;
    let mut document = Document::open(&path, &args.place.passwords, basis)?;
    let new = &args.new;
    let named = new.new_vault_id.is_some() || new.new_vault_password_file.is_some();
    let shown = path.display();
    let clear = document.clear.clone();
    let passwords = document.passwords.clone();
    match &mut document.form {
        Form::Plain => {
            let error = format!("`{shown}` is not encrypted");
            return Err(vec![Diagnostic::error(error).help("`rprov secrets migrate` does that")]);
        }
        Form::Values(vault) => {
            match named {
                false => passwords.with_passphrases(|keyring| vault.rekey(keyring)),
                true => {
                    let password = passwords.new_one(new, None)?;
                    let recipient = passwords.recipient(&password.bytes)?;
                    exchange(vault, &recipient, &passwords)
                }
            }
            .map_err(|error| wrong(&path, &error))?;
        }
        Form::Envelope(password) => *password = passwords.new_one(new, None)?,
        Form::Inline(inline) => {
            *inline = Inline::new(&passwords, Some(passwords.new_one(new, None)?));
        }
    }
    document.save(&clear)?;
    say(&format!("`{shown}` has a new {}\n", if named { "password" } else { "key" }));
    Ok(Exit::Ok)
}

/// A new passphrase in the place of all that there were.
fn exchange(
    vault: &mut Vault,
    new: &Recipient,
    passwords: &Passwords,
) -> std::result::Result<(), rprov_vault::Error> {
    let old: Vec<String> = vault
        .recipients()
        .iter()
        .filter(|known| known.is_passphrase())
        .map(Recipient::key)
        .collect();
    vault.add(new, &passwords.keyring())?;
    for key in old {
        passwords.with_passphrases(|keyring| vault.remove(&key, keyring))?;
    }
    // Also where nobody was removed: who knew the key knows it no more.
    passwords.with_passphrases(|keyring| vault.rekey(keyring))
}
