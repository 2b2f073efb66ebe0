//! Splits a line into words as a POSIX shell does, remembering where each word stood.
//!
//! The rules are those of Python's `shlex` in POSIX mode, which Ansible applies to inventory host
//! lines and to `-e k=v`: quotes join, a backslash escapes outside quotes and, inside double
//! quotes, only `"` and `\`. With comments on, an unquoted `#` ends the line even inside a word.

use std::ops::Range;

/// One word without its quotes, and the bytes of the line it was written in (quotes included).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    pub range: Range<usize>,
}

/// What is wrong with a line, and where: a quote never closed, or a backslash with nothing after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WordError {
    pub message: &'static str,
    pub at: Range<usize>,
}

/// Splits `line`.
///
/// # Errors
/// When a quote is not closed or the line ends in a backslash.
pub(crate) fn split(line: &str, comments: bool) -> Result<Vec<Word>, WordError> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        if c == '#' && comments {
            break;
        }
        let current = word.get_or_insert_with(|| Word { text: String::new(), range: at..at });
        match c {
            '\'' | '"' => {
                let unclosed = WordError { message: "this quote is never closed", at: at..at + 1 };
                loop {
                    let (_, inner) = chars.next().ok_or_else(|| unclosed.clone())?;
                    if inner == c {
                        break;
                    }
                    match chars.peek() {
                        Some(&(_, next @ ('"' | '\\'))) if c == '"' && inner == '\\' => {
                            current.text.push(next);
                            chars.next();
                        }
                        _ => current.text.push(inner),
                    }
                }
            }
            '\\' => {
                let nothing =
                    WordError { message: "nothing follows this backslash", at: at..at + 1 };
                current.text.push(chars.next().ok_or(nothing)?.1);
            }
            _ => current.text.push(c),
        }
        current.range.end = chars.peek().map_or(line.len(), |(at, _)| *at);
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line, true).unwrap().into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn splits_as_a_shell_does() {
        assert_eq!(
            texts(r#"h x=a\ b y="q\n" z="a\"b" w='\n'"#),
            ["h", "x=a b", r"y=q\n", "z=a\"b", r"w=\n"]
        );
        assert_eq!(texts("a ''  b#c d"), ["a", "", "b"]);
        assert_eq!(split("h x=\"1 2\" y", true).unwrap()[1].range, 2..9);
        assert_eq!(split("a 'b", true).unwrap_err().at, 2..3);
    }
}
