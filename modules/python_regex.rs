//! Regular expressions as Python's `re` reads them, and its replacement templates.
//!
//! The engine underneath differs in a few places: `$` (Python: also before a newline at the end),
//! `\Z`, `\<`, a `{` that starts no repetition, and `[`, `&&`, `--`, `~~` inside a class.

use fancy_regex::{Captures, Regex};

/// Compiles a pattern.
///
/// # Errors
/// A message that shows the pattern.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    build(pattern, &translate(pattern, false))
}

/// Compiles a pattern whose `^` and `$` mean every line (`re.MULTILINE`).
///
/// # Errors
/// A message that shows the pattern.
pub fn compile_by_line(pattern: &str) -> Result<Regex, String> {
    build(pattern, &format!("(?m){}", translate(pattern, true)))
}

/// Compiles a pattern whose `.` also means a newline (`re.DOTALL`).
///
/// # Errors
/// A message that shows the pattern.
pub fn compile_across_lines(pattern: &str) -> Result<Regex, String> {
    build(pattern, &format!("(?s){}", translate(pattern, false)))
}

fn build(pattern: &str, translated: &str) -> Result<Regex, String> {
    if let Some(letter) = bad_escape(pattern) {
        return Err(format!(
            "expected a regular expression, found `{pattern}`: bad escape \\{letter}"
        ));
    }
    Regex::new(translated).map_err(|error| {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim().to_owned();
        format!("expected a regular expression, found `{pattern}`: {why}")
    })
}

/// A letter that means nothing to Python behind a backslash. To the engine underneath it may mean a
/// lot: `\g0` is the whole pattern again, without end.
fn bad_escape(pattern: &str) -> Option<char> {
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next()? } else { continue };
        if escaped.is_ascii_alphabetic() && !"AbBdDsSwWZafnrtvxuUN".contains(escaped) {
            return Some(escaped);
        }
    }
    None
}

fn translate(pattern: &str, by_line: bool) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut class = 0; // characters into a `[…]`, from 1
    let mut chars = pattern.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let rest = &pattern[at + c.len_utf8()..];
        match c {
            '\\' => {
                let Some((_, next)) = chars.next() else { return out + "\\" };
                match next {
                    'Z' => out += r"\z",
                    '<' | '>' | ' ' | '"' | '\'' | '/' | '@' | '%' | ',' | ':' | ';' | '='
                    | '!' | '`' | '_' => out.push(next),
                    next => out.extend(['\\', next]),
                }
                class += usize::from(class > 0);
            }
            '[' if class == 0 => {
                class = 1;
                out.push(c);
                if let Some((_, '^')) = chars.peek() {
                    chars.next();
                    out.push('^');
                }
                // A `]` in the first place is a member.
                if let Some((_, ']')) = chars.peek() {
                    chars.next();
                    out += r"\]";
                }
            }
            ']' if class > 0 => {
                class = 0;
                out.push(c);
            }
            '[' | '&' | '~' if class > 0 => out.extend(['\\', c]),
            '-' if class > 0 && rest.starts_with('-') => out += r"\-",
            c if class > 0 => out.push(c),
            '$' if !by_line => out += r"(?=\n?\z)",
            '{' if !repeats(rest) => out += r"\{",
            c => out.push(c),
        }
    }
    out
}

/// Whether what follows a `{` makes it a repetition: `3}`, `3,}`, `,3}`, `3,5}`.
fn repeats(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else { return false };
    let (low, high) = inside.split_once(',').unwrap_or((inside, "0"));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    (inside.contains(',') || !low.is_empty()) && digits(low) && digits(high)
}

