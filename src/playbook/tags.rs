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

    /// Whether a task with these tags (its own and inherited ones) runs. `always` is stronger than
    /// `never`, and a task of no tag has the tag `untagged`.
    pub fn selects(&self, tags: &BTreeSet<String>) -> bool {
        let untagged = tags.iter().all(|tag| tag == "untagged");
        let named =
            |of: &BTreeSet<String>| untagged && of.contains("untagged") || !tags.is_disjoint(of);
        let (has, skips) = (|tag: &str| tags.contains(tag), |tag: &str| self.skip.contains(tag));
        let all = self.only.is_empty() || self.only.contains("all");
        let chosen = has("always")
            || (all || self.only.contains("tagged") && !untagged) && !has("never")
            || named(&self.only)
            || all && has("all");
        let skipped = if skips("all") {
            !has("always") || skips("always")
        } else {
            named(&self.skip) || skips("tagged") && !untagged
        };
        chosen && !skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/playbook/tags.tsv`: what `ansible-playbook --list-tasks` listed.
    #[test]
    fn special_tags_mean_what_ansible_says() {
        let recorded = include_str!("../../tests/playbook/tags.tsv");
        let mut rows = 0;
        for row in recorded.lines().filter(|row| !row.starts_with('#')) {
            let [only, skip, tags, runs] = row.split('\t').collect::<Vec<_>>()[..] else {
                panic!("four columns: {row}")
            };
            let words = |text: &str| -> Vec<String> {
                text.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
            };
            let filter = TagFilter::new(&words(only), &words(skip));
            let tags = words(tags).into_iter().collect();
            assert_eq!(filter.selects(&tags), runs == "runs", "{row}");
            rows += 1;
        }
        assert!(rows > 400);
        let nothing = TagFilter::new(&[String::new()], &[]);
        assert!(!nothing.selects(&BTreeSet::new()));
    }
}
