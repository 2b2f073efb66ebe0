//! Lookups and functions: values from the controller's files, variables, programs and clock.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use rprov_modules::kit::Span;

use super::call::{Arguments, Call, items};
use super::error::{ErrorKind, TemplateError, failed, unwrap, wrap};
use super::evaluate::did_you_mean;
use super::filters::time;
use super::lazy::{Evaluation, here};
use super::value::{self, Map, pair};
use super::{Context, FileOptions, Raw, Templar, print, python};

/// What a lookup runs with: its evaluation, terms and options.
struct Lookup<'a> {
    evaluation: &'a Arc<Evaluation>,
    terms: Vec<Value>,
    options: Vec<(String, Value)>,
}

type Plugin = fn(&Lookup<'_>) -> Result<Vec<Value>, Error>;

const PLUGINS: &[(&str, Plugin)] = &[
    ("file", file),
    ("template", template),
    ("env", env),
    ("vars", vars),
    ("first_found", first_found),
    ("fileglob", fileglob),
    ("pipe", pipe),
    ("lines", lines),
    ("items", |lookup| Ok(flattened(&lookup.terms))),
    ("flattened", |lookup| Ok(deeply_flattened(&lookup.terms))),
    ("list", |lookup| Ok(lookup.terms.clone())),
    ("dict", dict),
    ("sequence", sequence),
    ("nested", nested),
    ("together", together),
    ("indexed_items", indexed_items),
    ("random_choice", random_choice),
    ("subelements", subelements),
    ("password", password),
];

impl Lookup<'_> {
    fn option(&self, name: &str) -> Option<&Value> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.option(name).map_or(default, |value| match value.as_str() {
            Some(text) => rprov_modules::kit::boolean(text).unwrap_or(default),
            None => value.is_true(),
        })
    }

    fn cx(&self) -> &Context {
        &self.evaluation.cx
    }
}

pub(super) fn register(environment: &mut Environment<'static>) {
    for (name, wantlist) in [("lookup", false), ("query", true), ("q", true)] {
        environment.add_function(
            name,
            move |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| {
                function(state, rest, name, wantlist)
            },
        );
    }
    environment.add_function(
        "now",
        |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let call = arguments("now", state, rest)?;
            let format = call.given(1, "fmt").map(print::text);
            time::now(call.flag(0, "utc", false), format.as_deref())
        },
    );
    environment.add_function(
        "undef",
        |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let call = arguments("undef", state, rest)?;
            let message = call.text(0, "hint", "a value must be given");
            Err(wrap(TemplateError::new(ErrorKind::Undefined, message, Span::default())))
        },
    );
    environment.add_function(
        "dict",
        |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| -> Result<Value, Error> {
            let call = arguments("dict", state, rest)?;
            let mut entries = Map::new();
            match call.args.get(1) {
                Some(map) if map.kind() == ValueKind::Map => entries.extend(print::pairs(map)),
                Some(list) => {
                    for row in items(list).unwrap_or_default() {
                        match items(&row).as_deref() {
                            Some([key, item]) => drop(entries.insert(key.clone(), item.clone())),
                            _ => return Err(failed("`dict` expects a mapping or a list of pairs")),
                        }
                    }
                }
                None => {}
            }
            entries.extend(
                call.named.iter().map(|(key, item)| (Value::from(key.as_str()), item.clone())),
            );
            Ok(value::map(entries))
        },
    );
}

/// The arguments of a function, counted as those of a filter are: after a first one.
fn arguments<'a, 't, 'e>(
    name: &'static str,
    state: &'a mut State<'t, 'e>,
    rest: Rest<ValueOrKwargs>,
) -> Result<Call<'a, 't, 'e>, Error> {
    let args = std::iter::once(Value::from(())).chain(rest.into_values()).collect();
    Call::new(name, state, args, Arguments::Evaluated)
}

