//! Python's methods of strings, lists and mappings.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, State, Value};
use rprov_modules::kit::Span;
use unicode_normalization::UnicodeNormalization;

use super::call::{defined, items, whole};
use super::error::{ErrorKind, TemplateError, failed, wrap};
use super::filters::layout::centered;
use super::filters::text::{capitalize, parts};
use super::value::settle;
use super::{format, mutable, passed, print, python};

/// Called for a method that the value itself does not have.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let result = called(state, value, name, args);
    passed::on(state, name, result)
}

fn called(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if value.is_undefined() {
        defined(state, value)?;
    }
    // A macro or function kept in a mapping, a namespace or an imported template.
    if value.kind() == ValueKind::Map && !MAPPING.contains(&name) {
        let found = python::look(value, &Value::from(name))?;
        if let Some(function) = found.filter(|found| found.as_object().is_some()) {
            return function.call(state, args);
        }
    }
    let (args, named) = match args.split_last() {
        Some((last, rest)) if last.is_kwargs() => (rest, print::pairs(last)),
        _ => (args, Vec::new()),
    };
    let mut args = args.to_vec();
    for arg in &mut args {
        defined(state, arg)?;
        *arg = settle(arg)?;
    }
    if name == "update" && !named.is_empty() {
        let more = args.first().map(print::pairs).unwrap_or_default();
        let all: super::value::Map = more.into_iter().chain(named.iter().cloned()).collect();
        args = vec![super::value::map(all)];
    }
    if let Some(result) = mutable::call(value, name, &args)? {
        return Ok(result);
    }
    match value.kind() {
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            if name == "format" || name == "format_map" {
                return format::format(text, &args, &named).map(Value::from);
            }
            string(text, name, &args, &named)
        }
        ValueKind::Map => mapping(value, name, &args),
        ValueKind::Seq | ValueKind::Iterable => list(&settle(value)?, name, &args),
        ValueKind::Bytes if name == "decode" => Ok(Value::from(
            String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned(),
        )),
        ValueKind::Number if name == "bit_length" => {
            let number = i128::try_from(value.clone())?.unsigned_abs();
            Ok(Value::from(u128::BITS - number.leading_zeros()))
        }
        ValueKind::Number if name == "is_integer" => {
            Ok(Value::from(print::float(value).is_none_or(|number| number.fract() == 0.0)))
        }
        _ => unknown(value, name),
    }
}

fn unknown(value: &Value, name: &str) -> Result<Value, Error> {
    let message = format!("object of type '{}' has no attribute '{name}'", print::type_name(value));
    Err(wrap(TemplateError::new(ErrorKind::Undefined, message, Span::default())))
}

fn text_arg(args: &[Value], index: usize, method: &str) -> Result<String, Error> {
    let arg =
        args.get(index).ok_or_else(|| failed(format!("`{method}` needs another argument")))?;
    arg.as_str().map(str::to_owned).ok_or_else(|| {
        failed(format!("`{method}` expects a string, found {}", print::type_name(arg)))
    })
}

fn int_arg(args: &[Value], index: usize) -> Option<i64> {
    args.get(index).filter(|arg| !arg.is_none()).and_then(whole)
}

fn width_arg(args: &[Value], method: &str) -> Result<usize, Error> {
    int_arg(args, 0)
        .map(|width| usize::try_from(width).unwrap_or(0).min(1_000_000))
        .ok_or_else(|| failed(format!("`{method}` needs a width")))
}

fn fill_arg(args: &[Value]) -> char {
    args.get(1).and_then(Value::as_str).and_then(|fill| fill.chars().next()).unwrap_or(' ')
}

/// One string or a list of strings.
fn any_of(args: &[Value], method: &str) -> Result<Vec<String>, Error> {
    match args.first() {
        Some(list) if list.as_str().is_none() => {
            Ok(items(list).unwrap_or_default().iter().map(print::text).collect())
        }
        _ => Ok(vec![text_arg(args, 0, method)?]),
    }
}

