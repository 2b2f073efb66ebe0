//! `include_tasks` and `include_role`: lists that are only known while the play runs; `hostvars`.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
};

use rprov_modules::kit::Node;
use serde_json::{Map, Value};

use super::Engine;
use super::host::Host;
use super::list::{self, Rest};
use super::outcome::Failure;
use super::play::PlayRun;
use super::show;
use super::task::At;
use crate::playbook::{
    Builtin, Chain, ChainLevel, Included, Keywords, Task, Wanted as Role, find_tasks,
};
use crate::report::Event;
use crate::source::Diagnostic;
use crate::template::{Context, Raw, from_node};
use crate::vars::{Layer, Layers, Level, hostvars as all};

/// What a host wants to run next.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    what: What,
    /// `apply` as it is rendered: hosts for which it differs run for themselves, as in Ansible.
    applied: String,
    /// The loop's variables, seen by what is included.
    pub(super) variables: Vec<(String, Raw)>,
    /// What stands for the item on the screen.
    pub(super) label: Option<String>,
    /// What `register` gets.
    pub(super) result: Map<String, Value>,
}

#[derive(Debug, Clone)]
enum What {
    Tasks(PathBuf),
    /// There is no such file. It is no failure of the task: nothing can ignore it.
    Missing(Diagnostic),
    Role(Box<Role>),
}

impl What {
    fn name(&self) -> String {
        match self {
            What::Tasks(path) => path.display().to_string(),
            What::Missing(error) => error.message().to_owned(),
            What::Role(role) => role.name.clone(),
        }
    }
}

/// How deep includes may be inside each other. A file that includes itself until something holds
/// needs a few; one that never ends would take all memory.
const DEEPEST: usize = 200;

fn endless(task: &Task, what: &What, rest: &Rest) -> Diagnostic {
    let name = what.name();
    let mut way = vec![name.as_str()];
    for outer in rest.includes() {
        way.push(outer);
        if outer == name {
            break;
        }
    }
    let way: Vec<String> = way.iter().rev().map(|name| format!("`{name}`")).collect();
    Diagnostic::error(format!("`{name}` is included {DEEPEST} levels deep"))
        .at(task.span, "included here again")
        .note(way.join(" → "))
        .help("let a condition (`when`) end it")
}

/// Reads the arguments of an include for one host.
pub(super) fn wanted(at: &At<'_>, builtin: Builtin, context: &Context) -> Result<Wanted, Failure> {
    let args = at.play.engine.templar.render(&at.task.args, context).map_err(Failure::from)?;
    let result = result(builtin, &args);
    let what = if builtin == Builtin::IncludeRole {
        match Role::from_args(&args) {
            Some(role) => What::Role(Box::new(role)),
            None => {
                return Err(Failure::from(
                    Diagnostic::error("expected the name of a role")
                        .at(at.task.span, "includes nothing"),
                ));
            }
        }
    } else {
        let Some(file) = args.get("file") else {
            return Err(Failure::from(
                Diagnostic::error("expected the name of a file")
                    .at(at.task.span, "includes nothing"),
            ));
        };
        let name = file.text().unwrap_or_default();
        match find_tasks(name, &at.task.chain, &at.play.play.dir) {
            Some(path) => What::Tasks(path),
            None => What::Missing(
                Diagnostic::error(format!("there is no task file `{name}`"))
                    .at(file.span, "not found"),
            ),
        }
    };
    let applied = result["include_args"]["apply"].to_string();
    Ok(Wanted { what, applied, variables: Vec::new(), label: None, result })
}

/// `include`, the file as it is named, and `include_args`, the other parameters.
fn result(builtin: Builtin, args: &Node) -> Map<String, Value> {
    let json = |node: &Node| serde_json::to_value(from_node(node)).unwrap_or_default();
    let mut result = Map::new();
    let mut others = Map::new();
    for entry in args.entries().unwrap_or_default() {
        match (entry.key.text().unwrap_or_default(), builtin) {
            ("file", Builtin::IncludeTasks) => {
                result.insert("include".to_owned(), json(&entry.value));
            }
            (name, _) => {
                others.insert(name.to_owned(), json(&entry.value));
            }
        }
    }
    result.insert("include_args".to_owned(), others.into());
    result
}

