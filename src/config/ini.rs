//! `ansible.cfg` as Python's `configparser` reads it, with the place of every key and value.
//!
//! `#` and `;` begin a comment at the start of a line, ` ;` also behind a value. A line that is
//! indented deeper than its key goes on with the value. Nothing is interpolated.

use std::collections::HashMap;
use std::path::Path;

use rprov_modules::kit::Span;

use crate::source::{Diagnostic, SourceMap};

/// One `key = value`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) section: String,
    /// In small letters, as configparser compares.
    pub(super) key: String,
    pub(super) value: String,
    /// Where the key stands.
    pub(super) span: Span,
    pub(super) value_span: Span,
}

impl Entry {
    /// `section.key`.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }
}

/// The entries in their order.
pub(super) fn read(
    map: &SourceMap,
    path: &Path,
    text: &str,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Entry> {
    let file = map.add(path, text.into());
    let mut reader = Reader { file, entries: vec![], seen: HashMap::new(), section: None };
    // Some editors begin a file with a mark that is no text.
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut at = text.len() - bare.len();
    for line in bare.split_inclusive('\n') {
        reader.line(at, line, errors);
        at += line.len();
    }
    reader.entries
}

struct Reader {
    file: u32,
    entries: Vec<Entry>,
    /// Places of keys, and of sections under an empty key.
    seen: HashMap<(String, String), Span>,
    section: Option<(String, /* the indent of the last key */ Option<usize>)>,
}

impl Reader {
    fn span(&self, start: usize, end: usize) -> Span {
        let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file: self.file, start: at(start), end: at(end) }
    }

    fn line(&mut self, at: usize, line: &str, errors: &mut Vec<Diagnostic>) {
        let bare = without_comment(line).trim_end();
        let content = bare.trim_start();
        if content.is_empty() {
            return;
        }
        let indent = bare.len() - content.len();
        let start = at + indent;
        if let Some((_, Some(key_indent))) = &self.section
            && indent > *key_indent
            && let Some(entry) = self.entries.last_mut()
        {
            if !entry.value.is_empty() {
                entry.value.push('\n');
            }
            entry.value.push_str(content);
            return;
        }
        if let Some(end) = content.strip_prefix('[').and_then(|rest| rest.rfind(']')) {
            let name = content[1..=end].to_owned();
            let span = self.span(start, start + end + 2);
            if let Some(first) = self.seen.insert((name.clone(), String::new()), span) {
                let error = Diagnostic::error(format!("section `{name}` is there twice"));
                errors.push(error.at(span, "again").context(first, "first here"));
            }
            self.section = Some((name, None));
            return;
        }
        let Some(split) = content.find(['=', ':']) else {
            let error = Diagnostic::error(format!("expected `key = value`, found `{content}`"));
            return errors.push(error.at(self.span(start, at + bare.len()), ""));
        };
        let key = content[..split].trim_end();
        let span = self.span(start, start + key.len());
        let Some((section, last)) = &mut self.section else {
            let error = Diagnostic::error(format!("`{key}` stands before any section"));
            return errors.push(error.at(span, "").help("begin with `[defaults]`"));
        };
        *last = Some(indent);
        let (section, key) = (section.clone(), key.to_lowercase());
        let value = content[split + 1..].trim();
        let value_start = start + content.len() - content[split + 1..].trim_start().len();
        if let Some(first) = self.seen.insert((section.clone(), key.clone()), span) {
            let error = Diagnostic::error(format!("`{key}` is there twice in `[{section}]`"));
            errors.push(error.at(span, "again").context(first, "first here"));
        }
        let value_span = self.span(value_start, value_start + value.len());
        self.entries.push(Entry { section, key, value: value.to_owned(), span, value_span });
    }
}

/// What stands before a comment.
fn without_comment(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with(['#', ';']) {
        return "";
    }
    let inline = line
        .match_indices(';')
        .find(|(at, _)| line[..*at].ends_with(char::is_whitespace))
        .map_or(line.len(), |(at, _)| at);
    &line[..inline]
}
