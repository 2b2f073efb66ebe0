//! The lookup `password`: kept in a file of the controller, made when it is not there.
//!
//! The file is made whole under another name and then linked to its own, so that of two hosts (or two
//! runs) that need it at once one makes it and both read it.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use minijinja::{Error, Value};

use super::super::call::{items, whole};
use super::super::chance::Chance;
use super::super::error::failed;
use super::super::filters::crypt::Scheme;
use super::super::{expand_home, print};
use super::Lookup;
use super::lists::is_list;
use super::table::inline;

const OPTIONS: &[&str] = &["length", "encrypt", "chars", "ident", "seed"];

/// What the file holds: a password, and with `encrypt` the salt its hash is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    password: String,
    salt: Option<String>,
    ident: Option<String>,
}

impl Kept {
    fn parse(line: &str) -> Kept {
        let Some((password, rest)) = line.rsplit_once(" salt=") else {
            return Kept { password: line.to_owned(), salt: None, ident: None };
        };
        let (salt, ident) =
            rest.rsplit_once(" ident=").map_or((rest, None), |(salt, ident)| (salt, Some(ident)));
        Kept {
            password: password.to_owned(),
            salt: Some(salt.to_owned()),
            ident: ident.map(str::to_owned),
        }
    }

    fn line(&self) -> String {
        let part = |name: &str, value: &Option<String>| match value {
            Some(value) => format!(" {name}={value}"),
            None => String::new(),
        };
        format!("{}{}{}\n", self.password, part("salt", &self.salt), part("ident", &self.ident))
    }
}

/// `path length=20 chars=ascii_letters,digits`: the password in the file, made if it is not there.
pub(super) fn password(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(OPTIONS)?;
    lookup.terms.iter().map(|term| one(lookup, &print::text(term)).map(Value::from)).collect()
}

fn one(lookup: &Lookup<'_>, term: &str) -> Result<String, Error> {
    let (name, inline) = inline(term, OPTIONS)?;
    if name.is_empty() {
        return Err(failed("`password` needs a path"));
    }
    let option = |name: &str| {
        let inline = inline.iter().find(|(key, _)| key == name);
        inline.map(|(_, text)| Value::from(text.as_str())).or_else(|| lookup.option(name).cloned())
    };
    let text = |name: &str| option(name).filter(|value| !value.is_none()).as_ref().map(print::text);
    let path = expand_home(&name);
    let path = match (path.is_absolute(), lookup.cx().search.dirs.last()) {
        (false, Some(dir)) => dir.join(path),
        _ => path,
    };
    let lasting = path != Path::new("/dev/null");
    let unreadable =
        |error: std::io::Error| failed(format!("cannot use `{}`: {error}", path.display()));
    let scheme = text("encrypt").map(|name| Scheme::find(&name)).transpose()?;
    let known = if lasting { content(&path).map_err(unreadable)? } else { None };
    let (mut kept, new) = match known {
        Some(line) => (Kept::parse(&line), false),
        None => {
            let password = make(option("length"), option("chars"), option("seed").as_ref())?;
            (Kept { password, salt: None, ident: None }, true)
        }
    };
    let before = kept.clone();
    if let Some(scheme) = scheme {
        kept.salt.get_or_insert_with(|| scheme.new_salt());
        match (text("ident"), &kept.ident) {
            (Some(wanted), Some(known)) if wanted != *known => {
                return Err(failed(format!(
                    "`{}` was made with ident `{known}`, and `{wanted}` is asked for",
                    path.display()
                )));
            }
            (Some(wanted), None) => kept.ident = Some(wanted),
            (None, None) => kept.ident = scheme.ident.map(str::to_owned),
            _ => {}
        }
    }
    if lasting && (new || kept != before) {
        let won = write(&path, &kept.line(), new).map_err(unreadable)?;
        if !won {
            // Another was faster: its password counts.
            return one(lookup, term);
        }
    }
    lookup.tell(&kept.password);
    let Some(scheme) = scheme else { return Ok(kept.password) };
    let salt = kept.salt.as_deref().unwrap_or_default();
    let hash = scheme.hash(&kept.password, salt, None, kept.ident.as_deref())?;
    lookup.tell(&hash);
    Ok(hash)
}

