//! The answer of the fact script: sections with a name, and ways to read them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(super) struct Sections<'a> {
    sections: Vec<(&'a str, &'a str)>,
}

impl<'a> Sections<'a> {
    pub(super) fn new(text: &'a str) -> Sections<'a> {
        let parts = text.split("\n@@ ").skip(1);
        let sections = parts.map(|part| part.split_once('\n').unwrap_or((part, ""))).collect();
        Sections { sections }
    }

    /// The text of a section; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &'a str {
        self.sections.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.sections.iter().any(|(known, _)| *known == name)
    }

    /// All sections whose name starts so, by the rest of their names.
    pub(super) fn starting(&self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.sections
            .iter()
            .filter_map(move |(name, text)| Some((name.strip_prefix(prefix)?, *text)))
    }

    /// Lines of `KEY=VALUE`; quotes around a value are taken off.
    pub(super) fn pairs(&self, name: &str) -> BTreeMap<&'a str, &'a str> {
        let pair = |line: &'a str| {
            let (key, value) = line.split_once('=')?;
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            Some((key.trim(), bare.unwrap_or(value)))
        };
        self.text(name).lines().filter_map(pair).collect()
    }

    /// Runs of `KEY=VALUE` lines, a new one at every `first=…`.
    pub(super) fn records(&self, name: &str, first: &str) -> Vec<Vec<(&'a str, &'a str)>> {
        let mut records: Vec<Vec<_>> = Vec::new();
        for (key, value) in self.text(name).lines().filter_map(|line| line.split_once('=')) {
            if key == first {
                records.push(Vec::new());
            }
            if let Some(record) = records.last_mut() {
                record.push((key, value.trim()));
            }
        }
        records
    }
}

/// Adds a fact.
pub(super) fn set(facts: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    facts.insert(name.to_owned(), value.into());
}

/// Bytes as Ansible prints them: `1.50 GB`.
pub(super) fn human(bytes: u64) -> String {
    for (shift, unit) in [(50, "PB"), (40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")] {
        if bytes >= 1 << shift {
            return format!("{:.2} {unit}", bytes as f64 / (1u64 << shift) as f64);
        }
    }
    format!("{bytes}.00 Bytes")
}
