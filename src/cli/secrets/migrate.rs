//! `rprov secrets migrate`: from one format to another, each value as it is.

use std::path::Path;

use rprov_vault::{Recipient, Vault};

use super::args::{Format, MigrateArgs};
use super::document::{Clear, Document, Form, wrong};
use super::inline::{Inline, marked, unmarked};
use super::team::{For, environment_of, is_ansibles};
use super::{target, whole};
use crate::cli::basis::Basis;
use crate::cli::held::{Held, Stream};
use crate::cli::passwords::{Otherwise, Password, PasswordArgs, Passwords};
use crate::cli::{Exit, Result, complain, say};
use crate::source::Diagnostic;

pub(super) fn migrate(args: &MigrateArgs, basis: &Basis) -> Result {
    let path = target::only(&args.place, &args.words)?;
    let mut document = Document::open(&path, &args.place.passwords, basis)?;
    let to = args.to.unwrap_or(match &document.form {
        Form::Values(_) => Format::Ansible,
        Form::Plain | Form::Whole(_) | Form::Envelope(_) | Form::Inline(_) => Format::Rprov,
    });
    let is_there = matches!(
        (&document.form, to),
        (Form::Values(_), Format::Rprov)
            | (Form::Envelope(_), Format::Ansible)
            | (Form::Inline(_), Format::AnsibleValues)
    );
    if is_there {
        let error = format!("`{}` is in that format already", path.display());
        return Err(vec![Diagnostic::error(error)]);
    }
    if let (Form::Whole(whole), Format::Rprov) = (&document.form, to) {
        tell_comments(&path, &document.clear);
        let clear = document.clear.clone();
        let vault = For::Whole(whole.clone()).values(&path, &clear, &document.passwords)?;
        document.form = Form::Values(Box::new(vault));
        return finish(&path, document, &clear);
    }
    // The same password opens it afterwards.
    let password = match &document.form {
        Form::Envelope(password) => password.clone(),
        Form::Inline(inline) => inline.password()?,
        Form::Values(_) | Form::Whole(_) => document.passwords.to_encrypt(None)?,
        Form::Plain => {
            Passwords::new(&args.place.passwords, basis, Otherwise::AskNew)?.to_encrypt(None)?
        }
    };
    let clear = match &document.form {
        Form::Inline(_) => unmarked(&path, &document.clear)?,
        Form::Plain | Form::Values(_) | Form::Whole(_) | Form::Envelope(_) => {
            document.clear.clone()
        }
    };
    let (form, clear) = converted(&path, to, clear, &password, &document.passwords)?;
    match &document.form {
        Form::Values(vault) => tell_keys(&vault.recipients()),
        Form::Whole(whole) => tell_keys(&whole.recipients()),
        Form::Plain | Form::Envelope(_) | Form::Inline(_) => {}
    }
    document.form = form;
    finish(&path, document, &clear)
}

fn finish(path: &Path, mut document: Document, clear: &str) -> Result {
    document.save(clear)?;
    say(&format!("`{}` is now {}\n", path.display(), document.form.name()));
    Ok(Exit::Ok)
}

/// Encrypts a file that is in clear, in the format that the project uses: YAML value by value, any
/// other as a whole.
///
/// # Errors
/// When no password is known, or the file cannot be written.
pub(super) fn encrypt(
    path: &Path,
    is_yaml: bool,
    args: &PasswordArgs,
    basis: &Basis,
) -> Result<()> {
    let passwords = Passwords::new(args, basis, Otherwise::AskNew)?;
    let environment = environment_of(path);
    let is_ansibles = is_ansibles(environment.as_ref());
    if !is_yaml && is_ansibles {
        let mut held = Held::take(path)?;
        let sealed = passwords.to_encrypt(None)?.seal(held.bytes().unwrap_or_default())?;
        return held.put(sealed.as_bytes());
    }
    if !is_yaml {
        let held = Stream::take(path)?;
        let team = For::named(&[], environment.as_ref(), &passwords)?;
        return whole::encrypt(&held, &team.whole(&passwords)?);
    }
    let mut document = Document::open(path, args, basis)?;
    let password = match &document.form {
        Form::Inline(inline) => Some(inline.password()?),
        _ if is_ansibles => Some(passwords.to_encrypt(None)?),
        _ => None,
    };
    let (form, clear) = match password {
        Some(password) => {
            let to = if is_ansibles { Format::AnsibleValues } else { Format::Rprov };
            let clear =
                if is_ansibles { document.clear.clone() } else { unmarked(path, &document.clear)? };
            converted(path, to, clear, &password, &document.passwords)?
        }
        None => {
            tell_comments(path, &document.clear);
            let team = For::named(&[], environment.as_ref(), &passwords)?;
            let vault = team.values(path, &document.clear, &passwords)?;
            (Form::Values(Box::new(vault)), document.clear.clone())
        }
    };
    document.form = form;
    document.save(&clear)
}

fn converted(
    path: &Path,
    to: Format,
    clear: Clear,
    password: &Password,
    passwords: &Passwords,
) -> Result<(Form, Clear)> {
    Ok(match to {
        Format::Ansible => (Form::Envelope(password.clone()), clear),
        Format::AnsibleValues => {
            tell_comments(path, &clear);
            let marked = marked(path, &clear)?;
            (Form::Inline(Inline::new(passwords, Some(password.clone()))), marked)
        }
        Format::Rprov => {
            tell_comments(path, &clear);
            let recipient = passwords.recipient(&password.bytes)?;
            let vault = Vault::seal(&clear, &[recipient], &passwords.keyring())
                .map_err(|error| wrong(path, &error))?;
            (Form::Values(Box::new(vault)), clear)
        }
    })
}

/// Ansible Vault knows passwords only.
fn tell_keys(recipients: &[Recipient]) {
    let keys = recipients.iter().filter(|known| !known.is_passphrase());
    let names: Vec<String> = keys.map(Recipient::name).collect();
    if !names.is_empty() {
        let names = names.join(", ");
        complain(&format!(
            "warning: only the password opens it from now on, not the keys of {names}\n"
        ));
    }
}

/// Comments are not encrypted where keys are not.
fn tell_comments(path: &Path, clear: &str) {
    let lines: Vec<String> = clear
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with('#') || line.contains(" #"))
        .map(|(number, _)| (number + 1).to_string())
        .collect();
    if !lines.is_empty() {
        complain(&format!(
            "warning: keys and comments of `{}` can be read by everybody from now on; \
             lines with a comment: {}\n",
            path.display(),
            lines.join(", ")
        ));
    }
}
