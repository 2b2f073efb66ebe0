//! Where a value is: the keys and indices that lead to it.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// One step of a [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A key of a mapping. `quoted`: written in quotes, so `"1"` and `1` are different keys.
    Key { text: String, quoted: bool },
    /// A place in a list, from 0.
    Index(usize),
}

/// The way from the top of a document to a value: `db.users[0].name`. A key with other characters
/// than letters, digits, `_` and `-` is written in double quotes, with `\` before `"` and `\`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPath(pub Vec<Step>);

impl KeyPath {
    /// What values are bound to; no two paths have the same bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for step in &self.0 {
            match step {
                Step::Key { text, quoted } => {
                    bytes.push(if *quoted { b'q' } else { b'k' });
                    bytes.extend((text.len() as u64).to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
                Step::Index(at) => {
                    bytes.push(b'i');
                    bytes.extend((*at as u64).to_le_bytes());
                }
            }
        }
        bytes
    }

    /// Whether both lead to the same place: a path that a user wrote says nothing about quotes.
    #[must_use]
    pub fn leads_to(&self, other: &KeyPath) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.matches(b))
    }
}

impl Step {
    pub(crate) fn matches(&self, other: &Step) -> bool {
        match (self, other) {
            (Step::Key { text: a, .. }, Step::Key { text: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }
}

fn is_bare(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(at) => write!(f, "[{at}]")?,
                Step::Key { text, .. } => {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    match is_bare(text) {
                        true => f.write_str(text)?,
                        false => {
                            write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl FromStr for KeyPath {
    type Err = Error;

    /// Reads what [`KeyPath`] displays as.
    fn from_str(text: &str) -> Result<KeyPath, Error> {
        let wrong = |why| Error::Path { path: text.to_owned(), why };
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (index, after) =
                    inner.split_once(']').ok_or_else(|| wrong("expected `]` after `[`"))?;
                let index = index.parse().map_err(|_| wrong("expected a number in brackets"))?;
                steps.push(Step::Index(index));
                rest = after;
                continue;
            }
            if !steps.is_empty() {
                rest = rest.strip_prefix('.').ok_or_else(|| wrong("expected `.` between keys"))?;
            }
            let (key, after) = match rest.strip_prefix('"') {
                Some(inner) => quoted(inner).ok_or_else(|| wrong("expected a closing `\"`"))?,
                None => {
                    let end = rest.find(['.', '[']).unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..])
                }
            };
            if key.is_empty() && !rest.starts_with('"') {
                return Err(wrong("expected a key"));
            }
            steps.push(Step::Key { text: key, quoted: false });
            rest = after;
        }
        Ok(KeyPath(steps))
    }
}

/// The text up to the closing quote, and what is behind it.
fn quoted(inner: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, &inner[at + 1..])),
            '\\' => text.push(chars.next()?.1),
            c => text.push(c),
        }
    }
    None
}
