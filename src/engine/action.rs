//! Actions the engine carries out itself: they show, decide, wait or set variables.

use std::{sync::Arc, time::Duration};

use minijinja::Value;
use rprov_modules::kit::{Node, boolean};
use serde_json::Value as Json;

use super::host::Host;
use super::list::{self, Item};
use super::outcome::{Done, Failure};
use super::play::PlayRun;
use super::task::At;
use crate::playbook::{Action, Builtin, Chain, ChainLevel, Keywords, Play, Task};
use crate::report::Event;
use crate::source::Diagnostic;
use crate::template::{Context, ErrorKind};
use crate::vars::Layer;

pub(super) async fn run(at: &At<'_>, builtin: Builtin, context: &Context) -> Done {
    let done = match builtin {
        Builtin::Debug => debug(at, context),
        Builtin::Assert => assert(at, context),
        Builtin::Fail => fail(at, context),
        Builtin::SetFact => set_fact(at, context),
        Builtin::IncludeVars => include_vars(at, context),
        Builtin::Pause => pause(at, context).await,
        // Told apart before a task is acted on.
        Builtin::Meta | Builtin::IncludeRole | Builtin::IncludeTasks => Ok(Done::default()),
    };
    let mut done = done.unwrap_or_else(Done::failed);
    // It acts here all the same; the name is shown, as Ansible does.
    match super::target::delegate(at, context) {
        Ok(host) => done.delegated = host.map(|host| host.name.to_string()),
        Err(failure) => return Done::failed(failure),
    }
    done
}

/// A parameter, rendered; `None` if it is not given.
fn parameter(at: &At<'_>, context: &Context, name: &str) -> Result<Option<Value>, Failure> {
    match at.task.args.get(name) {
        Some(node) => at.play.engine.templar.value(node, context).map(Some).map_err(Failure::from),
        None => Ok(None),
    }
}

fn text(at: &At<'_>, context: &Context, name: &str) -> Result<Option<String>, Failure> {
    match at.task.args.get(name) {
        Some(node) => super::perform::text(&at.play.engine.templar, node, context),
        None => Ok(None),
    }
}

fn debug(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    if let (Some(_), Some(var)) = (at.task.args.get("msg"), at.task.args.get("var")) {
        let error = Diagnostic::error("expected `msg` or `var`, found both");
        return Err(error.at(var.span, "one too many").into());
    }
    let mut done = Done { verbose: true, ..Done::default() };
    let verbosity = text(at, context, "verbosity")?.and_then(|t| t.parse::<u8>().ok()).unwrap_or(0);
    if verbosity > at.play.engine.options.verbosity {
        done.skipped = true;
        done.verbose = false;
        done.values.insert("skipped_reason".into(), "Verbosity threshold not met.".into());
        return Ok(done);
    }
    if let Some(var) = at.task.args.get("var") {
        let name = var.text().unwrap_or_default().to_owned();
        let name = match crate::playbook::has_template(&name) {
            true => {
                super::perform::text(&at.play.engine.templar, var, context)?.unwrap_or_default()
            }
            false => name,
        };
        let value = match at.play.engine.templar.expression(&name, var.span, context) {
            Ok(value) => json(&value),
            Err(error) if error.kind == ErrorKind::Undefined => "VARIABLE IS NOT DEFINED!".into(),
            Err(error) => return Err(error.into()),
        };
        done.values.insert(name, value);
        return Ok(done);
    }
    let message =
        parameter(at, context, "msg")?.map_or("Hello world!".into(), |value| json(&value));
    done.values.insert("msg".into(), message);
    Ok(done)
}

fn assert(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let Some(that) = at.task.args.get("that") else {
        return Err(Diagnostic::error("expected `that`: what must hold")
            .at(at.task.span, "")
            .into());
    };
    let message = |names: &[&str]| -> Result<Option<Json>, Failure> {
        for name in names {
            if let Some(value) = parameter(at, context, name)? {
                return Ok(Some(json(&value)));
            }
        }
        Ok(None)
    };
    let mut done = Done::default();
    let terms: Vec<&Node> = that.items().map_or_else(|| vec![that], |items| items.iter().collect());
    for term in terms {
        if !at.play.engine.templar.condition(term, context)? {
            let why = message(&["fail_msg", "msg"])?.unwrap_or("Assertion failed".into());
            done.values.insert("assertion".into(), term.text().unwrap_or_default().into());
            done.values.insert("evaluated_to".into(), false.into());
            done.values.insert("msg".into(), why);
            done.failure = Some(
                Failure::from(Diagnostic::error("this does not hold").at(term.span, "false"))
                    .quiet(),
            );
            return Ok(done);
        }
    }
    let said = message(&["success_msg"])?.unwrap_or("All assertions passed".into());
    done.values.insert("msg".into(), said);
    done.verbose = !text(at, context, "quiet")?.and_then(|t| boolean(&t)).unwrap_or(false);
    Ok(done)
}