/// Python's `text[start:end]` for methods that take bounds; gives the part and how much precedes it.
fn bounded<'a>(text: &'a str, args: &[Value]) -> (&'a str, usize) {
    let count = text.chars().count() as i64;
    let clamp = |bound: Option<i64>, default: i64| {
        let bound = bound.unwrap_or(default);
        (if bound < 0 { bound + count } else { bound }).clamp(0, count) as usize
    };
    let (start, end) = (clamp(int_arg(args, 1), 0), clamp(int_arg(args, 2), count));
    let offset = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    (&text[offset(start)..offset(end.max(start))], start)
}

fn string(
    text: &str,
    name: &str,
    args: &[Value],
    named: &[(Value, Value)],
) -> Result<Value, Error> {
    let named = |key: &str| {
        named.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    };
    let all = |test: fn(char) -> bool| Value::from(!text.is_empty() && text.chars().all(test));
    let cased = |right: fn(char) -> bool, wrong: fn(char) -> bool| {
        text.chars().any(right) && !text.chars().any(wrong)
    };
    let chars = || args.first().and_then(Value::as_str);
    let strip = |start: bool, end: bool| {
        let set = chars();
        let drop = |c: char| set.map_or(c.is_whitespace(), |set| set.contains(c));
        let text = if start { text.trim_start_matches(drop) } else { text };
        Value::from(if end { text.trim_end_matches(drop) } else { text })
    };
    let find = |last: bool| -> Result<Option<i64>, Error> {
        let wanted = text_arg(args, 0, name)?;
        let (part, before) = bounded(text, args);
        let at = if last { part.rfind(&wanted) } else { part.find(&wanted) };
        Ok(at.map(|at| (before + part[..at].chars().count()) as i64))
    };
    let partition = |last: bool| -> Result<Value, Error> {
        let separator = text_arg(args, 0, name)?;
        let found = if last { text.rsplit_once(&*separator) } else { text.split_once(&*separator) };
        let (head, middle, tail) = match found {
            Some((head, tail)) => (head, separator.as_str(), tail),
            None if last => ("", "", text),
            None => (text, "", ""),
        };
        Ok(Value::from(Tuple::new(vec![head.into(), middle.into(), tail.into()])))
    };
    Ok(match name {
        "lower" | "casefold" => Value::from(text.to_lowercase()),
        "upper" => Value::from(text.to_uppercase()),
        "capitalize" => Value::from(capitalize(text)),
        "title" => {
            let mut start = true;
            let mut out = String::new();
            for c in text.chars() {
                if start {
                    out.extend(c.to_uppercase())
                } else {
                    out.extend(c.to_lowercase())
                }
                start = !c.is_alphabetic();
            }
            Value::from(out)
        }
        "swapcase" => {
            let swap = |c: char| {
                if c.is_uppercase() {
                    c.to_lowercase().to_string()
                } else {
                    c.to_uppercase().to_string()
                }
            };
            Value::from(text.chars().map(swap).collect::<String>())
        }
        "strip" => strip(true, true),
        "lstrip" => strip(true, false),
        "rstrip" => strip(false, true),
        "startswith" => Value::from(
            any_of(args, name)?
                .iter()
                .any(|start| bounded(text, args).0.starts_with(start.as_str())),
        ),
        "endswith" => Value::from(
            any_of(args, name)?.iter().any(|end| bounded(text, args).0.ends_with(end.as_str())),
        ),
        "removeprefix" => {
            Value::from(text.strip_prefix(&*text_arg(args, 0, name)?).unwrap_or(text))
        }
        "removesuffix" => {
            Value::from(text.strip_suffix(&*text_arg(args, 0, name)?).unwrap_or(text))
        }
        "split" => {
            let separator = args.first().or_else(|| named("sep")).and_then(Value::as_str);
            let most = int_arg(args, 1).or_else(|| named("maxsplit").and_then(whole)).unwrap_or(-1);
            Value::from(parts(text, separator, most)?)
        }
        "rsplit" => {
            let most = int_arg(args, 1).or_else(|| named("maxsplit").and_then(whole)).unwrap_or(-1);
            let reversed: String = text.chars().rev().collect();
            let separator = args
                .first()
                .and_then(Value::as_str)
                .map(|sep| sep.chars().rev().collect::<String>());
            let mut found = parts(&reversed, separator.as_deref(), most)?;
            found.reverse();
            let back = |part: &Value| {
                Value::from(part.as_str().unwrap_or_default().chars().rev().collect::<String>())
            };
            Value::from(found.iter().map(back).collect::<Vec<_>>())
        }
        "splitlines" => {
            let keep = args.first().or_else(|| named("keepends")).is_some_and(Value::is_true);
            let bare = |line: &'_ str| match keep {
                true => Value::from(line),
                false => Value::from(line.trim_end_matches('\n').trim_end_matches('\r')),
            };
            Value::from(text.split_inclusive('\n').map(bare).collect::<Vec<_>>())
        }
        "translate" => {
            let table = args.first().ok_or_else(|| failed("`translate` needs a table"))?;
            let mut out = String::new();
            for c in text.chars() {
                match python::look(table, &Value::from(u32::from(c)))? {
                    None => out.push(c),
                    Some(found) if found.is_none() => {}
                    Some(found) => match found.as_str() {
                        Some(text) => out.push_str(text),
                        None => out.extend(
                            whole(&found)
                                .and_then(|n| u32::try_from(n).ok())
                                .and_then(char::from_u32),
                        ),
                    },
                }
            }
            Value::from(out)
        }
        "partition" => partition(false)?,
        "rpartition" => partition(true)?,
        "join" => {
            let list =
                args.first().and_then(items).ok_or_else(|| failed("`join` expects a list"))?;
            let texts = list.iter().map(|item| {
                item.as_str().ok_or_else(|| {
                    failed(format!("`join` expects strings, found {}", print::type_name(item)))
                })
            });
            Value::from(texts.collect::<Result<Vec<_>, _>>()?.join(text))
        }
        "replace" => {
            let (old, new) = (text_arg(args, 0, name)?, text_arg(args, 1, name)?);
            match int_arg(args, 2).and_then(|count| usize::try_from(count).ok()) {
                Some(count) => Value::from(text.replacen(&old, &new, count)),
                None => Value::from(text.replace(&old, &new)),
            }
        }
        "find" => Value::from(find(false)?.unwrap_or(-1)),
        "rfind" => Value::from(find(true)?.unwrap_or(-1)),
        "index" => Value::from(find(false)?.ok_or_else(|| failed("substring not found"))?),
        "rindex" => Value::from(find(true)?.ok_or_else(|| failed("substring not found"))?),
        "count" => {
            let wanted = text_arg(args, 0, name)?;
            let part = bounded(text, args).0;
            Value::from(if wanted.is_empty() {
                part.chars().count() + 1
            } else {
                part.matches(&*wanted).count()
            })
        }
        "zfill" => {
            let width = width_arg(args, name)?;
            let (sign, digits) =
                if text.starts_with(['+', '-']) { text.split_at(1) } else { ("", text) };
            let width = width.saturating_sub(sign.len());
            Value::from(format!("{sign}{digits:0>width$}"))
        }
        "center" => Value::from(centered(text, width_arg(args, name)?, fill_arg(args))),
        "ljust" | "rjust" => {
            let pad = width_arg(args, name)?.saturating_sub(text.chars().count());
            let pad = fill_arg(args).to_string().repeat(pad);
            Value::from(if name == "ljust" {
                format!("{text}{pad}")
            } else {
                format!("{pad}{text}")
            })
        }
        "expandtabs" => {
            let size = usize::try_from(
                int_arg(args, 0).or_else(|| named("tabsize").and_then(whole)).unwrap_or(8),
            )
            .unwrap_or(0);
            let (mut out, mut column) = (String::new(), 0);
            for c in text.chars() {
                match c {
                    '\t' => {
                        let pad = if size == 0 { 0 } else { size - column % size };
                        out.push_str(&" ".repeat(pad));
                        column += pad;
                    }
                    '\n' | '\r' => {
                        out.push(c);
                        column = 0;
                    }
                    c => {
                        out.push(c);
                        column += 1;
                    }
                }
            }
            Value::from(out)
        }
        "encode" => Value::from_bytes(text.as_bytes().to_vec()),
        "isnumeric" => all(char::is_numeric),
        "isdigit" => all(is_digit),
        "isdecimal" => all(|c| is_digit(c) && !is_raised(c)),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isascii" => Value::from(text.is_ascii()),
        "isprintable" => Value::from(!text.chars().any(char::is_control)),
        "islower" => Value::from(cased(char::is_lowercase, char::is_uppercase)),
        "isupper" => Value::from(cased(char::is_uppercase, char::is_lowercase)),
        "istitle" => {
            let titled = string(text, "title", &[], &[])?;
            Value::from(titled.as_str() == Some(text) && text.chars().any(char::is_alphabetic))
        }
        "isidentifier" => Value::from(
            !text.starts_with(|c: char| c.is_numeric())
                && !text.is_empty()
                && text.chars().all(|c| c.is_alphanumeric() || c == '_'),
        ),
        _ => return unknown(&Value::from(text), name),
    })
}

