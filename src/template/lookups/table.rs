//! The lookup `csvfile`: a cell of a table by its row's key.

use minijinja::{Error, Value};

use super::super::call::whole;
use super::super::error::failed;
use super::super::print;
use super::Lookup;
use super::files::{find, read};

const OPTIONS: &[&str] = &["col", "keycol", "default", "delimiter", "file", "encoding"];

/// `key file=x.csv delimiter=, col=1`, or the same as options.
pub(super) fn csvfile(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(OPTIONS)?;
    let mut found = Vec::new();
    if lookup.terms.is_empty() {
        return Err(failed("`csvfile` needs the key of a row"));
    }
    for term in &lookup.terms {
        let term = print::text(term);
        let (key, inline) = inline(&term, OPTIONS)?;
        if key.is_empty() {
            return Err(failed("`csvfile` needs the key of a row"));
        }
        let option = |name: &str| {
            let inline = inline.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone());
            inline.or_else(|| lookup.text(name))
        };
        let column = |name: &str, default: usize| match option(name) {
            None => Ok(default),
            Some(text) => whole(&Value::from(text.as_str()))
                .and_then(|column| usize::try_from(column).ok())
                .ok_or_else(|| {
                    failed(format!("`{name}` is the number of a column, found `{text}`"))
                }),
        };
        let (column, key_column) = (column("col", 1)?, column("keycol", 0)?);
        let delimiter = option("delimiter").unwrap_or_else(|| "TAB".to_owned());
        let delimiter = match delimiter.as_str() {
            "TAB" | "\\t" => b'\t',
            other => match other.as_bytes() {
                [byte] => *byte,
                _ => return Err(failed(format!("`delimiter` is one character, found `{other}`"))),
            },
        };
        if let Some(encoding) = option("encoding")
            && !["utf-8", "utf8", "ascii"].contains(&encoding.to_lowercase().as_str())
        {
            return Err(failed(format!("`csvfile` reads utf-8, not `{encoding}`")));
        }
        let path = find(lookup.cx(), "files", &option("file").unwrap_or("ansible.csv".into()))?;
        let text = read(&path, lookup.cx())?;
        let rows = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut cell = None;
        for row in rows.into_records() {
            let row =
                row.map_err(|error| failed(format!("cannot read `{}`: {error}", path.display())))?;
            let missing = |column: usize| {
                let line = row.position().map_or(0, csv::Position::line);
                failed(format!("`{}` has no column {column} in line {line}", path.display()))
            };
            if row.get(key_column).ok_or_else(|| missing(key_column))? == key {
                cell = Some(row.get(column).ok_or_else(|| missing(column))?.to_owned());
                break;
            }
        }
        match (cell, lookup.option("default")) {
            (Some(cell), _) => found.push(Value::from(cell)),
            (None, Some(list)) if super::lists::is_list(list) => found.extend(list.try_iter()?),
            (None, _) => found.extend(option("default").map(Value::from)),
        }
    }
    Ok(found)
}

/// A term and the options written behind it.
pub(super) fn inline(term: &str, known: &[&str]) -> Result<(String, Vec<(String, String)>), Error> {
    let mut key: Vec<&str> = Vec::new();
    let mut options: Vec<(String, String)> = Vec::new();
    for word in words(term) {
        match word.split_once('=') {
            Some((name, value)) if known.contains(&name) => {
                options.push((name.to_owned(), unquoted(value).to_owned()));
            }
            Some((name, _)) => {
                return Err(failed(format!(
                    "unknown option `{name}`: expected {}",
                    known.join(", ")
                )));
            }
            None => key.push(word),
        }
    }
    Ok((unquoted(&key.join(" ")).to_owned(), options))
}

/// Words, where quotes hold blanks together.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quote) = (None, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => {
                words.extend(start.take().map(|start| &text[start..at]));
                continue;
            }
            _ => {}
        }
        start.get_or_insert(at);
    }
    words.extend(start.map(|start| &text[start..]));
    words
}

fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}