/// Fills a replacement template: `\1`, `\g<1>`, `\g<name>`, `\n`, `\\`, …
///
/// # Errors
/// A message, for a group the pattern has not or an escape that means nothing.
pub fn expand(template: &str, captures: &Captures<'_, str>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        out += &rest[..at];
        rest = &rest[at + 1..];
        let group = |key: &str| match key.parse::<usize>() {
            Ok(n) if n < captures.len() => Ok(captures.get(n).map_or("", |m| m.as_str())),
            Err(_) if captures.name(key).is_some() => {
                Ok(captures.name(key).map_or("", |m| m.as_str()))
            }
            _ => Err(format!("invalid group reference `{key}` in `{template}`")),
        };
        let next =
            rest.chars().next().ok_or_else(|| format!("bad escape at the end of `{template}`"))?;
        rest = &rest[next.len_utf8()..];
        match next {
            '0' => out.push('\0'),
            '1'..='9' => {
                let second = rest.starts_with(|c: char| c.is_ascii_digit());
                let key = format!("{next}{}", if second { &rest[..1] } else { "" });
                rest = &rest[usize::from(second)..];
                out += group(&key)?;
            }
            'g' if rest.starts_with('<') => {
                let (key, tail) = rest[1..]
                    .split_once('>')
                    .ok_or_else(|| format!("missing > in `{template}`"))?;
                out += group(key)?;
                rest = tail;
            }
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\x07'),
            'f' => out.push('\x0c'),
            'v' => out.push('\x0b'),
            'b' => out.push('\x08'),
            '\\' => out.push('\\'),
            c if c.is_ascii_alphabetic() => {
                return Err(format!("bad escape \\{c} in `{template}`"));
            }
            c => out.extend(['\\', c]),
        }
    }
    Ok(out + rest)
}

/// Replaces all that matches, as Python's `re.subn`: an empty match may follow one that is not
/// empty. Returns the text and how many replacements were made.
///
/// # Errors
/// Those of [`expand`], or that the search was too hard.
pub fn replace_all(regex: &Regex, template: &str, text: &str) -> Result<(String, usize), String> {
    let (mut out, mut count) = (String::with_capacity(text.len()), 0);
    let (mut at, mut kept) = (0, 0);
    while at <= text.len() {
        let found = regex.captures_from_pos(text, at).map_err(|e| e.to_string())?;
        let Some(captures) = found else { break };
        let Some(whole) = captures.get(0) else { break };
        out += &text[kept..whole.start()];
        out += &expand(template, &captures)?;
        count += 1;
        kept = whole.end();
        at = match whole.start() == whole.end() {
            true => kept + text[kept..].chars().next().map_or(1, char::len_utf8),
            false => kept,
        };
    }
    Ok((out + &text[kept..], count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> bool {
        compile(pattern).expect(pattern).is_match(text).expect("within limits")
    }

    /// The answers are Python's.
    #[test]
    fn patterns_mean_what_python_says() {
        assert!(found("^a$", "a\n") && found("^a$", "a") && !found("^a$", "a\n\n"));
        assert!(!found(r"a\Z", "a\n") && found(r"a\Z", "a"));
        assert!(found("x{", "x{") && found("a{2}", "aa") && !found("a{2}", "a{2}"));
        assert!(found("[[]", "[") && found("[]a]", "]") && found("[a&&b]", "&"));
        assert!(found("[$]", "$") && !found("[^$]", "$") && found(r"\$", "$"));
        assert!(found(r"\<b\>", "<b>") && found(r"(?P<q>['\x22]).*(?P=q)", "'x'"));
        assert!(found("^(?!#).*x", "  x") && found("(?i)ABC", "abc"));
        assert!(compile("(").is_err() && compile(r"a\g0").is_err() && compile(r"[\h]").is_err());
    }

    #[test]
    fn replacements_are_pythons() {
        let all = |pattern, template, text| {
            replace_all(&compile_by_line(pattern).expect(pattern), template, text).expect("fits")
        };
        assert_eq!(all("a*", "-", "baac"), ("-b--c-".into(), 4));
        assert_eq!(all("^", "> ", "é\nb\n"), ("> é\n> b\n> ".into(), 3));
        assert_eq!(all("(.)$", r"[\1]", "ab\ncd"), ("a[b]\nc[d]".into(), 2));
    }

    #[test]
    fn templates_mean_what_python_says() {
        let pattern = compile(r"(?P<key>\w+)=(\w+)?").expect("a pattern");
        let captures = pattern.captures("k=v").expect("within limits").expect("a match");
        let fill = |template| expand(template, &captures);
        assert_eq!(fill(r"\g<key>: \2\\ \g<0>\n").expect("fits"), "k: v\\ k=v\n");
        assert!(fill(r"\3").is_err() && fill(r"\q").is_err() && fill("\\").is_err());
    }
}
