//! A run: reads everything, reports every mistake at once, then acts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{PingArgs, PlaybookArgs, RunArgs, VerbArgs};
use super::embedded::Hosts;
use super::inputs::{Inputs, collect, environment, split};
use super::project::{Environment, Project};
use super::{Exit, Result, faults, listing};
use crate::engine::{Ending, Engine, Options, Parts};
use crate::inventory::{Inventory, pattern::Limit};
use crate::playbook::{Play, TagFilter, playbook_file};
use crate::report::{AdHoc, Human, Redactor, Reporter};
use crate::session::Keyring;
use crate::source::{Diagnostic, SourceMap, render_all};
use crate::template::Templar;
use crate::vars::{InventoryVars, special};

/// How long an interrupted run may take to end the commands on its hosts.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(10);

/// What to run, and on what.
struct Plan {
    playbooks: Vec<PathBuf>,
    /// `ping`: this text instead of files.
    text: Option<&'static str>,
    environment: Option<Environment>,
    words: Vec<String>,
    keep: bool,
}

/// `rprov playbook FILE …`
pub(super) fn playbooks(map: &SourceMap, redactor: &Redactor, args: PlaybookArgs) -> Result {
    let (words, files) = split(args.words);
    if files.is_empty() {
        return Err(vec![
            Diagnostic::error("expected a playbook file")
                .help("write `rprov playbook FILE -i INVENTORY`"),
        ]);
    }
    let (environment, words) = environment(words)?;
    let plan = Plan {
        playbooks: files
            .iter()
            .map(|name| playbook_file(Path::new(name), &collections_path()))
            .collect(),
        text: None,
        environment,
        words,
        keep: false,
    };
    run(map, redactor, &plan, args.run)
}

/// `rprov VERB env=ENV …`
pub(super) fn verb(map: &SourceMap, redactor: &Redactor, name: &str, args: VerbArgs) -> Result {
    let playbook =
        Project::find().and_then(|project| project.playbook(name)).map_err(|error| vec![error])?;
    let (words, others) = split(args.words);
    if let Some(other) = others.first() {
        return Err(vec![
            Diagnostic::error(format!("expected `name=value`, found `{other}`"))
                .help(format!("for a host pattern write `--limit {other}`")),
        ]);
    }
    let (environment, words) = environment(words)?;
    if environment.is_none() && args.run.input.inventory.is_empty() {
        let known =
            Project::find().map(|project| project.environments().join(", ")).unwrap_or_default();
        return Err(vec![
            Diagnostic::error("on which environment?")
                .help(format!("write `rprov {name} env=ENV`; known environments: {known}")),
        ]);
    }
    if environment.as_ref().is_some_and(|env| env.name == "local") && !args.yes && !args.run.check {
        return Err(vec![
            Diagnostic::error("env=local changes this machine itself").help(
                "add `--yes` if that is what you want, or `--check` to see what would change",
            ),
        ]);
    }
    run(
        map,
        redactor,
        &Plan { playbooks: vec![playbook], text: None, environment, words, keep: args.keep },
        args.run,
    )
}

/// `rprov ping env=ENV`
pub(super) fn ping(map: &SourceMap, redactor: &Redactor, mut args: PingArgs) -> Result {
    const PLAY: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n";
    let (words, patterns) = split(std::mem::take(&mut args.words));
    args.run.limit.extend(patterns);
    let (environment, words) = environment(words)?;
    run(
        map,
        redactor,
        &Plan { playbooks: vec![], text: Some(PLAY), environment, words, keep: false },
        args.run,
    )
}

