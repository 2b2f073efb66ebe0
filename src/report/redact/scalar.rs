//! Values of their own in a text: whole lines, and what stands behind `name:`, `name=` or `- `.

use std::ops::Range;

/// The places of all of them, without quotes around them.
pub(super) fn values(text: &str) -> impl Iterator<Item = Range<usize>> {
    let start = text.as_ptr() as usize;
    text.lines()
        .flat_map(|line| {
            let line = line.trim();
            let item = line.strip_prefix("- ").unwrap_or(line);
            let named = item.split_once(['=', ':']).map(|(_, value)| value);
            [Some(line), Some(item), named].into_iter().flatten()
        })
        .map(move |value| {
            let value = value.trim().trim_end_matches([',', ';']);
            let bare = ['"', '\''].iter().find_map(|quote| {
                value.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote))
            });
            let value = bare.unwrap_or(value);
            let at = value.as_ptr() as usize - start;
            at..at + value.len()
        })
}
