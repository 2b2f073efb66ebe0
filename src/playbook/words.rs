//! Keywords whose value is one of a few words, checked before the first host is known.

use rprov_modules::kit::{Span, nearest};

use super::keywords::Keywords;
use super::load::Load;
use crate::source::Diagnostic;

/// What `strategy` may be.
pub(crate) const STRATEGIES: &[&str] = &["linear", "free", "host_pinned", "debug"];
/// What `order` may be.
pub(crate) const ORDERS: &[&str] =
    &["inventory", "sorted", "reverse_sorted", "reverse_inventory", "shuffle"];
/// The fields of an entry of `vars_prompt`.
const PROMPT: &[&str] =
    &["name", "prompt", "default", "private", "confirm", "encrypt", "salt", "salt_size", "unsafe"];

pub(crate) fn unknown_word(word: &str, span: Span, known: &[&str]) -> Diagnostic {
    let error = Diagnostic::error(format!("expected one of {}, found `{word}`", known.join(", ")));
    let error = error.at(span, "unknown");
    match nearest(word, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}

impl Load<'_> {
    pub(super) fn check_words(&mut self, keywords: &Keywords) {
        for (name, known) in [("strategy", STRATEGIES), ("order", ORDERS)] {
            let Some(node) = keywords.get(name) else { continue };
            let Some(word) = node.text().filter(|text| !super::has_template(text)) else {
                continue;
            };
            let short = word.strip_prefix("ansible.builtin.").unwrap_or(word);
            let short = short.rsplit_once("mitogen_").map_or(short, |(_, short)| short);
            if !node.is_null() && !known.contains(&short) {
                self.fail(unknown_word(word, node.span, known));
            }
        }
        let prompts = keywords.get("vars_prompt");
        for prompt in prompts.and_then(|node| node.items()).unwrap_or_default() {
            for entry in prompt.entries().unwrap_or_default() {
                let key = entry.key.text().unwrap_or_default();
                if !PROMPT.contains(&key) {
                    self.fail(unknown_word(key, entry.key.span, PROMPT));
                }
            }
            if prompt.get("name").is_none() {
                let error = Diagnostic::error("expected `name` in `vars_prompt`");
                self.fail(error.at(prompt.span, "this question has none"));
            }
        }
    }
}