fn run(map: &SourceMap, redactor: &Redactor, plan: &Plan, args: RunArgs) -> Result {
    let (environment, words) = (plan.environment.as_ref(), &plan.words);
    let inputs = Inputs::read(map, redactor, environment, words, &args.input)?;
    inputs.need_inventory()?;
    let templar = Templar::new(map.clone());
    let loader = inputs.loader(map, &templar);
    let Inputs { passwords, reader, extra: extra_vars, sources, inventory, mut errors } = inputs;
    let mut limit = None;
    if let Some(inventory) = inventory.as_ref().filter(|_| !args.limit.is_empty()) {
        collect(
            &mut errors,
            Limit::new(inventory, &args.limit.join(",")).map_err(|e| vec![e]),
            |found| limit = Some(found),
        );
    }

    let mut books: Vec<(String, Vec<Play>)> = Vec::new();
    for path in &plan.playbooks {
        collect(&mut errors, loader.playbook(path), |plays| {
            books.push((path.display().to_string(), plays))
        });
    }
    if let Some(text) = plan.text {
        collect(&mut errors, loader.text_playbook("ping", text), |plays| {
            books.push(("ping".to_owned(), plays))
        });
    }
    let playbook_dir =
        plan.playbooks.first().and_then(|path| path.parent()).unwrap_or(Path::new("")).to_owned();
    let Some(inventory) = inventory else { return Err(errors) };
    let inventory_vars =
        InventoryVars::new(inventory.clone(), Some(playbook_dir.clone()), reader.clone());
    if !errors.is_empty() {
        errors.extend(faults::of_all(&inventory, &inventory_vars));
        return Err(errors);
    }
    if args.syntax_check {
        books.iter().for_each(|(name, _)| super::say(&format!("\nplaybook: {name}\n")));
        return Ok(Exit::Ok);
    }
    let tags = TagFilter::new(&args.tags, &args.skip_tags);
    if args.list_hosts || args.list_tasks || args.list_tags {
        let wanted = listing::Wanted {
            hosts: args.list_hosts,
            tasks: args.list_tasks,
            tags: args.list_tags,
        };
        for (name, plays) in &books {
            let text = listing::plays(name, plays, wanted, &inventory, limit.as_ref(), &tags)?;
            super::say(&redactor.clean(&text));
        }
        return Ok(Exit::Ok);
    }
    let plays = books.iter().flat_map(|(_, plays)| plays);
    let faults = faults::of_plays(plays, &inventory, limit.as_ref(), &inventory_vars);
    if !faults.is_empty() {
        return Err(faults);
    }
    for warning in inventory.warnings() {
        let color = super::color(&std::io::stderr());
        let shown = render_all(std::slice::from_ref(warning), map, color);
        super::complain(&redactor.clean(&shown));
    }
    let reporter: Arc<dyn Reporter> = match plan.text {
        Some(_) => Arc::new(AdHoc::new(
            Box::new(std::io::stdout()),
            super::color(&std::io::stdout()),
            redactor.clone(),
        )),
        None => Arc::new(Human::new(
            Box::new(std::io::stdout()),
            super::color(&std::io::stdout()),
            args.verbose,
            width(),
            redactor.clone(),
        )),
    };
    let absolute = std::path::absolute(if playbook_dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &playbook_dir
    })
    .unwrap_or(playbook_dir.clone());
    let options = options(&args, tags, limit)?;
    let special = special::Run {
        playbook_dir: absolute.clone(),
        check: options.check,
        diff: options.diff,
        verbosity: options.verbosity,
        forks: options.forks,
        tags: args.tags.clone(),
        skip_tags: args.skip_tags.clone(),
        limit: (!args.limit.is_empty()).then(|| args.limit.join(",")),
        sources: sources.clone(),
    };
    let again = (sources, extra_vars.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| vec![Diagnostic::error(format!("cannot start: {error}"))])?;
    let result = runtime.block_on(async {
        let mut hosts = Hosts::start(&inventory, plan.keep).await.map_err(|error| vec![error])?;
        for note in hosts.notes() {
            reporter.report(crate::report::Event::Note(note.clone()));
        }
        let options = Options { embedded: hosts.transports(), ..options };
        let engine = Engine::new(Parts {
            inventory_vars,
            reload: Box::new(move || {
                let inventory = Arc::new(Inventory::load(&again.0, &reader, &again.1)?);
                Ok(InventoryVars::new(inventory, Some(playbook_dir.clone()), reader.clone()))
            }),
            loader,
            templar,
            decrypt: Some(passwords.decrypt()),
            options,
            extra: extra_vars,
            special,
            redactor: redactor.clone(),
            reporter: reporter.clone(),
        });
        let plays: Vec<Play> = books.into_iter().flat_map(|(_, plays)| plays).collect();
        let mut run = std::pin::pin!(engine.run(plays));
        let ended = tokio::select! {
            ended = &mut run => Some(ended),
            _ = tokio::signal::ctrl_c() => {
                engine.interrupt();
                // Commands are ended; who presses again does not wait for it.
                tokio::select! {
                    _ = tokio::time::timeout(LAST_WORDS, &mut run) => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                None
            }
        };
        if args.verbose >= 3 {
            for (host, trips) in engine.round_trips().await {
                reporter.report(crate::report::Event::Note(format!(
                    "{host}: {trips} round trips after connect"
                )));
            }
        }
        engine.close().await;
        hosts.stop().await;
        Ok::<_, Vec<Diagnostic>>(ended)
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_millis(300));
    match result {
        None => {
            super::complain("interrupted: hosts keep what was done so far; run again to finish\n");
            Ok(Exit::Other)
        }
        Some(Ok(Ending::Ok)) => Ok(Exit::Ok),
        Some(Ok(Ending::Failed)) => Ok(Exit::TaskFailed),
        Some(Ok(Ending::Unreachable)) => Ok(Exit::Unreachable),
        Some(Err(errors)) => Err(errors),
    }
}

fn options(args: &RunArgs, tags: TagFilter, limit: Option<Limit>) -> Result<Options> {
    let password = |ask: bool, file: &Option<String>, question: &str| -> Result<Option<String>> {
        match (file, ask) {
            (Some(file), _) => match std::fs::read_to_string(file) {
                Ok(text) => Ok(text.lines().next().map(str::to_owned)),
                Err(error) => Err(vec![Diagnostic::error(format!(
                    "cannot read `{file}`: {}",
                    crate::vars::files::reason(&error)
                ))]),
            },
            (None, true) => match crate::report::ask(question, true) {
                Some(password) => Ok(Some(password)),
                None => Err(vec![
                    Diagnostic::error("a password is to be asked for, and there is no terminal")
                        .help("give it in a file instead"),
                ]),
            },
            (None, false) => Ok(None),
        }
    };
    Ok(Options {
        check: args.check,
        diff: !args.no_diff,
        verbosity: args.verbose,
        forks: args.forks,
        tags,
        limit,
        user: args.user.clone(),
        private_key: args.private_key.clone(),
        connection: args.connection.clone(),
        timeout: args.timeout,
        become_: args.become_,
        become_user: args.become_user.clone(),
        become_method: args.become_method.clone(),
        ssh_password: password(args.ask_pass, &args.connection_password_file, "SSH password: ")?,
        become_password: password(
            args.ask_become_pass,
            &args.become_password_file,
            "BECOME password: ",
        )?,
        force_handlers: args.force_handlers,
        start_at_task: args.start_at_task.clone(),
        pending: super::state::directory().filter(|_| !args.no_pending_handlers),
        facts: super::facts::settings(args.flush_cache).map_err(|error| vec![error])?,
        keyring: Keyring::new(Arc::new(|file| {
            crate::report::ask(&format!("Passphrase of {}: ", file.display()), true)
        })),
        ..Options::default()
    })
}

/// `ANSIBLE_COLLECTIONS_PATH`, else where ansible-galaxy puts collections.
pub(super) fn collections_path() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    match std::env::var_os("ANSIBLE_COLLECTIONS_PATH") {
        Some(paths) => std::env::split_paths(&paths).collect(),
        None => vec![home.join(".ansible/collections"), "/usr/share/ansible/collections".into()],
    }
}

/// `ANSIBLE_ROLES_PATH`, then Ansible's own places.
pub(super) fn roles_path() -> Vec<PathBuf> {
    let given = std::env::var_os("ANSIBLE_ROLES_PATH")
        .map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    given.unwrap_or_else(|| {
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ansible/roles"));
        home.into_iter()
            .chain(["/usr/share/ansible/roles".into(), "/etc/ansible/roles".into()])
            .collect()
    })
}

/// The terminal's width in columns; 80 if there is none.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns
        .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
        .unwrap_or(80)
}
