//! What a `-i` value is: a list of hosts, a directory, a script, or a file of INI, YAML or TOML.

use std::path::Path;
use std::sync::Arc;

use rprov_modules::kit::{Node, Span, nearest};

use super::build::{Build, UNGROUPED};
use super::{constructed, generator, ini, rules, script, toml, yaml};
use crate::source::{self, Diagnostic};
use crate::vars::Layer;
use crate::vars::files::{Reader, unreadable};

/// Plugins whose settings a YAML file may be.
const MADE: [&str; 2] = ["constructed", "generator"];

/// Directories deeper than this below a source are a loop of links.
const DEEPEST: usize = 16;

pub(super) fn read(source: &str, reader: &Reader, extra: &Arc<Layer>, build: &mut Build) {
    let path = Path::new(source);
    if source.contains(',') && !path.exists() {
        if !build.rules.enables("host_list") && !build.rules.enables("advanced_host_list") {
            let error = format!("`{source}` is a list of hosts, and no plugin for it is enabled");
            return build.report(not_enabled(Diagnostic::error(error), "host_list", build));
        }
        // As in Ansible, the list itself is their `inventory_file`.
        build.file = Some(path.into());
        for host in source.split(',').map(str::trim).filter(|host| !host.is_empty()) {
            let known = build.inventory.hosts.len();
            // One that is known already stays where it is.
            for host in build.hosts(host, Span::default()).into_iter().filter(|host| *host >= known)
            {
                build.member(UNGROUPED, host);
            }
        }
        build.file = None;
        return;
    }
    let Ok(kind) = path.metadata() else {
        return build.report(not_found(path));
    };
    let directory = if kind.is_dir() { path } else { parent(path) };
    if !build.inventory.directories.iter().any(|known| known == directory) {
        build.inventory.directories.push(directory.to_owned());
    }
    match kind.is_dir() {
        true if !self::directory(path, 0, reader, extra, build) => {
            let warning = format!("no file of `{}` is an inventory", path.display());
            build.report(Diagnostic::warning(warning));
        }
        true => {}
        false => file(path, reader, extra, build),
    }
    build.file = None;
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn not_found(path: &Path) -> Diagnostic {
    let error = Diagnostic::error(format!("inventory `{}` does not exist", path.display()));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let beside: Vec<String> = std::fs::read_dir(parent(path))
        .map(|entries| {
            entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect()
        })
        .unwrap_or_default();
    match nearest(name, beside.iter().map(String::as_str)) {
        Some(near) => {
            error.help(format!("did you mean `{}`?", path.with_file_name(near).display()))
        }
        None if name.contains(['/', '.']) => error,
        None => error.help(format!("a list of hosts needs a comma: `-i {name},`")),
    }
}

/// All files of a directory in the order of their names, and of the directories in it; whether there is any.
fn directory(
    path: &Path,
    depth: usize,
    reader: &Reader,
    extra: &Arc<Layer>,
    build: &mut Build,
) -> bool {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            build.report(unreadable(path, &error));
            return true;
        }
    };
    let mut any = false;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort_unstable();
    for name in names {
        let text = name.to_string_lossy();
        if build.rules.passes_over(&text) {
            continue;
        }
        let path = path.join(&name);
        match path.is_dir() {
            true if depth < DEEPEST => any |= directory(&path, depth + 1, reader, extra, build),
            true => {
                build.report(Diagnostic::error(format!("`{}` is nested too deep", path.display())));
                any = true;
            }
            false => {
                file(&path, reader, extra, build);
                any = true;
            }
        }
    }
    any
}

fn file(path: &Path, reader: &Reader, extra: &Arc<Layer>, build: &mut Build) {
    let (bytes, vaulted) = match reader.open(path) {
        Ok(bytes) => bytes,
        Err(error) => return build.report(error),
    };
    build.file = Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).into());
    if !vaulted && script::is_program(path, &bytes) {
        if !build.rules.enables("script") {
            let error = format!("no enabled inventory plugin can run `{}`", path.display());
            return build.report(not_enabled(Diagnostic::error(error), "script", build));
        }
        return script::read(path, &reader.map, build);
    }
    let text = match source::yaml::utf8(&reader.map, path, &bytes) {
        Ok(text) => text,
        Err(error) => return build.report(error),
    };
    if vaulted {
        // Names of hosts and groups are no secrets, what is assigned may be.
        let values = text.split_whitespace().filter_map(|word| word.split_once('='));
        reader.tell(values.map(|(_, value)| value.trim_matches(['"', '\''])));
        reader.tell(
            text.lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(_, value)| value.trim().trim_matches(['"', '\''])),
        );
    }
    let before = build.diagnostics.len();
    text_file(path, text, reader, extra, build);
    if build.diagnostics[before..].iter().any(Diagnostic::is_error) {
        explain(path, text, &mut build.diagnostics, before);
    }
}

