//! Keeps secrets out of everything that is shown.
//!
//! Secrets are learnt when a vault is opened, a password asked for, a `no_log` task done. A secret is
//! masked wherever it stands in a text: as it is, encoded, escaped, quoted ([`forms`]), split over
//! lines ([`matcher`]). One that is too short for that is masked where it is a value of its own.
//! Booleans, `root`, `localhost` and the like are no secrets.

mod forms;
mod matcher;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use rprov_modules::kit::Diff;
use serde_json::Value;

use self::matcher::Matcher;
use super::{Event, TaskResult};

/// What stands in a secret's place.
pub(crate) const MASK: &str = "•••";

/// The shortest secret that is masked inside longer text, in characters; the shortest number.
const SHORTEST: usize = 4;
const SHORTEST_NUMBER: usize = 6;
/// The shortest line of a longer secret that is masked by itself, and the shortest value in one.
const SHORTEST_LINE: usize = 8;
const SHORTEST_VALUE: usize = 6;

/// What is no secret, wherever it is written.
const PUBLIC: [&str; 15] = [
    "",
    "0",
    "1",
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

/// The secrets of a run. Cheap to clone; clones share what they learn.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    forms: BTreeSet<String>,
    /// Secrets masked only where they are a whole value.
    short: HashSet<String>,
    /// Made of `forms` when it is first needed.
    matcher: Option<Arc<Matcher>>,
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
        if PUBLIC.iter().any(|word| secret.eq_ignore_ascii_case(word)) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if too_short(secret) {
            if known.short.insert(secret.to_owned()) {
                // Between quotes it is a value of its own.
                known.forms.extend([format!("'{secret}'"), format!("\"{secret}\"")]);
                known.matcher = None;
            }
            return;
        }
        if !known.forms.insert(secret.to_owned()) {
            return;
        }
        let forms = &mut known.forms;
        forms.extend(forms::of(secret));
        if secret.contains('\n') {
            for line in secret.lines().map(str::trim) {
                if length(line) >= SHORTEST_LINE {
                    forms.extend([line.to_owned(), forms::json(line)]);
                }
                let value = line.split_once(['=', ':']).map_or("", |(_, value)| value.trim());
                let value = value.trim_matches(['"', '\'', ',', ';']);
                // A word in small letters is a setting more often than a secret.
                if length(value) >= SHORTEST_VALUE
                    && value.contains(|c: char| !c.is_ascii_lowercase())
                    && !too_short(value)
                {
                    forms.extend(forms::of(value));
                }
            }
        }
        for piece in around_expressions(secret) {
            if length(piece) >= SHORTEST_VALUE && !too_short(piece) {
                forms.extend(forms::of(piece));
            }
        }
        known.matcher = None;
    }

    /// Remembers every text and number in a value.
    pub fn learn_all(&self, value: &Value) {
        match value {
            Value::String(text) => self.learn(text),
            Value::Number(number) => self.learn(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.learn_all(item)),
            Value::Object(entries) => entries.values().for_each(|value| self.learn_all(value)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The text with every secret masked.
    pub fn clean(&self, text: &str) -> String {
        match self.matcher() {
            Some(matcher) => matcher.clean(text),
            None => text.to_owned(),
        }
    }

    /// A value of its own with every secret masked, short ones too.
    fn clean_whole(&self, text: &str) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.short.contains(text.trim()) {
            true => MASK.to_owned(),
            false => {
                drop(known);
                self.clean(text)
            }
        }
    }

    /// A value with every secret in it masked; keys too.
    pub fn clean_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.clean_whole(&text)),
            Value::Number(number) => match self.clean_whole(&number.to_string()) {
                clean if clean == number.to_string() => Value::Number(number),
                clean => Value::String(clean),
            },
            Value::Array(items) => match self.clean_lines(&items) {
                Some(lines) => lines,
                None => {
                    Value::Array(items.into_iter().map(|item| self.clean_value(item)).collect())
                }
            },
            Value::Object(entries) => {
                let clean =
                    |(key, value): (String, Value)| (self.clean(&key), self.clean_value(value));
                Value::Object(entries.into_iter().map(clean).collect())
            }
            Value::Null | Value::Bool(_) => value,
        }
    }

    /// The lines of a text, if a secret goes from one to the next.
    fn clean_lines(&self, items: &[Value]) -> Option<Value> {
        let lines: Vec<&str> = items.iter().map(Value::as_str).collect::<Option<_>>()?;
        let clean = self.clean(&lines.join("\n"));
        let clean: Vec<&str> = clean.split('\n').collect();
        (clean.len() < lines.len()).then(|| clean.into())
    }

    /// What is reported, with every value of its own masked. Text is masked once more when it is
    /// written; differences of texts are, before they are cut into lines.
    pub(super) fn event(&self, event: Event) -> Event {
        match event {
            Event::Result(result) => {
                let result = *result;
                let diffs = |diffs: Vec<Diff>| diffs.into_iter().map(|d| self.diff(d)).collect();
                let values = match self.clean_value(Value::Object(result.values)) {
                    Value::Object(values) => values,
                    _ => serde_json::Map::new(),
                };
                Event::Result(Box::new(TaskResult {
                    item: result.item.map(|item| self.clean_whole(&item)),
                    values,
                    diffs: diffs(result.diffs),
                    unsettled: diffs(result.unsettled),
                    ..result
                }))
            }
            Event::Included { path, hosts, item } => {
                Event::Included { path, hosts, item: item.map(|item| self.clean_whole(&item)) }
            }
            event => event,
        }
    }

    fn diff(&self, diff: Diff) -> Diff {
        match diff {
            Diff::Field { subject, name, before, after } => Diff::Field {
                subject,
                name,
                before: self.clean_whole(&before),
                after: self.clean_whole(&after),
            },
            diff => diff,
        }
    }

    fn matcher(&self) -> Option<Arc<Matcher>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.matcher.is_some() || known.forms.is_empty() {
            return known.matcher.clone();
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.matcher.is_none() {
            known.matcher = Matcher::new(known.forms.iter().map(String::as_str)).map(Arc::new);
        }
        known.matcher.clone()
    }
}

