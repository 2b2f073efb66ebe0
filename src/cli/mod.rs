//! The command line: words in, exit code out.

mod args;
mod editor;
mod embedded;
mod exit;
mod facts;
mod faults;
mod held;
mod inputs;
mod keys;
mod lint;
mod listing;
mod overview;
mod pager;
mod passwords;
mod project;
mod run;
mod secrets;
mod state;
mod vault;
mod why;

use std::io::{IsTerminal, Write};

use clap::Parser;

use self::args::{Cli, Command, VerbArgs};
pub use self::exit::Exit;
use crate::report::Redactor;
use crate::source::{Diagnostic, SourceMap, render_all};

/// Runs rprov with the words of its command line, the program's own name first.
pub fn main(words: impl IntoIterator<Item = String>) -> Exit {
    let words: Vec<String> = words.into_iter().collect();
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let map = SourceMap::default();
    let redactor = Redactor::default();
    let result = match cli.command {
        None => overview::show(&map),
        Some(Command::Playbook(args)) => run::playbooks(&map, &redactor, args),
        Some(Command::Ping(args)) => run::ping(&map, &redactor, args),
        Some(Command::Lint(args)) => lint::lint(&map, &redactor, args),
        Some(Command::Why(args)) => why::why(&map, &redactor, args),
        Some(Command::Secrets(verb)) => secrets::run(verb, &redactor),
        Some(Command::Vault(verb)) => vault::run(verb, &redactor),
        Some(Command::SecretKey) => keys::secret_key(),
        Some(Command::ApiKey) => keys::api_key(),
        Some(Command::UrlEncode(args)) => keys::url_encode(args),
        Some(Command::Verb(words)) => {
            let name = words.first().cloned().unwrap_or_default();
            let full = std::iter::once(format!("rprov {name}")).chain(words.into_iter().skip(1));
            match VerbArgs::try_parse_from(full) {
                Ok(args) => run::verb(&map, &redactor, &name, args),
                Err(error) => return usage(&error),
            }
        }
    };
    match result {
        Ok(exit) => exit,
        Err(errors) => {
            let shown = render_all(&errors, &map, color(&std::io::stderr()));
            complain(&redactor.clean(&format!("{}\n", shown.trim_end())));
            Exit::BadInput
        }
    }
}

/// clap's own message: help and version are no mistakes.
fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    match error.use_stderr() {
        true => Exit::BadInput,
        false => Exit::Ok,
    }
}

/// Whether to colour what goes there.
fn color(stream: &impl IsTerminal) -> bool {
    let set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    if set("NO_COLOR") || set("ANSIBLE_NOCOLOR") {
        return false;
    }
    set("CLICOLOR_FORCE")
        || set("FORCE_COLOR")
        || set("ANSIBLE_FORCE_COLOR")
        || stream.is_terminal()
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
