//! Which tasks run under `--tags` and `--skip-tags`.

use std::collections::BTreeSet;

/// The tags asked for on the command line.
#[derive(Debug, Clone, Default)]
pub struct TagFilter {
    /// Empty means `all`.
    pub only: BTreeSet<String>,
    pub skip: BTreeSet<String>,
}

impl TagFilter {
    /// Of the words of `--tags` and `--skip-tags`. An empty word is a tag that no task has.
    pub fn new(only: &[String], skip: &[String]) -> TagFilter {
        let set = |tags: &[String]| tags.iter().cloned().collect();
        TagFilter { only: set(only), skip: set(skip) }
    }

    /// Whether a task with these tags (its own and inherited ones) runs.
    pub fn selects(&self, tags: &BTreeSet<String>) -> bool {
        let has = |tag: &str| tags.contains(tag);
        let wants = |tag: &str| self.only.contains(tag);
        let chosen = if self.only.is_empty() || wants("all") {
            !has("never") || tags.iter().any(|t| wants(t))
        } else if has("always") || tags.iter().any(|t| wants(t)) {
            !has("never") || tags.iter().any(|t| t != "always" && wants(t))
        } else {
            !has("never")
                && ((wants("tagged") && !tags.is_empty()) || (wants("untagged") && tags.is_empty()))
        };
        let skips = |tag: &str| self.skip.contains(tag);
        let skipped = if skips("all") {
            !has("always") || skips("always")
        } else {
            tags.iter().any(|t| skips(t))
                || (skips("tagged") && !tags.is_empty())
                || (skips("untagged") && tags.is_empty())
        };
        chosen && !skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_tags_mean_what_ansible_says() {
        let run = |only: &str, skip: &str, tags: &[&str]| {
            let words = |text: &str| match text {
                "" => vec![],
                text => vec![text.to_owned()],
            };
            TagFilter::new(&words(only), &words(skip))
                .selects(&tags.iter().map(|t| (*t).to_owned()).collect())
        };
        assert!(run("", "", &[]) && run("", "", &["a"]));
        assert!(
            !run("", "", &["never"])
                && run("never", "", &["never"])
                && run("a", "", &["never", "a"])
        );
        assert!(run("a", "", &["always"]) && !run("a", "", &["b"]) && !run("a", "", &[]));
        assert!(run("tagged", "", &["b"]) && !run("tagged", "", &[]) && run("untagged", "", &[]));
        assert!(!run("", "a", &["a", "b"]) && !run("a", "always", &["always"]));
        let nothing = TagFilter::new(&[String::new()], &[]);
        assert!(!nothing.selects(&BTreeSet::new()));
        assert!(run("", "all", &["always"]) && !run("", "all", &["a"]));
    }
}
