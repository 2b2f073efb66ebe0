//! Ansible's INI inventory.
//!
//! A line is blank, a comment (`#`, `;`), a section (`[g]`, `[g:vars]`, `[g:children]`), or what
//! its section holds: a host with `name=value` words, a variable whose value is the rest of the
//! line, or the name of a group. Values that are Python literals have their type, see `literal`.

use indexmap::IndexMap;
use rprov_modules::kit::{Span, nearest};

use super::build::{Build, UNGROUPED};
use super::{literal, words};
use crate::source::Diagnostic;

#[derive(Clone, Copy)]
enum Section {
    Hosts(usize),
    Vars(usize),
    Children(usize),
    /// Its header is wrong: its lines are not looked at.
    Bad,
}

/// Reads the text of source file `file` into `build`.
pub(super) fn read(text: &str, file: u32, build: &mut Build) {
    let mut reader = Reader { build, file, awaited: IndexMap::new() };
    let mut section = Section::Hosts(UNGROUPED);
    // Some editors begin a file with a mark that is no text.
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut start = text.len() - bare.len();
    for line in bare.split_inclusive('\n') {
        let trimmed = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        // A host may start with `[`: `[::1]:22`.
        match section_header(trimmed) {
            Some(header) => section = reader.section(header, trimmed, at),
            None if trimmed.starts_with('[') && trimmed.ends_with(']') => {
                let span = reader.span(at, trimmed.len());
                let error = Diagnostic::error(format!("expected a section, found `{trimmed}`"))
                    .at(span, "");
                reader.build.report(error.help(
                    "a section is `[group]`, `[group:vars]` or `[group:children]`, without spaces",
                ));
                section = Section::Bad;
            }
            None => match section {
                Section::Hosts(group) => reader.host_line(group, trimmed, at),
                Section::Vars(group) => reader.var_line(group, trimmed, at),
                Section::Children(group) => reader.child_line(group, trimmed, at),
                Section::Bad => {}
            },
        }
    }
    reader.check_awaited();
}

struct Header<'t> {
    group: &'t str,
    kind: Option<&'t str>,
}

/// `[group]` or `[group:kind]`, perhaps with a comment behind it.
fn section_header(line: &str) -> Option<Header<'_>> {
    let (inside, behind) = line.strip_prefix('[')?.split_once(']')?;
    let behind = behind.trim_start();
    if !(behind.is_empty() || behind.starts_with('#')) {
        return None;
    }
    let (group, kind) = match inside.split_once(':') {
        Some((group, kind)) => (group, Some(kind)),
        None => (inside, None),
    };
    let word =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let valid = !group.is_empty() && !group.contains(char::is_whitespace) && kind.is_none_or(word);
    valid.then_some(Header { group, kind })
}

struct Reader<'b> {
    build: &'b mut Build,
    file: u32,
    /// Groups named by `[g:vars]` or under `[x:children]` that must still be defined.
    awaited: IndexMap<String, Awaited>,
}

struct Awaited {
    span: Span,
    /// The groups it is to be a child of, and where they say so.
    parents: Vec<(usize, Span)>,
}

