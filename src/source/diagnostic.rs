//! Messages about the user's files, rendered as rustc renders its own.
//!
//! A diagnostic knows places, not texts: the [`SourceMap`] is needed only to render it. Of a file
//! only the lines concerned are looked at, whatever its size.

use std::fmt::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use rprov_modules::kit::{ArgError, Span};

use super::grouped::grouped;
use super::{File, SourceMap, floor};

const DEFAULT_WIDTH: usize = 140;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
}

/// A message with the places it is about, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    inner: Box<Inner>,
}

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    severity: Severity,
    message: String,
    primary: Option<(Span, String)>,
    context: Vec<(Span, String)>,
    notes: Vec<String>,
    helps: Vec<String>,
    check: Option<&'static str>,
}

impl Diagnostic {
    /// Something that makes the run impossible.
    pub fn error(message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, message.into())
    }

    /// Something the user should know; the run goes on.
    pub fn warning(message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, message.into())
    }

    /// The same as a warning.
    #[must_use]
    pub(super) fn warned(mut self) -> Diagnostic {
        self.inner.severity = Severity::Warning;
        self
    }

    fn new(severity: Severity, message: String) -> Diagnostic {
        let (context, notes, helps) = Default::default();
        let inner = Inner { severity, message, primary: None, context, notes, helps, check: None };
        Diagnostic { inner: Box::new(inner) }
    }

    /// The place this is about, underlined with `^`. The label may be empty.
    #[must_use]
    pub fn at(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.inner.primary = Some((span, label.into()));
        self
    }

    /// A place that explains the first one, in the same file or another.
    #[must_use]
    pub fn context(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.inner.context.push((span, label.into()));
        self
    }

    /// A fact that belongs to the message.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.inner.notes.push(note.into());
        self
    }

    /// What the user can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.inner.helps.push(help.into());
        self
    }

    /// The kind of mistake, by the name that `rprov lint` gives it. It is not shown by itself.
    #[must_use]
    pub(crate) fn kind(mut self, check: &'static str) -> Diagnostic {
        self.inner.check = Some(check);
        self
    }

    /// The kind of mistake, if it was told.
    pub(crate) fn check(&self) -> Option<&'static str> {
        self.inner.check
    }

    /// The same with its kind in the message: `message [kind]`.
    #[must_use]
    pub(crate) fn labelled(mut self) -> Diagnostic {
        if let Some(check) = self.inner.check {
            let _ = write!(self.inner.message, " [{check}]");
        }
        self
    }

    /// What the user can do, each in a sentence.
    pub(crate) fn helps(&self) -> &[String] {
        &self.inner.helps
    }

    /// The same, no longer a mere warning.
    #[must_use]
    pub fn as_error(mut self) -> Diagnostic {
        self.inner.severity = Severity::Error;
        self
    }

    /// The same, no longer an error.
    #[must_use]
    pub fn as_warning(mut self) -> Diagnostic {
        self.inner.severity = Severity::Warning;
        self
    }

    pub fn severity(&self) -> Severity {
        self.inner.severity
    }

    pub fn is_error(&self) -> bool {
        self.inner.severity == Severity::Error
    }

    /// The message alone, without places.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The place this is about.
    pub fn span(&self) -> Option<Span> {
        self.inner.primary.as_ref().map(|(span, _)| *span)
    }

    /// What is said of that place.
    pub(super) fn label(&self) -> Option<&str> {
        self.inner.primary.as_ref().map(|(_, label)| label.as_str())
    }

    /// Every place that is shown.
    pub(crate) fn places(&self) -> impl Iterator<Item = Span> {
        let others = self.inner.context.iter().map(|(span, _)| *span);
        self.span().into_iter().chain(others)
    }

    /// The whole message: title, source lines with carets, notes and help; no line break at the end.
    pub fn render(&self, map: &SourceMap, color: bool) -> String {
        self.render_within(map, color, DEFAULT_WIDTH)
    }

    /// [`Diagnostic::render`] for a terminal of so many columns: longer source lines are cut to what
    /// surrounds the place.
    pub fn render_within(&self, map: &SourceMap, color: bool, width: usize) -> String {
        let inner = &*self.inner;
        let level = match inner.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let excerpts = self.excerpts(map);
        let mut group = Group::with_title(level.primary_title(inner.message.as_str()));
        for excerpt in &excerpts {
            group = group.element(
                Snippet::source(&excerpt.text[excerpt.shown.clone()])
                    .line_start(excerpt.first_line + 1)
                    .path(excerpt.path.to_string_lossy().into_owned())
                    .annotations(excerpt.annotations.iter().map(Mark::annotation)),
            );
        }
        group = group.elements(inner.notes.iter().map(|note| Level::NOTE.message(note.as_str())));
        group = group.elements(inner.helps.iter().map(|help| Level::HELP.message(help.as_str())));
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(width).render(&[group])
    }

    /// One excerpt per file, the file of the primary place first.
    fn excerpts(&self, map: &SourceMap) -> Vec<Excerpt> {
        let primary = self.inner.primary.iter().map(|place| (place, true));
        let mut excerpts: Vec<Excerpt> = vec![];
        for ((span, label), primary) in
            primary.chain(self.inner.context.iter().map(|place| (place, false)))
        {
            let Some(file) = map.file(span.file) else { continue };
            let known = excerpts.iter().position(|excerpt| excerpt.file == span.file);
            let index = known.unwrap_or_else(|| {
                excerpts.push(Excerpt::new(span.file, &file));
                excerpts.len() - 1
            });
            excerpts[index].mark(&file, *span, label, primary);
        }
        for excerpt in &mut excerpts {
            let shown = excerpt.shown.start;
            for mark in &mut excerpt.annotations {
                mark.range = mark.range.start - shown..mark.range.end - shown;
            }
            if map.is_concealed(&excerpt.path) {
                excerpt.text = stars(&excerpt.text).into();
            }
            for range in map.hidden(excerpt.file) {
                let (start, end) =
                    (floor(&excerpt.text, range.start), floor(&excerpt.text, range.end));
                let (before, rest) = excerpt.text.split_at(start);
                let (secret, after) = rest.split_at(end - start);
                excerpt.text = format!("{before}{}{after}", stars(secret)).into();
            }
        }
        excerpts
    }
}

