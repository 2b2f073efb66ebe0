//! Lookups of community.general: random text, trees of files, variables merged by their names.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::super::call::{described, items, whole};
use super::super::chance::Chance;
use super::super::error::{failed, wrap};
use super::super::filters::{merged, regex};
use super::super::print;
use super::super::value::{self, Map};
use super::Lookup;

const RANDOM: &[&str] = &[
    "length",
    "upper",
    "lower",
    "numbers",
    "special",
    "min_numeric",
    "min_lower",
    "min_upper",
    "min_special",
    "override_special",
    "override_all",
    "ignore_similar_chars",
    "similar_chars",
    "base64",
    "seed",
];

pub(super) fn random_string(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(RANDOM)?;
    let number = |name: &str, default: usize| match lookup.option(name) {
        None => Ok(default),
        Some(value) => whole(value)
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| *number <= 100_000)
            .ok_or_else(|| {
                failed(format!("`{name}` is a number up to 100000, found {}", described(value)))
            }),
    };
    let similar = match lookup.flag("ignore_similar_chars", false) {
        true => lookup.text("similar_chars").unwrap_or_else(|| "il1LoO0".to_owned()),
        false => String::new(),
    };
    let set = |chars: &str| chars.chars().filter(|c| !similar.contains(*c)).collect::<Vec<_>>();
    let (lower, upper): (String, String) = (('a'..='z').collect(), ('A'..='Z').collect());
    let (digits, lower, upper) = (set("0123456789"), set(&lower), set(&upper));
    let special = match lookup.text("override_special").filter(|chars| !chars.is_empty()) {
        Some(chars) => chars.chars().collect(),
        None => set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    };
    let seed = lookup.option("seed").filter(|seed| !seed.is_none());
    let mut chance = Chance::new(seed)?;
    let mut made: Vec<char> = Vec::new();
    let mut all: Vec<char> = Vec::new();
    let mut draw = |made: &mut Vec<char>, from: &[char], count: usize| match from {
        [] if count > 0 => Err(failed("`random_string` needs characters to choose from")),
        from => {
            made.extend((0..count).map(|_| *chance.choice(from)));
            Ok(())
        }
    };
    if let Some(chars) = lookup.text("override_all").filter(|chars| !chars.is_empty()) {
        all = chars.chars().collect();
    } else {
        for (name, set) in
            [("upper", &upper), ("lower", &lower), ("numbers", &digits), ("special", &special)]
        {
            if lookup.flag(name, true) {
                all.extend(set);
            }
        }
        for (name, set) in [
            ("min_numeric", &digits),
            ("min_lower", &lower),
            ("min_upper", &upper),
            ("min_special", &special),
        ] {
            draw(&mut made, set, number(name, 0)?)?;
        }
    }
    let rest = number("length", 8)?.saturating_sub(made.len());
    if all.is_empty() {
        return Err(failed("`random_string` needs characters to choose from"));
    }
    draw(&mut made, &all, rest)?;
    if seed.is_none() {
        Chance::System.shuffle(&mut made);
    }
    let text: String = made.into_iter().collect();
    // A shorter one is the end of a name more often than a password.
    if text.chars().count() >= 12 {
        lookup.tell(&text);
    }
    Ok(vec![Value::from(match lookup.flag("base64", false) {
        true => STANDARD.encode(text),
        false => text,
    })])
}

/// What is below the directories, with the properties of each file.
pub(super) fn filetree(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(&["exclude"])?;
    let exclude =
        lookup.text("exclude").map(|text| regex::compile(&text, false, false)).transpose()?;
    let mut found: Vec<(PathBuf, Value)> = Vec::new();
    for term in &lookup.terms {
        let name = print::text(term);
        let Some(root) = lookup.cx().search.find("files", &name) else { continue };
        let mut queue = std::collections::VecDeque::from([PathBuf::new()]);
        while let Some(below) = queue.pop_front() {
            let wrong = |error: std::io::Error| {
                failed(format!("cannot list `{}`: {error}", root.display()))
            };
            let mut entries: Vec<_> = std::fs::read_dir(root.join(&below))
                .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
                .map_err(wrong)?;
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let path = below.join(entry.file_name());
                let shown = path.to_string_lossy().into_owned();
                if let Some(exclude) = &exclude
                    && exclude
                        .find(&shown)
                        .map_err(regex::too_hard)?
                        .is_some_and(|f| f.start() == 0)
                {
                    continue;
                }
                let stat = root.join(&path).symlink_metadata().map_err(wrong)?;
                if stat.is_dir() {
                    queue.push_back(path.clone());
                }
                if found.iter().all(|(known, _)| *known != path) {
                    let row = properties(&root, &path, &stat);
                    found.extend(row.map(|row| (path, row)));
                }
            }
        }
    }
    Ok(found.into_iter().map(|(_, row)| row).collect())
}

