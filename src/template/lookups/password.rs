//! The lookup `password`: kept in a file of the controller, made when it is not there.

use std::path::Path;

use minijinja::{Error, Value};

use super::super::call::items;
use super::super::error::failed;
use super::super::{expand_home, print};
use super::Lookup;
use super::lists::is_list;

/// `path length=20 chars=ascii_letters,digits`: the password in the file, made if it is not there.
pub(super) fn password(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    use rand::RngExt;
    let mut found = Vec::new();
    for term in &lookup.terms {
        let text = print::text(term);
        let mut words = text.split_whitespace();
        let name = words.next().ok_or_else(|| failed("`password` needs a path"))?;
        let option = |name: &str| {
            let word = text
                .split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
            word.or_else(|| {
                lookup.option(name).map(|value| match is_list(value) {
                    true => items(value)
                        .unwrap_or_default()
                        .iter()
                        .map(print::text)
                        .collect::<Vec<_>>()
                        .join(","),
                    false => print::text(value),
                })
            })
        };
        if option("encrypt").is_some() || option("seed").is_some() {
            return Err(failed(
                "`password` makes no hashes and takes no seed; use the filter `password_hash`",
            ));
        }
        let path = expand_home(name);
        let path = match (path.is_absolute(), lookup.cx().search.dirs.last()) {
            (false, Some(dir)) => dir.join(path),
            _ => path,
        };
        if let Ok(known) = std::fs::read_to_string(&path) {
            let line = known.lines().next().unwrap_or_default();
            if !line.is_empty() {
                found.push(Value::from(line.split(" salt=").next().unwrap_or_default()));
                continue;
            }
        }
        let length = option("length")
            .map_or(Ok(20), |text| text.parse::<usize>())
            .map_err(|_| failed("`length` is a number"))?;
        let wanted = option("chars").unwrap_or_else(|| "ascii_letters,digits,.,:-_".to_owned());
        let mut alphabet: Vec<char> = Vec::new();
        for set in wanted.split(',') {
            alphabet.extend(match set {
                "ascii_letters" => ('a'..='z').chain('A'..='Z').collect::<Vec<_>>(),
                "ascii_lowercase" => ('a'..='z').collect(),
                "ascii_uppercase" => ('A'..='Z').collect(),
                "digits" => ('0'..='9').collect(),
                "hexdigits" => "0123456789abcdefABCDEF".chars().collect(),
                "punctuation" => "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".chars().collect(),
                other => other.chars().collect(),
            });
        }
        if alphabet.is_empty() || length > 10_000 {
            return Err(failed(
                "`password` needs characters to choose from and a length up to 10000",
            ));
        }
        let mut random = rand::rng();
        let made: String =
            (0..length).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect();
        if path != Path::new("/dev/null") {
            write_private(&path, &made)
                .map_err(|error| failed(format!("cannot write `{}`: {error}", path.display())))?;
        }
        found.push(Value::from(made));
    }
    Ok(found)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{text}")
}
