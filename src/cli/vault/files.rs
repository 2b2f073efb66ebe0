//! The verbs that take files.

use std::io::{IsTerminal, Write};
use std::path::Path;

use rprov_vault::ansible::{Plain, is_envelope};

use super::args::{Common, CreateArgs, DecryptArgs, EditArgs, EncryptArgs, RekeyArgs, ViewArgs};
use super::done;
use super::text::stdin;
use crate::cli::basis::Basis;
use crate::cli::editor::{self, Edited};
use crate::cli::held::{self, Held, Refused};
use crate::cli::passwords::{Otherwise, Password, Passwords};
use crate::cli::{Exit, Result, complain, pager};
use crate::source::Diagnostic;
use crate::vars::files::unreadable;

pub(super) fn encrypt(args: &EncryptArgs, basis: &Basis) -> Result {
    let passwords = Passwords::new(&args.common.passwords, basis, Otherwise::AskNew)?;
    let label = args.encrypt_vault_id.as_deref();
    let seal = |shown: &str, plain: &[u8]| {
        if is_envelope(plain) {
            let error = Diagnostic::error(format!("{shown} is encrypted already"));
            return Err(vec![error.help("`rprov vault rekey` gives it another password")]);
        }
        let password = passwords.to_encrypt(label)?;
        tell(&args.common, shown, &password);
        password.seal(plain).map(|text| Plain::new(text.into_bytes()))
    };
    convert(&args.files, args.output.as_deref(), &seal)?;
    done("Encryption successful")
}

pub(super) fn decrypt(args: &DecryptArgs, basis: &Basis) -> Result {
    let passwords = Passwords::new(&args.common.passwords, basis, Otherwise::Ask)?;
    let open = |shown: &str, sealed: &[u8]| {
        let (plain, password) = open(&passwords, shown, sealed)?;
        tell(&args.common, shown, &password);
        Ok(plain)
    };
    convert(&args.files, args.output.as_deref(), &open)?;
    done("Decryption successful")
}

/// Each file in place, or one of them or standard input elsewhere.
fn convert(
    files: &[String],
    output: Option<&str>,
    change: &dyn Fn(&str, &[u8]) -> Result<Plain>,
) -> Result<()> {
    if output.is_some() && files.len() > 1 {
        return Err(vec![
            Diagnostic::error(format!("expected one file with `--output`, found {}", files.len()))
                .help("leave out `--output` to change the files in place"),
        ]);
    }
    // All of them first: a missing one stops all.
    let mut held = Vec::new();
    for file in files.iter().filter(|file| *file != "-") {
        held.push(take(file)?);
    }
    let Some(first) = held.first() else {
        let new = change("standard input", &stdin()?)?;
        return put(output.unwrap_or("-"), &new);
    };
    if let Some(output) = output {
        let new = change(&shown(first), first.bytes().unwrap_or_default())?;
        return put(output, &new);
    }
    for mut held in held {
        let new = change(&shown(&held), held.bytes().unwrap_or_default())?;
        held.put(&new)?;
    }
    Ok(())
}

pub(super) fn view(args: &ViewArgs, basis: &Basis) -> Result {
    let passwords = Passwords::new(&args.common.passwords, basis, Otherwise::Ask)?;
    let mut files: Vec<(String, Plain)> = Vec::new();
    for file in args.files.iter().filter(|file| *file != "-") {
        let path = Path::new(file);
        let bytes = std::fs::read(path).map_err(|error| vec![unreadable(path, &error)])?;
        files.push((format!("`{file}`"), Plain::new(bytes)));
    }
    if files.is_empty() {
        files.push(("standard input".to_owned(), stdin()?));
    }
    for (shown, sealed) in files {
        let (plain, password) = open(&passwords, &shown, &sealed)?;
        tell(&args.common, &shown, &password);
        pager::show(&basis.config, &plain);
    }
    Ok(Exit::Ok)
}

pub(super) fn create(args: &CreateArgs, basis: &Basis) -> Result {
    let mut held = Held::take(args.file.as_ref())?;
    if held.bytes().is_some() {
        let error = Diagnostic::error(format!("`{}` is there already", args.file));
        return Err(vec![error.help(format!("`rprov vault edit {}` edits it", args.file))]);
    }
    if !args.skip_tty_check && !std::io::stdin().is_terminal() {
        let error = Diagnostic::error("there is no terminal for an editor");
        return Err(vec![error.help("add `--skip-tty-check` if it needs none")]);
    }
    let passwords = Passwords::new(&args.common.passwords, basis, Otherwise::AskNew)?;
    let password = passwords.to_encrypt(args.encrypt_vault_id.as_deref())?;
    tell(&args.common, &shown(&held), &password);
    let plain = match editor::edit(&basis.config, &name(&held), b"", &|_| Ok(()))? {
        Edited::Unchanged => Plain::default(),
        Edited::Changed(plain) => plain,
        Edited::Abandoned { why, saved } => return abandoned(&held, &password, &why, saved),
    };
    save(&mut held, &password, &plain)?;
    done("Encryption successful")
}

