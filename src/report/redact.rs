//! Keeps secrets out of everything that is shown.
//!
//! Secrets are learnt when a vault is opened. A secret is masked wherever it stands in a text, also
//! as base64 (inside a longer one too), URL-encoded or escaped for JSON, YAML or a shell. Values too
//! short to mask within longer text without spoiling it are not tracked; nor are booleans, port
//! numbers and the like.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What stands in a secret's place.
pub(crate) const MASK: &str = "•••";

/// The shortest secret that is masked inside longer text, in characters; the shortest number.
const SHORTEST: usize = 4;
const SHORTEST_NUMBER: usize = 6;
/// The shortest line of a longer secret that is masked by itself, and the shortest value in one.
const SHORTEST_LINE: usize = 8;
const SHORTEST_VALUE: usize = 6;
/// Digits of base64 that are masked: fewer are found in innocent text.
const SHORTEST_BASE64: usize = 8;

/// What is no secret, wherever it is written.
const PUBLIC: [&str; 12] = [
    "true",
    "false",
    "null",
    "none",
    "yes",
    "no",
    "on",
    "off",
    "root",
    "localhost",
    "127.0.0.1",
    "default",
];

/// Every form of every secret, the longest first.
type Forms = BTreeSet<(Reverse<usize>, String)>;

/// The secrets of a run. Cheap to clone; clones share what they learn.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Arc<RwLock<Forms>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    /// Remembers one secret in all its forms: of a longer text also its lines and, in lines like
    /// `NAME=value`, the values; of a template also the text around its expressions.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim_matches(['\n', '\r']);
        let mut new = Vec::new();
        add(secret, &mut new);
        if secret.contains('\n') {
            for line in secret.lines().map(str::trim) {
                if length(line) >= SHORTEST_LINE {
                    new.extend([line.to_owned(), json(line)]);
                }
                let value = line.split_once(['=', ':']).map_or("", |(_, value)| value.trim());
                let value = value.trim_matches(['"', '\'', ',', ';']);
                // A word in small letters is a setting more often than a secret.
                if length(value) >= SHORTEST_VALUE
                    && value.contains(|c: char| !c.is_ascii_lowercase())
                {
                    add(value, &mut new);
                }
            }
        }
        for piece in around_expressions(secret) {
            if length(piece) >= SHORTEST_VALUE {
                add(piece, &mut new);
            }
        }
        let mut forms = self.forms.write().unwrap_or_else(PoisonError::into_inner);
        forms.extend(new.into_iter().map(|form| (Reverse(form.len()), form)));
    }

    /// The text with every secret masked.
    pub fn clean(&self, text: &str) -> String {
        let forms = self.forms.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for (_, form) in forms.iter() {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), MASK);
            }
        }
        text
    }
}

/// Adds every form of a secret.
fn add(secret: &str, forms: &mut Vec<String>) {
    let short = match secret.bytes().all(|byte| byte.is_ascii_digit()) {
        true => SHORTEST_NUMBER,
        false => SHORTEST,
    };
    if length(secret) < short || PUBLIC.iter().any(|word| secret.eq_ignore_ascii_case(word)) {
        return;
    }
    // As it is; in the two ways to quote for a shell, without the outer quotes; quoted for YAML.
    for form in [
        secret.to_owned(),
        secret.replace('\'', r"'\''"),
        secret.replace('\'', r#"'"'"'"#),
        secret.replace('\'', "''"),
    ] {
        // JSON is often shown within JSON.
        let once = json(&form);
        forms.extend([json(&once), once, form]);
    }
    forms.extend([STANDARD.encode(secret), url_encoded(secret, ""), url_encoded(secret, "/")]);
    forms.extend(within_base64(secret.as_bytes()));
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Escaped as inside a JSON string.
fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The digits that are the same in the base64 of any text that has the secret in it (as in the
/// `user:password` of HTTP), for the three ways in which it can be aligned.
fn within_base64(secret: &[u8]) -> impl Iterator<Item = String> {
    (0..3).filter_map(|before| {
        let shifted = [&[0; 2][..before], secret].concat();
        let digits = STANDARD.encode(&shifted);
        // Digits have six bits, bytes eight: those that share bits with a neighbour are left out.
        let same = digits.get((before * 8).div_ceil(6)..shifted.len() * 8 / 6)?;
        (same.len() >= SHORTEST_BASE64).then(|| same.to_owned())
    })
}

/// The pieces of a template that are no expressions; nothing of what is no template.
fn around_expressions(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = [rest.find("{{"), rest.find("{%")].into_iter().flatten().min() {
        pieces.push(rest[..start].trim());
        let close = if rest[start..].starts_with("{{") { "}}" } else { "%}" };
        rest = rest[start..].find(close).map_or("", |end| &rest[start + end + 2..]);
    }
    if !pieces.is_empty() {
        pieces.push(rest.trim());
    }
    pieces.into_iter().flat_map(str::lines).map(str::trim).collect()
}

fn url_encoded(text: &str, safe: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
            b if safe.as_bytes().contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_a_secret_in_every_form() {
        let redactor = Redactor::default();
        redactor.learn("mdp!des?\"x\"");
        for shown in [
            "a mdp!des?\"x\" b",
            &STANDARD.encode("mdp!des?\"x\""),
            r#"{"p": "mdp!des?\"x\""}"#,
            "mdp%21des%3F%22x%22",
        ] {
            let clean = redactor.clean(shown);
            assert!(
                clean.contains(MASK) && !clean.contains("mdp") && !clean.contains("bWRw"),
                "{clean}"
            );
        }
        redactor.learn("abc");
        assert_eq!(redactor.clean("abc"), "abc", "too short to mask in text");
    }

    #[test]
    fn masks_it_inside_base64_whatever_is_around_it() {
        let redactor = Redactor::default();
        redactor.learn("canary-5up3r-secret");
        for around in ["", "u", "us", "user:", "\0\0\0"] {
            let shown = STANDARD.encode(format!("{around}canary-5up3r-secret{around}"));
            let clean = redactor.clean(&shown);
            let left = clean.replace(MASK, "");
            assert!(clean.contains(MASK) && left.len() <= 2 * around.len() + 6, "{shown} {clean}");
        }
    }

    #[test]
    fn learns_lines_values_and_what_is_around_expressions() {
        let redactor = Redactor::default();
        redactor.learn("-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n");
        redactor.learn("PORT=5432\nTOKEN=\"hunter2\"\nRESTART=always\n");
        redactor.learn("postgres://me:l3tme1n@{{ db_host }}/db");
        for shown in ["  MIIEvQIBADANBg", "token hunter2", "postgres://me:l3tme1n@h1/db"] {
            assert!(redactor.clean(shown).contains(MASK), "{shown}");
        }
        for shown in ["always", "5432", "db_host"] {
            assert_eq!(redactor.clean(shown), shown);
        }
    }

    #[test]
    fn words_that_are_no_secrets_stay() {
        let redactor = Redactor::default();
        for word in ["true", "None", "root", "localhost", "5432", "a"] {
            redactor.learn(word);
            assert_eq!(redactor.clean(word), word);
        }
        redactor.learn("123456");
        assert_eq!(redactor.clean("pin 123456"), format!("pin {MASK}"));
    }
}
