//! `include_vars`: one file of variables, or those of a directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rprov_modules::kit::{Node, boolean};

use super::{json, parameter, text};
use crate::engine::host::Host;
use crate::engine::outcome::{Done, Failure};
use crate::engine::task::At;
use crate::source::Diagnostic;
use crate::template::{Context, Raw, to_node};
use crate::vars::Layer;

/// `learns` is the host whose variables they are.
pub(super) fn include_vars(
    at: &At<'_>,
    context: &Context,
    learns: &Arc<Host>,
) -> Result<Done, Failure> {
    let loader = &at.play.engine.loader;
    let mut files = Vec::new();
    if let Some(dir) = text(at, context, "dir")? {
        let found = directory(at, &dir);
        if !found.is_dir() {
            let span = at.task.args.get("dir").map_or(at.task.span, |node| node.span);
            return Err(Diagnostic::error(format!("there is no directory `{dir}`"))
                .at(span, "not found")
                .note(format!("looked for `{}`", found.display()))
                .into());
        }
        let choice = Choice::new(at, context)?;
        files_below(&found, 1, &choice, at)?.into_iter().for_each(|file| files.push(file));
    } else {
        let Some(file) = text(at, context, "file")? else {
            return Err(Diagnostic::error("expected `file` or `dir`")
                .at(at.task.span, "includes nothing")
                .into());
        };
        match context.search.find("vars", &file) {
            Some(found) => files.push(found),
            None => {
                let mut error =
                    Diagnostic::error(format!("there is no file of variables `{file}`"))
                        .at(at.task.args.get("file").map_or(at.task.span, |n| n.span), "not found");
                for tried in context.search.candidates("vars", Path::new(&file)).iter().take(6) {
                    error = error.note(format!("looked for `{}`", tried.display()));
                }
                return Err(error.into());
            }
        }
    }
    let merge = match text(at, context, "hash_behaviour")?.as_deref() {
        None | Some("replace") => false,
        Some("merge") => true,
        Some(other) => {
            let span = at.task.args.get("hash_behaviour").map_or(at.task.span, |node| node.span);
            let error = format!("expected `replace` or `merge`, found `{other}`");
            return Err(Diagnostic::error(error).at(span, "").into());
        }
    };
    let mut layer = Layer::default();
    for file in &files {
        let node = loader.file(file, Some(at.task.span))?;
        let read = Layer::from_node(&node)?;
        layer.extend(if merge { merged(read, &layer, context) } else { read });
    }
    let mut done = Done::default();
    if let Some(name) = text(at, context, "name")? {
        let mut entries = Vec::new();
        for (key, binding) in layer.iter() {
            if let crate::template::Raw::Node(node) = &binding.value {
                entries.push(rprov_modules::kit::Entry {
                    key: Node::string(binding.origin, key),
                    value: node.clone(),
                });
            }
        }
        let mut whole = Layer::default();
        whole.insert(
            name,
            crate::template::Raw::Node(Node::map(at.task.span, entries)),
            at.task.span,
        );
        layer = whole;
    }
    let mut values = serde_json::Map::new();
    for (name, binding) in layer.iter() {
        if let crate::template::Raw::Node(node) = &binding.value {
            values.insert(name.to_owned(), json(&crate::template::from_node(node)));
        }
    }
    done.values.insert("ansible_facts".into(), values.into());
    done.sets_variables = true;
    learns.include(layer.clone());
    done.learnt.included = Some(layer);
    done.values.insert(
        "ansible_included_var_files".into(),
        files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().into(),
    );
    Ok(done)
}

/// Mappings joined with those that the variables are now.
fn merged(read: Layer, before: &Layer, context: &Context) -> Layer {
    let mut whole = Layer::default();
    for (name, binding) in read.iter() {
        let now = before.get(name).map(|b| b.value.clone()).or_else(|| context.scope.get(name));
        let now = match now {
            Some(Raw::Node(node)) => Some(node),
            Some(Raw::Value(value)) => Some(to_node(&value, binding.origin)),
            None => None,
        };
        let value = match (now, &binding.value) {
            (Some(now), Raw::Node(new)) => Raw::Node(join(now, new)),
            (_, value) => value.clone(),
        };
        whole.insert(name, value, binding.origin);
    }
    whole
}

