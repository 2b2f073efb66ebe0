//! Python's regular expressions, on fancy-regex: look-around and back-references included.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use fancy_regex::Regex;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call};
use crate::template::error::failed;
use crate::template::print;

type Captures<'t> = fancy_regex::Captures<'t, str>;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("regex_search", regex_search),
    ("regex_replace", regex_replace),
    ("regex_findall", regex_findall),
    ("regex_escape", regex_escape),
];

/// Compiled patterns, with their flags in front.
static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);

/// Compiles a Python pattern.
pub(in crate::template) fn compile(
    pattern: &str,
    ignorecase: bool,
    multiline: bool,
) -> Result<Arc<Regex>, Error> {
    let flags = match (ignorecase, multiline) {
        (true, true) => "(?im)",
        (true, false) => "(?i)",
        (false, true) => "(?m)",
        (false, false) => "",
    };
    let key = format!("{flags}{pattern}");
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = compiled.get(&key) {
        return Ok(known.clone());
    }
    let text = format!("{flags}{}", translate(pattern, multiline));
    let regex = Regex::new(&text).map_err(|error| {
        failed(format!("invalid regular expression `{pattern}`: {}", one_line(&error.to_string())))
    })?;
    let regex = Arc::new(regex);
    if compiled.len() > 1000 {
        compiled.clear();
    }
    compiled.insert(key, regex.clone());
    Ok(regex)
}

fn one_line(text: &str) -> String {
    text.lines().last().unwrap_or(text).trim().to_owned()
}

/// What Python writes otherwise: `\Z`, `$` before a last line break, brackets and `&&` in classes.
fn translate(pattern: &str, multiline: bool) -> String {
    let lines = multiline
        || pattern.starts_with("(?")
            && pattern[2..]
                .split(')')
                .next()
                .is_some_and(|f| f.contains('m') && f.chars().all(|c| c.is_ascii_lowercase()));
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut class: Option<usize> = None;
    while let Some(c) = chars.next() {
        if let Some(length) = class.as_mut() {
            *length += 1;
            match c {
                ']' if *length > 1 => {
                    class = None;
                    out.push(']');
                }
                '^' if *length == 1 => {
                    *length = 0;
                    out.push('^');
                }
                '[' | ']' | '&' | '~' => {
                    out.push('\\');
                    out.push(c);
                }
                '\\' => {
                    out.push('\\');
                    out.extend(chars.next());
                }
                c => out.push(c),
            }
            continue;
        }
        match c {
            '\\' => match chars.next() {
                Some('Z') => out.push_str("\\z"),
                Some(next) if next.is_alphanumeric() => {
                    out.push('\\');
                    out.push(next);
                }
                Some(next) => out.push_str(&fancy_regex::escape(&next.to_string())),
                None => out.push('\\'),
            },
            '[' => {
                class = Some(0);
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
            }
            '$' if !lines => out.push_str("(?=\\n?\\z)"),
            '{' => {
                // `{,3}` is `{0,3}`; a brace that counts nothing is itself.
                let body: String = chars.clone().take_while(|c| *c != '}').collect();
                let counts = body.chars().all(|c| c.is_ascii_digit() || c == ',')
                    && body.contains(|c: char| c.is_ascii_digit());
                out.push_str(match (counts, body.starts_with(',')) {
                    (true, true) => "{0",
                    (true, false) => "{",
                    (false, _) => "\\{",
                });
            }
            c => out.push(c),
        }
    }
    out
}

/// Python's order of matches: an empty match may follow a match that is not empty.
pub(in crate::template) fn matches<'t>(
    regex: &Regex,
    text: &'t str,
    most: usize,
) -> Result<Vec<Captures<'t>>, Error> {
    let mut found: Vec<Captures<'t>> = Vec::new();
    let mut at = 0;
    while at <= text.len() && found.len() < most {
        let captures = regex.captures_from_pos(text, at).map_err(too_hard)?;
        let Some(captures) = captures else { break };
        let Some(whole) = captures.get(0) else { break };
        at = whole.end();
        if whole.start() == whole.end() {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        found.push(captures);
    }
    Ok(found)
}

pub(in crate::template) fn too_hard(error: fancy_regex::Error) -> Error {
    failed(format!("the regular expression gave up: {error}"))
}

fn group(captures: &Captures<'_>, index: usize) -> Value {
    captures.get(index).map_or_else(|| Value::from(()), |found| Value::from(found.as_str()))
}

fn regex_search(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let (ignorecase, multiline) = (named_flag(call, "ignorecase"), named_flag(call, "multiline"));
    let regex = compile(&print::text(call.required(0, "regex")?), ignorecase, multiline)?;
    let wanted: Vec<String> = call.args.iter().skip(2).map(print::text).collect();
    let Some(captures) = regex.captures(text.as_str()).map_err(too_hard)? else {
        return Ok(Value::from(()));
    };
    if wanted.is_empty() {
        return Ok(group(&captures, 0));
    }
    let mut groups = Vec::new();
    for name in wanted {
        let reference = name.strip_prefix("\\g<").and_then(|rest| rest.strip_suffix('>'));
        let reference = reference.or_else(|| name.strip_prefix('\\')).unwrap_or("");
        let found = match reference.parse::<usize>() {
            Ok(index) if index < captures.len() => group(&captures, index),
            Err(_) if regex.capture_names().flatten().any(|known| known == reference) => captures
                .name(reference)
                .map_or_else(|| Value::from(()), |found| Value::from(found.as_str())),
            _ => return Err(failed(format!("`regex_search` knows no group `{name}`"))),
        };
        groups.push(found);
    }
    Ok(Value::from(groups))
}

