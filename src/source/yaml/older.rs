//! What YAML 1.2 takes and PyYAML refuses: Ansible would not read such a text either.
//!
//! These are tabs where a token may begin, a `:` without a key in front of it, keys over several
//! lines, and a `:` in brackets without a blank behind it.

use rprov_modules::kit::Span;

use super::events::{Ev, Style};
use super::{Builder, Kind};
use crate::source::Diagnostic;

/// The text between two values, which has been looked at up to here.
#[derive(Debug, Default)]
pub(super) struct Gap {
    start: usize,
    /// Whether it follows a text without quotes, to which blanks may still belong.
    after_plain: bool,
}

impl Builder<'_> {
    /// Refuses an event that PyYAML does not take, and what stands in front of it.
    pub(super) fn older(&mut self, event: &Ev<'_>, span: Span) -> Result<(), Diagnostic> {
        let (start, end) = (span.start as usize, span.end as usize);
        let in_flow = self.stack.last().is_some_and(|open| open.flow);
        if !in_flow {
            self.tabs_before(start)?;
        }
        match event {
            Ev::Scalar { anchor: 1.., .. }
            | Ev::ListStart { anchor: 1.., .. }
            | Ev::MapStart { anchor: 1.., .. } => self.anchor_again(start)?,
            Ev::DocumentStart => self.named.clear(),
            _ => {}
        }
        if let Ev::Scalar { style, anchor, tag, .. } = event {
            let plain = *style == Style::Plain;
            let colon = in_flow && start < end && self.text[start..].starts_with(':');
            if plain && (start == end || colon) && *anchor == 0 && tag.is_none() {
                self.key_in_front(start, colon)?;
            }
            if plain && in_flow && start < end {
                self.blank_behind_colon(start, end)?;
            }
            if in_flow && self.expects_key() {
                self.key_on_one_line(start, end)?;
            }
            if *style == Style::Block && self.has_tabs {
                self.tab_in_block(start)?;
            }
        }
        self.gap = match event {
            Ev::ListStart { flow, .. } | Ev::MapStart { flow, .. } => {
                Gap { start: start + usize::from(*flow), after_plain: false }
            }
            Ev::Scalar { style, .. } => {
                Gap { start: end, after_plain: *style == Style::Plain && start < end }
            }
            Ev::Alias(_) => Gap { start: end, after_plain: false },
            Ev::End if in_flow => Gap { start: end, after_plain: false },
            Ev::End | Ev::DocumentStart => return Ok(()),
        };
        Ok(())
    }

    /// A tab in the indentation of what begins at `end`, or behind the `-` in front of it.
    pub(super) fn tabs_before(&self, end: usize) -> Result<(), Diagnostic> {
        let Gap { start, after_plain } = self.gap;
        if !self.has_tabs || end <= start {
            return Ok(());
        }
        let bytes = &self.text.as_bytes()[..end];
        let mut at = start;
        let mut still_plain = after_plain;
        // Whether only blanks stand between here and the begin of the line, or an indicator.
        let mut fresh = self.text[self.line(start).start..start].trim_matches(' ').is_empty();
        while at < end {
            match bytes[at] {
                b'\n' => fresh = true,
                b' ' | b'\r' => {}
                b'\t' if fresh && !(still_plain && self.column(at) >= self.indent()) => {
                    return Err(self.tab(at));
                }
                b'\t' => {}
                b'#' => {
                    still_plain = false;
                    at += bytes[at..].iter().position(|byte| *byte == b'\n').unwrap_or(end - at);
                    continue;
                }
                b'-' | b'?' => {
                    still_plain = false;
                    let alone = |at: Option<&u8>| at.is_none_or(u8::is_ascii_whitespace);
                    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
                    fresh = alone(before) && alone(self.text.as_bytes().get(at + 1));
                }
                _ => (fresh, still_plain) = (false, false),
            }
            at += 1;
        }
        Ok(())
    }

    /// A tab in front of the first line of a block scalar, where its indentation is read from.
    fn tab_in_block(&self, start: usize) -> Result<(), Diagnostic> {
        let header = self.text[self.gap.start..start].trim_end();
        let header = header.rsplit('\n').next().unwrap_or_default();
        let header = header.split(" #").next().unwrap_or_default().trim_end();
        let given = header.trim_end_matches(['+', '-']).ends_with(|c: char| c.is_ascii_digit());
        match self.text.as_bytes().get(start) {
            Some(b'\t') if !given => Err(self.tab_as_indentation(start)),
            _ => Ok(()),
        }
    }

    /// An anchor that this document has already.
    fn anchor_again(&mut self, start: usize) -> Result<(), Diagnostic> {
        let gap = &self.text[self.gap.start..start];
        let Some(at) = gap.rfind('&').map(|at| self.gap.start + at) else { return Ok(()) };
        let name = self.text[at + 1..].split(|c: char| c.is_whitespace() || ",[]{}".contains(c));
        let name = name.into_iter().next().unwrap_or_default().to_owned();
        let span = self.span(at..at + 1 + name.len());
        match self.named.get(&name) {
            _ if name.is_empty() => Ok(()),
            Some(first) => Err(Diagnostic::error(format!("the anchor `&{name}` is given twice"))
                .at(span, "again here")
                .context(*first, "first here")
                .help("give one of them another name")),
            None => {
                self.named.insert(name, span);
                Ok(())
            }
        }
    }

    /// `: value`, and `:value` between brackets.
    fn key_in_front(&self, start: usize, colon: bool) -> Result<(), Diagnostic> {
        let before = self.text[..start].trim_end();
        let blanks = self.text[start..].len() - self.text[start..].trim_start().len();
        let key = self.expects_key() && self.text[start + blanks..].starts_with(':');
        if before.ends_with('?') || !(colon || key) {
            return Ok(());
        }
        let at = start + blanks;
        Err(Diagnostic::error("expected a key in front of `:`")
            .at(self.span(at..at + 1), "")
            .help("write the key, or quote the text if the `:` is part of it"))
    }

    /// `{a:[1]}`, `[a:]`
    fn blank_behind_colon(&self, start: usize, end: usize) -> Result<(), Diagnostic> {
        let bytes = self.text.as_bytes();
        let mut colons = (start..=end).filter(|at| bytes.get(*at) == Some(&b':'));
        let wrong =
            colons.find(|at| bytes.get(at + 1).is_some_and(|next| b",?[]{}".contains(next)));
        match wrong {
            Some(at) => Err(Diagnostic::error("expected a blank behind `:`")
                .at(self.span(at..at + 2), "")
                .help("write a blank behind the `:`, or quote the text if it is part of it")),
            None => Ok(()),
        }
    }

    /// A key between brackets that goes on in the next line, or has its `:` there.
    fn key_on_one_line(&self, start: usize, end: usize) -> Result<(), Diagnostic> {
        let behind = &self.text[end..];
        let colon = behind.len() - behind.trim_start().len();
        let key = behind[colon..].starts_with(':');
        let whole = start..end + colon;
        if !key || !self.text[whole].contains('\n') || self.text[..start].trim_end().ends_with('?')
        {
            return Ok(());
        }
        Err(Diagnostic::error("a key must stand on one line, with its `:`")
            .at(self.span(start..end), "")
            .help("put it on one line, or a `,` where an entry ends"))
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last().map(|open| &open.kind), Some(Kind::Map { key: None, .. }))
    }

    fn column(&self, at: usize) -> usize {
        at - self.line(at).start
    }

    /// How far to the right the lines of a text without quotes must stand.
    fn indent(&self) -> usize {
        self.stack.last().map_or(0, |open| self.column(open.span.start as usize) + 1)
    }

    fn tab(&self, at: usize) -> Diagnostic {
        let line = self.line(at).start;
        match self.text[line..at].trim_start().is_empty() {
            true => self.tab_as_indentation(at),
            false => Diagnostic::error("expected a blank, found a tab")
                .at(self.span(at..at + 1), "a tab")
                .help("write a space"),
        }
    }
}
