//! Finds many texts in one pass, also where one was split over lines.

use aho_corasick::{AhoCorasick, MatchKind};

use super::MASK;

/// Characters that a form must have left, without white space, to be looked for across lines.
const SHORTEST_SPLIT: usize = 8;

/// All forms of all secrets. Built once for a set of secrets, used for every text.
pub(super) struct Matcher {
    whole: AhoCorasick,
    split: AhoCorasick,
}

impl Matcher {
    /// `None` if there is nothing to look for, or far too much.
    pub(super) fn new<'a>(forms: impl Iterator<Item = &'a str> + Clone) -> Option<Matcher> {
        let build = |patterns: &mut dyn Iterator<Item = String>| {
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok()
        };
        let whole = build(&mut forms.clone().map(str::to_owned))?;
        let mut split: Vec<String> = forms
            .map(|form| squeeze(form).0)
            .filter(|form| form.chars().count() >= SHORTEST_SPLIT)
            .collect();
        split.sort_unstable();
        split.dedup();
        Some(Matcher { whole, split: build(&mut split.into_iter())? })
    }

    /// The text with all that is found masked.
    pub(super) fn clean(&self, text: &str) -> String {
        let clean = match self.whole.is_match(text) {
            true => mask(text, self.whole.find_iter(text).map(|found| found.range())),
            false => text.to_owned(),
        };
        match clean.contains('\n') || clean.contains(r"\n") {
            true => self.clean_across_lines(clean),
            false => clean,
        }
    }

    fn clean_across_lines(&self, text: String) -> String {
        let (squeezed, places) = squeeze(&text);
        if !self.split.is_match(&squeezed) {
            return text;
        }
        let found = self.split.find_iter(&squeezed).map(|found| {
            let last = squeezed[..found.end()].chars().next_back().map_or(1, char::len_utf8);
            places[found.start()]..places[found.end() - last] + last
        });
        mask(&text, found)
    }
}

/// Replaces ranges, which are in order and apart.
fn mask(text: &str, ranges: impl Iterator<Item = std::ops::Range<usize>>) -> String {
    let (mut out, mut kept) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        out.push_str(&text[kept..range.start]);
        out.push_str(MASK);
        kept = range.end;
    }
    out + &text[kept..]
}

/// The text without white space, without escaped line breaks and without what continues a line;
/// and for each of its bytes the place in the text.
fn squeeze(text: &str) -> (String, Vec<usize>) {
    let (mut out, mut places) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let gone = match c {
            '\\' => match chars.peek() {
                Some((_, 'n' | 'r' | 't' | '\n' | ' ')) => chars.next().is_some(),
                _ => false,
            },
            c => c.is_whitespace(),
        };
        if !gone {
            out.push(c);
            places.extend(at..at + c.len_utf8());
        }
    }
    (out, places)
}
