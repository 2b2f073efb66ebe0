//! Finds many texts in one pass; in a second one also where they were split over lines, or quoted
//! piece by piece.

use std::ops::Range;

use aho_corasick::AhoCorasick;

/// Characters that a form must have left, without white space and quotes, to be looked for where
/// lines were broken or quotes put into it; and where only blanks were.
const SHORTEST_SPLIT: usize = 4;
const SHORTEST_SPACED: usize = 8;

/// All forms of some secrets. Built once for a set of secrets, used for every text.
pub(super) struct Matcher {
    whole: AhoCorasick,
    split: AhoCorasick,
    /// Whether a split form is long enough to be found between blanks.
    spaced: Vec<bool>,
}

impl Matcher {
    /// `None` if it is far too much.
    pub(super) fn new(forms: &[String]) -> Option<Matcher> {
        let mut split: Vec<String> = forms
            .iter()
            .map(|form| squeeze(form))
            .filter(|form| form.chars().count() >= SHORTEST_SPLIT && !super::too_short(form))
            .collect();
        split.sort_unstable();
        split.dedup();
        let spaced = split.iter().map(|form| form.chars().count() >= SHORTEST_SPACED).collect();
        Some(Matcher {
            whole: AhoCorasick::new(forms).ok()?,
            split: AhoCorasick::new(split).ok()?,
            spaced,
        })
    }

    /// Where there is one of the texts; ranges may overlap.
    pub(super) fn find(&self, text: &Text<'_>, found: &mut Vec<Range<usize>>) {
        if self.whole.is_match(text.whole) {
            found.extend(self.whole.find_overlapping_iter(text.whole).map(|hit| hit.range()));
        }
        let squeezed = &text.squeezed;
        if !self.split.is_match(squeezed) {
            return;
        }
        let places = places(text.whole);
        for hit in self.split.find_overlapping_iter(squeezed) {
            let last = squeezed[..hit.end()].chars().next_back().map_or(1, char::len_utf8);
            let range = places[hit.start()]..places[hit.end() - last] + last;
            let broken = || text.whole[range.clone()].contains(['\n', '\\', '\'', '"']);
            if self.spaced[hit.pattern().as_usize()] || broken() {
                found.push(range);
            }
        }
    }
}

/// A text that is looked through.
pub(super) struct Text<'t> {
    whole: &'t str,
    squeezed: String,
}

impl<'t> Text<'t> {
    pub(super) fn new(whole: &'t str) -> Text<'t> {
        Text { whole, squeezed: squeeze(whole) }
    }
}

/// The characters of a text and their places, without white space, quotes and backslashes: a line may
/// have been broken behind one, and what continues a line begins with one. Without escaped line
/// breaks, too.
fn kept(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        loop {
            let (at, c) = chars.next()?;
            match c {
                '\\' => {
                    chars.next_if(|(_, next)| matches!(next, 'n' | 'r' | 't'));
                }
                '\'' | '"' => {}
                c if c.is_whitespace() => {}
                c => return Some((at, c)),
            }
        }
    })
}

fn squeeze(text: &str) -> String {
    kept(text).map(|(_, c)| c).collect()
}

/// For each byte of the squeezed text its place in the whole.
fn places(text: &str) -> Vec<usize> {
    kept(text).flat_map(|(at, c)| at..at + c.len_utf8()).collect()
}
