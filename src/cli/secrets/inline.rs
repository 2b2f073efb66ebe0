//! YAML in clear with values of Ansible Vault: `key: !vault |` and an envelope.
//!
//! In the clear text such a value is still marked with `!vault`, and what is behind it is in clear.
//! Values that stay the same keep their envelopes.

use std::path::Path;

use rprov_vault::ansible::{Envelope, is_envelope};
use rprov_vault::{KeyPath, Value, ValueKind, text};

use super::document::{Clear, wrong};
use crate::cli::Result;
use crate::cli::passwords::{Password, Passwords};
use crate::source::Diagnostic;

const TAG: &str = "!vault";

pub(super) struct Inline {
    kept: Vec<Kept>,
    /// Seals values that are new, if it is said which.
    chosen: Option<Password>,
    passwords: Passwords,
}

/// A value that was opened.
struct Kept {
    path: KeyPath,
    clear: Clear,
    envelope: String,
    password: Password,
}

impl Inline {
    /// For a text whose values are all to be sealed with this password.
    pub(super) fn new(passwords: &Passwords, password: Option<Password>) -> Inline {
        Inline { kept: vec![], chosen: password, passwords: passwords.clone() }
    }

    /// Opens all values that have envelopes. None if there are none.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub(super) fn open(
        shown: &Path,
        sealed: &str,
        passwords: &Passwords,
    ) -> Result<Option<(Inline, Clear)>> {
        // What is no YAML is plain, until it is to be changed.
        let Ok(values) = text::list(sealed) else { return Ok(None) };
        let mut inline = Inline::new(passwords, None);
        let mut pieces = Vec::new();
        for value in &values {
            let Some(envelope) = tagged(value).filter(|text| is_envelope(text.as_bytes())) else {
                continue;
            };
            let failed = |reason: String| {
                let place = format!("`{}` in line {}", value.path, value.line);
                let error = format!("cannot decrypt {place} of `{}`: {reason}", shown.display());
                Diagnostic::error(error)
            };
            let (plain, password) = passwords.open_with(envelope.as_bytes()).map_err(|error| {
                let shown = failed(error.reason);
                vec![error.help.into_iter().fold(shown, Diagnostic::help)]
            })?;
            let clear = std::str::from_utf8(&plain)
                .map_err(|_| vec![failed("its content is not UTF-8".to_owned())])?;
            pieces.push((value.span.clone(), written(clear)));
            inline.kept.push(Kept {
                path: value.path.clone(),
                clear: Clear::new(clear.to_owned()),
                envelope: envelope.to_owned(),
                password,
            });
        }
        match inline.kept.is_empty() {
            true => Ok(None),
            false => Ok(Some((inline, splice(sealed, &pieces)))),
        }
    }

    /// The password for new values: that of the first one there is.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn password(&self) -> Result<Password> {
        match (&self.chosen, self.kept.first()) {
            (Some(password), _) => Ok(password.clone()),
            (None, Some(kept)) => Ok(kept.password.clone()),
            (None, None) => self.passwords.to_encrypt(None),
        }
    }

    /// Seals every value that is marked.
    ///
    /// # Errors
    /// When the text is no YAML, or no password is known.
    pub(super) fn seal(&self, shown: &Path, clear: &str) -> Result<Clear> {
        let values = text::list(clear).map_err(|error| wrong(shown, &error))?;
        let mut pieces = Vec::new();
        for value in &values {
            let Some(text) = tagged(value).filter(|text| !is_envelope(text.as_bytes())) else {
                continue;
            };
            let before = self.kept.iter().find(|kept| kept.path == value.path);
            let envelope = match before.filter(|kept| kept.clear.as_str() == text) {
                Some(kept) => kept.envelope.clone(),
                None => before
                    .map_or_else(|| self.password(), |kept| Ok(kept.password.clone()))?
                    .seal(text.as_bytes())?,
            };
            // Brackets, and a comment behind the value, leave no room for lines.
            let behind = clear[value.span.end..].lines().next().unwrap_or_default();
            let in_lines = behind.trim().is_empty() && is_block(&values, value);
            let piece = match in_lines {
                true => {
                    let indent = " ".repeat(indent(clear, value.span.start));
                    let lines: String =
                        envelope.lines().map(|line| format!("\n{indent}{}", line.trim())).collect();
                    Clear::new(format!("|{lines}"))
                }
                false => written(&envelope),
            };
            pieces.push((value.span.clone(), piece));
        }
        let sealed = splice(clear, &pieces);
        // Whatever the layout: it must read back.
        for value in text::list(&sealed).map_err(|error| wrong(shown, &error))? {
            if let Some(error) =
                tagged(&value).and_then(|text| Envelope::parse(text.as_bytes()).err())
            {
                let error = format!(
                    "`{}` of `{}` cannot be encrypted where it is written: {error}",
                    value.path,
                    shown.display()
                );
                return Err(vec![Diagnostic::error(error)]);
            }
        }
        Ok(sealed)
    }
}