/// A digit of any script, raised and lowered ones too, but no fraction and no other numeral.
fn is_digit(c: char) -> bool {
    let mut plain = std::iter::once(c).nfkd();
    c.is_numeric()
        && plain
            .next()
            .is_some_and(|c| c.is_numeric() && (c.is_ascii_digit() || !c.is_alphabetic()))
        && plain.next().is_none()
}

/// A digit that is not written on the line.
fn is_raised(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '\u{2070}'..='\u{2089}' | '\u{2460}'..='\u{249b}')
}

/// The methods of mappings.
const MAPPING: &[&str] =
    &["keys", "values", "items", "copy", "get", "pop", "setdefault", "update", "clear", "popitem"];

fn mapping(value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let pairs = || print::pairs(value);
    let needs_key = || args.first().ok_or_else(|| failed(format!("`{name}` needs a key")));
    Ok(match name {
        "keys" => Value::from(pairs().into_iter().map(|(key, _)| key).collect::<Vec<_>>()),
        "values" => Value::from(pairs().into_iter().map(|(_, value)| value).collect::<Vec<_>>()),
        "items" => Value::from(
            pairs().into_iter().map(|(k, v)| super::value::pair(k, v)).collect::<Vec<_>>(),
        ),
        "copy" => settle(value)?,
        "get" | "pop" | "setdefault" => match python::look(value, needs_key()?)? {
            Some(found) => found,
            None if name == "pop" && args.len() < 2 => {
                return Err(failed(format!("`pop` found no key {}", print::repr(needs_key()?))));
            }
            None => args.get(1).cloned().unwrap_or_else(|| Value::from(())),
        },
        "update" | "clear" | "popitem" => return Err(mutable::refused(name, "combine")),
        _ => return unknown(value, name),
    })
}

fn list(value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let all = items(value).unwrap_or_default();
    let wanted = || args.first().ok_or_else(|| failed(format!("`{name}` needs an item")));
    Ok(match name {
        "index" => {
            let wanted = wanted()?;
            let at = all.iter().position(|item| item == wanted);
            Value::from(
                at.ok_or_else(|| failed(format!("{} is not in the list", print::repr(wanted))))?,
            )
        }
        "count" => {
            let wanted = wanted()?;
            Value::from(all.iter().filter(|item| *item == wanted).count())
        }
        "copy" => value.clone(),
        "append" | "extend" | "insert" | "remove" | "pop" | "clear" | "sort" | "reverse" => {
            return Err(mutable::refused(name, "list"));
        }
        _ => return unknown(value, name),
    })
}
