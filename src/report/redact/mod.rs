//! Keeps secrets out of everything that is shown.
//!
//! Secrets are learnt when a vault is opened, a password asked for, a key made, a `no_log` task done.
//! A secret is masked wherever it stands in a text: as it is, encoded, escaped, quoted ([`forms`]),
//! split over lines ([`matcher`]). One that is too short for that is masked where it is a value of its
//! own ([`scalar`]). Booleans, `root`, `localhost` and the like are no secrets.

mod forms;
mod matcher;
mod scalar;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use rprov_modules::kit::{Diff, Node, NodeKind, Resolved, Span};
use serde_json::Value;

use self::matcher::{Matcher, Text};
use super::{Event, TaskResult};

/// What stands in a secret's place.
pub(crate) const MASK: &str = "•••";

/// The shortest secret that is masked inside longer text, in characters; the shortest number.
const SHORTEST: usize = 4;
const SHORTEST_NUMBER: usize = 6;
/// The shortest line of a longer secret that is masked by itself, and the shortest value in one.
const SHORTEST_LINE: usize = 8;
const SHORTEST_VALUE: usize = 6;
/// A longer secret, in bytes, is masked line by line.
const LONGEST: usize = 1 << 16;

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
    /// What was learnt, as it was told.
    told: HashSet<String>,
    /// Forms that no matcher has yet.
    fresh: HashSet<String>,
    /// Each has at least twice as many forms as the next: what is learnt one by one is not built
    /// anew each time.
    tiers: Vec<Tier>,
    /// Secrets masked only where they are a whole value.
    short: Arc<HashSet<String>>,
}

struct Tier {
    forms: Vec<String>,
    /// `None`: there are too many.
    matcher: Option<Arc<Matcher>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Known {
    fn learn(&mut self, secret: &str) {
        let secret = secret.trim_matches(['\n', '\r']);
        if PUBLIC.iter().any(|word| secret.eq_ignore_ascii_case(word))
            || !self.told.insert(secret.to_owned())
        {
            return;
        }
        // `0o17`, `1_000` or `12:30:00`: what is shown is the number.
        if let Some(number) = number(secret) {
            self.learn(&number);
        }
        if too_short(secret) {
            // `-` and the like stand everywhere.
            if !secret.contains(char::is_alphanumeric) {
                return;
            }
            Arc::make_mut(&mut self.short).insert(secret.to_owned());
            // Between quotes it is a value of its own.
            for form in [format!("'{secret}'"), format!("\"{secret}\"")] {
                self.fresh.extend([forms::json(&form), form]);
            }
            return;
        }
        let long = secret.len() > LONGEST;
        if !long {
            self.fresh.extend(forms::of(secret));
        }
        if long || secret.contains('\n') {
            secret.lines().for_each(|line| self.learn_line(line.trim(), long));
        }
        for piece in around_expressions(secret) {
            if length(piece) >= SHORTEST_VALUE && !too_short(piece) {
                self.fresh.extend(forms::of(piece));
            }
        }
    }

    /// A line of a longer secret, and in a line like `NAME=value` the value.
    fn learn_line(&mut self, line: &str, bare: bool) {
        let odd = |text: &str| text.contains(|c: char| c.is_ascii_digit());
        let shortest = if odd(line) { SHORTEST_VALUE } else { SHORTEST_LINE };
        if length(line) >= shortest && !too_short(line) {
            match bare {
                true => self.fresh.extend([line.to_owned(), forms::json(line)]),
                false => self.fresh.extend(forms::of(line)),
            }
        }
        let value = line.split_once(['=', ':']).map_or("", |(_, value)| value.trim());
        let value = value.trim_matches(['"', '\'', ',', ';']);
        // A word in small letters is a setting more often than a secret.
        if length(value) >= SHORTEST_VALUE
            && value.contains(|c: char| !c.is_ascii_lowercase())
            && !too_short(value)
        {
            self.fresh.extend(forms::of(value));
        }
    }

    /// Makes matchers of what is fresh.
    fn build(&mut self) {
        let mut forms: Vec<String> = self.fresh.drain().filter(|form| !form.is_empty()).collect();
        while let Some(tier) = self.tiers.pop_if(|tier| tier.forms.len() < 2 * forms.len()) {
            forms.extend(tier.forms);
        }
        forms.sort_unstable();
        forms.dedup();
        let matcher = Matcher::new(&forms).map(Arc::new);
        self.tiers.push(Tier { forms, matcher });
    }
}

impl Redactor {
    /// Remembers one secret in all its forms: of a longer text also its lines and, in lines like
    /// `NAME=value`, the values; of a template also the text around its expressions.
    pub fn learn(&self, secret: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).learn(secret);
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
        self.masked(text, Vec::new())
    }

    /// A text of its own, such as a file or what a program has printed: short secrets are masked
    /// where they are a line or the value of one.
    pub(super) fn clean_text(&self, text: &str) -> String {
        let short = self.known.read().unwrap_or_else(PoisonError::into_inner).short.clone();
        let found = match short.is_empty() {
            true => vec![],
            false => {
                scalar::values(text).filter(|place| short.contains(&text[place.clone()])).collect()
            }
        };
        self.masked(text, found)
    }

    /// The text with the secrets in it, and these places, masked.
    fn masked(&self, text: &str, mut found: Vec<Range<usize>>) -> String {
        let matchers = self.matchers();
        if matchers.is_empty() && found.is_empty() {
            return text.to_owned();
        }
        let searched = Text::new(text);
        for matcher in matchers {
            match matcher {
                Some(matcher) => matcher.find(&searched, &mut found),
                None => return MASK.to_owned(),
            }
        }
        mask(text, found)
    }

    /// A value of its own with every secret masked, short ones too.
    fn clean_whole(&self, text: &str) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let short = known.short.contains(text.trim());
        drop(known);
        if short { MASK.to_owned() } else { self.clean_text(text) }
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

    /// All matchers, those of what was learnt last included.
    fn matchers(&self) -> Vec<Option<Arc<Matcher>>> {
        let all = |known: &Known| known.tiers.iter().map(|tier| tier.matcher.clone()).collect();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.fresh.is_empty() {
            return all(&known);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !known.fresh.is_empty() {
            known.build();
        }
        all(&known)
    }
}

/// Replaces ranges; those that overlap as one.
fn mask(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    if ranges.is_empty() {
        return text.to_owned();
    }
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let (mut out, mut kept) = (String::with_capacity(text.len()), 0);
    let mut ranges = ranges.into_iter().peekable();
    while let Some(mut range) = ranges.next() {
        while let Some(next) = ranges.next_if(|next| next.start < range.end) {
            range.end = range.end.max(next.end);
        }
        out.push_str(&text[kept..range.start]);
        out.push_str(MASK);
        kept = range.end;
    }
    out + &text[kept..]
}

/// What YAML makes of a number that is not written as it is shown.
fn number(text: &str) -> Option<String> {
    let node = Node::plain(Span::default(), text);
    let NodeKind::Scalar(scalar) = &node.kind else { return None };
    let shown = match scalar.resolve() {
        Resolved::Int(value) => value.to_string(),
        Resolved::Float(value) => serde_json::Number::from_f64(value)?.to_string(),
        _ => return None,
    };
    (shown != text).then_some(shown)
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
        redactor.learn("-");
        assert_eq!(redactor.clean_value(json!(["-", "abc"])), json!(["-", MASK]));
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