fn properties(root: &Path, path: &Path, stat: &std::fs::Metadata) -> Option<Value> {
    let whole = root.join(path);
    let text = |path: &Path| Value::from(path.to_string_lossy().into_owned());
    let mut row = Map::new();
    let mut put = |key: &str, value: Value| drop(row.insert(Value::from(key), value));
    put("root", text(root));
    put("path", text(path));
    if stat.is_symlink() {
        put("state", Value::from("link"));
        put("src", text(&std::fs::read_link(&whole).ok()?));
    } else if stat.is_dir() {
        put("state", Value::from("directory"));
    } else if stat.is_file() {
        put("state", Value::from("file"));
        put("src", text(&whole));
    } else {
        return None;
    }
    put("uid", Value::from(stat.uid()));
    put("gid", Value::from(stat.gid()));
    put("owner", named("/etc/passwd", stat.uid()));
    put("group", named("/etc/group", stat.gid()));
    put("mode", Value::from(format!("0{:03o}", stat.mode() & 0o7777)));
    put("size", Value::from(stat.size()));
    put("mtime", Value::from(stat.mtime() as f64 + stat.mtime_nsec() as f64 / 1e9));
    put("ctime", Value::from(stat.ctime() as f64 + stat.ctime_nsec() as f64 / 1e9));
    Some(value::map(row))
}

/// The name of an account or group on this machine; its number if it has none.
fn named(database: &str, id: u32) -> Value {
    let text = std::fs::read_to_string(database).unwrap_or_default();
    let line = text.lines().find(|line| {
        line.split(':').nth(2).and_then(|field| field.parse::<u32>().ok()) == Some(id)
    });
    match line.and_then(|line| line.split(':').next()) {
        Some(name) => Value::from(name),
        None => Value::from(id),
    }
}

/// All variables whose names fit, joined in the order of their names.
pub(super) fn merge_variables(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.only(&["pattern_type", "initial_value", "override", "groups"])?;
    if lookup.option("groups").is_some_and(Value::is_true) {
        return Err(failed("`groups` of `merge_variables` is not available in rprov"));
    }
    let strict = match lookup.text("override").as_deref() {
        None | Some("error") => true,
        Some("warn" | "ignore") => false,
        Some(other) => {
            return Err(failed(format!(
                "`override` is one of error, warn and ignore, found `{other}`"
            )));
        }
    };
    let how = lookup.text("pattern_type").unwrap_or_else(|| "regex".to_owned());
    let mut known = lookup.cx().names();
    known.sort();
    known.dedup();
    let mut found = Vec::new();
    for term in &lookup.terms {
        let pattern = term.as_str().ok_or_else(|| {
            failed(format!("`merge_variables` expects names as text, found {}", described(term)))
        })?;
        let compiled = match how.as_str() {
            "regex" => Some(regex::compile(pattern, false, false)?),
            "prefix" | "suffix" => None,
            other => {
                return Err(failed(format!(
                    "`pattern_type` is one of prefix, suffix and regex, found `{other}`"
                )));
            }
        };
        let mut joined = lookup.option("initial_value").filter(|value| !value.is_none()).cloned();
        for name in &known {
            let fits = match &compiled {
                Some(regex) => regex.is_match(name).map_err(regex::too_hard)?,
                None if how == "prefix" => name.starts_with(pattern),
                None => name.ends_with(pattern),
            };
            if !fits {
                continue;
            }
            let Some(value) = lookup.evaluation.variable(name) else { continue };
            let value = value::settle(&value.map_err(wrap)?)?;
            joined = Some(match joined {
                None => checked(value, name)?,
                Some(before) => both(&before, &checked(value, name)?, name, strict)?,
            });
        }
        found.push(joined.unwrap_or_else(|| Value::from(())));
    }
    Ok(found)
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn checked(value: Value, name: &str) -> Result<Value, Error> {
    match is_list(&value) || value.kind() == ValueKind::Map {
        true => Ok(value),
        false => Err(failed(format!(
            "`merge_variables` joins lists and mappings, and `{name}` is {}",
            described(&value)
        ))),
    }
}

fn both(before: &Value, more: &Value, name: &str, strict: bool) -> Result<Value, Error> {
    if is_list(before) != is_list(more) {
        return Err(failed(format!(
            "`merge_variables` cannot join `{name}` to another kind of value"
        )));
    }
    if is_list(before) {
        let (a, b) = (items(before).unwrap_or_default(), items(more).unwrap_or_default());
        return Ok(Value::from([a, b].concat()));
    }
    if strict && let Some(key) = overridden(before, more) {
        return Err(failed(format!(
            "`merge_variables`: `{name}` sets the key {key} again; `override='ignore'` lets it"
        )));
    }
    let low: Map = print::pairs(before).into_iter().collect();
    Ok(value::map(merged(&low, more, true, "append_rp")))
}

/// A key that both have with values that cannot be joined.
fn overridden(a: &Value, b: &Value) -> Option<String> {
    print::pairs(b).into_iter().find_map(|(key, new)| {
        let old = a.get_item(&key).ok().filter(|old| !old.is_undefined())?;
        match (old.kind(), new.kind()) {
            (ValueKind::Map, ValueKind::Map) => overridden(&old, &new),
            _ if is_list(&old) && is_list(&new) => None,
            _ if old == new => None,
            _ => Some(print::repr(&key)),
        }
    })
}