pub(super) fn edit(args: &EditArgs, basis: &Basis) -> Result {
    let passwords = Passwords::new(&args.common.passwords, basis, Otherwise::Ask)?;
    for file in &args.files {
        let mut held = take(file)?;
        let (plain, opener) = open(&passwords, &shown(&held), held.bytes().unwrap_or_default())?;
        let password = match args.encrypt_vault_id.as_deref() {
            Some(label) => passwords.to_encrypt(Some(label))?,
            None => opener,
        };
        tell(&args.common, &shown(&held), &password);
        match editor::edit(&basis.config, &name(&held), &plain, &|_| Ok(()))? {
            Edited::Unchanged => complain(&format!("`{file}` is unchanged\n")),
            Edited::Changed(plain) => save(&mut held, &password, &plain)?,
            Edited::Abandoned { why, saved } => return abandoned(&held, &password, &why, saved),
        }
    }
    Ok(Exit::Ok)
}

pub(super) fn rekey(args: &RekeyArgs, basis: &Basis) -> Result {
    let passwords = Passwords::new(&args.common.passwords, basis, Otherwise::Ask)?;
    let mut opened = Vec::new();
    for file in &args.files {
        let held = take(file)?;
        let (plain, _) = open(&passwords, &shown(&held), held.bytes().unwrap_or_default())?;
        opened.push((held, plain));
    }
    let password = passwords.new_one(&args.new, args.encrypt_vault_id.as_deref())?;
    for (mut held, plain) in opened {
        tell(&args.common, &shown(&held), &password);
        held.put(password.seal(&plain)?.as_bytes())?;
    }
    crate::cli::say("Rekey successful\n");
    Ok(Exit::Ok)
}

fn take(file: &str) -> Result<Held> {
    let held = Held::take(file.as_ref())?;
    match held.bytes() {
        Some(_) => Ok(held),
        None => Err(vec![Diagnostic::error(format!("cannot read `{file}`: no such file"))]),
    }
}

fn shown(held: &Held) -> String {
    format!("`{}`", held.shown().display())
}

/// The name that the private file gets.
fn name(held: &Held) -> String {
    held.shown().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn open(passwords: &Passwords, shown: &str, sealed: &[u8]) -> Result<(Plain, Password)> {
    if !is_envelope(sealed) {
        return Err(vec![Diagnostic::error(format!("{shown} is not encrypted"))]);
    }
    passwords.open_with(sealed).map_err(|error| {
        let shown = Diagnostic::error(format!("cannot decrypt {shown}: {}", error.reason));
        vec![error.help.into_iter().fold(shown, Diagnostic::help)]
    })
}

fn put(output: &str, bytes: &[u8]) -> Result<()> {
    match output {
        "-" => std::io::stdout().write_all(bytes).map_err(|error| {
            vec![Diagnostic::error(format!("cannot write to standard output: {error}"))]
        }),
        file => held::put(file.as_ref(), bytes),
    }
}

/// Writes what was edited; if somebody else has changed the file, next to it.
fn save(held: &mut Held, password: &Password, plain: &[u8]) -> Result<()> {
    let sealed = password.seal(plain)?;
    held.replace(sealed.as_bytes()).map_err(|refused| match refused {
        Refused::Failed(errors) => errors,
        Refused::Changed => {
            held.keep(sealed.as_bytes(), "it was changed by somebody else meanwhile")
        }
    })
}

fn abandoned(held: &Held, password: &Password, why: &str, saved: Option<Plain>) -> Result {
    Err(match saved {
        None => vec![Diagnostic::error(format!("{} is unchanged: {why}", shown(held)))],
        Some(plain) => held.keep(password.seal(&plain)?.as_bytes(), why),
    })
}

fn tell(common: &Common, shown: &str, password: &Password) {
    if common.verbose > 0 {
        let label = password.label.as_deref().unwrap_or("default");
        complain(&format!("{shown}: label {label}\n"));
    }
}
