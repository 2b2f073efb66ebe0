//! `rprov lint`: the checks of [`crate::lint`] on files, directories or the whole project.

use std::path::PathBuf;

use super::args::LintArgs;
use super::inputs::{Inputs, environment, split};
use super::project::Project;
use super::{Exit, Result};
use crate::lint::{self, Request};
use crate::report::Redactor;
use crate::source::{SourceMap, render_all};
use crate::template::Templar;

pub(super) fn lint(map: &SourceMap, redactor: &Redactor, args: LintArgs) -> Result {
    let (words, files) = split(args.words);
    let (environment, words) = environment(words)?;
    let inputs = Inputs::read(map, redactor, environment.as_ref(), &words, &args.input)?;
    if !inputs.errors.is_empty() {
        return Err(inputs.errors);
    }
    let targets = match (files.is_empty(), Project::find()) {
        (false, _) => files.into_iter().map(PathBuf::from).collect(),
        (true, Ok(project)) => vec![project.root()],
        (true, Err(_)) => vec![PathBuf::from(".")],
    };
    let templar = Templar::new(map.clone());
    let loader = inputs.loader(map, &templar);
    let report = lint::run(&Request {
        targets,
        loader: &loader,
        templar: &templar,
        inventory: inputs.inventory.clone(),
        extra: inputs.extra.clone(),
        tags: args.tags,
    })?;
    let mut out = String::new();
    for note in &report.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    let looked = match report.files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    let clean = report.findings.is_empty();
    if clean {
        out.push_str(&format!("nothing found in {looked}\n"));
    } else {
        let shown: Vec<_> = report.findings.into_iter().map(|finding| finding.labelled()).collect();
        let shown = render_all(&shown, map, super::color(&std::io::stdout()));
        out.push_str(&format!("{shown} in {looked}\n"));
    }
    super::say(&redactor.clean(&out));
    Ok(if clean { Exit::Ok } else { Exit::TaskFailed })
}
