//! What the checks have found: each thing once, without what the user allows.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rprov_modules::kit::Span;

use super::sources::Sources;
use crate::source::{Diagnostic, SourceMap};

/// What a comment begins with that allows something on its line or on the next.
const ALLOW: &str = "rprov: allow ";

pub(super) struct Findings<'a> {
    map: &'a SourceMap,
    all: Vec<Diagnostic>,
}

/// Takes the findings of one check.
pub(super) struct Of<'f, 'a> {
    findings: &'f mut Findings<'a>,
    check: &'static str,
}

impl<'a> Findings<'a> {
    pub(super) fn new(map: &'a SourceMap) -> Findings<'a> {
        Findings { map, all: Vec::new() }
    }

    pub(super) fn of(&mut self, check: &'static str) -> Of<'_, 'a> {
        Of { findings: self, check }
    }

    /// Those that are not allowed, sorted by file and place; of several at one place the first: a
    /// file may be met under two paths, and two checks may mean the same thing.
    pub(super) fn shown(mut self, sources: &Sources) -> Vec<Diagnostic> {
        self.call_by_nearest_path();
        let mut real: BTreeMap<Arc<Path>, PathBuf> = BTreeMap::new();
        let mut seen = HashSet::new();
        let mut found: Vec<(Option<PathBuf>, u32, Diagnostic)> = Vec::new();
        for diagnostic in std::mem::take(&mut self.all) {
            let place = diagnostic.span().and_then(|span| Some((self.map.path(span.file)?, span)));
            let Some((path, span)) = place else {
                if seen.insert((None, 0, diagnostic.message().to_owned())) {
                    found.push((None, 0, diagnostic));
                }
                continue;
            };
            let real = real
                .entry(path.clone())
                .or_insert_with(|| path.canonicalize().unwrap_or_else(|_| path.to_path_buf()));
            let allowed = diagnostic.check().is_some_and(|check| self.allows(span, check));
            let new = seen.insert((Some(real.clone()), span.start, String::new()));
            if new && !allowed && sources.wanted(real) {
                found.push((Some(path.to_path_buf()), span.start, diagnostic));
            }
        }
        found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        found.into_iter().map(|(.., diagnostic)| diagnostic).collect()
    }

    /// Files that were met on a roundabout way are called as they are from the working directory.
    fn call_by_nearest_path(&self) {
        let Ok(here) = std::env::current_dir().and_then(|dir| dir.canonicalize()) else { return };
        let files: BTreeSet<u32> =
            self.all.iter().flat_map(Diagnostic::places).map(|span| span.file).collect();
        for file in files {
            let Some(path) = self.map.path(file) else { continue };
            let roundabout =
                path.is_absolute() || path.components().any(|part| part == Component::ParentDir);
            let Some(real) = path.canonicalize().ok().filter(|_| roundabout) else { continue };
            if let Ok(near) = real.strip_prefix(&here) {
                self.map.rename(file, near);
            }
        }
    }

    /// Whether a comment on the line of a place, or on the line above, allows the check.
    fn allows(&self, span: Span, check: &str) -> bool {
        let Some(text) = self.map.text(span.file) else { return false };
        let at = (span.start as usize).min(text.len());
        let (before, after) = match (text.get(..at), text.get(at..)) {
            (Some(before), Some(after)) => (before, after),
            _ => return false,
        };
        let mut above = before.rsplit('\n');
        let own = format!(
            "{}{}",
            above.next().unwrap_or_default(),
            after.lines().next().unwrap_or_default()
        );
        [own.as_str(), above.next().unwrap_or_default()].into_iter().any(|line| {
            let Some((_, comment)) = line.split_once('#') else { return false };
            let Some((_, ids)) = comment.split_once(ALLOW) else { return false };
            ids.split([',', ' ']).any(|id| id.trim() == check)
        })
    }
}

impl Of<'_, '_> {
    pub(super) fn add(&mut self, finding: Diagnostic) {
        self.findings.all.push(finding.kind(self.check));
    }

    /// One whose check is known already.
    pub(super) fn keep(&mut self, finding: Diagnostic) {
        self.findings.all.push(finding);
    }
}
