//! The merge driver: two branches that changed different values become one file; where both changed
//! the same value, both stand in its place, encrypted, until `rprov secrets edit` decides.
//!
//! The texts are merged in clear as git merges any text. Only where that conflicts are the values
//! merged one by one.

use std::fs;
use std::path::Path;
use std::process::Command;

use rprov_modules::kit::{Node, NodeKind};
use rprov_vault::{KeyPath, NewValue, Recipient, Value, ValueKind, Vault, text};

use crate::cli::basis::Basis;
use crate::cli::editor::Private;
use crate::cli::passwords::{Otherwise, Passwords};
use crate::cli::secrets::args::MergeArgs;
use crate::cli::secrets::conflicts::{OURS, REMOVED, THEIRS};
use crate::cli::secrets::document::{Clear, Form, wrong};
use crate::cli::{Exit, Result, complain};
use crate::source::{Diagnostic, SourceMap, yaml};
use crate::vars::files::{reason, unreadable};

/// One version of the file.
struct Version {
    bytes: Vec<u8>,
    form: Form,
    clear: Clear,
}

pub(in crate::cli::secrets) fn run(args: &MergeArgs, basis: &Basis) -> Result {
    let name = Path::new(&args.name);
    let passwords = Passwords::new(&args.passwords, basis, Otherwise::Ask)?;
    let version = |file: &str| -> Result<Version> {
        let path = Path::new(file);
        let bytes = fs::read(path).map_err(|error| vec![unreadable(path, &error)])?;
        // Both branches may have added the file.
        if bytes.is_empty() {
            return Ok(Version { bytes, form: Form::Plain, clear: Clear::new("{}\n".to_owned()) });
        }
        let (form, clear) = Form::open(name, &bytes, &passwords)?;
        Ok(Version { bytes, form, clear })
    };
    let (base, ours, theirs) = (version(&args.base)?, version(&args.ours)?, version(&args.theirs)?);
    let (clear, conflicts) = match as_text(&base.clear, &ours.clear, &theirs.clear)? {
        Some(clear) => (clear, vec![]),
        None => by_value(name, &base.clear, &ours.clear, &theirs.clear)?,
    };
    // Who migrated the file wins over who left it as it was.
    let kind = |version: &Version| std::mem::discriminant(&version.form);
    let migrated = kind(&ours) == kind(&base) && kind(&theirs) != kind(&base);
    let mut form = match migrated {
        true => theirs.form,
        false => {
            let mut form = ours.form;
            if let (Form::Values(base_vault), Form::Values(vault), Form::Values(their_vault)) =
                (&base.form, &mut form, &theirs.form)
            {
                let renewed = is_renewed(&base, &theirs.bytes, &theirs.clear);
                people(base_vault, vault, their_vault, renewed, &passwords)
                    .map_err(|error| wrong(name, &error))?;
            }
            form
        }
    };
    let sealed = form.seal(name, &clear)?;
    fs::write(&args.ours, &*sealed).map_err(|error| {
        let error = format!("cannot write `{}`: {}", args.ours, reason(&error));
        vec![Diagnostic::error(error)]
    })?;
    if conflicts.is_empty() {
        return Ok(Exit::Ok);
    }
    complain(&format!(
        "rprov: both branches changed {} in `{}`: both versions are in the file, encrypted;\n\
         rprov: choose with `rprov secrets edit --file {}`, then `git add` it\n",
        conflicts.join(", "),
        args.name,
        args.name
    ));
    Ok(Exit::Other)
}