/// What is in the file without blanks at its end; none if there is no file.
fn content(path: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn make(
    length: Option<Value>,
    chars: Option<Value>,
    seed: Option<&Value>,
) -> Result<String, Error> {
    let length = match length.filter(|length| !length.is_none()) {
        None => 20,
        Some(value) => whole(&value)
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length <= 10_000)
            .ok_or_else(|| {
                failed(format!("`length` is a number up to 10000, found {}", print::repr(&value)))
            })?,
    };
    let sets: Vec<String> = match chars.filter(|chars| !chars.is_none()) {
        None => ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
        Some(list) if is_list(&list) => {
            items(&list).unwrap_or_default().iter().map(print::text).collect()
        }
        Some(text) => {
            // Two commas are the comma itself.
            let text = print::text(&text);
            let comma = text.contains(",,").then(|| ",".to_owned());
            let rest = text.split(',').filter(|set| !set.is_empty()).map(str::to_owned);
            comma.into_iter().chain(rest).collect()
        }
    };
    let mut alphabet: Vec<char> = Vec::new();
    for set in &sets {
        alphabet.extend(named(set).unwrap_or_else(|| set.clone()).chars());
    }
    alphabet.retain(|c| !matches!(c, '"' | '\''));
    if alphabet.is_empty() {
        return Err(failed("`password` needs characters to choose from"));
    }
    let mut chance = Chance::new(seed)?;
    Ok((0..length).map(|_| *chance.choice(&alphabet)).collect())
}

/// The characters of a set that Python's `string` names.
fn named(set: &str) -> Option<String> {
    let (lower, upper): (String, String) = (('a'..='z').collect(), ('A'..='Z').collect());
    let punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    let space = " \t\n\r\u{b}\u{c}";
    Some(match set {
        "ascii_letters" => lower + &upper,
        "ascii_lowercase" => lower,
        "ascii_uppercase" => upper,
        "digits" => "0123456789".to_owned(),
        "hexdigits" => "0123456789abcdefABCDEF".to_owned(),
        "octdigits" => "01234567".to_owned(),
        "punctuation" => punctuation.to_owned(),
        "printable" => format!("0123456789{lower}{upper}{punctuation}{space}"),
        "whitespace" => space.to_owned(),
        _ => return None,
    })
}

/// Writes the file, readable by its owner alone. False: it is new, and another made it meanwhile.
fn write(path: &Path, text: &str, new: bool) -> std::io::Result<bool> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let beside = dir.join(format!(".password-{:016x}", rand::random::<u64>()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let placed = written.and_then(|()| match new {
        true => match std::fs::hard_link(&beside, path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            linked => linked.map(|()| true),
        },
        false => std::fs::rename(&beside, path).map(|()| true),
    });
    match placed {
        Ok(true) if !new => Ok(true),
        placed => std::fs::remove_file(&beside).and(placed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_as_it_was_written() {
        for line in ["secret\n", "two words salt=abc\n", "x salt=abc ident=2b\n", " salt=a\n"] {
            assert_eq!(Kept::parse(line.trim_end_matches('\n')).line(), line);
        }
    }

    #[test]
    fn of_two_that_make_a_file_one_wins_and_nothing_is_left() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("deep/er/secret");
        assert!(write(&path, "first\n", true).expect("written"));
        assert!(!write(&path, "second\n", true).expect("refused"));
        assert_eq!(content(&path).expect("read").as_deref(), Some("first"));
        assert!(write(&path, "first salt=x\n", false).expect("replaced"));
        assert_eq!(content(&path).expect("read").as_deref(), Some("first salt=x"));
        let mode = std::os::unix::fs::MetadataExt::mode(&path.metadata().expect("there"));
        assert_eq!(mode & 0o777, 0o600);
        let left = std::fs::read_dir(path.parent().expect("above")).expect("listed").count();
        assert_eq!(left, 1);
    }
}
