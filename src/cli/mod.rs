//! The command line: words in, exit code out.

mod act;
mod adhoc;
mod args;
mod basis;
mod editor;
mod embedded;
mod exit;
mod facts;
mod faults;
mod held;
mod inputs;
mod inventory;
mod keys;
mod lint;
mod listing;
mod options;
mod overview;
mod pager;
mod password;
mod passwords;
mod privilege;
mod project;
mod rules;
mod run;
mod secrets;
mod settings;
mod show;
mod state;
mod vault;
mod verbs;
mod why;

use std::io::Write;
use std::sync::Arc;

use clap::Parser;

use self::args::{Cli, Command, VerbArgs};
use self::basis::Basis;
pub use self::exit::Exit;
use self::project::Project;
use crate::config::{Config, DUPLICATE_KEY, Kind, SETTINGS, Surroundings};
use crate::report::Redactor;
use crate::source::{Diagnostic, Duplicates, SourceMap, render_all};

/// Runs rprov with the words of its command line, the program's own name first.
pub fn main(words: impl IntoIterator<Item = String>) -> Exit {
    let words: Vec<String> = words.into_iter().collect();
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayVersion => return version(),
        Err(error) => return usage(&error),
    };
    let map = SourceMap::default();
    let config = Surroundings::here().map_err(|error| vec![error]).and_then(|mut around| {
        if let Some(Command::Lint(args)) = &cli.command
            && let Some(directory) = lint::directory(args)
        {
            around.directory = directory;
        }
        Config::load(&map, &around)
    });
    let config = match config {
        Ok(config) => config,
        Err(errors) => {
            let shown = render_all(&errors, &map, basis::usual(&std::io::stderr()));
            complain(&format!("{}\n", shown.trim_end()));
            return Exit::BadInput;
        }
    };
    let basis = Basis { map, redactor: Redactor::default(), config: Arc::new(config) };
    for setting in SETTINGS.iter().filter(|setting| setting.kind == Kind::Secret) {
        basis.config.text(setting).iter().for_each(|secret| basis.redactor.learn(secret));
    }
    if !basis.config.warnings.is_empty() {
        basis.complain(&basis.config.warnings);
    }
    basis.map.set_duplicates(match basis.config.text(&DUPLICATE_KEY) {
        Some("error") => Duplicates::Error,
        Some("ignore") => Duplicates::Nothing,
        _ => Duplicates::Warning,
    });
    let result = match cli.command {
        None => overview::show(&basis),
        Some(Command::Playbook(args)) => verbs::playbooks(&basis, args),
        Some(Command::Ping(args)) => verbs::ping(&basis, args),
        Some(Command::Run(args)) => adhoc::run_one(&basis, args),
        Some(Command::Inventory(args)) => inventory::show(&basis, args),
        Some(Command::Lint(args)) => lint::lint(&basis, args),
        Some(Command::Why(args)) => why::why(&basis, args),
        Some(Command::Config(args)) => settings::show(&basis, &args),
        Some(Command::Secrets(verb)) => secrets::run(verb, &basis),
        Some(Command::Vault(verb)) => vault::run(verb, &basis),
        Some(Command::SecretKey) => keys::secret_key(),
        Some(Command::ApiKey) => keys::api_key(),
        Some(Command::UrlEncode(args)) => keys::url_encode(args),
        Some(Command::Verb(words)) => {
            let name = words.first().cloned().unwrap_or_default();
            if let Err(error) = Project::here().and_then(|project| project.playbook(&name)) {
                basis.complain(&[error]);
                return Exit::BadInput;
            }
            let full = std::iter::once(format!("rprov {name}")).chain(words.into_iter().skip(1));
            match VerbArgs::try_parse_from(full) {
                Ok(args) => verbs::verb(&basis, &name, args),
                Err(error) => return usage(&error),
            }
        }
    };
    basis.tell_warnings();
    match result {
        Ok(exit) => exit,
        Err(errors) => {
            basis.complain(&errors);
            Exit::BadInput
        }
    }
}

/// The version, and the settings that count here, as Ansible tells them.
fn version() -> Exit {
    let map = SourceMap::default();
    let config = Surroundings::here()
        .map_err(|error| vec![error])
        .and_then(|around| Config::load(&map, &around))
        .unwrap_or_default();
    let file = config.file.map_or("none".to_owned(), |path| path.display().to_string());
    say(&format!("rprov {}\n  config file = {file}\n", env!("CARGO_PKG_VERSION")));
    Exit::Ok
}

/// clap's own message: help and version are no mistakes.
fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    match error.use_stderr() {
        true => Exit::BadInput,
        false => Exit::Ok,
    }
}

/// The terminal's width in columns; 80 if there is none.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns
        .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
        .unwrap_or(80)
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(text: &str) {
    let mut err = std::io::stderr();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

type Result<T = Exit> = std::result::Result<T, Vec<Diagnostic>>;
