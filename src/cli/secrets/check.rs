//! `rprov secrets check`: everything opened and verified.

use rprov_vault::{Recipient, ValueKind, text};

use super::args::FileArgs;
use super::document::{Document, Form, values, wrong};
use super::inline::tagged;
use super::team::Team;
use super::whole::{WholeFile, is_whole};
use super::{conflicts, target};
use crate::cli::basis::Basis;
use crate::cli::{Exit, Result, say};
use crate::source::Diagnostic;

pub(super) fn check(args: &FileArgs, basis: &Basis) -> Result {
    let mut errors = Vec::new();
    for path in target::some(&args.place, &args.words)? {
        let shown = path.display();
        if is_whole(&path) {
            let opened = WholeFile::open(&path, &args.place.passwords, basis);
            match opened.and_then(|file| Ok((file.verify()?, file))) {
                Ok((length, file)) => say(&format!(
                    "{shown}: {}, rprov, the whole file{}\n",
                    count(length, "byte"),
                    team(&file.recipients())
                )),
                Err(more) => errors.extend(more),
            }
            continue;
        }
        let checked = Document::open(&path, &args.place.passwords, basis).and_then(|document| {
            text::list(&document.clear).map_err(|error| wrong(&path, &error))?;
            Ok(document)
        });
        let document = match checked {
            Ok(document) => document,
            Err(more) => {
                errors.extend(more);
                continue;
            }
        };
        let number = values(&document.clear).len() as u64;
        let mut line = format!("{shown}: {}, {}", count(number, "value"), document.form.name());
        if let Form::Values(vault) = &document.form {
            line.push_str(&team(&vault.recipients()));
        }
        say(&format!("{line}\n"));
        let clear = in_clear(&document);
        if !clear.is_empty() {
            let error = format!("`{shown}` has {} in clear", count(clear.len() as u64, "value"));
            errors.push(
                Diagnostic::error(error)
                    .note(clear.join(", "))
                    .help("`rprov secrets migrate` encrypts them"),
            );
        }
        for path in conflicts::of(&document.clear) {
            let error = format!("`{shown}` has a conflict of two branches at `{path}`");
            errors.push(Diagnostic::error(error).help("`rprov secrets edit` solves it"));
        }
    }
    match errors.is_empty() {
        true => Ok(Exit::Ok),
        false => Err(errors),
    }
}

/// The keys of values that anybody can read.
fn in_clear(document: &Document) -> Vec<String> {
    let open = |value: &rprov_vault::Value| match &document.form {
        Form::Values(_) | Form::Whole(_) | Form::Envelope(_) => false,
        Form::Plain => true,
        // Ansible cannot encrypt anything but strings.
        Form::Inline(_) => {
            let string = matches!(&value.kind, ValueKind::Scalar { text, plain, .. }
                if !plain || super::inline::is_string(text));
            string && tagged(value).is_none()
        }
    };
    let all = values(&document.clear);
    all.iter().filter(|value| open(value)).map(|value| value.path.to_string()).collect()
}

fn team(recipients: &[Recipient]) -> String {
    let names: Vec<String> = recipients.iter().map(Recipient::name).collect();
    format!(", for {}", names.join(", "))
}

fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