/// A file of INI, YAML or TOML, or the settings of a plugin.
pub(super) fn text_file(
    path: &Path,
    text: &str,
    reader: &Reader,
    extra: &Arc<Layer>,
    build: &mut Build,
) {
    let rules = build.rules.clone();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
    let parse = || source::yaml::parse_value(&reader.map, path, text);
    let plugin = match ending.as_deref() {
        Some(ending) if rules.yaml.iter().any(|known| known == ending) => match parse() {
            Ok(root) if root.is_null() => return,
            Ok(root) if root.get("plugin").is_some() => {
                return made(&root, ending, reader, extra, build);
            }
            Ok(root) if rules.enables("yaml") => return yaml::read(&root, build),
            Ok(_) => "yaml",
            Err(error) => return build.report(error),
        },
        Some(".toml") if rules.enables("toml") => {
            return toml::read(&reader.map, path, text, build);
        }
        Some(".toml") => "toml",
        ending @ (None | Some(".config")) if may_be_yaml(text) => match parse() {
            Ok(root) if root.get("plugin").is_some() => {
                return made(&root, ending.unwrap_or_default(), reader, extra, build);
            }
            Ok(root) if rules.enables("yaml") && yaml::is_inventory(&root) => {
                return yaml::read(&root, build);
            }
            Err(error) if text.trim_start().starts_with("---") => return build.report(error),
            _ => "ini",
        },
        _ => "ini",
    };
    if plugin == "ini" && rules.enables("ini") {
        return ini::read(text, reader.map.add(path, text.into()), build);
    }
    let error = format!("no enabled inventory plugin can read `{}`", path.display());
    build.report(not_enabled(Diagnostic::error(error), plugin, build));
}

fn not_enabled(error: Diagnostic, plugin: &str, build: &Build) -> Diagnostic {
    let enabled = build.rules.plugins.join(", ");
    error.help(format!("add `{plugin}` to the setting `enable_plugins`, which is `{enabled}`"))
}

/// A file that looks like a script and is none, or the other way round, explains the errors in it.
fn explain(path: &Path, text: &str, diagnostics: &mut Vec<Diagnostic>, before: usize) {
    let shown = path.display();
    if text.starts_with("#!") {
        // Its lines are not meant to make sense as an inventory.
        diagnostics.truncate(before);
        let error = Diagnostic::error(format!("the inventory script `{shown}` is not executable"));
        diagnostics.push(error.help(format!("run `chmod +x {shown}`")));
    } else if script::is_executable(path) {
        let last = diagnostics.pop();
        let note = format!("`{shown}` is executable, but no program: it does not begin with `#!`");
        diagnostics.extend(last.map(|error| error.note(note)));
    }
}

/// What a plugin makes of its settings.
fn made(root: &Node, ending: &str, reader: &Reader, extra: &Arc<Layer>, build: &mut Build) {
    let Some(plugin) = root.get("plugin") else { return };
    let name = plugin.text().unwrap_or_default();
    if !MADE.contains(&rules::short(name)) {
        let expected = MADE.map(|name| format!("`{name}`")).join(" or ");
        let message = format!("expected the inventory plugin {expected}, found `{name}`");
        let error = Diagnostic::error(message).at(plugin.span, "this plugin is not supported");
        return build.report(match nearest(name, MADE) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(
                "let `ansible-inventory -i THIS --list` print its hosts in an executable script",
            ),
        });
    }
    let name = rules::short(name);
    let auto = build.rules.enables("auto") && matches!(ending, ".yml" | ".yaml");
    if !auto && !build.rules.enables(name) {
        let error = Diagnostic::error(format!("the inventory plugin `{name}` is not enabled"));
        return build.report(not_enabled(error.at(plugin.span, ""), name, build));
    }
    match name {
        "generator" => generator::read(root, reader, build),
        _ => constructed::read(root, reader, extra, build),
    }
}

/// A file without extension is YAML if its first line says so: `---`, `{`, `plugin:` or `group:`.
fn may_be_yaml(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        line.starts_with("---")
            || line.starts_with("plugin:")
            || line.starts_with('{')
            || line.ends_with(':')
            || line.ends_with('}')
    })
}