/// As git merges text; none if that conflicts, or is no YAML any more.
fn as_text(base: &str, ours: &str, theirs: &str) -> Result<Option<Clear>> {
    let private = Private::new().map_err(|error| vec![error])?;
    let mut files = Vec::new();
    for (name, text) in [("ours", ours), ("base", base), ("theirs", theirs)] {
        let path = private.path().join(name);
        fs::write(&path, text).map_err(|error| {
            vec![Diagnostic::error(format!("cannot write `{}`: {error}", path.display()))]
        })?;
        files.push(path);
    }
    let output = Command::new("git").args(["merge-file", "-p", "-q"]).args(files).output();
    let output = output
        .map_err(|error| vec![Diagnostic::error(format!("cannot run git: {}", reason(&error)))])?;
    let merged = zeroize::Zeroizing::new(output.stdout);
    let clear = std::str::from_utf8(&merged).ok().filter(|_| output.status.success());
    Ok(clear.filter(|clear| text::list(clear).is_ok()).map(|clear| Clear::new(clear.to_owned())))
}

/// A value, or a list as a whole: what is merged as one.
struct Unit {
    path: KeyPath,
    /// In one line, as YAML.
    flow: Clear,
}

/// The text of ours with the changes of theirs, and the keys that are in conflict.
fn by_value(name: &Path, base: &str, ours: &str, theirs: &str) -> Result<(Clear, Vec<String>)> {
    let [base, own, their] = [units(name, base)?, units(name, ours)?, units(name, theirs)?];
    let find = |units: &'_ [Unit], path: &KeyPath| {
        units.iter().find(|unit| unit.path == *path).map(|unit| unit.flow.clone())
    };
    let mut clear = Clear::new(ours.to_owned());
    let mut conflicts = Vec::new();
    let known = |unit: &&Unit| find(&their, &unit.path).is_none();
    for unit in their.iter().chain(base.iter().filter(known)) {
        let path = &unit.path;
        let (was, we, they) = (find(&base, path), find(&own, path), find(&their, path));
        if we == they || was == they {
            continue;
        }
        let refused = |error: rprov_vault::Error| {
            let error =
                Diagnostic::error(format!("`{}` cannot be merged: {error}", name.display()));
            vec![error.help(
                "merge by hand: `rprov secrets diff --against REF --show` tells what differs",
            )]
        };
        clear = match (was == we, they) {
            (true, Some(they)) => put(&clear, path, &they).map_err(refused)?,
            (true, None) => text::unset(&clear, path).map_err(refused)?,
            (false, they) => {
                conflicts.push(path.to_string());
                put(&clear, path, &both(we.as_ref(), they.as_ref())).map_err(refused)?
            }
        };
    }
    Ok((clear, conflicts))
}

/// Both versions of a value.
fn both(ours: Option<&Clear>, theirs: Option<&Clear>) -> Clear {
    let side = |key: &str, value: Option<&Clear>| match value {
        Some(value) => format!("\"{key}\": {}", **value),
        None => format!("\"{key}{REMOVED}\": null"),
    };
    Clear::new(format!("{{{}, {}}}", side(OURS, ours), side(THEIRS, theirs)))
}

/// Sets a path, whatever is there.
fn put(clear: &str, path: &KeyPath, flow: &str) -> std::result::Result<Clear, rprov_vault::Error> {
    text::set(clear, path, NewValue::Yaml(flow)).or_else(|error| {
        let without = text::unset(clear, path).map_err(|_| error)?;
        text::set(&without, path, NewValue::Yaml(flow))
    })
}

fn units(name: &Path, clear: &str) -> Result<Vec<Unit>> {
    let values = text::list(clear).map_err(|error| wrong(name, &error))?;
    let map = SourceMap::default();
    map.conceal(name);
    let root = yaml::parse_value(&map, name, clear).map_err(|error| vec![error])?;
    let mut units: Vec<Unit> = Vec::new();
    let mut lists: Vec<KeyPath> = Vec::new();
    for value in &values {
        let inside = lists.iter().any(|list| value.path.0.starts_with(&list.0));
        let is_unit = match value.kind {
            ValueKind::Map(length) => length == 0,
            ValueKind::List(_) | ValueKind::Scalar { .. } | ValueKind::Clear => true,
        };
        if inside || !is_unit || value.path.0.is_empty() {
            continue;
        }
        if matches!(value.kind, ValueKind::List(_)) {
            lists.push(value.path.clone());
        }
        units.push(Unit { path: value.path.clone(), flow: flow(value, &root) });
    }
    Ok(units)
}

