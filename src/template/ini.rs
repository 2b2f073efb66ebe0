//! INI files as Python's `configparser` reads them.

use indexmap::IndexMap;

/// One section: keys in the order of the file; a key alone has no value.
pub(super) type Section = IndexMap<String, Option<String>>;

/// How a file is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading {
    /// `A` and `a` are two keys.
    pub(super) case_sensitive: bool,
    /// A line may be a key alone.
    pub(super) keys_alone: bool,
}

/// The sections of a file; what stands in `[DEFAULT]` is in each of them.
///
/// # Errors
/// A line that is neither section, key nor continuation, or a name that comes twice.
pub(super) fn parse(text: &str, reading: Reading) -> Result<IndexMap<String, Section>, String> {
    let mut sections: IndexMap<String, Section> = IndexMap::new();
    let mut current: Option<(String, Option<String>)> = None;
    let mut indent = 0;
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let trimmed = line.trim();
        let comment = trimmed.starts_with(['#', ';']);
        let depth = line.len() - line.trim_start().len();
        let entry = current.as_ref().and_then(|(section, key)| {
            sections.get_mut(section)?.get_mut(key.as_deref()?)?.as_mut()
        });
        if trimmed.is_empty() || comment {
            // A blank line goes on with the value, and is dropped again at its end.
            if let Some(entry) = entry.filter(|_| !comment) {
                entry.push('\n');
            }
            continue;
        }
        if let Some(entry) = entry.filter(|_| depth > indent) {
            entry.push('\n');
            entry.push_str(trimmed);
            continue;
        }
        indent = depth;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let name = name.0.to_owned();
            if sections.contains_key(&name) && name != "DEFAULT" {
                return Err(format!("line {number}: section `{name}` comes twice"));
            }
            sections.entry(name.clone()).or_default();
            current = Some((name, None));
            continue;
        }
        let Some((section, key)) = &mut current else {
            return Err(format!("line {number}: expected a section first, found `{trimmed}`"));
        };
        let (name, value) = match trimmed.find(['=', ':']) {
            Some(at) => (trimmed[..at].trim(), Some(trimmed[at + 1..].trim().to_owned())),
            None if reading.keys_alone => (trimmed, None),
            None => {
                return Err(format!("line {number}: expected `key = value`, found `{trimmed}`"));
            }
        };
        if name.is_empty() {
            return Err(format!("line {number}: expected a key in front of `{trimmed}`"));
        }
        let name = if reading.case_sensitive { name.to_owned() } else { name.to_lowercase() };
        *key = Some(name.clone());
        if let Some(section) = sections.get_mut(section)
            && section.insert(name.clone(), value).is_some()
        {
            return Err(format!("line {number}: `{name}` comes twice in its section"));
        }
    }
    let mut defaults = sections.shift_remove("DEFAULT").unwrap_or_default();
    for value in defaults.values_mut().flatten() {
        value.truncate(value.trim_end().len());
    }
    for section in sections.values_mut() {
        for value in section.values_mut().flatten() {
            value.truncate(value.trim_end().len());
        }
        let own = std::mem::replace(section, defaults.clone());
        section.extend(own);
    }
    if !defaults.is_empty() {
        sections.insert("DEFAULT".to_owned(), defaults);
    }
    Ok(sections)
}

/// A value with `%(name)s` replaced by other values of its section, and `%%` by `%`.
///
/// # Errors
/// A name that the section does not have, names that need each other, or a lone `%`.
pub(super) fn interpolated(value: &str, section: &Section, depth: usize) -> Result<String, String> {
    if depth > 10 {
        return Err(format!("`{value}` needs itself"));
    }
    let mut out = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
        } else if let Some((name, after)) =
            rest.strip_prefix('(').and_then(|inner| inner.split_once(")s"))
        {
            let found = section.get(&name.to_lowercase()).ok_or_else(|| {
                format!("`{value}` needs `{name}`, which the section does not have")
            })?;
            out.push_str(&interpolated(found.as_deref().unwrap_or_default(), section, depth + 1)?);
            rest = after;
        } else {
            return Err(format!("`{value}` has a `%` that is neither `%%` nor `%(name)s`"));
        }
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keys_and_continuations() {
        let text = "[DEFAULT]\nhome: /srv\n; note\n[a]\nX = 1\n  2\n\n[b]\npath=%(home)s/x%%\n";
        let found = parse(text, Reading::default()).expect("an INI file");
        assert_eq!(found["a"]["x"].as_deref(), Some("1\n2"));
        let path = found["b"]["path"].as_deref().unwrap_or_default();
        assert_eq!(interpolated(path, &found["b"], 0), Ok("/srv/x%".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, expected) in [
            ("a=1\n", "line 1: expected a section first, found `a=1`"),
            ("[s]\nalone\n", "line 2: expected `key = value`, found `alone`"),
            ("[s]\na=1\nA=2\n", "line 3: `a` comes twice in its section"),
            ("[s]\n[s]\n", "line 2: section `s` comes twice"),
            ("[s]\n=1\n", "line 2: expected a key in front of `=1`"),
        ] {
            assert_eq!(parse(text, Reading::default()), Err(expected.to_owned()));
        }
    }
}
