//! Tabs at the beginning of the lines of a quoted text or between brackets: PyYAML takes them for the
//! blanks they stand for, YAML 1.2 does not.

use super::events::{Ev, Events, Style};

/// The text with such tabs as spaces, every byte at its place; none if there is nothing to change.
pub(super) fn spaced(text: &str) -> Option<String> {
    let mut all = text.as_bytes().to_vec();
    let mut lines: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        if line[..blank].contains('\t') {
            lines.push((start, start + blank));
            all[start..start + blank].fill(b' ');
        }
        start += line.len();
    }
    let all = String::from_utf8(all).ok().filter(|_| !lines.is_empty())?;
    let free = free(&all);
    let within = |line: &(usize, usize)| free.iter().any(|(a, b)| *a < line.0 && line.1 < *b);
    let mut bytes = text.as_bytes().to_vec();
    let mut changed = false;
    for (start, end) in lines.into_iter().filter(within) {
        bytes[start..end].fill(b' ');
        changed = true;
    }
    String::from_utf8(bytes).ok().filter(|_| changed)
}

/// Where quoted texts and collections in brackets stand.
fn free(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    // The collections that are open: where they begin if they are in brackets.
    let mut open: Vec<Option<usize>> = Vec::new();
    for (event, start, end) in Events::new(text).map_while(Result::ok) {
        let (start, end) = (start as usize, end as usize);
        match event {
            Ev::Scalar { style: Style::Quoted, .. } => found.push((start, end)),
            Ev::ListStart { flow, .. } | Ev::MapStart { flow, .. } => {
                open.push(flow.then_some(start));
            }
            Ev::End => {
                let closed = open.pop().flatten();
                let outermost = !open.iter().any(Option::is_some);
                found.extend(closed.filter(|_| outermost).map(|start| (start, end)));
            }
            _ => {}
        }
    }
    found
}
