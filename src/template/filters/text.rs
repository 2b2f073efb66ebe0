//! Filters on text.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, items, whole};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("lower", |call| mapped(call, |text| text.to_lowercase())),
    ("upper", |call| mapped(call, |text| text.to_uppercase())),
    ("capitalize", |call| mapped(call, capitalize)),
    ("title", |call| mapped(call, title)),
    ("trim", trim),
    ("replace", replace),
    ("indent", indent),
    ("wordwrap", wordwrap),
    ("wordcount", wordcount),
    ("center", center),
    ("truncate", truncate),
    ("format", format),
    ("__percent", percent),
    ("quote", quote),
    ("comment", comment),
    ("split", split),
    ("join", join),
    ("urlencode", urlencode),
    ("urlsplit", urlsplit),
    ("striptags", striptags),
    ("escape", |call| mapped(call, escaped)),
    ("e", |call| mapped(call, escaped)),
    ("forceescape", |call| mapped(call, escaped)),
    ("splitlines", |call| {
        Ok(Value::from(call.string()?.lines().map(Value::from).collect::<Vec<_>>()))
    }),
];

fn mapped(call: &Call<'_, '_, '_>, change: impl Fn(&str) -> String) -> Result<Value, Error> {
    Ok(Value::from(change(&print::text(call.value()))))
}

pub(in crate::template) fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

/// Words start after spaces, hyphens and opening brackets, as in Jinja.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for c in text.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        start = c.is_whitespace() || "-({[<".contains(c);
    }
    out
}

fn trim(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    Ok(Value::from(match call.given(0, "chars").map(print::text) {
        Some(chars) => text.trim_matches(|c| chars.contains(c)),
        None => text.trim(),
    }))
}

fn replace(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let (old, new) = (print::text(call.required(0, "old")?), print::text(call.required(1, "new")?));
    let count = call.int(2, "count", -1)?;
    Ok(Value::from(match usize::try_from(count) {
        Ok(count) => text.replacen(&old, &new, count),
        Err(_) => text.replace(&old, &new),
    }))
}

fn indent(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let width = match call.given(0, "width") {
        Some(width) if width.as_str().is_some() => print::text(width),
        _ => " ".repeat(usize::try_from(call.int(0, "width", 4)?).unwrap_or(0)),
    };
    let (first, blank) = (call.flag(1, "first", false), call.flag(2, "blank", false));
    let newline = text.contains('\n');
    // A final newline ends the text: Jinja adds one, then splits, so nothing is lost.
    let mut out = String::new();
    let body = text.strip_suffix('\n').unwrap_or(&text);
    for (i, line) in body.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&width);
            }
        }
        out.push_str(line);
    }
    if newline && text.ends_with('\n') {
        out.push('\n');
        if blank {
            out.push_str(&width);
        }
    }
    if first {
        out.insert_str(0, &width);
    }
    Ok(Value::from(out))
}

/// Breaks at spaces as Python's `textwrap` does; existing lines stay lines.
fn wordwrap(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let width = usize::try_from(call.int(0, "width", 79)?).unwrap_or(0).max(1);
    let long = call.flag(1, "break_long_words", true);
    let newline = call.text(2, "wrapstring", "\n");
    let hyphens = call.flag(3, "break_on_hyphens", true);
    let lines: Vec<String> =
        text.lines().map(|line| wrap(line, width, long, hyphens).join(&newline)).collect();
    Ok(Value::from(lines.join(&newline)))
}

fn wrap(line: &str, width: usize, long: bool, hyphens: bool) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for c in line.chars() {
        let space = c.is_whitespace();
        let same = chunks.last().is_some_and(|chunk| {
            chunk.starts_with(char::is_whitespace) == space
                && !(hyphens
                    && !space
                    && chunk.len() > 1
                    && chunk.ends_with('-')
                    && c.is_alphabetic())
        });
        match chunks.last_mut().filter(|_| same) {
            Some(chunk) => chunk.push(c),
            None => chunks.push(c.to_string()),
        }
    }
    let mut lines: Vec<String> = Vec::new();
    let mut current = String::new();
    let size = |text: &str| text.chars().count();
    let mut queue: std::collections::VecDeque<String> = chunks.into();
    while let Some(chunk) = queue.pop_front() {
        if chunk.trim().is_empty() && current.is_empty() && !lines.is_empty() {
            continue;
        }
        if size(&current) + size(&chunk) <= width {
            current.push_str(&chunk);
            continue;
        }
        if size(&chunk) > width && long {
            let room = (width - size(&current)).max(usize::from(current.is_empty()));
            let (head, tail): (String, String) =
                (chunk.chars().take(room).collect(), chunk.chars().skip(room).collect());
            current.push_str(&head);
            queue.push_front(tail);
        } else if current.is_empty() {
            current = chunk;
        } else {
            queue.push_front(chunk);
        }
        lines.push(current.trim_end().to_owned());
        current.clear();
    }
    let rest = current.trim_end();
    if !rest.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

