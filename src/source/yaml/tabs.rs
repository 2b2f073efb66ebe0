//! Tabs at the beginning of the lines of a quoted text: PyYAML takes them for the blanks they stand
//! for, YAML 1.2 does not.

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
    let quoted: Vec<(usize, usize)> = Events::new(&all)
        .map_while(Result::ok)
        .filter(|(event, ..)| matches!(event, Ev::Scalar { style: Style::Quoted, .. }))
        .map(|(_, start, end)| (start as usize, end as usize))
        .collect();
    let within = |line: &(usize, usize)| quoted.iter().any(|(a, b)| *a < line.0 && line.1 < *b);
    let mut bytes = text.as_bytes().to_vec();
    let mut changed = false;
    for (start, end) in lines.into_iter().filter(within) {
        bytes[start..end].fill(b' ');
        changed = true;
    }
    String::from_utf8(bytes).ok().filter(|_| changed)
}
