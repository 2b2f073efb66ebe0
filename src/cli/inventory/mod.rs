//! `rprov inventory`: hosts, groups and their variables, as `ansible-inventory` prints them.
//!
//! Variables are shown as they are written: nothing is evaluated, no vault is opened.

mod graph;
mod list;
mod toml;
mod values;
mod yaml;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rprov_modules::kit::nearest;

use self::values::Values;
use super::args::InventoryArgs;
use super::basis::Basis;
use super::inputs::{Inputs, environment, split};
use super::{Exit, Result};
use crate::config::{INVENTORY_EXPORT, PLAYBOOK_DIR};
use crate::inventory::{HostName, Inventory, pattern::Limit};
use crate::source::Diagnostic;
use crate::template::pretty_json;

/// What is asked for.
enum Wanted<'a> {
    List,
    Graph(&'a str),
    Host(&'a str),
}

pub(super) fn show(basis: &Basis, args: InventoryArgs) -> Result {
    let (words, names) = split(args.words);
    let (environment, words) = environment(words)?;
    let group = match &names[..] {
        [] => "all",
        [one] => one,
        [_, other, ..] => {
            let error = Diagnostic::error(format!("expected one group, found also `{other}`"));
            return Err(vec![error]);
        }
    };
    let wanted = match (args.list, args.graph, &args.host) {
        (true, false, None) => Wanted::List,
        (false, true, None) => Wanted::Graph(group),
        (false, false, Some(host)) => Wanted::Host(host),
        (false, false, None) => {
            let error = Diagnostic::error("expected one of `--list`, `--graph` and `--host HOST`");
            return Err(vec![error.help("`--graph` shows groups and hosts as a tree")]);
        }
        _ => {
            let error =
                Diagnostic::error("only one of `--list`, `--graph` and `--host` can be had");
            return Err(vec![error]);
        }
    };
    let mut inputs = Inputs::read(basis, environment.as_ref(), &words, &args.input)?;
    inputs.need_inventory()?;
    let errors = inputs.take_errors();
    let Inputs { reader, extra, inventory, .. } = inputs;
    let Some(inventory) = inventory.filter(|_| errors.is_empty()) else { return Err(errors) };
    if !inventory.warnings().is_empty() {
        basis.complain(inventory.warnings());
    }
    let dir = args.playbook_dir.as_deref().or(basis.config.text(&PLAYBOOK_DIR)).map(Path::new);
    let export = args.export || basis.config.flag(&INVENTORY_EXPORT);
    let values = Values::new(basis, inventory.clone(), reader, extra, dir, export);
    let text = match wanted {
        Wanted::List => {
            let hosts = chosen(&inventory, args.limit.as_deref()).map_err(|error| vec![error])?;
            let tree = list::Tree { inventory: &inventory, values: &values, hosts, export };
            match (args.yaml, args.toml) {
                (true, _) => yaml::of_tree(&tree)?,
                (_, true) => toml::of_tree(&tree)?,
                _ => pretty_json(&list::json(&tree)?) + "\n",
            }
        }
        Wanted::Graph(group) => {
            let Some(top) = inventory.group(group) else {
                return Err(vec![no_group(&inventory, group)]);
            };
            graph::draw(&inventory, top, args.vars.then_some(&values))?
        }
        Wanted::Host(name) => {
            let Some(host) = inventory.host(name) else {
                return Err(vec![no_host(&inventory, name)]);
            };
            let vars = values.of_host(host)?;
            match (args.yaml, args.toml) {
                (true, _) => yaml::of_vars(&vars),
                (_, true) => toml::of_vars(&vars)?,
                _ => pretty_json(&values::json(&vars)) + "\n",
            }
        }
    };
    let text = basis.redactor.clean(&text);
    match args.output {
        Some(path) => std::fs::write(&path, text).map_err(|error| {
            let reason = crate::vars::files::reason(&error);
            vec![Diagnostic::error(format!("cannot write `{}`: {reason}", path.display()))]
        })?,
        None => super::say(&text),
    }
    Ok(Exit::Ok)
}

/// The hosts that `--limit` leaves.
fn chosen(
    inventory: &Arc<Inventory>,
    limit: Option<&str>,
) -> std::result::Result<HashSet<HostName>, Diagnostic> {
    Ok(match limit {
        None => inventory.hosts().map(|host| host.name.clone()).collect(),
        Some(text) => Limit::new(inventory, text)?.hosts().cloned().collect(),
    })
}

fn no_group(inventory: &Inventory, name: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("there is no group `{name}`"));
    let near = nearest(name, inventory.groups().map(|group| &*group.name));
    near.map_or(error.clone(), |near| error.help(format!("did you mean `{near}`?")))
}

fn no_host(inventory: &Inventory, name: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("there is no host `{name}`"));
    let near = nearest(name, inventory.hosts().map(|host| &*host.name));
    near.map_or(error.clone(), |near| error.help(format!("did you mean `{near}`?")))
}