fn fail(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let message =
        text(at, context, "msg")?.unwrap_or_else(|| "Failed as requested from task".to_owned());
    Ok(Done { failure: Some(Failure::new(message)), ..Done::default() })
}

fn set_fact(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let mut done = Done::default();
    let mut facts = serde_json::Map::new();
    let mut set = Vec::new();
    let mut cacheable = false;
    let args = match at.task.args.entries() {
        Some(_) => at.task.args.clone(),
        None => at.play.engine.templar.render(&at.task.args, context)?,
    };
    for entry in args.entries().unwrap_or_default() {
        let name = match entry.key.text() {
            Some(name) if crate::playbook::has_template(name) => {
                super::perform::text(&at.play.engine.templar, &entry.key, context)?
                    .unwrap_or_default()
            }
            name => name.unwrap_or_default().to_owned(),
        };
        if name == "cacheable" {
            cacheable = entry.value.text().and_then(boolean).unwrap_or(false);
            continue;
        }
        if name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || !name.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            return Err(Diagnostic::error(format!("`{name}` is no name for a variable"))
                .at(entry.key.span, "")
                .help("use letters, digits and underscores")
                .into());
        }
        let value = at.play.engine.templar.value(&entry.value, context)?;
        facts.insert(name.clone(), json(&value));
        set.push((name, value));
    }
    if set.is_empty() {
        return Err(Diagnostic::error("expected at least one variable to set")
            .at(at.task.span, "sets nothing")
            .help("write `name: value` below it")
            .into());
    }
    at.host.set(set.clone());
    done.learnt.set = set;
    done.sets_variables = !cacheable;
    done.values.insert("ansible_facts".into(), facts.into());
    Ok(done)
}

fn include_vars(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let loader = &at.play.engine.loader;
    let mut files = Vec::new();
    if let Some(dir) = text(at, context, "dir")? {
        let Some(found) = context.search.find("vars", &dir) else {
            return Err(Diagnostic::error(format!("there is no directory `{dir}`"))
                .at(at.task.span, "")
                .into());
        };
        let choice = Choice::new(at, context)?;
        files_below(&found, 1, &choice, at)?.into_iter().for_each(|file| files.push(file));
    } else {
        let Some(file) = text(at, context, "file")? else {
            return Err(Diagnostic::error("expected `file` or `dir`")
                .at(at.task.span, "includes nothing")
                .into());
        };
        match context.search.find("vars", &file) {
            Some(found) => files.push(found),
            None => {
                let mut error =
                    Diagnostic::error(format!("there is no file of variables `{file}`"))
                        .at(at.task.args.get("file").map_or(at.task.span, |n| n.span), "not found");
                for tried in
                    context.search.candidates("vars", std::path::Path::new(&file)).iter().take(6)
                {
                    error = error.note(format!("looked for `{}`", tried.display()));
                }
                return Err(error.into());
            }
        }
    }
    let mut layer = Layer::default();
    for file in &files {
        let node = loader.file(file, Some(at.task.span))?;
        layer.extend(Layer::from_node(&node)?);
    }
    let mut done = Done::default();
    if let Some(name) = text(at, context, "name")? {
        let mut entries = Vec::new();
        for (key, binding) in layer.iter() {
            if let crate::template::Raw::Node(node) = &binding.value {
                entries.push(rprov_modules::kit::Entry {
                    key: Node::string(binding.origin, key),
                    value: node.clone(),
                });
            }
        }
        let mut whole = Layer::default();
        whole.insert(
            name,
            crate::template::Raw::Node(Node::map(at.task.span, entries)),
            at.task.span,
        );
        layer = whole;
    }
    let mut values = serde_json::Map::new();
    for (name, binding) in layer.iter() {
        if let crate::template::Raw::Node(node) = &binding.value {
            values.insert(name.to_owned(), json(&crate::template::from_node(node)));
        }
    }
    done.values.insert("ansible_facts".into(), values.into());
    done.sets_variables = true;
    at.host.include(layer.clone());
    done.learnt.included = Some(layer);
    done.values.insert(
        "ansible_included_var_files".into(),
        files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().into(),
    );
    Ok(done)
}