impl Reader<'_> {
    /// Texts over 4 GiB are refused before they get here.
    fn span(&self, start: usize, len: usize) -> Span {
        let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file: self.file, start: at(start), end: at(start + len) }
    }

    fn section(&mut self, header: Header<'_>, line: &str, at: usize) -> Section {
        let span = self.span(at + 1, header.group.len());
        match header.kind {
            None | Some("hosts") => Section::Hosts(self.define(header.group, span)),
            Some("children") => Section::Children(self.define(header.group, span)),
            Some("vars") => {
                if !self.build.has_group(header.group) {
                    let awaited = Awaited { span, parents: vec![] };
                    self.awaited.entry(header.group.to_owned()).or_insert(awaited);
                }
                Section::Vars(self.build.group(header.group, span))
            }
            Some(kind) => {
                let kind_at = line.find(':').map_or(0, |colon| colon + 1);
                let error = Diagnostic::error(format!("unknown kind of section `:{kind}`"))
                    .at(self.span(at + kind_at, kind.len()), "");
                self.build.report(match nearest(kind, ["vars", "children", "hosts"]) {
                    Some(near) => error.help(format!("did you mean `:{near}`?")),
                    None => {
                        error.help("a section is `[group]`, `[group:vars]` or `[group:children]`")
                    }
                });
                Section::Bad
            }
        }
    }

    fn host_line(&mut self, group: usize, line: &str, at: usize) {
        let words = match words::split(line, true) {
            Ok(words) => words,
            Err(error) => {
                let span = self.span(at + error.at.start, error.at.len());
                return self.build.error("cannot split this line into words", span, error.message);
            }
        };
        let Some((host, vars)) = words.split_first() else { return };
        let hosts =
            self.build.hosts(&host.text, self.span(at + host.range.start, host.range.len()));
        for &host in &hosts {
            self.build.member(group, host);
        }
        for word in vars {
            let span = self.span(at + word.range.start, word.range.len());
            let Some((name, text)) = word.text.split_once('=') else {
                let error =
                    Diagnostic::error(format!("expected `name=value`, found `{}`", word.text))
                        .at(span, "");
                return self.build.report(match word.text.contains(['{', '}']) {
                    true => error.help("quote the template: `name=\"{{ value }}\"`"),
                    false => error.help("quote a value that has spaces: `name=\"a b\"`"),
                });
            };
            // The quotes may be anywhere in the word; without them the value's place is exact.
            let exact = word.range.len() == word.text.len();
            let value_at =
                if exact { name.len() + 1 } else { (name.len() + 1).min(word.range.len()) };
            let value_span =
                self.span(at + word.range.start + value_at, word.range.len() - value_at);
            let name_span = self.span(at + word.range.start, name.len().min(word.range.len()));
            let value = literal::value(text, value_span);
            for &host in &hosts {
                self.build.host_var(host, name, name_span, value.clone());
            }
        }
    }

    fn var_line(&mut self, group: usize, line: &str, at: usize) {
        let Some((name, text)) = line.split_once('=') else {
            let span = self.span(at, line.len());
            let error =
                Diagnostic::error(format!("expected `name=value`, found `{line}`")).at(span, "");
            return self
                .build
                .report(error.help("every line of a `:vars` section is one variable"));
        };
        let value = text.trim();
        let value_span = self.span(at + line.len() - text.trim_start().len(), value.len());
        let name_span = self.span(at, name.trim_end().len());
        let value = literal::value(value, value_span);
        self.build.group_var(group, name.trim(), name_span, value);
    }

    fn child_line(&mut self, group: usize, line: &str, at: usize) {
        let end = line.find(|c: char| c.is_whitespace() || c == '#').unwrap_or(line.len());
        let (name, behind) = line.split_at(end);
        let span = self.span(at, line.len());
        if name.is_empty()
            || name.contains([':', ']'])
            || !(behind.trim().is_empty() || behind.trim_start().starts_with('#'))
        {
            let error = Diagnostic::error(format!("expected the name of a group, found `{line}`"))
                .at(span, "");
            return self.build.report(error.help(
                "every line of a `:children` section is one group; variables go to `:vars`",
            ));
        }
        let span = self.span(at, name.len());
        if self.build.has_group(name) {
            let child = self.build.group(name, span);
            return self.build.child(group, child, span);
        }
        let awaited =
            self.awaited.entry(name.to_owned()).or_insert(Awaited { span, parents: vec![] });
        awaited.parents.push((group, span));
    }

    /// `[g]` and `[g:children]` define a group; `[g:vars]` does not.
    fn define(&mut self, name: &str, span: Span) -> usize {
        let group = self.build.group(name, span);
        for (parent, span) in
            self.awaited.shift_remove(name).into_iter().flat_map(|awaited| awaited.parents)
        {
            self.build.child(parent, group, span);
        }
        group
    }

    fn check_awaited(&mut self) {
        for (name, awaited) in std::mem::take(&mut self.awaited) {
            let near = nearest(&name, self.build.group_names())
                .map(|near| format!("did you mean `{near}`?"));
            let message = format!("group `{name}` is not defined");
            let error = Diagnostic::error(message).at(awaited.span, "named here");
            let define = || format!("define it with a section `[{name}]`, empty if need be");
            self.build.report(error.help(near.unwrap_or_else(define)));
        }
    }
}
