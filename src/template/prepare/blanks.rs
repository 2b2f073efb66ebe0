//! Blanks beyond ASCII between the words of an expression, such as a no-break space that was copied from a
//! page: for Jinja they are blanks, for the engine they are not.

use std::ops::Range;

use super::{Marks, Segment, segments, tokens};

/// The template with such blanks as spaces, every byte at its place; none if there are none.
pub(in crate::template) fn plain_blanks(source: &str, marks: &Marks) -> Option<String> {
    if !source.contains(is_odd) {
        return None;
    }
    let found = segments(source, marks).unwrap_or_else(|found| found);
    found.into_iter().fold(None, |changed: Option<String>, segment| {
        let (Segment::Expression(range) | Segment::Statement(range)) = segment;
        let spaced = plain_blanks_within(changed.as_deref().unwrap_or(source), range);
        spaced.or(changed)
    })
}

/// The same of one expression in a text.
pub(in crate::template) fn plain_blanks_within(
    source: &str,
    range: Range<usize>,
) -> Option<String> {
    if !source[range.clone()].contains(is_odd) {
        return None;
    }
    let mut bytes = source.as_bytes().to_vec();
    let mut at = range.start;
    let end = range.end;
    let words = tokens(source, range).into_iter().map(|token| (token.start, token.end));
    for (start, behind) in words.chain([(end, end)]) {
        if source[at..start].contains(is_odd) {
            bytes[at..start].fill(b' ');
        }
        at = behind;
    }
    String::from_utf8(bytes).ok()
}

fn is_odd(c: char) -> bool {
    c.is_whitespace() && !c.is_ascii()
}