fn function(
    state: &mut State<'_, '_>,
    rest: Rest<ValueOrKwargs>,
    name: &'static str,
    wantlist: bool,
) -> Result<Value, Error> {
    let evaluation = here(state).ok_or_else(|| failed(format!("`{name}` cannot be used here")))?;
    let mut call = arguments(name, state, rest)?;
    let plugin = call
        .args
        .get(1)
        .map(print::text)
        .ok_or_else(|| failed(format!("`{name}` needs the name of a lookup")))?;
    let mut options = std::mem::take(&mut call.named);
    let mut take =
        |name: &str| options.iter().position(|(key, _)| key == name).map(|at| options.remove(at).1);
    let wantlist = take("wantlist").map_or(wantlist, |value| value.is_true());
    let errors = take("errors").map_or_else(|| "strict".to_owned(), |value| print::text(&value));
    if !["strict", "warn", "ignore"].contains(&errors.as_str()) {
        return Err(failed(format!(
            "`errors` is one of strict, warn and ignore, found `{errors}`"
        )));
    }
    let terms = call.args.drain(2..).collect();
    let found = match run(&plugin, Lookup { evaluation: &evaluation, terms, options }) {
        Err(error)
            if errors != "strict"
                && unwrap(&error).is_none_or(|error| error.kind != ErrorKind::Undefined) =>
        {
            return Ok(if wantlist { Value::from(Vec::<Value>::new()) } else { Value::from(()) });
        }
        found => found?,
    };
    if wantlist {
        return Ok(Value::from(found));
    }
    Ok(match &found[..] {
        [one] => one.clone(),
        [_, _, ..] if found.iter().all(|item| item.as_str().is_some()) => {
            Value::from(found.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
        }
        _ => Value::from(found),
    })
}

fn run(name: &str, lookup: Lookup<'_>) -> Result<Vec<Value>, Error> {
    let bare = name
        .strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name);
    match PLUGINS.iter().find(|(known, _)| *known == bare) {
        Some((_, plugin)) => plugin(&lookup),
        None => {
            let near = rprov_modules::kit::nearest(bare, PLUGINS.iter().map(|(known, _)| *known));
            let known = PLUGINS.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
            let error = TemplateError::new(
                ErrorKind::Failed,
                format!("no lookup named `{name}`"),
                Span::default(),
            );
            Err(wrap(match near {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("known lookups: {known}")),
            }))
        }
    }
}

impl Templar {
    /// What a lookup finds: for `with_fileglob`, `with_dict` and the like.
    ///
    /// # Errors
    /// If there is no such lookup or it fails; the span is the caller's to know.
    pub fn lookup(
        &self,
        name: &str,
        terms: Vec<Value>,
        span: Span,
        cx: &Context,
    ) -> Result<Vec<Value>, TemplateError> {
        let evaluation = Evaluation::new(self, cx);
        let lookup = Lookup { evaluation: &evaluation, terms, options: Vec::new() };
        run(name, lookup).map_err(|error| {
            let mut error = unwrap(&error).cloned().unwrap_or_else(|| {
                TemplateError::new(
                    ErrorKind::Failed,
                    error.detail().unwrap_or("the lookup failed"),
                    span,
                )
            });
            if error.span == Span::default() {
                error.span = span;
            }
            error
        })
    }
}

/// The content of a file of the controller; a vaulted one is opened.
fn read(path: &Path, cx: &Context) -> Result<String, Error> {
    let bytes = std::fs::read(path)
        .map_err(|error| failed(format!("cannot read `{}`: {error}", path.display())))?;
    if bytes.starts_with(b"$ANSIBLE_VAULT;") {
        return cx.decrypt(&bytes, Span::default()).map_err(wrap);
    }
    String::from_utf8(bytes).map_err(|_| failed(format!("`{}` is not UTF-8", path.display())))
}

