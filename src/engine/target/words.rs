//! The words people give to the `ssh` command, as OpenSSH reads them.

/// One of them, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// `-o NAME=VALUE`, or a flag that means the same.
    Option(String, String),
    /// `-F FILE`.
    File(String),
    /// A flag that has nothing to act on, and why.
    Note(String, &'static str),
}

/// Flags with a value, and the option each stands for.
const VALUED: [(char, &str); 5] =
    [('i', "IdentityFile"), ('J', "ProxyJump"), ('p', "Port"), ('l', "User"), ('b', "BindAddress")];

/// Flags without a value, and what they stand for.
const PLAIN: [(char, &str, &str); 4] = [
    ('4', "AddressFamily", "inet"),
    ('6', "AddressFamily", "inet6"),
    ('A', "ForwardAgent", "yes"),
    ('a', "ForwardAgent", "no"),
];

/// Flags about what a session of `ssh` shows and does: here it does the same without them.
const IDLE: &str = "CKNTkqtvxXyYfn";

/// Flags with a value that are of no use here.
const IDLE_VALUED: &str = "BcDEeILmOPQRSwW";

/// Splits a text and reads its flags.
///
/// # Errors
/// What makes no sense.
pub(super) fn parse(text: &str) -> Result<Vec<Word>, String> {
    let words = shlex::split(text).ok_or_else(|| format!("a quote is not closed in `{text}`"))?;
    let mut words = words.into_iter();
    let mut parsed = Vec::new();
    while let Some(word) = words.next() {
        let Some(mut letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            return Err(format!("expected an option of `ssh`, found `{word}`"));
        };
        while let Some(letter) = letters.chars().next() {
            letters = &letters[letter.len_utf8()..];
            let takes_value = matches!(letter, 'o' | 'F')
                || VALUED.iter().any(|(known, _)| *known == letter)
                || IDLE_VALUED.contains(letter);
            if takes_value {
                let value = match letters {
                    "" => words.next().ok_or_else(|| format!("`-{letter}` has no value"))?,
                    glued => glued.to_owned(),
                };
                parsed.push(valued(letter, value)?);
                break;
            }
            if let Some((_, name, value)) = PLAIN.iter().find(|(known, ..)| *known == letter) {
                parsed.push(Word::Option((*name).to_owned(), (*value).to_owned()));
            } else if !IDLE.contains(letter) {
                return Err(format!("`ssh` has no option `-{letter}`"));
            }
        }
    }
    Ok(parsed)
}

fn valued(letter: char, value: String) -> Result<Word, String> {
    if letter == 'F' {
        return Ok(Word::File(value));
    }
    if letter == 'o' {
        let (name, value) = value
            .trim_start()
            .split_once(['=', ' '])
            .ok_or_else(|| format!("expected `-o NAME=VALUE`, found `-o {value}`"))?;
        let (name, value) = (name.trim(), value.trim_start_matches(['=', ' ']).trim());
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = match quoted {
            // A command is the rest of the line, quotes and all.
            Some(inside) if !inside.contains('"') => inside,
            _ => value,
        };
        return Ok(Word::Option(name.to_owned(), value.to_owned()));
    }
    if let Some((_, name)) = VALUED.iter().find(|(known, _)| *known == letter) {
        return Ok(Word::Option((*name).to_owned(), value));
    }
    Ok(Word::Note(format!("-{letter} {value}"), "rprov opens one connection for its own shells"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(name: &str, value: &str) -> Word {
        Word::Option(name.into(), value.into())
    }

    #[test]
    fn reads_what_ssh_reads() {
        let parsed = parse(
            "-C -o ControlMaster=auto -oPort=22 -o 'ProxyCommand ssh -W %h:%p jump' -J a,b -p2 -vvv4 \
             -i '~/my key' -F none -A",
        );
        let expected = vec![
            option("ControlMaster", "auto"),
            option("Port", "22"),
            option("ProxyCommand", "ssh -W %h:%p jump"),
            option("ProxyJump", "a,b"),
            option("Port", "2"),
            option("AddressFamily", "inet"),
            option("IdentityFile", "~/my key"),
            Word::File("none".into()),
            option("ForwardAgent", "yes"),
        ];
        assert_eq!(parsed, Ok(expected));
        assert_eq!(parse("-o \"ProxyCommand=\\\"nc %h %p\\\"\"").map(|words| words.len()), Ok(1));
        assert!(matches!(parse("-L 1:h:2").as_deref(), Ok([Word::Note(..)])));
    }

    #[test]
    fn says_what_makes_no_sense() {
        let fails = |text: &str| parse(text).expect_err("an error");
        assert_eq!(fails("-o 'x"), "a quote is not closed in `-o 'x`");
        assert_eq!(fails("-o Port"), "expected `-o NAME=VALUE`, found `-o Port`");
        assert_eq!(fails("-C -i"), "`-i` has no value");
        assert_eq!(fails("-Z"), "`ssh` has no option `-Z`");
        assert_eq!(fails("host"), "expected an option of `ssh`, found `host`");
    }
}
