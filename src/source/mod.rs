//! Text as the user wrote it: YAML to nodes that know their place, and messages that show it.
//!
//! Everything read from a file goes through a [`SourceMap`], so that any later layer can turn a
//! span into file, line and column. Nothing in here knows what a play or an inventory is.

mod diagnostic;
pub mod emit;
mod grouped;
pub mod yaml;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock, RwLock};

use rprov_modules::kit::Span;

pub use self::diagnostic::{Diagnostic, Severity, render_all};

/// All source texts of a run. Cheap to clone; clones share the files.
///
/// Files are numbered from 1; 0 means "no file" (see [`Span`]).
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Arc<RwLock<Files>>,
}

/// What a key is that a mapping has twice. Where it is no error the last one counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Duplicates {
    #[default]
    Error,
    Warning,
    Nothing,
}

#[derive(Debug, Default)]
struct Files {
    duplicates: Duplicates,
    /// Keys that stand twice where that is a warning, and how many of them were told.
    doubled: (Vec<Diagnostic>, usize),
    all: Vec<File>,
    newest: HashMap<Arc<Path>, u32>,
    concealed: HashSet<Arc<Path>>,
    hidden: HashMap<u32, Vec<Range<usize>>>,
}

#[derive(Debug, Clone)]
struct File {
    path: Arc<Path>,
    text: Arc<str>,
    /// Where each line starts; counted when first needed.
    lines: Arc<OnceLock<Vec<u32>>>,
}

impl SourceMap {
    /// Remembers a text and returns its number. The same text under the same path keeps its number.
    pub fn add(&self, path: &Path, text: Arc<str>) -> u32 {
        let mut files = self.files.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(&id) = files.newest.get(path)
            && files.all[id as usize - 1].text == text
        {
            return id;
        }
        let path: Arc<Path> = path.into();
        files.all.push(File { path: path.clone(), text, lines: Arc::default() });
        let id = u32::try_from(files.all.len()).expect("fewer than four billion files");
        files.newest.insert(path, id);
        id
    }

    /// What a key is, from now on, that a mapping has twice. Default: an error.
    pub fn set_duplicates(&self, what: Duplicates) {
        let mut files = self.files.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        files.duplicates = what;
    }

    /// What is warned of since the last time it was taken.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        let mut files = self.files.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (all, told) = &mut files.doubled;
        let from = std::mem::replace(told, all.len());
        all[from..].to_vec()
    }

    /// Keys that stand twice in a text.
    ///
    /// # Errors
    /// The first of them, where that is an error.
    fn doubled(&self, found: Vec<Diagnostic>) -> Result<(), Diagnostic> {
        if found.is_empty() {
            return Ok(());
        }
        let mut files = self.files.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        match files.duplicates {
            Duplicates::Nothing => Ok(()),
            Duplicates::Error => found.into_iter().next().map_or(Ok(()), Err),
            Duplicates::Warning => {
                // A file that is read again is the same file.
                let of = |one: &Diagnostic| {
                    let file = files.all.get((one.span()?.file as usize).checked_sub(1)?)?;
                    std::path::absolute(&file.path).ok()
                };
                if !files.doubled.0.iter().any(|known| of(known) == of(&found[0])) {
                    files.doubled.0.extend(found.into_iter().map(Diagnostic::warned));
                }
                Ok(())
            }
        }
    }

    /// From now on no message shows a line of the file: it was decrypted.
    pub fn conceal(&self, path: &Path) {
        let mut files = self.files.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        files.concealed.insert(path.into());
    }

    /// From now on no message shows what stands there.
    pub(crate) fn hide(&self, span: Span) {
        let mut files = self.files.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        files.hidden.entry(span.file).or_default().push(span.start as usize..span.end as usize);
    }

    /// The parts of a file that no message shows.
    fn hidden(&self, file: u32) -> Vec<Range<usize>> {
        let files = self.files.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        files.hidden.get(&file).cloned().unwrap_or_default()
    }

    /// Whether the file was decrypted.
    pub(crate) fn is_concealed(&self, path: &Path) -> bool {
        let files = self.files.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        files.concealed.contains(path)
    }

    /// From now on messages call the file so.
    pub(crate) fn rename(&self, file: u32, path: &Path) {
        let mut files = self.files.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(at) = (file as usize).checked_sub(1).filter(|at| *at < files.all.len()) else {
            return;
        };
        let path: Arc<Path> = path.into();
        let old = std::mem::replace(&mut files.all[at].path, path.clone());
        if files.concealed.contains(&old) {
            files.concealed.insert(path);
        }
    }

    /// The path a file was added under.
    pub fn path(&self, file: u32) -> Option<Arc<Path>> {
        self.file(file).map(|file| file.path)
    }

    /// The whole text of a file.
    pub fn text(&self, file: u32) -> Option<Arc<str>> {
        self.file(file).map(|file| file.text)
    }

    /// Where a span starts: path, line and column, both from 1; columns count characters.
    pub fn line_col(&self, span: Span) -> Option<(Arc<Path>, usize, usize)> {
        let file = self.file(span.file)?;
        let line = file.line(span.start);
        let start = file.lines()[line] as usize;
        let at = floor(&file.text, span.start as usize);
        let column = file.text[start.min(at)..at].trim_start_matches('\u{feff}').chars().count();
        Some((file.path, line + 1, column + 1))
    }

    fn file(&self, file: u32) -> Option<File> {
        let files = self.files.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        files.all.get((file as usize).checked_sub(1)?).cloned()
    }
}

impl File {
    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let breaks = self.text.bytes().zip(1u32..).filter(|(byte, _)| *byte == b'\n');
            std::iter::once(0).chain(breaks.map(|(_, next)| next)).collect()
        })
    }

    /// The line a byte is on, from 0.
    fn line(&self, at: u32) -> usize {
        self.lines().partition_point(|start| *start <= at) - 1
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_and_in_characters() {
        let map = SourceMap::default();
        let a = map.add(Path::new("a.yml"), "é: 1\nkey: ä x\n".into());
        assert_eq!(a, 1);
        assert_eq!(
            map.add(Path::new("a.yml"), "é: 1\nkey: ä x\n".into()),
            1,
            "the same text again"
        );
        assert_eq!(map.add(Path::new("a.yml"), "other".into()), 2);
        let place =
            |start| map.line_col(Span { file: 1, start, end: start }).map(|(_, l, c)| (l, c));
        assert_eq!(place(0), Some((1, 1)));
        assert_eq!(place(4), Some((1, 4)));
        assert_eq!(place(14), Some((2, 8)));
        assert_eq!(place(12), Some((2, 6)), "inside a character");
        assert_eq!(place(999), Some((3, 1)), "past the end");
        assert_eq!(map.line_col(Span::default()), None);
    }
}
