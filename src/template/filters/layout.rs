//! Filters that lay text out: indents, line breaks, widths, comments.

use minijinja::{Error, Value};

use crate::template::call::{Body, Call, whole};
use crate::template::error::failed;
use crate::template::print;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("indent", indent),
    ("wordwrap", wordwrap),
    ("center", center),
    ("truncate", truncate),
    ("comment", comment),
];

fn indent(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.string()?;
    let width = match call.given(0, "width") {
        Some(width) if width.as_str().is_some() => print::text(width),
        _ => " ".repeat(usize::try_from(call.int(0, "width", 4)?).unwrap_or(0)),
    };
    let (first, blank) = (call.flag(1, "first", false), call.flag(2, "blank", false));
    let newline = text.contains('\n');
    // A final newline ends the text: Jinja adds one, then splits, so nothing is lost.
    let mut out = String::new();
    let body = text.strip_suffix('\n').unwrap_or(text);
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
    let width = call.int(0, "width", 79)?;
    let width = usize::try_from(width)
        .ok()
        .filter(|width| *width > 0)
        .ok_or_else(|| failed(format!("`wordwrap` expects a width above 0, found {width}")))?;
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

/// Comment styles: decoration, beginning, end.
const STYLES: &[(&str, &str, &str, &str)] = &[
    ("plain", "# ", "", ""),
    ("erlang", "% ", "", ""),
    ("c", "// ", "", ""),
    ("cblock", " * ", "/*", " */"),
    ("xml", " - ", "<!--", "-->"),
];

fn comment(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.string()?.to_owned();
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
