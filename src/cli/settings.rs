//! `rprov config`: each setting, its value, and where that comes from.

use std::fmt::Write;

use super::args::ConfigArgs;
use super::basis::Basis;
use super::{Exit, Result};
use crate::config::{Config, Kind, Origin, Reason, SETTINGS};
use crate::report::MASK;
use crate::source::SourceMap;

pub(super) fn show(basis: &Basis, args: &ConfigArgs) -> Result {
    let config = &basis.config;
    let color = basis.color(&std::io::stdout());
    let verbose = basis.verbosity(args.verbose) > 0;
    let mut out = String::new();
    let shown = |path: &Option<std::path::PathBuf>| {
        path.as_ref().map_or("none".to_owned(), |path| path.display().to_string())
    };
    let _ = writeln!(out, "# ansible.cfg: {}", shown(&config.file));
    let _ = writeln!(out, "# rprov.toml: {}", shown(&config.ours));
    for setting in SETTINGS {
        let origin = config.origin(setting);
        if args.only_changed && origin == Origin::Default {
            continue;
        }
        if verbose {
            let _ = writeln!(out, "\n#{}", setting.doc);
            let keys = setting.keys.iter().map(|key| format!("`{key}`"));
            let ours = setting.ours.iter().map(|key| format!("`{key}` in rprov.toml"));
            let places: Vec<String> = setting
                .variables
                .iter()
                .map(|name| (*name).to_owned())
                .chain(ours)
                .chain(keys)
                .collect();
            let _ = writeln!(out, "# {}; {}", setting.kind.describe(), places.join(", "));
        }
        let value = match (setting.kind, config.text(setting)) {
            (Kind::Secret, Some(_)) => MASK.to_owned(),
            _ => config.value(setting).to_string(),
        };
        let line = format!("{}({}) = {value}", setting.name, place(origin, &basis.map));
        let _ = match (color, origin) {
            (false, _) => writeln!(out, "{line}"),
            (true, Origin::Default) => writeln!(out, "\x1b[32m{line}\x1b[0m"),
            (true, _) => writeln!(out, "\x1b[33m{line}\x1b[0m"),
        };
    }
    if verbose {
        out.push_str(&without_effect(config, &basis.map));
    }
    super::say(&basis.redactor.clean(&out));
    Ok(Exit::Ok)
}

/// `default`, `env: NAME`, or `FILE:LINE`.
fn place(origin: Origin, map: &SourceMap) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::Variable(name) => format!("env: {name}"),
        Origin::File(span) => map
            .line_col(span)
            .map_or(String::new(), |(path, line, _)| format!("{}:{line}", path.display())),
    }
}

/// What is given and not used.
fn without_effect(config: &Config, map: &SourceMap) -> String {
    let mut out = String::new();
    if !config.unused.is_empty() {
        out.push_str("\n# Given, and without effect here:\n");
    }
    for one in &config.unused {
        let origin = one.span.map_or("env".to_owned(), |span| place(Origin::File(span), map));
        let why = match &one.reason {
            Reason::Idle(why) => (*why).to_owned(),
            Reason::Unknown(None) => "unknown".to_owned(),
            Reason::Unknown(Some(near)) => format!("unknown; did you mean {near}?"),
        };
        let _ = writeln!(out, "{}({origin}): {why}", one.name);
    }
    out
}
