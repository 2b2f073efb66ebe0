//! `rprov playbook`, `rprov VERB`, `rprov ping`: from words to what is to be run.

use std::path::{Path, PathBuf};

use rprov_modules::kit::nearest;

use super::Result;
use super::args::{PingArgs, PlaybookArgs, VerbArgs};
use super::basis::Basis;
use super::inputs::{environment, split};
use super::project::{Environment, Project};
use super::run::run;
use crate::config::{COLLECTIONS_PATH, INVENTORY};
use crate::playbook::playbook_file;
use crate::source::Diagnostic;

/// What to run, and on what.
pub(super) struct Plan {
    pub(super) playbooks: Vec<PathBuf>,
    /// This text instead of files.
    pub(super) text: Option<String>,
    pub(super) look: Look,
    pub(super) environment: Option<Environment>,
    pub(super) words: Vec<String>,
    pub(super) keep: bool,
    /// The directory that stands for the playbook's.
    pub(super) playbook_dir: Option<PathBuf>,
}

/// In which form a run is shown.
pub(super) enum Look {
    /// As the settings say.
    Plays,
    Ping,
    /// One task.
    AdHoc {
        one_line: bool,
        tree: Option<PathBuf>,
    },
}

/// `rprov playbook FILE …`
pub(super) fn playbooks(basis: &Basis, args: PlaybookArgs) -> Result {
    let (words, files) = split(args.words);
    if files.is_empty() {
        return Err(vec![
            Diagnostic::error("expected a playbook file")
                .help("write `rprov playbook FILE -i INVENTORY`"),
        ]);
    }
    let (environment, words) = environment(words)?;
    let collections = basis.config.list(&COLLECTIONS_PATH);
    let collections: Vec<PathBuf> = collections.into_iter().map(PathBuf::from).collect();
    let plan = Plan {
        playbooks: files.iter().map(|name| playbook_file(Path::new(name), &collections)).collect(),
        text: None,
        look: Look::Plays,
        environment,
        words,
        keep: false,
        playbook_dir: None,
    };
    run(basis, &plan, &args.run)
}

/// `rprov VERB env=ENV …`
pub(super) fn verb(basis: &Basis, name: &str, args: VerbArgs) -> Result {
    let playbook = Project::here().and_then(|project| project.playbook(name));
    let playbook = playbook.map_err(|error| vec![error])?;
    let (words, others) = split(args.words);
    if let Some(other) = others.first() {
        return Err(vec![
            Diagnostic::error(format!("expected `name=value`, found `{other}`"))
                .help(format!("for a host pattern write `--limit {other}`")),
        ]);
    }
    let (environment, words) = environment(words)?;
    let elsewhere =
        !args.run.input.inventory.is_empty() || basis.config.given(&INVENTORY).is_some();
    if environment.is_none() && !elsewhere {
        let known =
            Project::find().map(|project| project.environments().join(", ")).unwrap_or_default();
        let error = Diagnostic::error("on which environment?");
        // A variable that is almost called so.
        let meant = words.iter().filter_map(|word| word.split_once('='));
        let meant = meant.filter(|(word, _)| nearest(word, ["env"]).is_some());
        return Err(vec![match meant.map(|(_, value)| value).next() {
            Some(value) => error.help(format!("did you mean `env={value}`?")),
            None => {
                error.help(format!("write `rprov {name} env=ENV`; known environments: {known}"))
            }
        }]);
    }
    if environment.as_ref().is_some_and(|env| env.name == "local")
        && !args.yes
        && !args.run.act.check
    {
        return Err(vec![
            Diagnostic::error("env=local changes this machine itself").help(
                "add `--yes` if that is what you want, or `--check` to see what would change",
            ),
        ]);
    }
    run(
        basis,
        &Plan {
            playbooks: vec![playbook],
            text: None,
            look: Look::Plays,
            environment,
            words,
            keep: args.keep,
            playbook_dir: None,
        },
        &args.run,
    )
}

/// `rprov ping env=ENV`
pub(super) fn ping(basis: &Basis, mut args: PingArgs) -> Result {
    const PLAY: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n";
    let (words, patterns) = split(std::mem::take(&mut args.words));
    if !patterns.is_empty() {
        args.run.act.limit =
            Some(patterns.into_iter().chain(args.run.act.limit).collect::<Vec<_>>().join(","));
    }
    let (environment, words) = environment(words)?;
    run(
        basis,
        &Plan {
            playbooks: vec![],
            text: Some(PLAY.to_owned()),
            look: Look::Ping,
            environment,
            words,
            keep: false,
            playbook_dir: None,
        },
        &args.run,
    )
}
