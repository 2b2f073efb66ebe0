//! `rprov lint`: the checks of [`crate::lint`] on files, directories or the whole project.

use std::path::{Path, PathBuf};

use super::args::{Format, LintArgs};
use super::basis::Basis;
use super::inputs::{Inputs, environment, split};
use super::{Exit, Result};
use crate::config::upwards;
use crate::lint::{self, Report, Request};
use crate::source::{Diagnostic, Duplicates, SourceMap, render_all};

/// Where a run of what is looked at would be started: the nearest directory with an `ansible.cfg`, from
/// the first target upwards, or else the target's own. None without a target.
pub(super) fn directory(args: &LintArgs) -> Option<PathBuf> {
    let (_, files) = split(args.words.clone());
    let target = std::path::absolute(files.first()?).ok()?;
    let dir = if target.is_dir() { target.as_path() } else { target.parent()? };
    let settled = upwards(dir).find(|dir| dir.join("ansible.cfg").is_file());
    Some(settled.unwrap_or(dir).to_owned())
}

pub(super) fn lint(basis: &Basis, args: LintArgs) -> Result {
    let Basis { map, redactor, .. } = basis;
    // Whatever a run makes of them, they are findings here.
    map.set_duplicates(Duplicates::Warning);
    let (words, files) = split(args.words);
    let (environment, words) = environment(words)?;
    let mut inputs = Inputs::read(basis, environment.as_ref(), &words, &args.input)?;
    // The inventory of the settings is a part of what is looked at; another one was asked for.
    let asked = environment.is_some() || !args.input.inventory.is_empty();
    let faults = if asked { Vec::new() } else { std::mem::take(&mut inputs.faults) };
    let errors = inputs.take_errors();
    if !errors.is_empty() {
        return Err(errors);
    }
    let here = Path::new(".");
    let targets = match files.is_empty() {
        false => files.into_iter().map(PathBuf::from).collect(),
        true => vec![lint::root(here).unwrap_or_else(|| here.to_owned())],
    };
    let templar = basis.templar();
    let loader = inputs.loader(basis, &templar);
    let report = lint::run(&Request {
        targets,
        loader: &loader,
        templar: &templar,
        // Without a source nothing is known of hosts.
        inventory: inputs.inventory.clone().filter(|_| !inputs.sources.is_empty()),
        extra: inputs.extra.clone(),
        tags: args.tags,
        faults,
    })?;
    let clean = report.findings.is_empty();
    let out = match args.format {
        Format::Human => human(report, basis),
        Format::Json => json(&report, map),
    };
    super::say(&redactor.clean(&out));
    Ok(if clean { Exit::Ok } else { Exit::TaskFailed })
}

fn human(report: Report, basis: &Basis) -> String {
    let mut out = String::new();
    for note in &report.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    let looked = match report.files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    if report.findings.is_empty() {
        return format!("{out}nothing found in {looked}\n");
    }
    let shown: Vec<Diagnostic> =
        report.findings.into_iter().map(|finding| finding.labelled()).collect();
    let shown = render_all(&shown, &basis.map, basis.color(&std::io::stdout()));
    format!("{out}{shown} in {looked}\n")
}

fn json(report: &Report, map: &SourceMap) -> String {
    let one = |finding: &Diagnostic| {
        let place = finding.span().and_then(|span| map.line_col(span));
        let (file, line, column) = place.map_or((None, None, None), |(path, line, column)| {
            (Some(path.display().to_string()), Some(line), Some(column))
        });
        serde_json::json!({
            "id": finding.check(),
            "severity": if finding.is_error() { "error" } else { "warning" },
            "message": finding.message(),
            "file": file,
            "line": line,
            "column": column,
            "help": finding.helps(),
        })
    };
    let all: Vec<serde_json::Value> = report.findings.iter().map(one).collect();
    format!("{}\n", serde_json::to_string_pretty(&all).unwrap_or_default())
}