/// Whether a text would spoil others if it were masked inside them.
fn too_short(secret: &str) -> bool {
    let shortest = match secret.bytes().all(|byte| byte.is_ascii_digit()) {
        true => SHORTEST_NUMBER,
        false => SHORTEST,
    };
    length(secret) < shortest
}

fn length(text: &str) -> usize {
    text.chars().count()
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

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde_json::json;

    use super::*;

    #[test]
    fn masks_a_secret_in_every_form() {
        let redactor = Redactor::default();
        redactor.learn("mdp!dés?\"x' &$y");
        for shown in [
            "a mdp!dés?\"x' &$y b",
            &STANDARD.encode("mdp!dés?\"x' &$y"),
            r#"{"p": "mdp!dés?\"x' &$y"}"#,
            r#"{"p": "mdp!d\u00e9s?\"x' &$y"}"#,
            r#"{"p": "{\"q\": \"mdp!dés?\\\"x' &$y\"}"}"#,
            "mdp%21d%C3%A9s%3F%22x%27%20%26%24y",
            "mdp%21d%c3%a9s%3f%22x%27+%26%24y",
            "mdp!d%C3%A9s%3F%22x'%20%26%24y",
            "mdp%21d%C3%A9s%3F%22x%27+%26%24y",
            "'mdp!dés?\"x'\\'' &$y'",
            "\"mdp!dés?\\\"x' &\\$y\"",
            "mdp\\!dés\\?\\\"x\\'\\ \\&\\$y",
            "mdp!dés?&#34;x&#39; &amp;$y",
        ] {
            let clean = redactor.clean(shown);
            assert!(
                clean.contains(MASK) && !clean.contains("mdp") && !clean.contains("bWRw"),
                "{shown}: {clean}"
            );
        }
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
    fn masks_what_is_split_over_lines() {
        let redactor = Redactor::default();
        redactor.learn("correct horse battery staple");
        let base64 = STANDARD.encode("user:correct horse battery staple");
        for shown in [
            "key: correct horse\n  battery staple".to_owned(),
            "key: \"correct horse bat\\\n  tery staple\"".to_owned(),
            format!("{}\n{}\n{}", &base64[..16], &base64[16..32], &base64[32..]),
            format!(r#""{}\n{}""#, &base64[..24], &base64[24..]),
        ] {
            let clean = redactor.clean(&shown);
            assert!(clean.contains(MASK) && !clean.contains("tery"), "{shown}: {clean}");
            assert!(!clean.contains(&base64[8..16]) && !clean.contains(&base64[33..39]), "{clean}");
        }
        assert_eq!(redactor.clean("correct\nhorse"), "correct\nhorse");
    }

    #[test]
    fn short_secrets_are_masked_as_whole_values() {
        let redactor = Redactor::default();
        redactor.learn("abc");
        redactor.learn("4711");
        assert_eq!(redactor.clean("abc 4711"), "abc 4711", "too short to mask in text");
        assert_eq!(redactor.clean("{'a': 'abc'}"), format!("{{'a': {MASK}}}"));
        let shown = json!({"a": "abc", "b": 4711, "c": ["abcd", "4711"], "d": true, "abc": 1});
        redactor.learn("correct horse battery staple");
        let split = json!(["a", "correct horse", "battery staple", "b"]);
        assert_eq!(redactor.clean_value(split), json!(["a", MASK, "b"]));
        let clean = json!({"a": MASK, "b": MASK, "c": ["abcd", MASK], "d": true, "abc": 1});
        assert_eq!(redactor.clean_value(shown), clean);
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
        for word in ["true", "None", "root", "localhost", "0"] {
            assert_eq!(redactor.clean_value(json!(word)), json!(word));
        }
        redactor.learn("123456");
        assert_eq!(redactor.clean("pin 123456"), format!("pin {MASK}"));
    }
}