/// Which files of a directory `include_vars` reads.
struct Choice {
    /// How many directories deep. Default: all.
    depth: usize,
    matching: Option<fancy_regex::Regex>,
    ignored: Vec<fancy_regex::Regex>,
    /// Default: yml, yaml, json.
    extensions: Vec<String>,
    ignore_unknown: bool,
}

impl Choice {
    fn new(at: &At<'_>, context: &Context) -> Result<Choice, Failure> {
        let words = |name: &str| -> Result<Option<Vec<String>>, Failure> {
            let Some(value) = parameter(at, context, name)? else { return Ok(None) };
            Ok(Some(match value.as_str() {
                Some(one) => vec![one.to_owned()],
                None => value.try_iter().into_iter().flatten().map(|v| v.to_string()).collect(),
            }))
        };
        let regex = |pattern: &str| {
            fancy_regex::Regex::new(pattern).map_err(|error| {
                Failure::new(format!("`{pattern}` is no regular expression: {error}"))
            })
        };
        let depth = text(at, context, "depth")?.and_then(|t| t.parse().ok()).filter(|d| *d > 0);
        let ignored = words("ignore_files")?.unwrap_or_default();
        Ok(Choice {
            depth: depth.unwrap_or(usize::MAX),
            matching: text(at, context, "files_matching")?.map(|p| regex(&p)).transpose()?,
            ignored: ignored.iter().map(|p| regex(p)).collect::<Result<_, _>>()?,
            extensions: words("extensions")?
                .unwrap_or_else(|| ["yml", "yaml", "json"].map(str::to_owned).to_vec()),
            ignore_unknown: text(at, context, "ignore_unknown_extensions")?
                .and_then(|t| boolean(&t))
                .unwrap_or(false),
        })
    }
}

/// The chosen files, in the order of names; those of a directory before those of the ones in it.
fn files_below(
    dir: &std::path::Path,
    depth: usize,
    choice: &Choice,
    at: &At<'_>,
) -> Result<Vec<std::path::PathBuf>, Failure> {
    let mut inside: Vec<_> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    inside.sort();
    let (dirs, files): (Vec<_>, Vec<_>) = inside.into_iter().partition(|path| path.is_dir());
    let mut chosen = Vec::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is = |regex: &fancy_regex::Regex| regex.is_match(&*name).unwrap_or(false);
        if choice.ignored.iter().any(is) || choice.matching.as_ref().is_some_and(|m| !is(m)) {
            continue;
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if choice.extensions.iter().any(|known| *known == extension) {
            chosen.push(path.clone());
        } else if !choice.ignore_unknown {
            let known = choice.extensions.join(", ");
            let error = Diagnostic::error(format!("`{}` is not one of: {known}", path.display()));
            return Err(error
                .at(at.task.span, "reads this directory")
                .help("`ignore_unknown_extensions: true` passes over such files")
                .into());
        }
    }
    if depth < choice.depth {
        for dir in dirs {
            chosen.extend(files_below(&dir, depth + 1, choice, at)?);
        }
    }
    Ok(chosen)
}

async fn pause(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let number = |name: &str| -> Result<Option<f64>, Failure> {
        match text(at, context, name)? {
            None => Ok(None),
            Some(text) => match text.trim().parse::<f64>() {
                Ok(number) if number >= 0.0 => Ok(Some(number)),
                _ => Err(Diagnostic::error(format!("expected a number, found `{text}`"))
                    .at(at.task.span, "")
                    .into()),
            },
        }
    };
    let seconds = match (number("minutes")?, number("seconds")?) {
        (Some(minutes), _) => Some(minutes * 60.0),
        (None, seconds) => seconds,
    };
    let mut done = Done::default();
    let begun = std::time::Instant::now();
    match seconds {
        Some(seconds) => {
            tokio::time::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default()).await;
            done.values.insert("user_input".into(), "".into());
        }
        None => {
            let question = text(at, context, "prompt")?
                .unwrap_or_else(|| "Press enter to continue".to_owned());
            let echo = text(at, context, "echo")?.and_then(|t| boolean(&t)).unwrap_or(true);
            let answer = tokio::task::spawn_blocking(move || {
                crate::report::ask(&format!("{question}:\n"), !echo)
            })
            .await
            .ok()
            .flatten();
            done.values.insert("user_input".into(), answer.unwrap_or_default().into());
        }
    }
    done.values.insert("delta".into(), begun.elapsed().as_secs().into());
    Ok(done)
}

