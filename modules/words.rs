//! Words of a command line, split as Python's `shlex.split` does: quotes and backslashes, no
//! comments, no expansion.

/// Splits a command line.
///
/// # Errors
/// A message, if a quote is left open or a backslash ends the text.
pub(crate) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let next = chars.next().ok_or("a backslash at the end escapes nothing")?;
                word.get_or_insert_default().push(next);
            }
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        None => return Err(format!("no closing quotation {c}")),
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => match chars.next() {
                            Some(next @ ('"' | '\\')) => word.push(next),
                            Some(next) => word.extend(['\\', next]),
                            None => return Err(format!("no closing quotation {c}")),
                        },
                        Some(other) => word.push(other),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    /// The right sides are Python's answers.
    #[test]
    fn words_are_pythons() {
        let ok = |text: &str, words: &[&str]| assert_eq!(split(text).expect(text), words);
        ok("ls  -l\n/tmp", &["ls", "-l", "/tmp"]);
        ok(r#"echo "a b"'c d'e"#, &["echo", "a bc de"]);
        ok(r#"a "" ''"#, &["a", "", ""]);
        ok(r#""a\"b\\c\d" 'x\y' z\ z"#, &[r#"a"b\c\d"#, r"x\y", "z z"]);
        ok("echo a # b", &["echo", "a", "#", "b"]);
        ok("", &[]);
        assert!(split("a 'b").is_err() && split("a\\").is_err());
    }
}
