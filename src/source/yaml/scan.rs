//! Which quotes and brackets are open where the parser stopped.

use std::ops::Range;

/// What the text behind the last complete value opens and does not close.
#[derive(Default)]
pub(super) struct Scan {
    /// A quote that is open where the parser stopped.
    pub(super) quote: Option<usize>,
    /// The last quoted string that is complete there.
    pub(super) last_quoted: Option<Range<usize>>,
    /// A bracket on an earlier line that is never closed.
    pub(super) bracket: Option<usize>,
}

impl Scan {
    pub(super) fn of(text: &str, mut open: Vec<usize>, from: usize, at: usize) -> Scan {
        let mut scan = Scan::default();
        let bytes = text.as_bytes();
        let mut i = open.last().map_or(from, |bracket| from.max(bracket + 1));
        let mut begins = true;
        while i < bytes.len() {
            let byte = bytes[i];
            match byte {
                b'"' | b'\'' if begins => match closing_quote(bytes, i) {
                    Some(end) if end <= at || i > at => {
                        if end <= at {
                            scan.last_quoted = Some(i..end);
                        }
                        i = end;
                        begins = false;
                        continue;
                    }
                    _ => {
                        scan.quote = (i <= at).then_some(i);
                        break;
                    }
                },
                // An anchor or a tag stands in front of a value.
                b'&' | b'!' if begins => {
                    let word = bytes[i..].iter().position(u8::is_ascii_whitespace);
                    i += word.unwrap_or(bytes.len() - i);
                    continue;
                }
                b'[' | b'{' if begins => open.push(i),
                b']' | b'}' => drop(open.pop()),
                b'#' if i > 0 && bytes[i - 1].is_ascii_whitespace() => {
                    i += bytes[i..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - i);
                    continue;
                }
                _ => {}
            }
            begins = match byte {
                b' ' | b'\t' | b'\r' => begins,
                _ => matches!(byte, b'\n' | b',' | b'[' | b'{' | b':' | b'-' | b'?'),
            };
            i += 1;
        }
        let line = text[..at].rfind('\n').unwrap_or(0);
        let ended = at >= text.trim_end().len();
        scan.bracket = open.first().copied().filter(|bracket| *bracket < line || ended);
        scan
    }
}

/// Behind the quote that closes the one at `start`.
pub(super) fn closing_quote(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes[start];
    let mut i = start + 1;
    while i < bytes.len() {
        if bytes[i] == quote && quote == b'\'' && bytes.get(i + 1) == Some(&quote)
            || bytes[i] == b'\\' && quote == b'"'
        {
            i += 2;
        } else if bytes[i] == quote {
            return Some(i + 1);
        } else {
            i += 1;
        }
    }
    None
}
