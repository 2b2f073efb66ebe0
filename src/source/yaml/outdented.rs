//! What PyYAML takes and YAML 1.2 does not, mended by blanks: quoted texts that go on further left than
//! what they stand in, and comments close behind a value (`'a'# b`).

use super::events::{Ev, Events, FaultKind, RawTag, Style};
use super::scan::{Scan, closing_quote};

/// More such texts than this are no file of anybody's.
const MOST: usize = 1000;

/// A text with such lines moved to the right, and what was put in front of them.
pub(super) struct Moved {
    pub(super) text: String,
    /// Places in the text as it was, in order, and numbers of blanks.
    blanks: Vec<(usize, usize)>,
}

/// None if there is nothing to move, or if it does not help.
pub(super) fn moved(text: &str) -> Option<Moved> {
    let mut moved = Moved { text: text.to_owned(), blanks: Vec::new() };
    for _ in 0..MOST {
        let Some((last, at, kind)) = stop(&moved.text) else {
            return (!moved.blanks.is_empty()).then_some(moved);
        };
        if kind == FaultKind::Comment {
            moved.separate(at)?;
            continue;
        }
        let quote = Scan::of(&moved.text, Vec::new(), last, at).quote?;
        moved.indent(quote)?;
    }
    None
}

/// Where the parser stops, and where the last value before that ends.
fn stop(text: &str) -> Option<(usize, usize, FaultKind)> {
    let mut last = 0;
    for event in Events::new(text) {
        match event {
            Ok((Ev::Scalar { style: Style::Plain | Style::Quoted, .. }, _, end)) => {
                last = end as usize;
            }
            Ok(_) => {}
            Err(fault) => return Some((last, fault.at as usize, fault.kind)),
        }
    }
    None
}

impl Moved {
    /// Puts a blank in front of a comment.
    fn separate(&mut self, comment: usize) -> Option<()> {
        if self.text.as_bytes().get(comment) != Some(&b'#') {
            return None;
        }
        let place = self.origin(comment);
        self.text.insert(comment, ' ');
        self.blanks.push((place, 1));
        self.blanks.sort_unstable();
        Some(())
    }

    /// Moves the lines of a quoted text behind its quote.
    fn indent(&mut self, quote: usize) -> Option<()> {
        let end = closing_quote(self.text.as_bytes(), quote)?;
        let column = quote - self.text[..quote].rfind('\n').map_or(0, |at| at + 1);
        let breaks = self.text[quote..end].match_indices('\n').map(|(at, _)| quote + at + 1);
        let lines: Vec<usize> = breaks.collect();
        let blank =
            |at: usize| self.text[at..].trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        // These end a document, wherever they stand.
        let mark = |at: usize| ["---", "..."].iter().any(|mark| self.text[at..].starts_with(mark));
        if lines.is_empty() || lines.iter().any(|at| mark(*at)) {
            return None;
        }
        let lines: Vec<usize> = lines.into_iter().filter(|at| !blank(*at)).collect();
        let indent = " ".repeat(column + 1);
        let places: Vec<usize> = lines.iter().map(|at| self.origin(*at)).collect();
        // A text that was moved before is not the matter.
        if places.iter().any(|place| self.blanks.iter().any(|(known, _)| known == place)) {
            return None;
        }
        for at in lines.iter().rev() {
            self.text.insert_str(*at, &indent);
        }
        self.blanks.extend(places.into_iter().map(|place| (place, indent.len())));
        self.blanks.sort_unstable();
        (!lines.is_empty()).then_some(())
    }

    /// The place in the text as it was.
    fn origin(&self, at: usize) -> usize {
        let mut before = 0;
        for (place, blanks) in &self.blanks {
            if at < place + before {
                break;
            }
            if at < place + before + blanks {
                return *place;
            }
            before += blanks;
        }
        at - before
    }

    /// The same of an event's place and of its tag's.
    pub(super) fn placed<'a>(&self, event: Ev<'a>, start: u32, end: u32) -> (Ev<'a>, u32, u32) {
        let origin = |at: u32| u32::try_from(self.origin(at as usize)).unwrap_or(at);
        let tagged = |tag: Option<RawTag>| {
            tag.map(|tag| RawTag { start: origin(tag.start), end: origin(tag.end), ..tag })
        };
        let event = match event {
            Ev::Scalar { text, style, anchor, tag } => {
                Ev::Scalar { text, style, anchor, tag: tagged(tag) }
            }
            Ev::ListStart { flow, anchor, tag } => Ev::ListStart { flow, anchor, tag: tagged(tag) },
            Ev::MapStart { flow, anchor, tag } => Ev::MapStart { flow, anchor, tag: tagged(tag) },
            other => other,
        };
        (event, origin(start), origin(end))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::source::SourceMap;
    use crate::source::yaml::parse_value;

    /// The values are PyYAML's.
    #[test]
    fn quoted_texts_may_go_on_further_left() {
        let text = "a: \"{{\nx | select()\n}}\"\nb: [\"{%\nif x %}y{% endif %}\"]\nc:\n  - d: 'one\ntwo\n\n  three'\n    e: \"tab\n\t{\n\t\t'k': v }[x]\n}} \\\"q\\\" é\nend\"\ng: after\n";
        let map = SourceMap::default();
        let node = parse_value(&map, Path::new("a.yml"), text).expect("as PyYAML has it");
        let at = |name: &str| node.get(name).expect("a key");
        assert_eq!(at("a").text(), Some("{{ x | select() }}"));
        assert_eq!(at("b").items().expect("a list")[0].text(), Some("{% if x %}y{% endif %}"));
        let entry = &at("c").items().expect("a list")[0];
        assert_eq!(entry.get("d").and_then(|d| d.text()), Some("one two\nthree"));
        let e = entry.get("e").expect("a key");
        assert_eq!(e.text(), Some("tab { 'k': v }[x] }} \"q\" é end"));
        // Places are those of the text as it is.
        let places = [at("a"), e, at("g")].map(|node| {
            let (start, end) = (node.span.start as usize, node.span.end as usize);
            &text[start..end]
        });
        assert_eq!(places[0], "\"{{\nx | select()\n}}\"");
        assert!(places[1].starts_with("\"tab") && places[1].ends_with("end\""), "{}", places[1]);
        assert_eq!(places[2], "after");
    }

    #[test]
    fn what_is_never_closed_stays_an_error() {
        for text in ["a: \"x\ny\nb: 1\n", "a: 'x\n---\ny'\n", "a: [1\nb: \"x\ny\"\n"] {
            let found = parse_value(&SourceMap::default(), Path::new("a.yml"), text);
            assert!(found.is_err(), "{text:?}: {found:?}");
        }
    }
}
