//! A play over its hosts: which hosts, in which batches, its files of variables, its handlers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use rprov_modules::kit::{Node, boolean};

use super::Engine;
use super::host::Host;
use super::list::{self, Rest};
use crate::inventory::{HostName, pattern};
use crate::playbook::{Play, Role, Task};
use crate::report::Event;
use crate::source::Diagnostic;
use crate::template::Context;
use crate::vars::{Layer, special};

/// A play at work on one batch of hosts.
pub(super) struct PlayRun {
    pub(super) engine: Arc<Engine>,
    pub(super) play: Arc<Play>,
    pub(super) prompted: Arc<Layer>,
    /// `vars_files` by host.
    pub(super) files: Mutex<HashMap<HostName, Arc<Layer>>>,
    batch: Vec<Arc<Host>>,
    /// Handlers in order; those of roles included at run time come last.
    handlers: RwLock<Vec<Arc<Task>>>,
    roles: RwLock<Vec<Arc<Role>>>,
    special: Arc<Layer>,
    /// `meta: end_play`: no further batch.
    ended: std::sync::atomic::AtomicBool,
}

/// Runs a play; false if the run must not go on to the next one.
pub(super) async fn run(engine: &Arc<Engine>, play: Arc<Play>) -> Result<bool, Vec<Diagnostic>> {
    let hosts = hosts(engine, &play)?;
    let name = title(engine, &play);
    hosts.iter().for_each(|name| engine.host(name).forgive());
    if hosts.is_empty() {
        engine.reporter.report(Event::Play { name: name.clone() });
        engine.reporter.report(Event::NoHosts { reason: "no hosts matched".to_owned() });
        return Ok(true);
    }
    engine.matched.store(true, std::sync::atomic::Ordering::Relaxed);
    // The files of variables of all hosts, so that all their mistakes are told together.
    let mut errors = Vec::new();
    for host in hosts.iter().filter_map(|name| engine.inventory.host(name)) {
        errors.extend(engine.inventory_vars.layers(host).err().unwrap_or_default());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let prompted = Arc::new(prompt(&play)?);
    let alive: Vec<HostName> =
        hosts.iter().filter(|name| engine.host(name).whole()).cloned().collect();
    if alive.is_empty() {
        // All of them failed in earlier plays; others may go on in later ones.
        engine.reporter.report(Event::Play { name });
        return Ok(true);
    }
    alive.iter().for_each(|name| engine.host(name).begin_play());
    let batches = batches(engine, &play, &alive)?;
    for batch in batches {
        let batch: Vec<Arc<Host>> = batch.iter().map(|name| engine.host(name)).collect();
        let run = Arc::new(PlayRun {
            engine: engine.clone(),
            play: play.clone(),
            prompted: prompted.clone(),
            files: Mutex::default(),
            handlers: RwLock::new(play.handlers.clone()),
            roles: RwLock::new(play.roles.clone()),
            special: special(engine, &play, &name, &hosts, &batch),
            batch,
            ended: std::sync::atomic::AtomicBool::new(false),
        });
        engine.reporter.report(Event::Play { name: name.clone() });
        run.read_vars_files().await;
        run.run().await;
        if run.stops_here() {
            return Ok(false);
        }
        if run.ended.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
    }
    Ok(true)
}

fn hosts(engine: &Engine, play: &Play) -> Result<Vec<HostName>, Vec<Diagnostic>> {
    let one = |error: Diagnostic| vec![error];
    let scope = crate::vars::Layers::default()
        .with(crate::vars::Level::Play, play.vars.clone())
        .with(crate::vars::Level::Extra, engine.extra.clone());
    let context = Context::new(Arc::new(scope), crate::template::Search::default());
    let rendered =
        engine.templar.render(&play.hosts, &context).map_err(|error| one(error.into()))?;
    let text = match rendered.items() {
        Some(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
        None => rendered.text().unwrap_or_default().to_owned(),
    };
    let selection =
        pattern::select(&engine.inventory, &text, play.hosts.span, engine.options.limit.as_ref())
            .map_err(one)?;
    for note in &selection.notes {
        engine.reporter.report(Event::Warning(note.message().to_owned()));
    }
    let mut hosts = selection.hosts;
    match play.chain.keywords.get("order").and_then(Node::text) {
        Some("sorted") => hosts.sort(),
        Some("reverse_sorted") => {
            hosts.sort();
            hosts.reverse();
        }
        Some("reverse_inventory") => hosts.reverse(),
        Some("shuffle") => {
            use rand::seq::SliceRandom;
            hosts.shuffle(&mut rand::rng());
        }
        _ => {}
    }
    Ok(hosts)
}

fn title(engine: &Engine, play: &Play) -> String {
    let node = play.name.as_ref().unwrap_or(&play.hosts);
    let scope = crate::vars::Layers::default()
        .with(crate::vars::Level::Play, play.vars.clone())
        .with(crate::vars::Level::Extra, engine.extra.clone());
    let context = Context::new(Arc::new(scope), crate::template::Search::default());
    let rendered = engine.templar.render(node, &context).unwrap_or_else(|_| node.clone());
    match rendered.items() {
        Some(items) => items.iter().filter_map(Node::text).collect::<Vec<_>>().join(","),
        None => rendered.text().unwrap_or_default().to_owned(),
    }
}

/// `serial`: a number, a percentage, or a list of them whose last entry repeats.
fn batches(
    engine: &Engine,
    play: &Play,
    hosts: &[HostName],
) -> Result<Vec<Vec<HostName>>, Vec<Diagnostic>> {
    let Some(serial) = play.chain.keywords.get("serial") else { return Ok(vec![hosts.to_vec()]) };
    let scope = crate::vars::Layers::default()
        .with(crate::vars::Level::Play, play.vars.clone())
        .with(crate::vars::Level::Extra, engine.extra.clone());
    let context = Context::new(Arc::new(scope), crate::template::Search::default());
    let serial = engine.templar.render(serial, &context).map_err(|error| vec![error.into()])?;
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

/// `vars_prompt`, asked on the terminal; without one the default counts.
fn prompt(play: &Play) -> Result<Layer, Vec<Diagnostic>> {
    let mut layer = Layer::default();
    for entry in &play.vars_prompt {
        let field = |key: &str| entry.get(key).and_then(Node::text);
        let Some(name) = field("name") else {
            return Err(vec![
                Diagnostic::error("expected `name` in `vars_prompt`").at(entry.span, ""),
            ]);
        };
        let private = field("private").and_then(boolean).unwrap_or(true);
        let text = format!("{}: ", field("prompt").unwrap_or(name));
        let answer = crate::report::ask(&text, private).filter(|answer| !answer.is_empty());
        let value = match answer.or(field("default").map(str::to_owned)) {
            Some(value) => value,
            None => {
                return Err(vec![
                    Diagnostic::error(format!("no value was given for `{name}`"))
                        .at(entry.span, "")
                        .help(format!("give it on the command line: `-e {name}=…`")),
                ]);
            }
        };
        layer.set(name, value);
    }
    Ok(layer)
}

fn special(
    engine: &Arc<Engine>,
    play: &Play,
    name: &str,
    all: &[HostName],
    batch: &[Arc<Host>],
) -> Arc<Layer> {
    let hosts: Vec<HostName> =
        all.iter().filter(|name| engine.host(name).alive()).cloned().collect();
    let batch: Vec<HostName> = batch.iter().map(|host| host.name.clone()).collect();
    let mut layer = engine.special.layer(&engine.inventory, super::include::hostvars(engine));
    layer.extend(special::Play { name, all, hosts: &hosts, batch: &batch }.layer());
    let here = match play.dir.as_os_str().is_empty() {
        true => std::path::Path::new("."),
        false => &play.dir,
    };
    // An imported playbook has its own.
    if let Ok(dir) = std::path::absolute(here) {
        layer.set("playbook_dir", dir.to_string_lossy());
    }
    Arc::new(layer)
}

impl PlayRun {
    pub(super) fn roles(&self) -> Vec<Arc<Role>> {
        self.roles.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn special(&self) -> Arc<Layer> {
        self.special.clone()
    }

    pub(super) fn handlers(&self) -> Vec<Arc<Task>> {
        self.handlers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an include at run time adds to the play.
    pub(super) fn gain(&self, handlers: Vec<Arc<Task>>, roles: Vec<Arc<Role>>) {
        let mut known = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        for handler in handlers {
            if !known.iter().any(|other| other.span == handler.span) {
                known.push(handler);
            }
        }
        self.roles.write().unwrap_or_else(PoisonError::into_inner).extend(roles);
    }

    pub(super) fn batch(&self) -> &[Arc<Host>] {
        &self.batch
    }

    pub(super) fn alive(&self) -> Vec<Arc<Host>> {
        self.batch.iter().filter(|host| host.alive()).cloned().collect()
    }

    async fn run(self: &Arc<Self>) {
        let facts = self.fact_task();
        let mut phases = self.play.phases.clone();
        if let Some(task) = facts {
            let first: Vec<_> = std::iter::once(task).chain(phases[0].iter().cloned()).collect();
            phases[0] = first.into();
        }
        let free = self
            .play
            .chain
            .keywords
            .get("strategy")
            .and_then(Node::text)
            .is_some_and(|s| s.ends_with("free") || s.ends_with("host_pinned"));
        for (at, phase) in phases.iter().enumerate() {
            // What comes after this phase, for looking ahead.
            let after = phases[at + 1..]
                .iter()
                .rev()
                .fold(None, |up, items| Some(Rest::new(items.clone(), up)));
            let rest = Rest::new(phase.clone(), after);
            if free {
                let mut set = tokio::task::JoinSet::new();
                for host in self.alive() {
                    let (run, rest) = (self.clone(), rest.clone());
                    set.spawn(async move { list::run(&run, &rest, vec![host]).await });
                }
                set.join_all().await;
            } else {
                list::run(self, &rest, self.alive()).await;
            }
            list::flush_handlers(self).await;
        }
    }

    /// The task that gathers facts, unless the play says no.
    fn fact_task(&self) -> Option<list::Item> {
        let wanted = match self.play.chain.keywords.get("gather_facts") {
            Some(node) => boolean(&self.plain(node)).unwrap_or(true),
            None => true,
        };
        if !wanted {
            return None;
        }
        super::action::fact_task(&self.play)
    }

    /// `vars_files` of every host: the first existing file of each entry.
    async fn read_vars_files(self: &Arc<Self>) {
        if self.play.vars_files.is_empty() {
            return;
        }
        for host in self.alive() {
            match self.vars_files_of(&host) {
                Ok(layer) => {
                    self.files
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(host.name.clone(), Arc::new(layer));
                }
                Err(errors) => list::refuse(self, &host, &errors),
            }
        }
    }

    fn vars_files_of(&self, host: &Host) -> Result<Layer, Vec<Diagnostic>> {
        let context = self.context(host, None)?;
        let mut layer = Layer::default();
        for entry in &self.play.vars_files {
            let choices: Vec<&Node> =
                entry.items().map_or_else(|| vec![entry], |items| items.iter().collect());
            let mut found = None;
            let mut tried = Vec::new();
            for choice in choices {
                let name = self
                    .engine
                    .templar
                    .render(choice, &context)
                    .map_err(|error| vec![error.into()])?;
                let path = self.play.dir.join(name.text().unwrap_or_default());
                if path.is_file() {
                    found = Some(path);
                    break;
                }
                tried.push(path);
            }
            let Some(path) = found else {
                let mut error = Diagnostic::error("there is no such file of variables")
                    .at(entry.span, "not found");
                for path in tried {
                    error = error.note(format!("looked for `{}`", path.display()));
                }
                return Err(vec![error]);
            };
            let node =
                self.engine.loader.file(&path, Some(entry.span)).map_err(|error| vec![error])?;
            layer.extend(Layer::from_node(&node).map_err(|error| vec![error])?);
        }
        Ok(layer)
    }

    /// `meta: end_play`.
    pub(super) fn end(&self) {
        self.ended.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether more hosts of the batch have failed than `max_fail_percentage` allows.
    pub(super) fn too_many_failed(&self) -> bool {
        self.play.chain.keywords.get("max_fail_percentage").is_some() && self.stops_here()
    }

    /// Whether too many hosts of the batch have failed for the play to go on.
    fn stops_here(&self) -> bool {
        let failed = self.batch.iter().filter(|host| !host.whole()).count();
        if failed == 0 {
            return false;
        }
        let limit = self
            .play
            .chain
            .keywords
            .get("max_fail_percentage")
            .and_then(Node::text)
            .and_then(|t| t.parse::<f64>().ok());
        match limit {
            Some(limit) => failed as f64 / self.batch.len() as f64 * 100.0 > limit,
            None => failed == self.batch.len(),
        }
    }
}
