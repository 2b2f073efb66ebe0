//! How one scalar is written: plain, in single or in double quotes, and where its lines break.

use super::Writer;

/// Which styles give the text back when it is read.
pub(super) struct Analysis {
    pub(super) plain_in_flow: bool,
    pub(super) plain_in_block: bool,
    pub(super) single_quoted: bool,
    /// Line by line, after `|` or `>`.
    pub(super) block: bool,
    pub(super) multiline: bool,
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank_or_end(c: Option<char>) -> bool {
    c.is_none_or(|c| matches!(c, ' ' | '\t' | '\0') || is_break(c))
}

/// What libyaml writes as it is: no control characters, no byte order mark, nothing past 16 bits.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

impl Analysis {
    pub(super) fn of(text: &str) -> Analysis {
        let marker = text.starts_with("---") || text.starts_with("...");
        let (mut flow_indicators, mut block_indicators) = (marker, marker);
        let (mut special, mut multiline) = (false, false);
        let (mut break_then_space, mut space_then_break) = (false, false);
        let mut previous = None;
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            let before_blank = is_blank_or_end(rest.clone().next());
            let (flow, block) = match c {
                ':' => (true, before_blank),
                '?' if previous.is_none() => (true, before_blank),
                '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                    if previous.is_none() =>
                {
                    (true, true)
                }
                ',' | '[' | ']' | '{' | '}' => (true, previous.is_none()),
                '?' => (true, false),
                '-' if previous.is_none() => (before_blank, before_blank),
                '#' if is_blank_or_end(previous) => (true, true),
                _ => (false, false),
            };
            flow_indicators |= flow;
            block_indicators |= block;
            special |= !is_printable(c);
            multiline |= is_break(c);
            break_then_space |= c == ' ' && previous.is_some_and(is_break);
            space_then_break |= is_break(c) && previous == Some(' ');
            previous = Some(c);
        }
        let at_edge = |c: char| c == ' ' || is_break(c);
        let edges = text.starts_with(at_edge) || text.ends_with(at_edge);
        let single_quoted = !(break_then_space || space_then_break || special);
        let plain = single_quoted && !edges && !multiline;
        Analysis {
            plain_in_flow: plain && !flow_indicators && !text.is_empty(),
            plain_in_block: plain && !block_indicators,
            single_quoted,
            block: !(space_then_break || special || text.is_empty() || text.ends_with(' ')),
            multiline,
        }
    }
}

impl Writer {
    /// Whether the line is full and may be broken at this space, which `next` follows.
    fn folds(&self, breaks: bool, after_space: bool, next: Option<char>) -> bool {
        breaks && !after_space && self.column > self.width && next.is_some_and(|next| next != ' ')
    }

    pub(super) fn plain(&mut self, text: &str, breaks: bool) {
        if !self.whitespace && (!text.is_empty() || self.in_flow()) {
            self.put(' ');
        }
        let mut after_space = false;
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c == ' ' && self.folds(breaks, after_space, rest.clone().next()) {
                self.line();
            } else {
                self.put(c);
                self.indention = false;
            }
            after_space = c == ' ';
        }
        self.whitespace = false;
        self.indention = false;
    }

    pub(super) fn single_quoted(&mut self, text: &str, breaks: bool) {
        self.indicator("'", true, false, false);
        let (mut after_space, mut after_break) = (false, false);
        let mut first = true;
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c == ' ' {
                if !first && self.folds(breaks, after_space, rest.clone().next()) {
                    self.line();
                } else {
                    self.put(c);
                }
            } else if is_break(c) {
                // One line break is read as a space: it takes two to say one.
                if !after_break && c == '\n' {
                    self.line_break();
                }
                self.out.push(c);
                self.column = 0;
                self.indention = true;
                after_break = true;
            } else {
                if after_break {
                    self.line();
                }
                if c == '\'' {
                    self.put(c);
                }
                self.put(c);
                self.indention = false;
                after_break = false;
            }
            after_space = c == ' ';
            first = false;
        }
        if after_break {
            self.line();
        }
        self.indicator("'", false, false, false);
    }

    pub(super) fn double_quoted(&mut self, text: &str, breaks: bool) {
        self.indicator("\"", true, false, false);
        let mut after_space = false;
        let mut first = true;
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                escape(c).chars().for_each(|c| self.put(c));
            } else if c == ' '
                && !first
                && breaks
                && !after_space
                && self.column > self.width
                && let Some(next) = rest.clone().next()
            {
                self.line();
                if next == ' ' {
                    self.put('\\');
                }
            } else {
                self.put(c);
            }
            after_space = c == ' ';
            first = false;
        }
        self.indicator("\"", false, false, false);
    }
}

fn escape(c: char) -> String {
    let letter = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => c,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(c) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{letter}")
}