fn wordcount(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    Ok(Value::from(
        text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
            .count(),
    ))
}

fn center(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let width = usize::try_from(call.int(0, "width", 80)?).unwrap_or(0);
    Ok(Value::from(centered(&print::text(call.value()), width, ' ')))
}

/// `str.center` of Python: the odd space goes left when the width is odd.
pub(in crate::template) fn centered(text: &str, width: usize, fill: char) -> String {
    let pad = width.saturating_sub(text.chars().count());
    let left = pad / 2 + (pad & width & 1);
    let side = |n: usize| fill.to_string().repeat(n);
    format!("{}{text}{}", side(left), side(pad - left))
}

fn truncate(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let length = usize::try_from(call.int(0, "length", 255)?).unwrap_or(0);
    let killwords = call.flag(1, "killwords", false);
    let end = call.text(2, "end", "...");
    let leeway = usize::try_from(call.int(3, "leeway", 5)?).unwrap_or(0);
    let mark = end.chars().count();
    if length < mark {
        return Err(failed(format!(
            "`truncate` expects a length of at least {mark}, found {length}"
        )));
    }
    if text.chars().count() <= length + leeway {
        return Ok(Value::from(text));
    }
    let mut head: String = text.chars().take(length - mark).collect();
    if !killwords && let Some(at) = head.rfind(' ') {
        head.truncate(at);
    }
    Ok(Value::from(head + &end))
}

fn format(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    if !call.named.is_empty() && call.args.len() > 1 {
        return Err(failed("`format` takes either positional or named arguments"));
    }
    crate::template::format::percent(&text, &call.args[1..], &call.named).map(Value::from)
}