/// As many bytes as the text has, all but white space hidden.
fn stars(text: &str) -> String {
    let star = |byte: u8| if byte.is_ascii_whitespace() { char::from(byte) } else { '*' };
    text.bytes().map(star).collect()
}

/// The lines of one file that a diagnostic shows.
struct Excerpt {
    file: u32,
    path: Arc<Path>,
    text: Arc<str>,
    shown: Range<usize>,
    first_line: usize,
    annotations: Vec<Mark>,
}

struct Mark {
    range: Range<usize>,
    label: String,
    primary: bool,
}

impl Excerpt {
    fn new(id: u32, file: &File) -> Excerpt {
        Excerpt {
            file: id,
            path: file.path.clone(),
            text: file.text.clone(),
            // Nothing yet: grows with the first mark.
            shown: Range { start: usize::MAX, end: 0 },
            first_line: usize::MAX,
            annotations: vec![],
        }
    }

    /// Marks a span, as far as it is on its first line.
    fn mark(&mut self, file: &File, span: Span, label: &str, primary: bool) {
        let text = &*file.text;
        let line = file.line(span.start);
        let line_start = file.lines()[line] as usize;
        let line_end = file.lines().get(line + 1).map_or(text.len(), |next| *next as usize);
        let content_end = line_start + text[line_start..line_end].trim_end().len();
        let start = floor(text, span.start as usize);
        let end = floor(text, span.end as usize).min(content_end).max(start);
        self.first_line = self.first_line.min(line);
        self.shown = self.shown.start.min(line_start)..self.shown.end.max(line_end);
        self.annotations.push(Mark { range: start..end, label: label.to_owned(), primary });
    }
}

impl Mark {
    fn annotation(&self) -> Annotation<'_> {
        let kind = if self.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(self.range.clone());
        if self.label.is_empty() { annotation } else { annotation.label(self.label.as_str()) }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl std::error::Error for Diagnostic {}

impl From<ArgError> for Diagnostic {
    fn from(error: ArgError) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(error.message);
        if let Some(span) = error.span {
            diagnostic = diagnostic.at(span, "");
        }
        match error.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// All messages in the order of the files, each once, the same of several places together, and a last
/// line that counts them.
pub fn render_all(diagnostics: &[Diagnostic], map: &SourceMap, color: bool) -> String {
    let mut sorted: Vec<&Diagnostic> = vec![];
    for diagnostic in diagnostics {
        if !sorted.contains(&diagnostic) {
            sorted.push(diagnostic);
        }
    }
    sorted.sort_by_key(|diagnostic| {
        let span = diagnostic.span().unwrap_or_default();
        (map.path(span.file), span.start, diagnostic.severity())
    });
    let mut out = String::new();
    for diagnostic in grouped(&sorted, map) {
        out.push_str(&diagnostic.render(map, color));
        out.push_str("\n\n");
    }
    let errors = sorted.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let count = |n: usize, what: &str| match n {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    };
    let counts = [count(errors, "error"), count(sorted.len() - errors, "warning")];
    out + &counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concealed_file_has_places_and_no_text() {
        let map = SourceMap::default();
        map.conceal(Path::new("s.yml"));
        let file = map.add(Path::new("s.yml"), "a: 1\nkéy: hunter2 x\n".into());
        let error = Diagnostic::error("wrong").at(Span { file, start: 11, end: 18 }, "here");
        let shown = error.render(&map, false);
        assert!(shown.contains("s.yml:2:") && shown.contains("2 | ***** ******* *"), "{shown}");
        assert!(shown.contains("^^^^^^^ here"), "{shown}");
    }
}
