//! Filters on file names. Those that look at files look at the controller's.

use std::path::{Component, Path, PathBuf};

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use crate::template::call::{Body, Call, described, items};
use crate::template::error::failed;
use crate::template::print;
use crate::template::value::pair;

pub(super) const FILTERS: &[(&str, Body)] = &[
    ("basename", |call| each(call, |path| path.rsplit('/').next().unwrap_or_default().to_owned())),
    ("dirname", |call| each(call, dirname)),
    ("splitext", splitext),
    ("expanduser", |call| {
        each(call, |path| crate::template::expand_home(path).to_string_lossy().into_owned())
    }),
    ("expandvars", |call| each(call, expandvars)),
    ("realpath", |call| {
        each(call, |path| {
            std::fs::canonicalize(path)
                .unwrap_or_else(|_| PathBuf::from(normal(&absolute(path))))
                .to_string_lossy()
                .into_owned()
        })
    }),
    ("normpath", |call| each(call, normal)),
    ("relpath", relpath),
    ("commonpath", commonpath),
    ("path_join", path_join),
    ("fileglob", fileglob),
];

fn each(call: &Call<'_, '_, '_>, change: impl Fn(&str) -> String) -> Result<Value, Error> {
    let path = call.value().as_str().ok_or_else(|| call.expected("a path"))?;
    Ok(Value::from(change(path)))
}

fn dirname(path: &str) -> String {
    let head = path.rfind('/').map_or("", |at| &path[..=at]);
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head.to_owned() } else { trimmed.to_owned() }
}

fn splitext(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let path = call.value().as_str().ok_or_else(|| call.expected("a path"))?;
    let start = path.rfind('/').map_or(0, |at| at + 1);
    let name = &path[start..];
    // Leading dots begin a name, not an extension.
    let dots = name.len() - name.trim_start_matches('.').len();
    let at = name[dots..].rfind('.').map_or(path.len(), |at| start + dots + at);
    Ok(pair(Value::from(&path[..at]), Value::from(&path[at..])))
}

/// `$NAME` and `${NAME}` of the environment; unknown ones stay.
fn expandvars(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let braced = rest[1..]
            .strip_prefix('{')
            .and_then(|body| body.split_once('}'))
            .map(|(name, _)| (name, name.len() + 3));
        let plain = || {
            let end = rest[1..]
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len() - 1);
            (&rest[1..=end], end + 1)
        };
        let (name, length) = braced.unwrap_or_else(plain);
        match std::env::var(name) {
            Ok(value) if !name.is_empty() => out.push_str(&value),
            _ => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    std::env::current_dir().unwrap_or_default().join(path).to_string_lossy().into_owned()
}

/// `os.path.normpath`: without looking at the disk.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let rooted = path.starts_with('/');
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

fn relpath(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let start = call.text(0, "start", ".");
    let path = normal(&absolute(call.string()?));
    let start = normal(&absolute(&start));
    let parts = |path: &str| {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (path, start) = (parts(&path), parts(&start));
    let common = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let up = vec!["..".to_owned(); start.len() - common];
    let relative = [&up[..], &path[common..]].concat().join("/");
    Ok(Value::from(if relative.is_empty() { ".".to_owned() } else { relative }))
}

fn commonpath(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let paths: Vec<String> = call.items()?.iter().map(print::text).collect();
    if paths.iter().any(|path| path.starts_with('/')) && !paths.iter().all(|p| p.starts_with('/')) {
        return Err(failed("`commonpath` expects absolute paths or relative ones, found both"));
    }
    let split = |path: &String| {
        Path::new(path)
            .components()
            .filter(|c| !matches!(c, Component::CurDir))
            .map(|c| c.as_os_str().to_owned())
            .collect::<Vec<_>>()
    };
    let mut all = paths.iter().map(split);
    let first = all.next().ok_or_else(|| failed("`commonpath` expects at least one path"))?;
    let length = all.fold(first.len(), |length, path| {
        first[..length].iter().zip(&path).take_while(|(a, b)| a == b).count()
    });
    Ok(Value::from(first[..length].iter().collect::<PathBuf>().to_string_lossy().into_owned()))
}

fn path_join(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let parts = match call.value().kind() {
        ValueKind::String => call.args.clone(),
        _ => items(call.value()).ok_or_else(|| call.expected("a path or a list of paths"))?,
    };
    let mut out = String::new();
    for part in &parts {
        let part = part.as_str().map(str::to_owned).ok_or_else(|| {
            failed(format!("`path_join` expects text, found {}", described(part)))
        })?;
        if part.starts_with('/') || out.is_empty() {
            out = part;
        } else {
            if !out.ends_with('/') {
                out.push('/');
            }
            out.push_str(&part);
        }
    }
    Ok(Value::from(out))
}

fn fileglob(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let pattern = call.string()?.to_owned();
    let found = crate::template::lookups::glob(Path::new(&pattern));
    Ok(Value::from(
        found.into_iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>(),
    ))
}
