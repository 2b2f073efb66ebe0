//! Lookups of files and of what programs print, all on the controller.

use std::path::{Path, PathBuf};
use std::process::Command;

use minijinja::{Error, Value};
use rprov_modules::kit::Span;

use super::super::error::{ErrorKind, TemplateError, failed, wrap};
use super::super::filters::path::normal;
use super::super::{Context, FileOptions, Raw, expand_home, print};
use super::Lookup;

/// The content of a file of the controller; a vaulted one is opened.
pub(super) fn read(path: &Path, cx: &Context) -> Result<String, Error> {
    let bytes = std::fs::read(path)
        .map_err(|error| failed(format!("cannot read `{}`: {error}", path.display())))?;
    if rprov_vault::is_encrypted(&bytes) {
        return cx.decrypt(&bytes, Span::default()).map_err(wrap);
    }
    String::from_utf8(bytes).map_err(|_| failed(format!("`{}` is not UTF-8", path.display())))
}

/// A file by its name, or an error that says where it was looked for.
pub(super) fn find(cx: &Context, below: &str, name: &str) -> Result<PathBuf, Error> {
    cx.search.find(below, name).ok_or_else(|| {
        let path = Path::new(name);
        let mut error = TemplateError::new(
            ErrorKind::Failed,
            format!("no file `{name}` found"),
            Span::default(),
        );
        if !path.is_absolute() {
            let tried = cx.search.candidates(below, path);
            let tried =
                tried.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>();
            if !tried.is_empty() {
                error = error.help(format!("looked for {}", tried.join(", ")));
            }
        }
        wrap(error)
    })
}

pub(super) fn file(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let (left, right) = (lookup.flag("lstrip", false), lookup.flag("rstrip", true));
    let one = |term: &Value| {
        let text = read(&find(lookup.cx(), "files", &print::text(term))?, lookup.cx())?;
        let text = if left { text.trim_start() } else { &text };
        Ok(Value::from(if right { text.trim_end() } else { text }))
    };
    lookup.terms.iter().map(one).collect()
}

/// A file as it is once opened, whether it is vaulted or not.
pub(super) fn unvault(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let one = |term: &Value| {
        read(&find(lookup.cx(), "files", &print::text(term))?, lookup.cx()).map(Value::from)
    };
    lookup.terms.iter().map(one).collect()
}

pub(super) fn template(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut options = FileOptions::default();
    let text = |name: &str| lookup.option(name).map(print::text);
    for (name, field) in [
        ("variable_start_string", &mut options.variable_start_string),
        ("variable_end_string", &mut options.variable_end_string),
        ("comment_start_string", &mut options.comment_start_string),
        ("comment_end_string", &mut options.comment_end_string),
    ] {
        if let Some(value) = text(name) {
            *field = value;
        }
    }
    options.trim_blocks = lookup.flag("trim_blocks", true);
    options.lstrip_blocks = lookup.flag("lstrip_blocks", false);
    let extra = lookup.option("template_vars").map(print::pairs).unwrap_or_default();
    let cx = lookup
        .cx()
        .with(extra.into_iter().map(|(key, value)| (key.to_string(), Raw::Value(value))));
    let templar = &lookup.evaluation.templar;
    let one = |term: &Value| {
        let path = find(&cx, "templates", &print::text(term))?;
        let text = read(&path, &cx)?;
        let file = templar.shared.map.add(&path, text.as_str().into());
        let options = FileOptions { file, ..options.clone() };
        templar.file(&text, &path, &cx, &options).map(Value::from).map_err(wrap)
    };
    lookup.terms.iter().map(one).collect()
}

pub(super) fn fileglob(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in &lookup.terms {
        let term = print::text(term);
        let path = expand_home(&term);
        let patterns = if path.is_absolute() {
            vec![PathBuf::from(normal(&path.to_string_lossy()))]
        } else {
            lookup.cx().search.candidates("files", &path)
        };
        // The first directory in which anything matches.
        if let Some(matched) =
            patterns.iter().map(|pattern| glob(pattern)).find(|matched| !matched.is_empty())
        {
            found.extend(
                matched
                    .iter()
                    .map(|path| Value::from(absolute(path).to_string_lossy().into_owned())),
            );
        }
    }
    Ok(found)
}

/// The path from the root; `..` stays.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The files that a pattern with `*`, `?` and `[…]` matches, sorted.
pub(in crate::template) fn glob(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if !text.contains(['*', '?', '[']) {
            found = found.into_iter().map(|path| path.join(part)).collect();
            continue;
        }
        let mut next = Vec::new();
        for dir in found {
            let listed = if dir.as_os_str().is_empty() { Path::new(".") } else { &dir };
            for entry in std::fs::read_dir(listed).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if (!name.starts_with('.') || text.starts_with('.')) && fits(&text, &name) {
                    next.push(dir.join(&*name));
                }
            }
        }
        next.sort();
        found = next;
    }
    found.retain(|path| path.is_file());
    found
}

/// Whether a name fits a shell pattern.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // The last star and how much of the name it has taken, to come back to.
    let (mut p, mut n, mut back) = (0, 0, None);
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                back = Some((p, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class(&pattern[p..], name[n]),
            Some(c) if *c == name[n] => Some(1),
            _ => None,
        };
        match (step, back) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, Some((star, taken))) => {
                (p, n) = (star + 1, taken + 1);
                back = Some((star, taken + 1));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The length of the class at the start of the pattern if it holds the character.
fn class(pattern: &[char], c: char) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let first = 1 + usize::from(negated);
    let end = (first + 1..pattern.len()).find(|i| pattern[*i] == ']')?;
    let (mut i, mut holds) = (first, false);
    while i < end {
        if i + 2 < end && pattern[i + 1] == '-' {
            holds |= (pattern[i]..=pattern[i + 2]).contains(&c);
            i += 3;
        } else {
            holds |= pattern[i] == c;
            i += 1;
        }
    }
    (holds != negated).then_some(end + 1)
}

/// Runs a command of the user's with the controller's shell.
fn output(lookup: &Lookup<'_>, term: &Value) -> Result<String, Error> {
    let text = print::text(term);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(&text).stderr(std::process::Stdio::inherit());
    // The playbook's directory comes last in the search.
    if let Some(dir) = lookup.cx().search.dirs.last().filter(|dir| !dir.as_os_str().is_empty()) {
        command.current_dir(dir);
    }
    let output =
        command.output().map_err(|error| failed(format!("cannot run `{text}`: {error}")))?;
    if !output.status.success() {
        let code =
            output.status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        return Err(failed(format!("`{text}` ended with {code}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(super) fn pipe(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.terms.iter().map(|term| Ok(Value::from(output(lookup, term)?.trim_end()))).collect()
}

pub(super) fn lines(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in &lookup.terms {
        found.extend(output(lookup, term)?.lines().map(Value::from));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_patterns() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("*a*b*", "xaxxbx", true),
            ("", "", true),
            ("**", "abc", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
