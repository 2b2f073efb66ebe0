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
pub(super) fn of(clear: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for value in text::list(clear).unwrap_or_default() {
        let mut path = value.path;
        if let Some(Step::Key { text, .. }) = path.0.pop()
            && (text.starts_with(OURS) || text.starts_with(THEIRS))
        {
            let path = path.to_string();
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    found
}
