//! Arguments written on one line: `path=/etc/x mode=0644 content="a b"`.
//!
//! Words are separated by white space; quotes group, and so do `{{ }}`, `{% %}` and `{# #}`, so
//! that `msg={{ a | default('b c') }}` is one word. Quotes stay in a word unless they enclose a
//! whole value.

/// Splits a line into words.
///
/// # Errors
/// A message, if a quote or a template is not closed.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut depth) = (None, 0usize);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match (c, next) {
            ('\\', Some(escaped)) if quote.is_some() => {
                word.push(c);
                word.push(escaped);
                chars.next();
                continue;
            }
            ('{', Some('{' | '%' | '#')) if quote.is_none() || depth > 0 => depth += 1,
            ('}' | '%' | '#', Some('}')) if depth > 0 => {
                depth -= 1;
                word.push(c);
                word.push('}');
                chars.next();
                continue;
            }
            ('"' | '\'', _) if depth == 0 => match quote {
                None => quote = Some(c),
                Some(open) if open == c => quote = None,
                Some(_) => {}
            },
            _ => {}
        }
        if c.is_whitespace() && quote.is_none() && depth == 0 {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(c);
        }
    }
    match (quote, depth) {
        (Some(open), _) => Err(format!("a quote {open} is not closed")),
        (None, 1..) => Err("a template is not closed".into()),
        (None, 0) => {
            if !word.is_empty() {
                words.push(word);
            }
            Ok(words)
        }
    }
}

/// Splits `key=value`; the key must be a name, which may have dashes inside.
pub(crate) fn pair(word: &str) -> Option<(&str, String)> {
    let (key, value) = word.split_once('=')?;
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (!key.is_empty() && !key.starts_with('-') && key.chars().all(name))
        .then(|| (key, unquote(value)))
}

/// Drops quotes that enclose the whole value.
pub(crate) fn unquote(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
            && value.len() > 1
        {
            return inner.replace(&format!("\\{quote}"), &quote.to_string());
        }
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_quotes_group_words() {
        let split = |text| words(text).expect("balanced");
        assert_eq!(split("a=1  b='x y'"), ["a=1", "b='x y'"]);
        assert_eq!(
            split("msg={{ a | default('b c') }}x d=2"),
            ["msg={{ a | default('b c') }}x", "d=2"]
        );
        assert_eq!(split(r#"sh -c "echo 'a b'" z"#), ["sh", "-c", r#""echo 'a b'""#, "z"]);
        assert!(words("a='x").is_err() && words("a={{ b").is_err());
        assert_eq!(pair("b='x y'"), Some(("b", "x y".to_owned())));
        assert_eq!(pair("if=/dev/zero of"), Some(("if", "/dev/zero of".to_owned())));
        assert_eq!(pair("daemon-reload=yes"), Some(("daemon-reload", "yes".to_owned())));
        assert_eq!((pair("./x=1"), pair("--x=1")), (None, None));
    }
}
