//! Keeps secrets out of everything that is shown.
//!
//! Secrets are learnt when a vault is opened. A secret is masked wherever it stands in a text, also
//! as base64, URL-encoded or escaped for JSON or a shell. Values too short to mask within longer
//! text without spoiling it are not tracked; nor are booleans and the like.

use std::sync::{Arc, PoisonError, RwLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rprov_modules::kit::{Node, NodeKind, Resolved, quote};

/// What stands in a secret's place.
const MASK: &str = "•••";

/// The shortest secret that is masked inside longer text, in characters.
const SHORTEST: usize = 4;

/// The secrets of a run. Cheap to clone; clones share what they learn.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Every form of every secret, the longest first.
    forms: Arc<RwLock<Vec<String>>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    /// Remembers one secret in all its forms.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim_end_matches('\n');
        if secret.chars().count() < SHORTEST {
            return;
        }
        let json = serde_json::Value::from(secret).to_string();
        let mut new = vec![
            secret.to_owned(),
            STANDARD.encode(secret),
            json[1..json.len() - 1].to_owned(),
            quote(secret),
            url_encoded(secret),
        ];
        if secret.contains('\n') {
            new.extend(secret.lines().filter(|line| line.chars().count() >= 8).map(str::to_owned));
        }
        let mut forms = self.forms.write().unwrap_or_else(PoisonError::into_inner);
        for form in new {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// Remembers every string of a decrypted file.
    pub fn learn_all(&self, node: &Node) {
        match &node.kind {
            NodeKind::Scalar(scalar)
                if scalar.resolve() == Resolved::Str && !scalar.text.contains("{{") =>
            {
                self.learn(&scalar.text);
            }
            NodeKind::Scalar(scalar) if matches!(scalar.resolve(), Resolved::Int(_)) => {
                self.learn(&scalar.text)
            }
            NodeKind::Scalar(_) => {}
            NodeKind::List(items) => items.iter().for_each(|item| self.learn_all(item)),
            NodeKind::Map(entries) => entries.iter().for_each(|entry| self.learn_all(&entry.value)),
        }
    }

    /// The text with every secret masked.
    pub fn clean(&self, text: &str) -> String {
        let forms = self.forms.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for form in forms.iter().filter(|form| !form.is_empty()) {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), MASK);
            }
        }
        text
    }
}

fn url_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
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
}