/// Runs what hosts want, the same for all that want the same, in the order it was first wanted.
pub(super) async fn run(
    play: &Arc<PlayRun>,
    task: &Arc<Task>,
    wanted: Vec<(Arc<Host>, Vec<Wanted>)>,
    rest: &Arc<Rest>,
    next: usize,
) {
    let mut groups: Vec<(String, Wanted, Vec<Arc<Host>>)> = Vec::new();
    for (host, list) in &wanted {
        for one in list {
            let key = format!("{:?} {:?} {}", one.what, one.variables, one.applied);
            let same = groups.iter_mut().find(|(known, _, hosts)| {
                *known == key && !hosts.iter().any(|other| Arc::ptr_eq(other, host))
            });
            match same {
                Some((.., hosts)) => hosts.push(host.clone()),
                None => groups.push((key, one.clone(), vec![host.clone()])),
            }
        }
    }
    let mut ready: Vec<(String, Included, Vec<Arc<Host>>)> = Vec::new();
    for (_, one, hosts) in groups {
        let loaded = match rest.includes().count() >= DEEPEST {
            true => Err(vec![endless(task, &one.what, rest)]),
            false => load(play, task, &one),
        };
        play.engine.warn();
        match loaded {
            Ok(included) => {
                let path = one.what.name();
                for host in &hosts {
                    let mut progress = host.progress();
                    progress.stats.ok += 1;
                    task.role().into_iter().for_each(|role| progress.acted_in(role));
                }
                play.engine.reporter.report(Event::Included {
                    path: path.clone(),
                    hosts: hosts.iter().map(|host| host.name.to_string()).collect(),
                    item: one.label,
                });
                ready.push((path, included, hosts));
            }
            Err(errors) => hosts.iter().for_each(|host| show::refuse(play, host, &errors)),
        }
    }
    for (path, included, hosts) in ready {
        play.gain(included.handlers, included.roles, included.names);
        let inner = Rest::included(included.items.into(), rest, next, path);
        let play = play.clone();
        // Of its own, so that includes inside includes need no deeper stack.
        let run = tokio::spawn(async move { list::run(&play, &inner, hosts).await });
        if let Err(error) = run.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

fn load(play: &PlayRun, task: &Task, wanted: &Wanted) -> Result<Included, Vec<Diagnostic>> {
    let mut vars = (*task.chain.vars).clone();
    for (name, value) in &wanted.variables {
        vars.insert(name.clone(), value.clone(), Default::default());
    }
    // `apply` is a block around what is included; only whether it can be rendered was asked of it before.
    let apply = task.args.get("apply");
    let applied = match apply.and_then(|apply| apply.get("vars")) {
        Some(vars) => Layer::from_node(vars).map_err(|error| vec![error])?,
        None => Layer::default(),
    };
    let chain = |keywords, level, vars, dir, up| {
        let role = task.chain.role.clone();
        Arc::new(Chain { keywords, level, vars: Arc::new(vars), role, dir, up })
    };
    let collections = Keywords::default().or("collections", task.keyword("collections"));
    let level = |dir: PathBuf| {
        let own = chain(collections, ChainLevel::Include, vars, dir.clone(), task.chain.up.clone());
        chain(Keywords::applied(apply), ChainLevel::Block, applied, dir, Some(own))
    };
    match &wanted.what {
        What::Tasks(path) => {
            let dir = path.parent().map(PathBuf::from).unwrap_or_default();
            play.engine.loader.tasks(path, task.span, &level(dir), &play.play.dir)
        }
        What::Missing(error) => Err(vec![error.clone()]),
        What::Role(role) => {
            let chain = level(task.chain.dir.clone());
            play.engine.loader.role(role, &chain, &play.play.dir)
        }
    }
}

/// `hostvars`: every host as it sees itself, with what the run has found out about it so far.
pub(super) fn hostvars(engine: &Arc<Engine>) -> minijinja::Value {
    all::hostvars(
        engine.world.inventory(),
        engine.templar.clone(),
        Arc::new(Contexts(Arc::downgrade(engine))),
    )
}

/// The variables of one host as it sees itself.
pub(super) fn view(engine: &Arc<Engine>, host: &crate::inventory::Host) -> minijinja::Value {
    all::one(host, engine.templar.clone(), &Contexts(Arc::downgrade(engine)))
}

struct Contexts(Weak<Engine>);

impl all::Contexts for Contexts {
    fn context(&self, host: &crate::inventory::Host) -> Result<Context, String> {
        let Some(engine) = self.0.upgrade() else { return Err("the run is over".to_owned()) };
        let known = engine.host(&host.name);
        if let Some(context) = known.own_context() {
            return Ok(context);
        }
        let mut layers: Layers = engine.world.vars().layers(host).map_err(|errors| {
            errors.first().map_or_else(String::new, |error| error.message().to_owned())
        })?;
        let learnt = known.learnt();
        layers.push(Level::Facts, learnt.facts.vars);
        layers.push(Level::IncludeVars, learnt.included);
        layers.push(Level::SetFact, learnt.set);
        layers.push(Level::Extra, engine.extra.clone());
        let context = Context::new(Arc::new(layers), crate::template::Search::default());
        let context = match &engine.decrypt {
            Some(decrypt) => context.decrypt_with(decrypt.clone()),
            None => context,
        };
        known.keep_context(&context);
        Ok(context)
    }
}