/// Marks every value that is not, so that it will be sealed; numbers and the like become strings in
/// a `!vault`, so they stay in clear.
pub(super) fn marked(shown: &Path, clear: &str) -> Result<Clear> {
    let values = text::list(clear).map_err(|error| wrong(shown, &error))?;
    let pieces: Vec<_> = values
        .iter()
        .filter_map(|value| match &value.kind {
            ValueKind::Scalar { text, plain, tag: None } if !plain || is_string(text) => {
                Some((value.span.clone(), Clear::new(format!("{TAG} {}", *written(text)))))
            }
            _ => None,
        })
        .collect();
    Ok(splice(clear, &pieces))
}

/// Takes the marks away.
pub(super) fn unmarked(shown: &Path, clear: &str) -> Result<Clear> {
    let values = text::list(clear).map_err(|error| wrong(shown, &error))?;
    let pieces: Vec<_> = values
        .iter()
        .filter(|value| tagged(value).is_some())
        .filter_map(|value| {
            let start = clear[..value.span.start].rfind(TAG)?;
            Some((start..value.span.start, Clear::default()))
        })
        .collect();
    Ok(splice(clear, &pieces))
}

/// The meaning of a value that is marked.
pub(super) fn tagged(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::Scalar { text, tag: Some(tag), .. } if tag == TAG => Some(text),
        _ => None,
    }
}

pub(super) fn is_string(text: &str) -> bool {
    let node = rprov_modules::kit::Node::plain(rprov_modules::kit::Span::default(), text);
    node.type_name() == "a string"
}

/// Whether nothing around the value is in brackets.
fn is_block(values: &[Value], value: &Value) -> bool {
    let around = values.iter().filter(|other| {
        other.span.start <= value.span.start
            && other.span.end >= value.span.end
            && matches!(other.kind, ValueKind::Map(_) | ValueKind::List(_))
    });
    around.into_iter().all(|other| !other.source.starts_with(['{', '[']))
}

/// Columns for the lines of an envelope: two more than the line its key is in.
fn indent(text: &str, at: usize) -> usize {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let lead = &text[line..at];
    let blank = lead.len() - lead.trim_start_matches([' ', '-']).len();
    blank.max(8) + 2
}

/// A string in one line.
fn written(text: &str) -> Clear {
    Clear::new(serde_json::Value::from(text).to_string())
}

fn splice(text: &str, pieces: &[(std::ops::Range<usize>, Clear)]) -> Clear {
    let more: usize = pieces.iter().map(|(_, piece)| piece.len()).sum();
    let mut out = Clear::new(String::with_capacity(text.len() + more));
    let mut at = 0;
    for (span, piece) in pieces {
        out.push_str(&text[at..span.start]);
        out.push_str(piece);
        at = span.end;
    }
    out.push_str(&text[at..]);
    out
}
