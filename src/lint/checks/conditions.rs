//! Conditions under which a task can never run.

use rprov_modules::kit::{Node, Span};

use super::Check;
use crate::lint::findings::Of;
use crate::lint::tree::Tree;
use crate::source::Diagnostic;
use crate::template::names::Names;
use crate::template::{Context, Search};
use crate::vars::Layers;

pub(super) const CHECK: Check = Check {
    id: "unreachable",
    finds: "a condition that never holds: constant, or in contradiction with another one",
    run: Some(run),
};

/// One term of a condition: all of them must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// What it is about, blanks made equal.
    about: String,
    says: Says,
    span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Says {
    Is(bool),
    Equals(String),
    Differs(String),
}

fn run(tree: &Tree<'_>, findings: &mut Of<'_, '_>) {
    let empty = Context::new(std::sync::Arc::new(Layers::default()), Search::default());
    for task in &tree.tasks {
        let conditions = task.conditions();
        for node in &conditions {
            if never(tree, node, &empty) {
                let finding = Diagnostic::warning("this condition never holds");
                findings.add(finding.at(node.span, "always false").help("remove the task"));
            }
        }
        let terms: Vec<Term> = conditions
            .iter()
            .flat_map(|node| terms(node.text().unwrap_or_default(), node.span))
            .collect();
        let clash = terms.iter().enumerate().find_map(|(at, one)| {
            let other = terms[..at].iter().find(|other| contradict(one, other))?;
            Some((one, other))
        });
        if let Some((one, other)) = clash {
            let finding = Diagnostic::warning("these conditions never hold together");
            let finding = finding.at(one.span, "contradicts the other");
            findings.add(match one.span == other.span {
                true => finding.help("remove the task, or write `or`"),
                false => finding.context(other.span, "the other").help("remove the task"),
            });
        }
    }
}

/// Whether a condition that reads nothing is false.
fn never(tree: &Tree<'_>, node: &Node, empty: &Context) -> bool {
    let names = Names::of_condition(node, tree.map());
    let constant = names.uses.is_empty() && names.files.is_empty() && names.open.is_empty();
    let text = node.text().unwrap_or_default();
    // What is called may answer differently at another time.
    constant
        && !text.contains('(')
        && matches!(tree.request.templar.condition(node, empty), Ok(false))
}

fn contradict(one: &Term, other: &Term) -> bool {
    one.about == other.about
        && match (&one.says, &other.says) {
            (Says::Is(a), Says::Is(b)) => a != b,
            (Says::Equals(a), Says::Equals(b)) => a != b,
            (Says::Equals(a), Says::Differs(b)) | (Says::Differs(a), Says::Equals(b)) => a == b,
            _ => false,
        }
}

/// The terms of a conjunction that are understood; none if it has an `or` or anything unusual.
fn terms(text: &str, span: Span) -> Vec<Term> {
    let Some(words) = words(text) else { return Vec::new() };
    if words.iter().any(|word| matches!(*word, "or" | "if" | "else")) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for part in words.split(|word| *word == "and") {
        let (negated, part) = match part {
            ["not", rest @ ..] => (true, rest),
            _ => (false, part),
        };
        let term = |about: &[&str], says: Says| Term { about: about.join(" "), says, span };
        found.extend(match part {
            [] => None,
            _ if part.iter().any(|word| matches!(*word, "not" | "is")) => match part {
                [about @ .., "is", "not", test] if !about.is_empty() && !negated => {
                    Some(term(&[&about.join(" "), "is", test], Says::Is(false)))
                }
                [about @ .., "is", test] if !about.contains(&"not") && !about.is_empty() => {
                    Some(term(&[&about.join(" "), "is", test], Says::Is(!negated)))
                }
                _ => None,
            },
            [about @ .., operator @ ("==" | "!="), value] if literal(value) && !negated => {
                let value = value.trim_matches(['\'', '"']).to_owned();
                let says =
                    if *operator == "==" { Says::Equals(value) } else { Says::Differs(value) };
                Some(term(about, says))
            }
            [about] if name(about) => Some(term(&[about], Says::Is(!negated))),
            _ => None,
        });
    }
    found
}

/// A text or a number, as it is written.
fn literal(word: &str) -> bool {
    let quoted = |quote| word.len() > 1 && word.starts_with(quote) && word.ends_with(quote);
    quoted('\'') || quoted('"') || word.bytes().all(|byte| byte.is_ascii_digit())
}

fn name(word: &str) -> bool {
    let keyword = matches!(word, "true" | "false" | "True" | "False" | "none" | "None");
    !keyword
        && word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c))
}

/// Words by blanks, but not in quotes and brackets; none if those do not match or a whole term is
/// in brackets.
fn words(text: &str) -> Option<Vec<&str>> {
    let (mut words, mut start, mut depth, mut quote) = (Vec::new(), None, 0usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => {
                if c == '(' && start.is_none() {
                    return None;
                }
                depth += 1;
            }
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if c.is_whitespace() && depth == 0 && quote.is_none() {
            words.extend(start.take().map(|start: usize| &text[start..at]));
        } else {
            start.get_or_insert(at);
        }
    }
    words.extend(start.map(|start| &text[start..]));
    (depth == 0 && quote.is_none()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(text: &str) -> bool {
        let terms = terms(text, Span::default());
        terms.iter().enumerate().any(|(at, one)| terms[..at].iter().any(|b| contradict(one, b)))
    }

    #[test]
    fn what_excludes_what() {
        for never in [
            "a and not a",
            "x.y == 'a' and x.y == \"b\"",
            "x == 'a' and b and x != 'a'",
            "x is defined and x is not defined",
            "not x is defined and x is defined",
            "n == 1 and n == 2",
        ] {
            assert!(clash(never), "{never}");
        }
        for maybe in [
            "a and not b",
            "a or not a",
            "x == 'a' and y == 'b'",
            "x != 'a' and x != 'b'",
            "x == y and x == z",
            "x is defined and x is not none",
            "(a or b) and not a",
            "x | bool and not x",
            "x == 'a' and x == 'a'",
            "x in ['a'] and x not in ['b']",
        ] {
            assert!(!clash(maybe), "{maybe}");
        }
    }
}
