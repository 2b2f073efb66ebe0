//! Which hosts a play is for, in which order and in which batches; its title.

use std::sync::atomic::Ordering;

use rprov_modules::kit::Node;

use crate::engine::{Engine, show};
use crate::inventory::{
    HostName,
    pattern::{self, Mismatch},
};
use crate::playbook::Play;
use crate::report::Event;
use crate::source::Diagnostic;
use crate::template::Context;

/// The hosts of a play, as its pattern gives them. A pattern that matches nothing leaves the play out with
/// a warning, as in Ansible; if no play of the run has a host, it is an error (`last`: no other play follows).
pub(super) fn hosts(
    engine: &Engine,
    play: &Play,
    context: &Context,
    last: bool,
) -> Result<Vec<HostName>, Vec<Diagnostic>> {
    let one = |error: Diagnostic| vec![error];
    let pattern::Attempt { found: selection, missed: nothing } = attempt(engine, play, context)?;
    if let Some(missed) = nothing {
        if last && !engine.matched.load(Ordering::Relaxed)
            || engine.options.mismatch == Mismatch::Error
        {
            return Err(one(missed));
        }
        let place = missed.span().and_then(|span| show::place(&engine.loader, span));
        let helps = missed.helps().iter().map(|help| format!("; {help}"));
        engine.reporter.report(Event::Warning(format!(
            "{}{}{}",
            missed.message(),
            place.map(|place| format!(" ({})", place.trim())).unwrap_or_default(),
            helps.collect::<String>()
        )));
    }
    let missed = match engine.options.mismatch {
        Mismatch::Error if !selection.missed.is_empty() => {
            return Err(selection.missed.into_iter().map(Diagnostic::as_error).collect());
        }
        Mismatch::Ignore => &[],
        _ => &*selection.missed,
    };
    for note in missed.iter().chain(&selection.notes) {
        engine.reporter.report(Event::Warning(note.message().to_owned()));
    }
    Ok(selection.hosts)
}

fn attempt(
    engine: &Engine,
    play: &Play,
    context: &Context,
) -> Result<pattern::Attempt, Vec<Diagnostic>> {
    let one = |error: Diagnostic| vec![error];
    let rendered =
        engine.templar.render(&play.hosts, context).map_err(|error| one(error.into()))?;
    let text = match rendered.items() {
        Some(items) => pattern::of_list(items.iter().filter_map(Node::text)),
        None => rendered.text().unwrap_or_default().to_owned(),
    };
    let (inventory, limit) = (engine.world.inventory(), engine.options.limit.as_ref());
    pattern::select_or_none(&inventory, &text, play.hosts.span, limit).map_err(one)
}

/// The hosts of a play's pattern by now: its earlier batches may have added some.
pub(super) fn by_now(engine: &Engine, play: &Play, context: &Context) -> Vec<HostName> {
    attempt(engine, play, context).map(|attempt| attempt.found.hosts).unwrap_or_default()
}

pub(super) fn title(engine: &Engine, play: &Play, context: &Context) -> String {
    let node = play.name.as_ref().unwrap_or(&play.hosts);
    let rendered = engine.templar.render(node, context).unwrap_or_else(|_| node.clone());
    match rendered.items() {
        Some(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
        None => rendered.text().unwrap_or_default().to_owned(),
    }
}

/// `serial`: a number, a percentage, or a list of them whose last entry repeats.
pub(super) fn batches(
    engine: &Engine,
    play: &Play,
    context: &Context,
    hosts: &[HostName],
) -> Result<Vec<Vec<HostName>>, Vec<Diagnostic>> {
    let Some(serial) = play.chain.keywords.get("serial") else { return Ok(vec![hosts.to_vec()]) };
    let serial = engine.templar.render(serial, context).map_err(|error| vec![error.into()])?;
    let entries: Vec<&Node> =
        serial.items().map_or_else(|| vec![&serial], |items| items.iter().collect());
    let mut sizes = Vec::new();
    for entry in entries {
        let text = entry.text().unwrap_or_default();
        let size = match text.strip_suffix('%') {
            Some(percent) => {
                percent.trim().parse::<usize>().ok().map(|p| (hosts.len() * p / 100).max(1))
            }
            None => text.trim().parse::<usize>().ok(),
        };
        match size {
            Some(0) => sizes.push(hosts.len()),
            Some(size) => sizes.push(size),
            None => {
                return Err(vec![
                    Diagnostic::error(format!(
                        "expected a number of hosts or a percentage, found `{text}`"
                    ))
                    .at(entry.span, ""),
                ]);
            }
        }
    }
    let mut batches = Vec::new();
    let (mut rest, mut at) = (hosts, 0);
    while !rest.is_empty() {
        let size = sizes.get(at).or(sizes.last()).copied().unwrap_or(rest.len()).min(rest.len());
        batches.push(rest[..size].to_vec());
        rest = &rest[size..];
        at += 1;
    }
    Ok(batches)
}
