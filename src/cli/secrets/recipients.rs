//! `rprov secrets recipients`: who can open the secrets.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use rprov_vault::Recipient;

use super::args::{RecipientArgs, RecipientsVerb};
use super::document::{Document, Form, wrong};
use super::target;
use super::team::Team;
use super::whole::{WholeFile, is_whole};
use crate::cli::basis::Basis;
use crate::cli::passwords::{NewArgs, Passwords};
use crate::cli::{Exit, Result, say};
use crate::source::Diagnostic;
use crate::vars::files::unreadable;

/// The word for a passphrase among the recipients.
pub(super) const PASSPHRASE: &str = "passphrase";

pub(super) fn run(verb: RecipientsVerb, basis: &Basis) -> Result {
    match verb {
        RecipientsVerb::List(args) => {
            let path = target::only(&args.place, &args.words)?;
            list(&path)
        }
        RecipientsVerb::Add(args) => add(&args, basis),
        RecipientsVerb::Remove(args) => remove(&args, basis),
    }
}

fn list(path: &Path) -> Result {
    let header = || rprov_vault::header(&mut BufReader::new(File::open(path)?));
    let bytes = header().map_err(|error| vec![unreadable(path, &error)])?;
    if rprov_vault::mode(&bytes).is_none() {
        return Err(vec![not_ours(path)]);
    }
    for recipient in rprov_vault::recipients(&bytes).map_err(|error| wrong(path, &error))? {
        let line = match recipient.is_passphrase() {
            true => format!("{PASSPHRASE} {}", recipient.comment()),
            false => recipient.to_string(),
        };
        say(&format!("{}\n", line.trim_end()));
    }
    Ok(Exit::Ok)
}

fn add(args: &RecipientArgs, basis: &Basis) -> Result {
    let (path, words) = target(args)?;
    // Before anything is opened: nothing for a passphrase, which is asked for then.
    let mut wanted: Vec<Option<Recipient>> = Vec::new();
    for word in &words {
        match word.as_str() {
            PASSPHRASE => wanted.push(None),
            word => wanted.extend(parse(word)?.into_iter().map(Some)),
        }
    }
    change(&path, args, basis, |team, passwords| {
        for recipient in wanted {
            let recipient = match recipient {
                Some(recipient) => recipient,
                None => {
                    let password = passwords.new_one(&NewArgs::default(), None)?;
                    passwords.recipient(&password.bytes)?
                }
            };
            let done = passwords.with_passphrases(|keyring| team.add(&recipient, keyring));
            done.map_err(|error| vec![Diagnostic::error(error.to_string())])?;
            say(&format!("added {}\n", recipient.name()));
        }
        Ok(())
    })
}

fn remove(args: &RecipientArgs, basis: &Basis) -> Result {
    let (path, words) = target(args)?;
    change(&path, args, basis, |team, passwords| {
        for word in &words {
            let gone = find(&team.recipients(), word)?;
            let done = passwords.with_passphrases(|keyring| team.remove(&gone.key(), keyring));
            done.map_err(|error| vec![Diagnostic::error(error.to_string())])?;
            say(&format!("removed {}\n", gone.name()));
        }
        Ok(())
    })?;
    say("what they could read until now they may remember: change these secrets, too\n");
    Ok(Exit::Ok)
}

/// The file, and at least one word.
fn target(args: &RecipientArgs) -> Result<(PathBuf, Vec<String>)> {
    let (path, words) = target::one(&args.place, &args.words)?;
    match words.is_empty() {
        false => Ok((path, words)),
        true => Err(vec![Diagnostic::error("expected a recipient, found none")]),
    }
}

fn change(
    path: &Path,
    args: &RecipientArgs,
    basis: &Basis,
    act: impl FnOnce(&mut dyn Team, &Passwords) -> Result<()>,
) -> Result {
    if is_whole(path) {
        let mut file = WholeFile::open(path, &args.place.passwords, basis)?;
        let passwords = file.passwords.clone();
        act(&mut file, &passwords)?;
        return file.save().map(|()| Exit::Ok);
    }
    let mut document = Document::open(path, &args.place.passwords, basis)?;
    let passwords = document.passwords.clone();
    let Form::Values(vault) = &mut document.form else { return Err(vec![not_ours(path)]) };
    act(&mut **vault, &passwords)?;
    let clear = document.clear.clone();
    document.save(&clear)?;
    Ok(Exit::Ok)
}

fn not_ours(path: &Path) -> Diagnostic {
    let error = format!("`{}` is not in rprov's format, and has no recipients", path.display());
    Diagnostic::error(error).help("`rprov secrets migrate` turns it into that")
}

/// The recipients that a word names: one itself, or a file with one in each line.
///
/// # Errors
/// When it is neither, or the file cannot be read.
pub(super) fn parse(word: &str) -> Result<Vec<Recipient>> {
    let one = |text: &str| {
        text.parse::<Recipient>().map_err(|error| vec![Diagnostic::error(error.to_string())])
    };
    if word.starts_with("age1") || word.starts_with("ssh-") {
        return Ok(vec![one(word)?]);
    }
    let path = Path::new(word);
    let text =
        std::fs::read_to_string(path).map_err(|error| {
            let error = unreadable(path, &error);
            vec![error.help(
                "a recipient is `age1…`, `ssh-ed25519 AAAA…`, a file of these, or `passphrase`",
            )]
        })?;
    if text.contains("PRIVATE KEY") || text.contains("AGE-SECRET-KEY-") {
        let error = format!("expected public keys in `{word}`, found a private one");
        return Err(vec![Diagnostic::error(error).help(format!("perhaps `{word}.pub`"))]);
    }
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(one).collect()
}

/// The one recipient that a word means: its key, its comment, or `passphrase`.
fn find(known: &[Recipient], word: &str) -> Result<Recipient> {
    let wanted: Vec<String> = match parse(word) {
        Ok(parsed) => parsed.iter().map(Recipient::key).collect(),
        Err(_) => vec![],
    };
    let fits = |known: &&Recipient| match known.is_passphrase() {
        true => word == PASSPHRASE,
        false => wanted.contains(&known.key()) || known.comment() == word,
    };
    let found: Vec<&Recipient> = known.iter().filter(fits).collect();
    let all = || known.iter().map(Recipient::name).collect::<Vec<_>>().join(", ");
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(vec![
            Diagnostic::error(format!("`{word}` is no recipient"))
                .help(format!("recipients are: {}", all())),
        ]),
        several => Err(vec![
            Diagnostic::error(format!("`{word}` means {} recipients", several.len()))
                .help("name one by its key; `rprov secrets recipients list` shows them"),
        ]),
    }
}