/// A value in one line: as it is written if that is one line, else as it is meant.
fn flow(value: &Value, root: &Node) -> Clear {
    let tag = match &value.kind {
        ValueKind::Scalar { tag: Some(tag), .. } => format!("{tag} "),
        _ => String::new(),
    };
    if let ValueKind::Scalar { text, plain, .. } = &value.kind {
        if value.source.starts_with(['\'', '"']) && !value.source.contains(['\n', '\r']) {
            return Clear::new(format!("{tag}{}", *value.source));
        }
        let simple = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
        return Clear::new(match *plain && text.chars().all(simple) {
            true => format!("{tag}{}", **text),
            false if *plain && !super::super::inline::is_string(text) => text.to_string(),
            false => format!("{tag}{}", serde_json::Value::from(text.as_str())),
        });
    }
    let node = value.path.0.iter().try_fold(root, |node, step| match step {
        rprov_vault::Step::Key { text, .. } => node.get(text),
        rprov_vault::Step::Index(at) => node.items()?.get(*at),
    });
    Clear::new(node.map_or_else(|| "null".to_owned(), inner))
}

fn inner(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar(scalar) if node.type_name() != "a string" => match &*scalar.text {
            "" => "null".to_owned(),
            text => text.to_owned(),
        },
        NodeKind::Scalar(scalar) => serde_json::Value::from(&*scalar.text).to_string(),
        NodeKind::List(items) => {
            let items: Vec<String> = items.iter().map(inner).collect();
            format!("[{}]", items.join(", "))
        }
        NodeKind::Map(entries) => {
            let pair = |entry: &rprov_modules::kit::Entry| {
                format!("{}: {}", inner(&entry.key), inner(&entry.value))
            };
            let entries: Vec<String> = entries.iter().map(pair).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// Whether values that did not change have other ciphertexts: there is a new key.
fn is_renewed(base: &Version, theirs: &[u8], their_clear: &str) -> bool {
    let list = |bytes: &[u8], clear: &str| -> Vec<(KeyPath, String, String)> {
        let sealed = rprov_vault::sealed_values(bytes).unwrap_or_default();
        let clear = super::super::document::values(clear);
        let pairs = sealed.into_iter().zip(clear);
        pairs.map(|(sealed, clear)| (sealed.path, clear.source.to_string(), sealed.token)).collect()
    };
    let (old, new) = (list(&base.bytes, &base.clear), list(theirs, their_clear));
    old.iter().any(|(path, source, token)| {
        let same = new.iter().find(|(other, text, _)| other == path && text == source);
        same.is_some_and(|(_, _, now)| now != token)
    })
}

/// Who can open the merged file: those that either branch added, without those that either removed.
fn people(
    base: &Vault,
    ours: &mut Vault,
    theirs: &Vault,
    renewed: bool,
    passwords: &Passwords,
) -> std::result::Result<(), rprov_vault::Error> {
    let (old, new) = (base.recipients(), theirs.recipients());
    let has = |all: &[Recipient], one: &Recipient| all.iter().any(|known| known.key() == one.key());
    let own = ours.recipients();
    for added in new.iter().filter(|one| !has(&old, one) && !has(&own, one)) {
        passwords.with_passphrases(|keyring| ours.add(added, keyring))?;
    }
    let gone = |one: &&Recipient| has(&old, one) && !has(&new, one);
    let removed: Vec<String> = own.iter().filter(gone).map(Recipient::key).collect();
    for key in &removed {
        passwords.with_passphrases(|keyring| ours.remove(key, keyring))?;
    }
    if renewed && removed.is_empty() {
        passwords.with_passphrases(|keyring| ours.rekey(keyring))?;
    }
    Ok(())
}