/// A file by its name, or an error that says where it was looked for.
fn find(cx: &Context, below: &str, name: &str) -> Result<PathBuf, Error> {
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

fn file(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let (left, right) = (lookup.flag("lstrip", false), lookup.flag("rstrip", true));
    let one = |term: &Value| {
        let text = read(&find(lookup.cx(), "files", &print::text(term))?, lookup.cx())?;
        let text = if left { text.trim_start() } else { &text };
        Ok(Value::from(if right { text.trim_end() } else { text }))
    };
    lookup.terms.iter().map(one).collect()
}

fn template(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
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

fn env(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let default = lookup.option("default").cloned().unwrap_or_else(|| Value::from(""));
    let one = |term: &Value| {
        let name = print::text(term);
        let name = name.split_whitespace().next().unwrap_or_default().to_owned();
        std::env::var(name).map_or_else(|_| default.clone(), Value::from)
    };
    Ok(lookup.terms.iter().map(one).collect())
}

fn vars(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let one = |term: &Value| {
        let name = print::text(term);
        match lookup.evaluation.variable(&name) {
            Some(value) => value.map_err(wrap),
            None => lookup.option("default").cloned().ok_or_else(|| {
                let message = format!("no variable named `{name}`");
                let mut error = TemplateError::new(ErrorKind::Undefined, message, Span::default());
                error.help = did_you_mean(&name, lookup.evaluation);
                wrap(error)
            }),
        }
    };
    lookup.terms.iter().map(one).collect()
}

fn first_found(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut skip = lookup.flag("skip", false);
    let mut names: Vec<String> = Vec::new();
    let words = |value: &Value| -> Vec<String> {
        let list = if value.as_str().is_some() {
            vec![value.clone()]
        } else {
            items(value).unwrap_or_default()
        };
        let split = |text: String| text.split([',', ';']).map(str::to_owned).collect::<Vec<_>>();
        list.iter().map(print::text).flat_map(split).filter(|word| !word.is_empty()).collect()
    };
    let mut add = |files: Option<Value>, paths: Option<Value>| {
        let files = files.as_ref().map(words).unwrap_or_default();
        let paths = paths.as_ref().map(words).unwrap_or_default();
        if paths.is_empty() {
            names.extend(files);
        } else if files.is_empty() {
            names.extend(paths);
        } else {
            for path in &paths {
                names.extend(
                    files
                        .iter()
                        .map(|file| Path::new(path).join(file).to_string_lossy().into_owned()),
                );
            }
        }
    };
    for term in &lookup.terms {
        let list = if matches!(term.kind(), ValueKind::Map | ValueKind::String) {
            vec![term.clone()]
        } else {
            items(term).unwrap_or_default()
        };
        for term in list {
            if term.kind() == ValueKind::Map {
                let part = |name: &str| python::look(&term, &Value::from(name));
                add(part("files")?, part("paths")?);
                skip |= part("skip")?.is_some_and(|skip| skip.is_true());
            } else {
                add(Some(term), None);
            }
        }
    }
    if lookup.option("files").is_some() || lookup.option("paths").is_some() {
        add(lookup.option("files").cloned(), lookup.option("paths").cloned());
    }
    // Which directory a file belongs in depends on the task it is for; each is tried.
    for name in &names {
        for below in ["files", "templates", "vars", "tasks"] {
            if let Some(path) = lookup.cx().search.find(below, name) {
                return Ok(vec![Value::from(path.to_string_lossy().into_owned())]);
            }
        }
    }
    if skip {
        return Ok(Vec::new());
    }
    let tried = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let error =
        TemplateError::new(ErrorKind::Failed, "`first_found` found no file", Span::default());
    Err(wrap(error.help(format!("looked for {tried}; `skip=true` makes none an empty result"))))
}

fn fileglob(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in &lookup.terms {
        let term = print::text(term);
        let path = super::expand_home(&term);
        let patterns = if path.is_absolute() {
            vec![path]
        } else {
            lookup.cx().search.candidates("files", &path)
        };
        // The first directory in which anything matches.
        if let Some(matched) =
            patterns.iter().map(|pattern| glob(pattern)).find(|matched| !matched.is_empty())
        {
            found.extend(
                matched.into_iter().map(|path| Value::from(path.to_string_lossy().into_owned())),
            );
        }
    }
    Ok(found)
}

/// The files that a pattern with `*`, `?` and `[…]` matches, sorted.
pub(super) fn glob(pattern: &Path) -> Vec<PathBuf> {
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
    if let Some(dir) = lookup.cx().search.dirs.last() {
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

fn pipe(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    lookup.terms.iter().map(|term| Ok(Value::from(output(lookup, term)?.trim_end()))).collect()
}

fn lines(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in &lookup.terms {
        found.extend(output(lookup, term)?.lines().map(Value::from));
    }
    Ok(found)
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// Lists among the terms give their items, one level deep.
fn flattened(terms: &[Value]) -> Vec<Value> {
    let one = |term: &Value| {
        if is_list(term) { items(term).unwrap_or_default() } else { vec![term.clone()] }
    };
    terms.iter().flat_map(one).collect()
}

fn deeply_flattened(terms: &[Value]) -> Vec<Value> {
    let one = |term: &Value| match is_list(term) {
        true => deeply_flattened(&items(term).unwrap_or_default()),
        false if term.is_none() => Vec::new(),
        false => vec![term.clone()],
    };
    terms.iter().flat_map(one).collect()
}

fn dict(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in flattened(&lookup.terms) {
        if term.kind() != ValueKind::Map {
            return Err(failed(format!(
                "`dict` expects mappings, found {}",
                super::call::described(&term)
            )));
        }
        for (key, item) in print::pairs(&term) {
            found.push(value::map(
                [(Value::from("key"), key), (Value::from("value"), item)].into_iter().collect(),
            ));
        }
    }
    Ok(found)
}

/// `start=1 end=5 stride=2 format=x%02d`, `count=3`, or short: `1-5/2:x%02d`.
fn sequence(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    let terms = if lookup.terms.is_empty() { vec![Value::from("")] } else { lookup.terms.clone() };
    for term in terms {
        let text = print::text(&term);
        let invalid = || {
            failed(format!(
                "`sequence` cannot read `{text}`: expected as `start=1 end=5` or `1-5/2:item%02d`"
            ))
        };
        let number = |text: &str| {
            let (sign, digits) =
                text.trim().strip_prefix('-').map_or((1, text.trim()), |rest| (-1, rest));
            let parsed = match digits.get(..2) {
                Some("0x" | "0X") => i64::from_str_radix(&digits[2..], 16),
                _ if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(digits, 8),
                _ => digits.parse(),
            };
            parsed.map(|number| sign * number).map_err(|_| invalid())
        };
        let (mut start, mut end, mut count, mut stride, mut format) =
            (1, None, None, None, "%d".to_owned());
        let mut set = |key: &str, text: &str| -> Result<(), Error> {
            match key {
                "start" => start = number(text)?,
                "end" => end = Some(number(text)?),
                "count" => count = Some(number(text)?),
                "stride" => stride = Some(number(text)?),
                "format" => format = text.to_owned(),
                _ => return Err(invalid()),
            }
            Ok(())
        };
        for (key, value) in &lookup.options {
            set(key, &print::text(value))?;
        }
        if text.contains('=') {
            for word in text.split_whitespace() {
                let (key, value) = word.split_once('=').ok_or_else(invalid)?;
                set(key, value)?;
            }
        } else if !text.trim().is_empty() {
            let (range, shape) = text
                .split_once(':')
                .map_or((text.as_str(), None), |(range, shape)| (range, Some(shape)));
            let (range, step) =
                range.split_once('/').map_or((range, None), |(range, step)| (range, Some(step)));
            let (first, last) = range
                .split_once('-')
                .filter(|(first, _)| !first.is_empty())
                .unwrap_or(("1", range));
            set("start", first)?;
            set("end", last)?;
            step.map(|step| set("stride", step)).transpose()?;
            shape.map(|shape| set("format", shape)).transpose()?;
        }
        let end = match (end, count) {
            (Some(end), None) => end,
            (None, Some(0)) => continue,
            (None, Some(count)) => {
                start + count.saturating_mul(stride.unwrap_or(1)) - stride.unwrap_or(1)
            }
            _ => return Err(failed("`sequence` needs either `end` or `count`")),
        };
        let stride = stride.unwrap_or(if end < start { -1 } else { 1 });
        if stride == 0 || (end - start) / stride > 1_000_000 {
            return Err(failed("`sequence` gives more than a million items"));
        }
        let mut at = start;
        while if stride > 0 { at <= end } else { at >= end } {
            found.push(Value::from(python::percent(&format, &[Value::from(at)], &[])?));
            at += stride;
        }
    }
    Ok(found)
}

/// The terms as lists; a term that is none is a list of one.
fn lists(lookup: &Lookup<'_>) -> Vec<Vec<Value>> {
    let one = |term: &Value| {
        if is_list(term) { items(term).unwrap_or_default() } else { vec![term.clone()] }
    };
    lookup.terms.iter().map(one).collect()
}

fn nested(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    if lookup.terms.is_empty() {
        return Err(failed("`nested` needs at least one list"));
    }
    for list in lists(lookup) {
        if rows.len().saturating_mul(list.len()) > 1_000_000 {
            return Err(failed("`nested` gives more than a million items"));
        }
        rows = rows
            .iter()
            .flat_map(|row| {
                list.iter().map(|item| [&row[..], &flattened(&[item.clone()])].concat())
            })
            .collect();
    }
    Ok(rows.into_iter().map(Value::from).collect())
}

fn together(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let lists = lists(lookup);
    let longest = lists
        .iter()
        .map(Vec::len)
        .max()
        .ok_or_else(|| failed("`together` needs at least one list"))?;
    let item =
        |list: &Vec<Value>, i: usize| list.get(i).cloned().unwrap_or_else(|| Value::from(()));
    Ok((0..longest)
        .map(|i| Value::from(lists.iter().map(|list| item(list, i)).collect::<Vec<_>>()))
        .collect())
}

fn indexed_items(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    Ok(flattened(&lookup.terms)
        .into_iter()
        .enumerate()
        .map(|(i, item)| pair(Value::from(i), item))
        .collect())
}

fn random_choice(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    use rand::RngExt;
    match lookup.terms.len() {
        0 => Ok(Vec::new()),
        length => Ok(vec![lookup.terms[rand::rng().random_range(0..length)].clone()]),
    }
}

fn subelements(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let [list, path, rest @ ..] = &lookup.terms[..] else {
        return Err(failed("`subelements` needs a list and the name of a key"));
    };
    let skip = match rest.first() {
        Some(flags) => {
            python::look(flags, &Value::from("skip_missing"))?.is_some_and(|skip| skip.is_true())
        }
        None => lookup.flag("skip_missing", false),
    };
    let parents = match list.kind() {
        ValueKind::Map => print::pairs(list).into_iter().map(|(_, value)| value).collect(),
        _ => items(list).unwrap_or_default(),
    };
    let path = print::text(path);
    let parts: Vec<&str> = path.split('.').collect();
    let mut rows = Vec::new();
    for parent in parents {
        let mut found = Some(parent.clone());
        for part in &parts {
            found = match found {
                Some(value) => python::look(&value, &Value::from(*part))?,
                None => None,
            };
        }
        match found {
            Some(children) if is_list(&children) => {
                let rest = without(&parent, &parts);
                rows.extend(
                    items(&children)
                        .unwrap_or_default()
                        .into_iter()
                        .map(|child| pair(rest.clone(), child)),
                );
            }
            None if skip => {}
            _ => {
                return Err(failed(format!(
                    "`subelements` expects a list under `{path}`, found {}",
                    print::repr(&parent)
                )));
            }
        }
    }
    Ok(rows)
}

/// The mapping without the entry at a path.
fn without(value: &Value, path: &[&str]) -> Value {
    let kept = print::pairs(value).into_iter().filter_map(|(key, item)| match path {
        [only] if key.as_str() == Some(only) => None,
        [first, rest @ ..] if key.as_str() == Some(first) => Some((key, without(&item, rest))),
        _ => Some((key, item)),
    });
    value::map(kept.collect())
}

/// `path length=20 chars=ascii_letters,digits`: the password in the file, made if it is not there.
fn password(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
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
        let path = super::expand_home(name);
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