/// `meta`: acts on the run itself.
pub(super) async fn meta(play: &Arc<PlayRun>, task: &Arc<Task>, hosts: &[Arc<Host>]) {
    let action = task.args.get("action").and_then(Node::text).unwrap_or_default().to_owned();
    let mut chosen = Vec::new();
    // What concerns the whole play is decided by the first host, as in Ansible.
    let asked = match action.as_str() {
        "end_host" | "end_role" | "clear_facts" | "reset_connection" => hosts,
        _ => &hosts[..1],
    };
    for host in asked {
        let holds = play.context(host, Some(task)).map_err(Failure::from_all).and_then(|context| {
            task.chain.all("when").into_iter().try_fold(true, |all, when| {
                Ok(all && play.engine.templar.condition(when, &context).map_err(Failure::from)?)
            })
        });
        match holds {
            Ok(true) => chosen.push(host.clone()),
            Ok(false) => {}
            Err(failure) => match failure.diagnostic {
                Some(diagnostic) => list::refuse(play, host, &[*diagnostic]),
                None => list::refuse(play, host, &[Diagnostic::error(failure.message)]),
            },
        }
    }
    if chosen.is_empty() {
        return;
    }
    match action.as_str() {
        "flush_handlers" => Box::pin(list::flush_handlers(play)).await,
        "end_play" => {
            play.end();
            play.alive().iter().for_each(|host| host.progress().ended = true);
        }
        "end_batch" => play.alive().iter().for_each(|host| host.progress().ended = true),
        "end_host" => chosen.iter().for_each(|host| host.progress().ended = true),
        "clear_facts" => chosen.iter().for_each(|host| host.clear_facts()),
        "end_role" => {
            if task.role().is_none() {
                let error = Diagnostic::error("`end_role` ends a role, and this is none");
                let error = error.at(task.span, "not in a role");
                chosen
                    .iter()
                    .for_each(|host| list::refuse(play, host, std::slice::from_ref(&error)));
            }
            chosen.iter().for_each(|host| host.progress().left = task.role().cloned());
        }
        "clear_host_errors" => {
            play.batch().iter().for_each(|host| host.progress().forgiven = true);
        }
        "reset_connection" => {
            for host in &chosen {
                host.link.lock().await.close();
            }
        }
        "noop" | "refresh_inventory" => {}
        other => {
            let error = Diagnostic::error(format!("unknown meta action `{other}`")).at(task.span, "").help("known: flush_handlers, end_play, end_batch, end_host, end_role, clear_facts, clear_host_errors, reset_connection, noop");
            chosen.iter().for_each(|host| list::refuse(play, host, std::slice::from_ref(&error)));
        }
    }
    if action == "refresh_inventory" {
        play.engine
            .reporter
            .report(Event::Warning("the inventory is not read again during a run".to_owned()));
    }
}

/// The task that gathers facts at the beginning of a play.
pub(super) fn fact_task(play: &Play) -> Option<Item> {
    let spec = rprov_modules::find("setup")?;
    let mut args = Node::map(play.span, Vec::new());
    for name in ["gather_subset", "gather_timeout"] {
        if let Some(node) = play.chain.keywords.get(name) {
            args.set(name, node.clone());
        }
    }
    let chain = Chain {
        // In a play with tags, facts are gathered when those are wanted.
        keywords: match play.chain.nearest("tags") {
            Some(_) => Keywords::default(),
            None => Keywords::always(),
        },
        level: ChainLevel::Task,
        vars: Arc::default(),
        role: None,
        dir: play.dir.clone(),
        up: Some(play.chain.clone()),
    };
    Some(Item::Task(Arc::new(Task {
        name: Some(Node::string(play.span, "Gathering Facts")),
        action: Action::Module(spec),
        written: "setup".to_owned(),
        args,
        chain: Arc::new(chain),
        span: play.span,
    })))
}

fn json(value: &Value) -> Json {
    serde_json::to_value(value).unwrap_or(Json::Null)
}
