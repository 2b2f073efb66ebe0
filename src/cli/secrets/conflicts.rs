//! How a conflict of two branches stands in a file: in the value's place a mapping of both.
//!
//! ```yaml
//! db_password: {"<<<<<<< ours": "a", ">>>>>>> theirs": "b"}
//! ```

use rprov_vault::{Step, text};

/// The keys under which the two versions of a value stand.
pub(super) const OURS: &str = "<<<<<<< ours";
pub(super) const THEIRS: &str = ">>>>>>> theirs";
/// What the key ends in if that version has removed the value.
pub(super) const REMOVED: &str = " (removed)";

/// The paths of all conflicts of a clear or sealed text.
pub(super) fn of(text: &str) -> Vec<String> {
    found(text).into_iter().map(|(path, _)| path).collect()
}

/// The paths of all conflicts of a clear or sealed text, and the lines they are in.
fn found(text: &str) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    for value in text::list(text).unwrap_or_default() {
        let mut path = value.path;
        if let Some(Step::Key { text, .. }) = path.0.pop()
            && (text.starts_with(OURS) || text.starts_with(THEIRS))
        {
            let path = path.to_string();
            if !found.iter().any(|(known, _)| *known == path) {
                found.push((path, value.line));
            }
        }
    }
    found
}

/// Says which values of a text are in conflict; none if there are none.
pub(in crate::cli) fn message(text: &str) -> Option<String> {
    let found = found(text);
    let places: Vec<String> =
        found.iter().map(|(path, line)| format!("`{path}` in line {line}")).collect();
    let places = places.join(", ");
    (!found.is_empty())
        .then(|| format!("both branches changed {places}, and nobody has chosen yet"))
}
