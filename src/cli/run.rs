//! A run: reads everything, reports every mistake at once, then lists or acts.

use std::path::PathBuf;

use rprov_modules::kit::Node;

use super::act::{Ready, act};
use super::args::RunArgs;
use super::basis::Basis;
use super::inputs::{Inputs, collect};
use super::options::{options, tags};
use super::rules::variables;
use super::verbs::{Look, Plan};
use super::{Exit, Result, faults, listing, show};
use crate::config::{RETRY_FILES_ENABLED, RETRY_FILES_SAVE_PATH};
use crate::engine::Book;
use crate::inventory::{LOCALHOST, pattern::Limit};
use crate::playbook::{Play, TagFilter};
use crate::vars::special;

/// Runs the plan.
///
/// # Errors
/// Everything that is wrong in any input.
pub(super) fn run(basis: &Basis, plan: &Plan, args: &RunArgs) -> Result {
    if basis.verbosity(args.act.verbose) > 0 {
        basis.tell_unknown();
    }
    let (environment, words) = (plan.environment.as_ref(), &plan.words);
    let mut inputs = Inputs::read(basis, environment, words, &args.input)?;
    let templar = basis.templar();
    let loader = inputs.loader(basis, &templar);
    let mut errors = inputs.take_errors();
    let mut limit = None;
    if let (Some(inventory), Some(text)) = (&inputs.inventory, &args.act.limit) {
        let found = Limit::new(inventory, text);
        collect(&mut errors, found.map_err(|error| vec![error]), |found| limit = Some(found));
    }
    let mut books: Vec<(PathBuf, Vec<Play>)> = Vec::new();
    for path in &plan.playbooks {
        collect(&mut errors, loader.playbook(path), |plays| books.push((path.clone(), plays)));
    }
    if let Some(text) = &plan.text {
        let dir = plan.playbook_dir.clone().unwrap_or_default();
        let name = dir.join("command line");
        collect(&mut errors, loader.text_playbook(&name, text), |plays| {
            books.push((name.clone(), plays))
        });
    }
    if !books.iter().flat_map(|(_, plays)| plays).all(here_alone) {
        inputs.need_inventory()?;
    }
    let Some(inventory) = inputs.inventory.clone() else { return Err(errors) };
    let first = books.first().and_then(|(path, _)| path.parent());
    let playbook_dir = first.map(PathBuf::from).unwrap_or_default();
    let (dir, reader) = (Some(playbook_dir.clone()), inputs.reader.clone());
    let vars = variables(basis, inventory.clone(), dir, reader);
    if !errors.is_empty() {
        errors.extend(faults::of_all(&inventory, &vars));
        return Err(errors);
    }
    if args.play.syntax_check {
        books.iter().for_each(|(path, _)| super::say(&format!("\nplaybook: {}\n", path.display())));
        return Ok(Exit::Ok);
    }
    let (run_tags, skip_tags) = tags(&basis.config, args);
    let filter = TagFilter::new(&run_tags, &skip_tags);
    let unknown = loader.unknown_tags(&filter);
    if !unknown.is_empty() {
        basis.complain(&unknown);
    }
    // To list tags is to list all of them, unless some are chosen.
    let every = TagFilter::new(&["all".to_owned(), "never".to_owned()], &[]);
    let all = args.play.list_tags && run_tags.is_empty() && skip_tags.is_empty();
    if args.act.list_hosts || args.play.list_tasks || args.play.list_tags {
        let list = listing::Listing {
            hosts: args.act.list_hosts,
            tasks: args.play.list_tasks,
            tags: args.play.list_tags,
            inventory: &inventory,
            limit: limit.as_ref(),
            loader: &loader,
            templar: &templar,
            extra: &inputs.extra,
            warn: &|warning| basis.complain(&[warning]),
            filter: if all { &every } else { &filter },
        };
        for (path, plays) in &books {
            let text = match plan.look {
                Look::AdHoc { .. } => list.hosts_alone(plays)?,
                _ => list.plays(&path.display().to_string(), plays)?,
            };
            super::say(&basis.redactor.clean(&text));
        }
        return Ok(Exit::Ok);
    }
    let plays = books.iter().flat_map(|(_, plays)| plays);
    let faults = faults::of_plays(plays, &inventory, limit.as_ref(), &vars);
    if !faults.is_empty() {
        return Err(faults);
    }
    basis.tell_warnings();
    if !inventory.warnings().is_empty() {
        basis.complain(inventory.warnings());
    }
    let reporter = show::reporter(basis, &plan.look, args);
    let here = if playbook_dir.as_os_str().is_empty() { ".".into() } else { playbook_dir.clone() };
    let options = options(basis, args, filter, limit)?;
    let special = special::Run {
        playbook_dir: std::path::absolute(here).unwrap_or(playbook_dir.clone()),
        check: options.check,
        diff: options.diff,
        verbosity: options.verbosity,
        forks: options.forks,
        tags: run_tags,
        skip_tags,
        limit: args.act.limit.clone(),
        config_file: basis.config.file.clone(),
        sources: inputs.sources.clone(),
    };
    let books =
        books.into_iter().map(|(path, plays)| Book { retry: retry(basis, plan, &path), plays });
    act(
        basis,
        Ready {
            inputs,
            inventory,
            templar,
            loader,
            books: books.collect(),
            options,
            special,
            vars,
            playbook_dir,
            keep: plan.keep,
            reporter,
        },
    )
}

/// Whether a play is only for this machine, which needs no inventory.
fn here_alone(play: &Play) -> bool {
    let terms: Vec<&str> = match play.hosts.items() {
        Some(items) => items.iter().filter_map(Node::text).collect(),
        None => play.hosts.text().into_iter().collect(),
    };
    terms.iter().all(|term| LOCALHOST.contains(&term.trim()))
}

/// Where to write the hosts that failed.
fn retry(basis: &Basis, plan: &Plan, path: &std::path::Path) -> Option<PathBuf> {
    if !basis.config.flag(&RETRY_FILES_ENABLED) || plan.text.is_some() {
        return None;
    }
    let beside = std::path::absolute(path).ok()?.with_extension("retry");
    Some(match basis.config.text(&RETRY_FILES_SAVE_PATH) {
        Some(dir) => PathBuf::from(dir).join(beside.file_name()?),
        None => beside,
    })
}