/// The entries of both, those of `new` winning; what is no mapping is replaced.
fn join(mut now: Node, new: &Node) -> Node {
    let (Some(_), Some(entries)) = (now.entries(), new.entries()) else { return new.clone() };
    for entry in entries {
        let key = entry.key.text().unwrap_or_default();
        let value = match now.get(key) {
            Some(old) => join(old.clone(), &entry.value),
            None => entry.value.clone(),
        };
        now.set(key, value);
    }
    now
}

/// Where the directory of that name is: below `vars/` of the role, or else beside the file of the task.
fn directory(at: &At<'_>, name: &str) -> PathBuf {
    match at.task.role() {
        Some(role) if Path::new(name).starts_with("vars") => role.path.join(name),
        Some(role) => role.path.join("vars").join(name),
        None => at.task.chain.dir.join(name),
    }
}

/// Which files of a directory `include_vars` reads.
struct Choice {
    /// How many directories deep. Default: all.
    depth: usize,
    matching: Option<fancy_regex::Regex>,
    ignored: Vec<fancy_regex::Regex>,
    /// Default: yml, yaml, json.
    extensions: Vec<String>,
    ignore_unknown: bool,
}

impl Choice {
    fn new(at: &At<'_>, context: &Context) -> Result<Choice, Failure> {
        let words = |name: &str| -> Result<Option<Vec<String>>, Failure> {
            let Some(value) = parameter(at, context, name)? else { return Ok(None) };
            Ok(Some(match value.as_str() {
                Some(one) => vec![one.to_owned()],
                None => value.try_iter().into_iter().flatten().map(|v| v.to_string()).collect(),
            }))
        };
        let regex = |pattern: &str| {
            fancy_regex::Regex::new(pattern).map_err(|error| {
                Failure::new(format!("`{pattern}` is no regular expression: {error}"))
            })
        };
        let depth = text(at, context, "depth")?.and_then(|t| t.parse().ok()).filter(|d| *d > 0);
        let ignored = words("ignore_files")?.unwrap_or_default();
        Ok(Choice {
            depth: depth.unwrap_or(usize::MAX),
            matching: text(at, context, "files_matching")?.map(|p| regex(&p)).transpose()?,
            ignored: ignored.iter().map(|p| regex(p)).collect::<Result<_, _>>()?,
            extensions: words("extensions")?
                .unwrap_or_else(|| ["yml", "yaml", "json"].map(str::to_owned).to_vec()),
            ignore_unknown: text(at, context, "ignore_unknown_extensions")?
                .and_then(|t| boolean(&t))
                .unwrap_or(false),
        })
    }
}

/// The chosen files, in the order of names; those of a directory before those of the ones in it.
fn files_below(
    dir: &Path,
    depth: usize,
    choice: &Choice,
    at: &At<'_>,
) -> Result<Vec<std::path::PathBuf>, Failure> {
    let mut inside: Vec<_> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    inside.sort();
    let (dirs, files): (Vec<_>, Vec<_>) = inside.into_iter().partition(|path| path.is_dir());
    let mut chosen = Vec::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is = |regex: &fancy_regex::Regex| regex.is_match(&*name).unwrap_or(false);
        if choice.ignored.iter().any(is) || choice.matching.as_ref().is_some_and(|m| !is(m)) {
            continue;
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if choice.extensions.iter().any(|known| *known == extension) {
            chosen.push(path.clone());
        } else if !choice.ignore_unknown {
            let known = choice.extensions.join(", ");
            let error = Diagnostic::error(format!("`{}` is not one of: {known}", path.display()));
            return Err(error
                .at(at.task.span, "reads this directory")
                .help("`ignore_unknown_extensions: true` passes over such files")
                .into());
        }
    }
    if depth < choice.depth {
        for dir in dirs {
            chosen.extend(files_below(&dir, depth + 1, choice, at)?);
        }
    }
    Ok(chosen)
}
