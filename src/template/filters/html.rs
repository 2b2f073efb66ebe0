//! Filters that write and strip HTML.

use std::sync::LazyLock;

use fancy_regex::Regex;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, items};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("striptags", striptags),
    ("escape", |call| Ok(Value::from(escaped(&print::text(call.value()))))),
    ("e", |call| Ok(Value::from(escaped(&print::text(call.value()))))),
    ("forceescape", |call| Ok(Value::from(escaped(&print::text(call.value()))))),
    ("xmlattr", xmlattr),
    ("urlize", urlize),
];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&#34;")
}

fn striptags(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let mut text = print::text(call.value());
    while let Some((start, length)) =
        text.find("<!--").and_then(|at| text[at..].find("-->").map(|end| (at, end + 3)))
    {
        text.replace_range(start..start + length, "");
    }
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    Ok(Value::from(unescaped(&out.split_whitespace().collect::<Vec<_>>().join(" "))))
}

/// Text with the entities that HTML needs and those with numbers as what they stand for.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|end| *end < 12).unwrap_or(0);
        let name = rest.get(1..end).unwrap_or_default();
        let found = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{a0}'),
            _ => name
                .strip_prefix('#')
                .and_then(|digits| match digits.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => digits.parse().ok(),
                })
                .and_then(char::from_u32),
        };
        match found {
            Some(c) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// A mapping as attributes; those that are none are left out.
fn xmlattr(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    if call.value().kind() != ValueKind::Map {
        return Err(call.expected("a mapping"));
    }
    let mut out = Vec::new();
    for (key, value) in print::pairs(call.value()) {
        let key = print::text(&key);
        if key.contains(|c: char| c.is_whitespace() || "/>=".contains(c)) {
            return Err(failed(format!("`{key}` cannot be the name of an attribute")));
        }
        if !value.is_none() && !value.is_undefined() {
            out.push(format!("{}=\"{}\"", escaped(&key), escaped(&print::text(&value))));
        }
    }
    let space = if call.flag(0, "autospace", true) && !out.is_empty() { " " } else { "" };
    Ok(Value::from(format!("{space}{}", out.join(" "))))
}

/// A web address, with or without its scheme.
static WEB: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r"(?:https?://|www\.)(?:[\w%-]+\.)*(?:[a-z]{2,63}|xn--[\w%]{2,59})";
    let known = r"(?:[\w%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)";
    let number =
        r"https?://(?:\d{1,3}(?:\.\d{1,3}){3}|\[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\])";
    Regex::new(&format!(r"(?i)^(?:{name}|{known}|{number})(?::\d{{1,5}})?(?:[/?#]\S*)?$")).ok()
});
static MAIL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\S+@\w[\w.-]*\.\w+$").ok());

fn fits(regex: &LazyLock<Option<Regex>>, text: &str) -> bool {
    regex.as_ref().is_some_and(|regex| regex.is_match(text).unwrap_or(false))
}

/// Text in which addresses are links.
fn urlize(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let limit = match call.given(0, "trim_url_limit") {
        Some(_) => usize::try_from(call.int(0, "trim_url_limit", 0)?).ok(),
        None => None,
    };
    let mut rel: Vec<String> =
        call.text(3, "rel", "").split_whitespace().map(str::to_owned).collect();
    if call.flag(1, "nofollow", false) {
        rel.push("nofollow".into());
    }
    rel.push("noopener".into());
    rel.sort();
    rel.dedup();
    let mut attributes = format!(" rel=\"{}\"", escaped(&rel.join(" ")));
    if let Some(target) = call.given(2, "target").map(print::text) {
        attributes.push_str(&format!(" target=\"{}\"", escaped(&target)));
    }
    let schemes = call.given(4, "extra_schemes").and_then(items).unwrap_or_default();
    let schemes: Vec<String> = schemes.iter().map(print::text).collect();
    for scheme in &schemes {
        let name = scheme.strip_suffix(':').or_else(|| scheme.strip_suffix("://"));
        let valid = |name: &str| {
            name.len() > 1 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.+-".contains(c))
        };
        if !name.is_some_and(|name| valid(name.trim_end_matches(':'))) {
            return Err(failed(format!("`{scheme}` is no scheme of an address, as `tel:` is")));
        }
    }
    let text = escaped(&print::text(call.value()));
    let mut out = String::new();
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end_matches(char::is_whitespace);
        out.push_str(&linked(word, limit, &attributes, &schemes));
        out.push_str(&piece[word.len()..]);
    }
    Ok(Value::from(out))
}

/// Opening and closing brackets around an address, as they are written once escaped.
const BRACKETS: [(&str, &str); 3] = [("(", ")"), ("<", ">"), ("&lt;", "&gt;")];

fn linked(word: &str, limit: Option<usize>, attributes: &str, schemes: &[String]) -> String {
    let mut middle = word;
    while let Some(rest) = BRACKETS
        .iter()
        .find_map(|(open, _)| middle.strip_prefix(*open))
        .filter(|_| !middle.is_empty())
    {
        middle = rest;
    }
    let head = &word[..word.len() - middle.len()];
    let ends = [")", ">", ".", ",", "&gt;"];
    while let Some(rest) = ends.iter().find_map(|end| middle.strip_suffix(end)) {
        middle = rest;
    }
    // A bracket that opens in the address closes in it.
    let mut end = head.len() + middle.len();
    for (open, close) in BRACKETS {
        let opened = word[head.len()..end].matches(open).count();
        if opened <= word[head.len()..end].matches(close).count() {
            continue;
        }
        for _ in 0..opened.min(word[end..].matches(close).count()) {
            end += word[end..].find(close).map_or(0, |at| at + close.len());
        }
    }
    let (middle, tail) = (&word[head.len()..end], &word[end..]);
    let trimmed = |text: &str| match limit {
        Some(limit) if text.chars().count() > limit => {
            format!("{}...", text.chars().take(limit).collect::<String>())
        }
        _ => text.to_owned(),
    };
    let mail = |text: &str| {
        text.contains('@') && !text.starts_with("www.") && !text.contains(':') && fits(&MAIL, text)
    };
    let link = if fits(&WEB, middle) {
        let scheme = ["https://", "http://"].iter().any(|scheme| middle.starts_with(scheme));
        let before = if scheme { "" } else { "https://" };
        format!("<a href=\"{before}{middle}\"{attributes}>{}</a>", trimmed(middle))
    } else if let Some(address) = middle.strip_prefix("mailto:").filter(|rest| fits(&MAIL, rest)) {
        format!("<a href=\"{middle}\">{address}</a>")
    } else if mail(middle) {
        format!("<a href=\"mailto:{middle}\">{middle}</a>")
    } else if schemes.iter().any(|scheme| middle != scheme && middle.starts_with(scheme.as_str())) {
        format!("<a href=\"{middle}\"{attributes}>{middle}</a>")
    } else {
        middle.to_owned()
    };
    format!("{head}{link}{tail}")
}
