//! Scalars written over lines of their own, after `|` (each line as it is) or `>` (folded).

use super::Writer;
use super::scalar::is_break;

impl Writer {
    pub(super) fn literal(&mut self, text: &str) {
        self.begin_block("|", text);
        let mut at_start = true;
        for c in text.chars() {
            if is_break(c) {
                self.end_line(c);
                at_start = true;
            } else {
                if at_start {
                    self.line();
                }
                self.put(c);
                self.indention = false;
                at_start = false;
            }
        }
    }

    pub(super) fn folded(&mut self, text: &str) {
        self.begin_block(">", text);
        let (mut at_start, mut leading_space) = (true, true);
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if is_break(c) {
                // A break between two lines of text is read as a space: it takes two to say one.
                if !at_start && !leading_space && c == '\n' {
                    let next = rest.clone().find(|c| !is_break(*c));
                    if next.is_some_and(|next| !matches!(next, ' ' | '\t')) {
                        self.line_break();
                    }
                }
                self.end_line(c);
                at_start = true;
            } else {
                if at_start {
                    self.line();
                    leading_space = matches!(c, ' ' | '\t');
                }
                let next = rest.clone().next();
                if !at_start && c == ' ' && next != Some(' ') && self.column > self.width {
                    self.line();
                } else {
                    self.put(c);
                }
                self.indention = false;
                at_start = false;
            }
        }
    }

    /// The indicator, and what a reader must be told of the text's beginning and end.
    fn begin_block(&mut self, indicator: &str, text: &str) {
        self.indicator(indicator, true, false, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator(&self.step.to_string(), false, false, false);
        }
        let mut from_end = text.chars().rev();
        match (from_end.next().is_some_and(is_break), from_end.next().is_none_or(is_break)) {
            (false, _) => self.indicator("-", false, false, false),
            (true, true) => {
                self.indicator("+", false, false, false);
                self.open_ended = true;
            }
            (true, false) => {}
        }
        self.line_break();
        self.whitespace = true;
        self.indention = true;
    }

    fn end_line(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indention = true;
    }
}