fn named_flag(call: &Call<'_, '_, '_>, name: &str) -> bool {
    call.named.iter().any(|(key, value)| key == name && value.is_true())
}

fn regex_findall(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let (multiline, ignorecase) =
        (call.flag(1, "multiline", false), call.flag(2, "ignorecase", false));
    let regex = compile(&print::text(call.required(0, "regex")?), ignorecase, multiline)?;
    let texts = |captures: &Captures<'_>, from: usize| -> Vec<Value> {
        (from..captures.len())
            .map(|i| Value::from(captures.get(i).map_or("", |found| found.as_str())))
            .collect()
    };
    let found = matches(&regex, &text, usize::MAX)?;
    Ok(Value::from(
        found
            .iter()
            .map(|captures| match captures.len() {
                1 => group(captures, 0),
                2 => texts(captures, 1).remove(0),
                _ => Value::from(minijinja::value::Tuple::new(texts(captures, 1))),
            })
            .collect::<Vec<_>>(),
    ))
}

fn regex_replace(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let pattern = call.text(0, "pattern", "");
    let replacement = call.text(1, "replacement", "");
    let (ignorecase, multiline) =
        (call.flag(2, "ignorecase", false), call.flag(3, "multiline", false));
    let count = usize::try_from(call.int(4, "count", 0)?).unwrap_or(0);
    let mandatory = usize::try_from(call.int(5, "mandatory_count", 0)?).unwrap_or(0);
    let regex = compile(&pattern, ignorecase, multiline)?;
    let found = matches(&regex, &text, if count == 0 { usize::MAX } else { count })?;
    if found.len() < mandatory {
        return Err(failed(format!(
            "`{pattern}` should match {mandatory} times, found {}",
            found.len()
        )));
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for captures in found {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(&text[at..whole.start()]);
        expand(&regex, &captures, &replacement, &mut out)?;
        at = whole.end();
    }
    out.push_str(&text[at..]);
    Ok(Value::from(out))
}

/// A replacement as Python reads it: `\1`, `\g<name>`, `\n` and the like.
fn expand(
    regex: &Regex,
    captures: &Captures<'_>,
    template: &str,
    out: &mut String,
) -> Result<(), Error> {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            return Err(failed("the replacement ends in a backslash"));
        };
        let invalid =
            |what: &str| failed(format!("invalid group reference `{what}` in the replacement"));
        if c.is_ascii_digit() && c != '0' {
            let digits = if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) { 2 } else { 1 };
            let index: usize = rest[..digits].parse().map_err(|_| invalid(&rest[..digits]))?;
            if index >= captures.len() {
                return Err(invalid(&rest[..digits]));
            }
            out.push_str(captures.get(index).map_or("", |found| found.as_str()));
            rest = &rest[digits..];
            continue;
        }
        if let Some((name, after)) = rest.strip_prefix("g<").and_then(|rest| rest.split_once('>')) {
            let found = match name.parse::<usize>() {
                Ok(index) if index < captures.len() => captures.get(index),
                Err(_) if regex.capture_names().flatten().any(|known| known == name) => {
                    captures.name(name)
                }
                _ => return Err(invalid(name)),
            };
            out.push_str(found.map_or("", |found| found.as_str()));
            rest = after;
            continue;
        }
        match c {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'v' => out.push('\x0b'),
            '0' => out.push('\0'),
            '\\' => out.push('\\'),
            c if c.is_ascii_alphabetic() => {
                return Err(failed(format!("bad escape `\\{c}` in the replacement")));
            }
            c => {
                out.push('\\');
                out.push(c);
            }
        }
        rest = &rest[c.len_utf8()..];
    }
    out.push_str(rest);
    Ok(())
}

fn regex_escape(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let special = match call.text(0, "re_type", "python").as_str() {
        "python" => "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c",
        "posix_basic" => "[].^$*\\",
        other => {
            return Err(failed(format!(
                "`regex_escape` knows no type `{other}`: expected python or posix_basic"
            )));
        }
    };
    let mut out = String::new();
    for c in text.chars() {
        if special.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    Ok(Value::from(out))
}

/// Whether a pattern is found: at the start, anywhere, or over the whole text.
pub(in crate::template) fn test(call: &Call<'_, '_, '_>, how: &str) -> Result<Value, Error> {
    let text = print::text(call.value());
    let (ignorecase, multiline) =
        (call.flag(1, "ignorecase", false), call.flag(2, "multiline", false));
    let regex = compile(&print::text(call.required(0, "pattern")?), ignorecase, multiline)?;
    let found = regex.find(&text).map_err(too_hard)?;
    Ok(Value::from(match how {
        "match" => found.is_some_and(|found| found.start() == 0),
        "fullmatch" => found.is_some_and(|found| found.start() == 0 && found.end() == text.len()),
        _ => found.is_some(),
    }))
}
