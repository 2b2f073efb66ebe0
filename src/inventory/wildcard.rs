//! Shell wildcards in names, as Python's `fnmatch` reads them: `*`, `?`, `[abc]`, `[!abc]`.

use fancy_regex::Regex;

/// Whether the text has anything of a wildcard.
pub(super) fn is_one(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// Whether `text` is what the wildcard means.
pub(crate) fn matches(wildcard: &str, text: &str) -> bool {
    Regex::new(&regex(wildcard)).is_ok_and(|regex| regex.is_match(text).unwrap_or(false))
}

/// The regular expression for a whole name.
pub(super) fn regex(name: &str) -> String {
    let mut regex = String::from(r"^(?s:");
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let negated = rest.starts_with('!');
                let body = rest.strip_prefix('!').unwrap_or(rest);
                // A `]` right after the opening is a member of the class.
                match body.char_indices().skip(1).find(|(_, c)| *c == ']') {
                    Some((end, _)) => {
                        class(&body[..end], negated, &mut regex);
                        rest = &body[end + 1..];
                    }
                    None => regex.push_str(r"\["),
                }
            }
            _ => regex.push_str(&fancy_regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex + r")\z"
}

/// What stands between the brackets of a wildcard. A range whose end comes before its start holds nothing.
fn class(body: &str, negated: bool, regex: &mut String) {
    let chars: Vec<char> = body.chars().collect();
    let mut rest = &chars[..];
    let mut members = String::new();
    let escaped = |c: char| match c {
        '\\' | '[' | ']' | '^' | '&' | '~' | '-' => format!("\\{c}"),
        c => c.to_string(),
    };
    while let [first, behind @ ..] = rest {
        rest = match behind {
            ['-', last, behind @ ..] => {
                if first <= last {
                    members.push_str(&format!("{}-{}", escaped(*first), escaped(*last)));
                }
                behind
            }
            behind => {
                members.push_str(&escaped(*first));
                behind
            }
        };
    }
    match (members.is_empty(), negated) {
        (false, false) => regex.push_str(&format!("[{members}]")),
        (false, true) => regex.push_str(&format!("[^{members}]")),
        (true, false) => regex.push_str("[^\\s\\S]"),
        (true, true) => regex.push('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_pythons() {
        for (wildcard, yes, no) in [
            ("[a-c]", "b", "d"),
            ("[!a-c]", "d", "b"),
            ("[c-a]x", "", "bx"),
            ("[!c-a]", "b", ""),
            ("[-a]", "-", "b"),
            ("[a-]", "-", "b"),
            ("[]a]", "]", "b"),
            ("[a&&b]", "&", "c"),
            ("[a", "[a", "a"),
            ("a.*", "a.b", "ab"),
        ] {
            assert!(yes.is_empty() || matches(wildcard, yes), "{wildcard} {yes}");
            assert!(!matches(wildcard, no), "{wildcard} {no}");
        }
    }
}
