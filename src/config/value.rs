//! From the text of a setting to its value.

use std::path::{Component, Path, PathBuf};

use rprov_modules::kit::boolean;
use serde_json::Value;

use super::{Color, Surroundings};

/// What a setting's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    /// A whole number, not negative.
    Number,
    Text,
    /// Text that is not to be shown.
    Secret,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// See [`Color`].
    Color,
    /// Words with commas between.
    List,
    Path,
    /// Paths with colons between.
    Search,
    /// Paths with commas between.
    Paths,
}

impl Kind {
    /// In words, for messages.
    pub fn describe(self) -> String {
        match self {
            Kind::Boolean => "a boolean".to_owned(),
            Kind::Number => "a number".to_owned(),
            Kind::Text | Kind::Secret => "text".to_owned(),
            Kind::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                format!("one of {}", words.join(", "))
            }
            Kind::Color => {
                "a colour, such as `bright red`, `rgb510`, `color208` or `gray12`".to_owned()
            }
            Kind::List => "words with commas between".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::Search => "paths with colons between".to_owned(),
            Kind::Paths => "paths with commas between".to_owned(),
        }
    }

    /// The value a text means; `None` if it means none. Relative paths are below `base`.
    pub(super) fn parse(self, text: &str, base: &Path, around: &Surroundings) -> Option<Value> {
        let path = |text: &str| Value::from(resolve(text, base, around).to_string_lossy());
        Some(match self {
            Kind::Boolean => Value::Bool(boolean(text.trim())?),
            Kind::Number => Value::from(text.trim().parse::<u32>().ok()?),
            Kind::Text | Kind::Secret => Value::from(text),
            Kind::Choice(words) => Value::from(*words.iter().find(|word| **word == text)?),
            Kind::Color => Color::parse(text).map(|_| Value::from(text))?,
            Kind::List => {
                let words = text.split(',').map(|word| unquote(word.trim()));
                words.filter(|word| !word.is_empty()).map(Value::from).collect()
            }
            Kind::Path => path(text),
            Kind::Search => text.split(':').map(|one| path(one.trim())).collect(),
            Kind::Paths => {
                text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(path).collect()
            }
        })
    }
}

/// Without the quotes around it.
pub(super) fn unquote(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inside;
        }
    }
    text
}

/// A path with `{{CWD}}`, `~` and `$NAME` expanded, absolute, without `.` and `..`.
pub(super) fn resolve(text: &str, base: &Path, around: &Surroundings) -> PathBuf {
    let text = text.replace("{{CWD}}", &around.directory.to_string_lossy());
    let text = expand_variables(&text, around);
    let path = match text.strip_prefix('~').map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
        Some((user, rest)) => match home(user, around) {
            Some(home) => home.join(rest.trim_start_matches('/')),
            None => base.join(text),
        },
        None => base.join(text),
    };
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

/// The home directory of a user of this machine; without a name, our own.
fn home(user: &str, around: &Surroundings) -> Option<PathBuf> {
    if user.is_empty() {
        return around.home.clone();
    }
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let entry = entries.find(|fields| fields[0] == user)?;
    entry.get(5).map(PathBuf::from)
}

/// `$NAME` and `${NAME}`; what is not set stays as it is.
fn expand_variables(text: &str, around: &Surroundings) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let braced = rest[1..].strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (name, len) = match braced {
            Some((name, _)) => (name, name.len() + 3),
            None => {
                let end = rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let len = end.map_or(rest.len(), |end| end + 1);
                (&rest[1..len], len)
            }
        };
        out.push_str(around.variable(name).unwrap_or(&rest[..len]));
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}
