//! Filters, tests and lookups that do not exist, and template files that cannot be read, told before
//! any host is asked.
//!
//! Of plugins, what stands behind a `when` is passed over, as a module that rprov does not have may stand there:
//! it is an error if a host gets that far.

use std::path::Path;

use rprov_modules::kit::{Node, NodeKind, nearest};

use crate::playbook::freeform;
use crate::source::{Diagnostic, SourceMap};

use super::super::{FileOptions, Templar, lookups, register};
use super::{Names, Plugin, PluginKind};

/// Keys whose values are expressions without braces.
const CONDITIONS: &[&str] = &["when", "changed_when", "failed_when", "until", "that"];

/// What is wrong with the plugins that a YAML file and the template files it names use, and with the
/// syntax of those. `path` is the file's own.
pub(crate) fn unknown_plugins(
    node: &Node,
    path: &Path,
    map: &SourceMap,
    templar: &Templar,
) -> Vec<Diagnostic> {
    let mut search = Search { path, map, templar, found: Vec::new(), faulty: Vec::new() };
    search.node(node, false);
    search.found.iter().filter_map(wrong).chain(search.faulty).collect()
}

fn wrong(plugin: &Plugin) -> Option<Diagnostic> {
    let bare = register::bare(&plugin.name);
    let unknown = |what: &str| Diagnostic::error(format!("no {what} named `{}`", plugin.name));
    let near = |near: Option<&str>| near.map(|near| format!("did you mean `{near}`?"));
    let (error, near) = match plugin.kind {
        PluginKind::Lookup => {
            if lookups::names().any(|known| known == bare) {
                return None;
            }
            if let Some(why) = lookups::unreachable(bare) {
                let message = format!("the lookup `{}` is not available in rprov", plugin.name);
                let error = Diagnostic::error(message).kind("unsupported");
                return Some(error.at(plugin.span, "").help(why));
            }
            (unknown("lookup"), near(nearest(bare, lookups::names())))
        }
        kind => {
            let filter = kind == PluginKind::Filter;
            if register::names(filter).any(|known| known == bare) {
                return None;
            }
            let what = if filter { "filter" } else { "test" };
            (unknown(what), near(nearest(bare, register::names(filter))))
        }
    };
    let help = near.unwrap_or_else(|| {
        "plugins written in Python do not run in rprov; README lists what there is".to_owned()
    });
    Some(error.kind("unknown-filter").at(plugin.span, "unknown").help(help))
}

struct Search<'a> {
    path: &'a Path,
    map: &'a SourceMap,
    templar: &'a Templar,
    found: Vec<Plugin>,
    faulty: Vec<Diagnostic>,
}

impl Search<'_> {
    fn node(&mut self, node: &Node, guarded: bool) {
        match &node.kind {
            NodeKind::Scalar(_) if guarded => {}
            NodeKind::Scalar(_) => self.found.extend(Names::of_node(node, self.map).plugins),
            NodeKind::List(items) => items.iter().for_each(|item| self.node(item, guarded)),
            NodeKind::Map(entries) => {
                let inner = guarded || node.get("when").is_some();
                for entry in entries {
                    let key = entry.key.text().unwrap_or_default();
                    if CONDITIONS.contains(&key) {
                        let guarded = if key == "when" { guarded } else { inner };
                        if !guarded {
                            let names = Names::of_condition(&entry.value, self.map);
                            self.found.extend(names.plugins);
                        }
                        continue;
                    }
                    if register::bare(key) == "template" {
                        self.template(&entry.value, inner);
                    }
                    self.node(&entry.value, inner);
                }
            }
        }
    }

    /// The file of a `template` task, if its name is no template itself and it is where such files
    /// are: `templates/` beside the file or beside its directory, or the directory itself.
    fn template(&mut self, arguments: &Node, guarded: bool) {
        let words = arguments.text().and_then(|text| freeform::words(text).ok());
        let words = words.unwrap_or_default();
        let on_line = words.iter().filter_map(|word| freeform::pair(word));
        let on_line = on_line.filter(|(key, _)| *key == "src").map(|(_, value)| value).next();
        let written = arguments.get("src").and_then(Node::text).map(str::to_owned);
        let Some(name) = &written.or(on_line) else { return };
        let marked = arguments
            .entries()
            .unwrap_or_default()
            .iter()
            .any(|entry| entry.key.text().is_some_and(|key| key.ends_with("_string")));
        if marked || name.contains("{{") || name.contains("{%") {
            return;
        }
        let here = self.path.parent().unwrap_or(Path::new(""));
        let places = [here.join("..").join("templates"), here.join("templates"), here.to_owned()];
        let Some(path) = places.iter().map(|dir| dir.join(name)).find(|path| path.is_file()) else {
            return;
        };
        // What cannot be read, or is encrypted, is told when it is needed.
        let Ok(text) = std::fs::read_to_string(&path) else { return };
        if text.starts_with("$ANSIBLE_VAULT;") {
            return;
        }
        let file = self.map.add(&path, text.as_str().into());
        let options = FileOptions { file, ..FileOptions::default() };
        if let Some(error) = self.templar.file_syntax(&text, &options) {
            self.faulty.push(crate::playbook::faulty(error));
        }
        if !guarded {
            self.found.extend(Names::of_file(&text, &options, self.map).plugins);
        }
    }
}

/// The names of all filters, tests or lookups, those of collections with theirs.
pub fn plugin_names(kind: PluginKind) -> Vec<&'static str> {
    match kind {
        PluginKind::Lookup => lookups::names().collect(),
        kind => register::names(kind == PluginKind::Filter).collect(),
    }
}
