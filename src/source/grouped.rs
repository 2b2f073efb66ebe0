//! The same message of many places, told once: a module that is missing 300 times is one thing to mend.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rprov_modules::kit::Span;

use super::{Diagnostic, SourceMap, floor};

/// Files whose places are listed; of the others only the number is told.
const LISTED: usize = 10;

/// Messages that say the same of the same words, as one: the first, which names the places of the others.
pub(super) fn grouped(diagnostics: &[&Diagnostic], map: &SourceMap) -> Vec<Diagnostic> {
    let mut groups: Vec<(&Diagnostic, Vec<Span>)> = Vec::new();
    let mut known: BTreeMap<(String, bool), Vec<usize>> = BTreeMap::new();
    for diagnostic in diagnostics {
        let Some(span) = diagnostic.span() else {
            groups.push((diagnostic, Vec::new()));
            continue;
        };
        let key = (diagnostic.message().to_owned(), diagnostic.is_error());
        let same = known.entry(key).or_default();
        let first = same.iter().find(|at| alike(groups[**at].0, diagnostic, map));
        match first {
            Some(at) => groups[*at].1.push(span),
            None => {
                same.push(groups.len());
                groups.push((diagnostic, Vec::new()));
            }
        }
    }
    groups
        .into_iter()
        .map(|(first, others)| {
            places(&others, map).into_iter().fold(first.clone(), Diagnostic::note)
        })
        .collect()
}

/// Whether two with the same message say the same: of the same words, with the same help.
fn alike(one: &Diagnostic, other: &Diagnostic, map: &SourceMap) -> bool {
    one.label() == other.label()
        && one.helps() == other.helps()
        && marked(one, map).is_some_and(|words| marked(other, map) == Some(words))
}

/// The words a message is about, as they are written.
fn marked(diagnostic: &Diagnostic, map: &SourceMap) -> Option<String> {
    let span = diagnostic.span()?;
    let text = map.text(span.file)?;
    let (start, end) = (floor(&text, span.start as usize), floor(&text, span.end as usize));
    // Of nothing nothing is the same.
    text.get(start..end).filter(|words| !words.is_empty()).map(str::to_owned)
}

/// Lines that name places: one for each file.
fn places(spans: &[Span], map: &SourceMap) -> Vec<String> {
    let mut files: Vec<(Arc<Path>, Vec<usize>)> = Vec::new();
    for (path, line, _) in spans.iter().filter_map(|span| map.line_col(*span)) {
        match files.iter_mut().find(|(known, _)| *known == path) {
            Some((_, lines)) if lines.last() == Some(&line) => {}
            Some((_, lines)) => lines.push(line),
            None => files.push((path, vec![line])),
        }
    }
    let one = |(path, lines): &(Arc<Path>, Vec<usize>)| {
        let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
        format!("also in {}:{}", path.display(), lines.join(", "))
    };
    let mut told: Vec<String> = files.iter().take(LISTED).map(one).collect();
    match files.get(LISTED..).unwrap_or_default() {
        [] => {}
        [last] => told.push(one(last)),
        rest => {
            let lines: usize = rest.iter().map(|(_, lines)| lines.len()).sum();
            told.push(format!("also in {lines} lines of {} other files", rest.len()));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(map: &SourceMap, file: &str, text: &str, what: &str) -> Vec<Diagnostic> {
        let id = map.add(Path::new(file), text.into());
        let span = |at: usize| {
            let place = |at: usize| u32::try_from(at).expect("a short text");
            Span { file: id, start: place(at), end: place(at + what.len()) }
        };
        let found = text.match_indices(what);
        found.map(|(at, _)| Diagnostic::error(format!("no `{what}`")).at(span(at), "")).collect()
    }

    #[test]
    fn the_same_of_the_same_words_is_told_once() {
        let map = SourceMap::default();
        let mut all = at(&map, "a.yml", "x\ny\nx\nx x\n", "x");
        all.extend(at(&map, "b.yml", "y\nx\n", "x"));
        all.extend(at(&map, "b.yml", "y\nx\n", "y"));
        for file in 0..12 {
            all.extend(at(&map, &format!("c{file}.yml"), "y\ny\n", "y"));
        }
        let all: Vec<&Diagnostic> = all.iter().collect();
        let told = grouped(&all, &map);
        assert_eq!(told.len(), 2);
        let shown = told[0].render(&map, false);
        assert!(shown.contains("also in a.yml:3, 4\n"), "{shown}");
        assert!(shown.ends_with("also in b.yml:2"), "{shown}");
        let shown = told[1].render(&map, false);
        assert!(shown.contains("also in c9.yml:1, 2\n"), "{shown}");
        assert!(shown.ends_with("also in 4 lines of 2 other files"), "{shown}");
    }

    #[test]
    fn other_words_and_other_help_are_other_messages() {
        let map = SourceMap::default();
        let file = map.add(Path::new("a.yml"), "x: 1\ny: 2\n".into());
        let one = |start, end| Diagnostic::error("wrong").at(Span { file, start, end }, "");
        let (x, y) = (one(0, 1), one(5, 6));
        let helped = one(0, 1).help("do this");
        assert_eq!(grouped(&[&x, &y, &helped], &map), [x.clone(), y.clone(), helped.clone()]);
    }
}