/// `'…' % value`: a tuple or list is all the arguments, a mapping the named ones.
fn percent(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.string()?.to_owned();
    let argument = call.required(0, "value")?;
    let named: Vec<(String, Value)> = match argument.kind() {
        ValueKind::Map if text.contains("%(") => print::pairs(argument)
            .into_iter()
            .map(|(key, value)| (key.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let args = if argument.is_tuple() {
        items(argument).unwrap_or_default()
    } else {
        vec![argument.clone()]
    };
    crate::template::format::percent(&text, if named.is_empty() { &args } else { &[] }, &named)
        .map(Value::from)
}

fn quote(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = if call.value().is_none() { String::new() } else { print::text(call.value()) };
    Ok(Value::from(shell_quoted(&text)))
}

/// `shlex.quote` of Python.
pub(in crate::template) fn shell_quoted(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

/// Comment styles: decoration, beginning, end.
const STYLES: &[(&str, &str, &str, &str)] = &[
    ("plain", "# ", "", ""),
    ("erlang", "% ", "", ""),
    ("c", "// ", "", ""),
    ("cblock", " * ", "/*", " */"),
    ("xml", " - ", "<!--", "-->"),
];

fn comment(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
    let style = call.text(0, "style", "plain");
    let Some((_, decoration, beginning, end)) = STYLES.iter().find(|(name, ..)| *name == style)
    else {
        return Err(failed(format!(
            "unknown comment style `{style}`: expected plain, erlang, c, cblock or xml"
        )));
    };
    let named = |name: &str, default: &str| {
        call.named
            .iter()
            .find(|(key, _)| key == name)
            .map_or_else(|| default.to_owned(), |(_, value)| print::text(value))
    };
    let number = |name: &str| {
        call.named
            .iter()
            .find(|(key, _)| key == name)
            .and_then(|(_, value)| whole(value))
            .unwrap_or(1)
    };
    let decoration = named("decoration", decoration);
    let newline = named("newline", "\n");
    let bare = decoration.trim_end().to_owned();
    let prefix = named("prefix", &bare);
    let postfix = named("postfix", &bare);
    let repeated = |text: &str, count: i64| {
        if text.is_empty() {
            String::new()
        } else {
            format!("{text}{newline}").repeat(usize::try_from(count).unwrap_or(0))
        }
    };
    let beginning = named("beginning", beginning);
    let mut out =
        if beginning.is_empty() { String::new() } else { format!("{beginning}{newline}") };
    out.push_str(&repeated(&prefix, number("prefix_count")));
    // A blank line has no space after its mark, but for the last.
    let parts: Vec<&str> = text.split(&newline).collect();
    let lines: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(i, line)| match line.is_empty() && i + 1 < parts.len() {
            true => bare.clone(),
            false => format!("{decoration}{line}"),
        })
        .collect();
    let body = lines.join(&newline);
    out.push_str(&body);
    let tail =
        format!("{newline}{postfix}").repeat(usize::try_from(number("postfix_count")).unwrap_or(0));
    out.push_str(&tail);
    let end = named("end", end);
    if !end.is_empty() {
        out.push_str(&newline);
        out.push_str(&end);
    }
    Ok(Value::from(out))
}

fn split(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.string()?;
    let most = call.int(1, "maxsplit", -1)?;
    let separator = call.given(0, "sep").map(print::text);
    Ok(Value::from(parts(text, separator.as_deref(), most)?))
}

/// `str.split` of Python.
pub(in crate::template) fn parts(
    text: &str,
    separator: Option<&str>,
    most: i64,
) -> Result<Vec<Value>, Error> {
    let most = usize::try_from(most).map_or(usize::MAX, |most| most.saturating_add(1));
    Ok(match separator {
        Some("") => return Err(failed("empty separator")),
        Some(separator) => text.splitn(most, separator).map(Value::from).collect(),
        None => {
            let mut rest = text.trim_start();
            let mut found = Vec::new();
            while !rest.is_empty() {
                if found.len() + 1 == most {
                    found.push(Value::from(rest.trim_end()));
                    break;
                }
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                found.push(Value::from(&rest[..end]));
                rest = rest[end..].trim_start();
            }
            found
        }
    })
}

fn join(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let separator = call.text(0, "d", "");
    let attribute = call.given(1, "attribute").cloned();
    let mut texts = Vec::new();
    for item in call.items()? {
        let item = match &attribute {
            Some(attribute) => super::choose::attribute(&item, attribute)?,
            None => item,
        };
        crate::template::call::defined(call.state, &item)?;
        texts.push(print::text(&item));
    }
    Ok(Value::from(texts.join(&separator)))
}

fn urlencode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value();
    let pairs = match value.kind() {
        ValueKind::Map => print::pairs(value),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut pairs = Vec::new();
            for item in call.items()? {
                match items(&item).as_deref() {
                    Some([key, value]) if item.as_str().is_none() => {
                        pairs.push((key.clone(), value.clone()))
                    }
                    _ => return Err(call.expected("text, a mapping or a list of pairs")),
                }
            }
            pairs
        }
        _ => return Ok(Value::from(percent_encoded(&print::text(value), "/"))),
    };
    let plus = |value: &Value| percent_encoded(&print::text(value), " ").replace(' ', "+");
    Ok(Value::from(
        pairs.iter().map(|(k, v)| format!("{}={}", plus(k), plus(v))).collect::<Vec<_>>().join("&"),
    ))
}

fn percent_encoded(text: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"_.-~".contains(&byte)
            || safe.as_bytes().contains(&byte)
        {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn urlsplit(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let url = print::text(call.value());
    let (rest, fragment) = url.split_once('#').unwrap_or((&url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_scheme = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    let (scheme, rest) =
        rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (user, host) =
        netloc.rsplit_once('@').map_or((None, netloc), |(user, host)| (Some(user), host));
    let (username, password) =
        match user.map(|user| user.split_once(':').map_or((user, None), |(u, p)| (u, Some(p)))) {
            Some((username, password)) => (Some(username), password),
            None => (None, None),
        };
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let optional = |text: Option<&str>| text.map_or(Value::from(()), Value::from);
    let hostname = Some(name.to_lowercase()).filter(|name| !name.is_empty());
    let port = port.and_then(|port| port.parse::<i64>().ok()).map_or(Value::from(()), Value::from);
    let parts = [
        ("fragment", Value::from(fragment)),
        ("hostname", optional(hostname.as_deref())),
        ("netloc", Value::from(netloc)),
        ("password", optional(password)),
        ("path", Value::from(path)),
        ("port", port),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme.to_lowercase())),
        ("username", optional(username)),
    ];
    match call.given(0, "query").map(print::text).filter(|query| !query.is_empty()) {
        None => Ok(crate::template::value::map(
            parts.into_iter().map(|(k, v)| (Value::from(k), v)).collect(),
        )),
        Some(wanted) => parts
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
            .ok_or_else(|| failed(format!("`urlsplit` knows no component `{wanted}`"))),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&#34;")
}

fn striptags(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = print::text(call.value());
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
    Ok(Value::from(out.split_whitespace().collect::<Vec<_>>().join(" ")))
}
