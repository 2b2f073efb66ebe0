//! From "the parser stopped here" to what the user most likely did wrong.
//!
//! The parser's place is exact for few mistakes: a missing quote is noticed lines later, an
//! unquoted `{{ … }}` when the text after it does not fit. Each guess here needs evidence in the
//! text itself; without any, the parser's own words are shown.

use std::ops::Range;

use rprov_modules::kit::{Span, nearest};

use super::Builder;
use super::events::{Fault, FaultKind};
use super::scan::Scan;
use crate::source::Diagnostic;

impl Builder<'_> {
    /// The message for a text that the parser does not take.
    pub(super) fn fault(&self, fault: Fault) -> Diagnostic {
        // What is never closed is noticed at the end.
        let at = match fault.kind {
            FaultKind::Unclosed => self.text.trim_end().len(),
            _ => fault.at as usize,
        };
        let line = self.line(at);
        let before = self.line_before(&line);
        if let Some(start) = self.template_in(before.start..line.end) {
            return self.unquoted_template(start);
        }
        let lines = match fault.kind {
            FaultKind::Tab => vec![line.clone(), self.line_after(&line), before.clone()],
            _ => vec![line.clone()],
        };
        if let Some(tab) = lines.into_iter().find_map(|line| self.tab_in_indentation(line)) {
            return self.tab_as_indentation(tab);
        }
        let scan = Scan::of(self.text, self.open_brackets(), self.last as usize, at);
        if let Some(start) = scan.bracket.filter(|_| fault.kind.may_be_bracket()) {
            let (open, close) = match &self.text[start..=start] {
                "[" => ("[", "]"),
                _ => ("{", "}"),
            };
            return Diagnostic::error(format!("a `{open}` is not closed"))
                .at(self.span(start..start + 1), "opened here")
                .context(self.span(at..at), format!("expected `,` or `{close}`"))
                .help(format!("add the closing `{close}`, or quote the value if it is text"));
        }
        match fault.kind {
            FaultKind::Quote => match scan.quote {
                Some(start) => self.unclosed_quote(start, at),
                None => self.other(at, "a quoted string does not end"),
            },
            FaultKind::AfterQuote => match scan.last_quoted {
                Some(quoted) if quoted.start < line.start => self.unclosed_quote(quoted.start, at),
                Some(quoted) => self.text_after_quote(quoted),
                None => self.other(at, "unexpected text after a quoted string"),
            },
            FaultKind::Colon => self.colon(at, &line, &before),
            FaultKind::NoKey => self.no_key(at, &line),
            FaultKind::Dash => Diagnostic::error("a list cannot begin on the line of its key")
                .at(self.span(at..at + 1), "")
                .help("begin it on the next line, or quote the value if it is text"),
            FaultKind::Escape => self.escape(at),
            FaultKind::Stray => {
                Diagnostic::error(format!("a `{}` closes nothing", &self.text[at..at + 1]))
                    .at(self.span(at..at + 1), "")
                    .help(quote_it("quote it if it is text", self.value_at(at)))
            }
            FaultKind::UnknownAlias => self.unknown_alias(at),
            FaultKind::TooDeep => super::too_deep(self.span(at..at)),
            FaultKind::BadStart(character) => {
                let start = self.text[line.start..].find(character).map_or(at, |i| line.start + i);
                let what = if character == '`' {
                    "a backtick".to_owned()
                } else {
                    format!("`{character}`")
                };
                Diagnostic::error(format!("a value cannot begin with {what} unless it is quoted"))
                    .at(self.span(start..start + 1), "")
                    .help(quote_it("quote it", self.value_at(start)))
            }
            FaultKind::Unclosed => self.other(at, "the text ends inside of a list or mapping"),
            FaultKind::Separator => {
                self.other(at, "expected `,` or the end of the list or mapping")
            }
            FaultKind::Tab => self.other(at, "a tab cannot stand here"),
            FaultKind::Comment => self.other(at, "a comment must have a blank in front of it"),
            FaultKind::Other(words) => self.other(at, &words),
        }
    }

    fn other(&self, at: usize, words: &str) -> Diagnostic {
        Diagnostic::error(format!("invalid YAML: {words}")).at(self.span(at..at), "")
    }

    /// `x: {{ foo }}`: the braces are read as a mapping in a mapping.
    pub(super) fn unquoted_template(&self, start: usize) -> Diagnostic {
        let value = self.value_at(start);
        Diagnostic::error(format!(
            "a value cannot begin with `{}` unless it is quoted",
            &value[..2]
        ))
        .at(self.span(start..start + value.len()), "")
        .help(quote_it("quote it", value))
    }

    /// A value in these lines that begins with `{{` or `{%`.
    fn template_in(&self, lines: Range<usize>) -> Option<usize> {
        let text = &self.text[lines.clone()];
        let mut starts = text.match_indices("{{").chain(text.match_indices("{%"));
        let start = starts.find(|(start, _)| {
            let before = text[..*start].trim_end_matches(' ');
            before.is_empty()
                || before.ends_with('\n')
                || (before.ends_with([':', '-']) && before.len() < *start)
        });
        start.map(|(start, _)| lines.start + start)
    }

    pub(super) fn tab_as_indentation(&self, tab: usize) -> Diagnostic {
        Diagnostic::error("a tab cannot be used for indentation")
            .at(self.span(tab..tab + 1), "a tab")
            .help("indent with spaces")
    }

    fn tab_in_indentation(&self, line: Range<usize>) -> Option<usize> {
        let text = &self.text[line.clone()];
        let content = text.find(|c| c != ' ' && c != '\t').unwrap_or(0);
        text[..content].find('\t').map(|tab| line.start + tab)
    }

    fn unclosed_quote(&self, start: usize, at: usize) -> Diagnostic {
        let quote = &self.text[start..=start];
        Diagnostic::error(format!("a `{quote}` is not closed"))
            .at(self.span(start..start + 1), "opened here")
            .context(self.span(at..at), "noticed here")
            .help(format!(
                "add the closing `{quote}`, or indent the lines that belong to the string"
            ))
    }

    /// `a: "foo" and bar`
    fn text_after_quote(&self, string: Range<usize>) -> Diagnostic {
        let value = self.value_at(string.start);
        let rest = &value[string.len().min(value.len())..];
        let start = string.end + (rest.len() - rest.trim_start().len());
        // `'it's here'`: the quotes around it are not meant to be part of the value.
        let whole = match value.chars().next() {
            Some(quote) if start == string.end && rest.ends_with(quote) => {
                &value[1..value.len() - 1]
            }
            _ => value,
        };
        Diagnostic::error("unexpected text after a quoted string")
            .at(self.span(start..start + rest.trim().len()), "")
            .help(quote_it("quote the whole value", whole))
    }

    fn escape(&self, at: usize) -> Diagnostic {
        let known = "0abtnvfre \"/\\N_LPxuU\t\r\n";
        let mut rest = self.text[at..].char_indices();
        let mut bad = at..at + 1;
        while let Some((i, c)) = rest.next() {
            if c == '\\'
                && let Some((_, next)) = rest.next()
                && !known.contains(next)
            {
                bad = at + i..at + i + 1 + next.len_utf8();
                break;
            }
        }
        Diagnostic::error(format!(
            "unknown escape `{}` in a double-quoted string",
            &self.text[bad.clone()]
        ))
        .at(self.span(bad), "")
        .help("write `\\\\` for a backslash, or use single quotes")
    }

    /// `a: foo: bar`, or a key deeper than the finished value above it.
    fn colon(&self, at: usize, line: &Range<usize>, before: &Range<usize>) -> Diagnostic {
        let text = &self.text[line.clone()];
        let upto = &self.text.as_bytes()[line.start..line.end.min(at + 1)];
        let here =
            upto.iter().rposition(|byte| *byte == b':').map_or(at, |colon| line.start + colon);
        if let Some(key) = text[..here - line.start].find(": ") {
            let value = self.value_at(line.start + key + 1 + blanks(&text[key + 1..]));
            return Diagnostic::error("an unquoted value cannot contain `: `")
                .at(self.span(here..here + 1), "this reads as a second key")
                .help(quote_it("quote the value", value));
        }
        if let Some(colon) = self.colon_without_space(before.clone()) {
            return Diagnostic::error("a key needs a space after its `:`")
                .at(self.span(colon..colon + 1), "")
                .help("write a space after the `:`");
        }
        if blanks(text) > blanks(&self.text[before.clone()]) && before.end > before.start {
            let above = self.text[before.clone()].trim_end();
            let start = before.start + blanks(above);
            return Diagnostic::error("a key cannot stand below a finished value")
                .at(
                    self.span(line.start + blanks(text)..here),
                    "indented further than the line above",
                )
                .context(self.span(start..before.start + above.len()), "this has its value already")
                .help("give both lines the same indentation, or take the value away");
        }
        Diagnostic::error("a key cannot stand here").at(self.span(here..here + 1), "")
    }

    /// `key:value`
    fn colon_without_space(&self, line: Range<usize>) -> Option<usize> {
        let text = &self.text[line.clone()];
        let key = text.trim_start_matches([' ', '-']);
        let length = key.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))?;
        let ends = key[length..].starts_with(':')
            && !key[length..].starts_with("://")
            && !key.contains(": ");
        ends.then(|| line.start + text.len() - key.len() + length)
    }

    /// Something that fits no open list or mapping.
    fn no_key(&self, at: usize, line: &Range<usize>) -> Diagnostic {
        let text = &self.text[line.clone()];
        let column = blanks(text);
        let start = line.start + column;
        let what = self.text[start..].split([' ', '\n', '\r']).next().unwrap_or_default();
        let span = self.span(start..start + what.len());
        let item = what == "-";
        let column_of = |start: usize| start - self.line(start).start;
        let blocks = self.blocks();
        if !blocks.iter().any(|(start, _)| column_of(*start) == column) {
            let error = Diagnostic::error("the indentation fits no list or mapping above")
                .at(span, format!("indented by {column}"));
            let fitting =
                blocks.iter().filter(|(_, list)| *list == item).map(|(start, _)| column_of(*start));
            let text_only = !item && !text.contains(':');
            return match fitting
                .filter(|_| !text_only)
                .min_by_key(|fitting| fitting.abs_diff(column))
            {
                Some(fitting) => error.help(format!("indent this line by {fitting}")),
                None => error,
            };
        }
        let innermost = blocks.iter().find(|(start, _)| column_of(*start) == column);
        let error = match (item, text.contains(": ") || text.trim_end().ends_with(':')) {
            (true, _) => Diagnostic::error("expected a key, found a list item")
                .help("indent the list below its key, or take the `-` away"),
            (_, false) => Diagnostic::error(format!(
                "expected `key: value`, found `{}`",
                self.value_at(start)
            ))
            .help("write a `:` and a space after the key"),
            (_, true) => Diagnostic::error("expected a list item, found a key")
                .help("begin the line with `- `, or change its indentation"),
        };
        let span = if span.start as usize <= at { span } else { self.span(at..at) };
        match innermost {
            Some(&(open, list)) => {
                let what = if list {
                    "in the list that begins here"
                } else {
                    "in the mapping that begins here"
                };
                error.at(span, "").context(self.span(open..open + 1), what)
            }
            None => error.at(span, ""),
        }
    }

    fn unknown_alias(&self, at: usize) -> Diagnostic {
        let alias =
            self.text[at..].split([' ', '\n', '\r', ',', ']', '}']).next().unwrap_or_default();
        let error = Diagnostic::error(format!("unknown alias `{alias}`"))
            .at(self.span(at..at + alias.len()), "");
        let anchors = self.text[..at]
            .split([' ', '\n', '[', '{', ','])
            .filter_map(|word| word.strip_prefix('&'));
        match nearest(alias.trim_start_matches('*'), anchors) {
            Some(near) => error.help(format!("did you mean `*{near}`?")),
            None => error.help(quote_it("quote it if it is text", self.value_at(at))),
        }
    }

    /// The value that begins here, to the end of its line, without a comment.
    fn value_at(&self, start: usize) -> &str {
        let line = &self.text[start..self.line(start).end];
        line.find(" #").map_or(line, |comment| &line[..comment]).trim_end()
    }

    /// The line a byte is on, without its end.
    pub(super) fn line(&self, at: usize) -> Range<usize> {
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        start..self.text[at..].find('\n').map_or(self.text.len(), |end| at + end)
    }

    fn line_after(&self, line: &Range<usize>) -> Range<usize> {
        self.line((line.end + 1).min(self.text.len()))
    }

    /// The last line before this one that says something.
    fn line_before(&self, line: &Range<usize>) -> Range<usize> {
        let above = self.text[..line.start].trim_end().len();
        if above == 0 { line.start..line.start } else { self.line(above) }
    }

    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span { file: self.file, start: range.start as u32, end: range.end as u32 }
    }
}

impl FaultKind {
    /// Whether a bracket that was not closed can be the reason.
    fn may_be_bracket(&self) -> bool {
        matches!(
            self,
            FaultKind::Unclosed | FaultKind::Colon | FaultKind::NoKey | FaultKind::Separator
        )
    }
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// The advice, with the quoted value if it is short enough to be read.
fn quote_it(advice: &str, value: &str) -> String {
    if value.len() > 100 {
        return advice.to_owned();
    }
    let escapes = value.contains(['"', '\\']);
    let quoted =
        if escapes { format!("'{}'", value.replace('\'', "''")) } else { format!("\"{value}\"") };
    format!("{advice}: {quoted}")
}
