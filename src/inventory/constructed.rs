//! The `constructed` plugin: variables and groups made of the variables that hosts have already.
//!
//! It sees what the sources before it have said, and not what is only added in the end: a group has
//! the variables of `all` only if some source has put it there. Every made text is final, never a
//! template. Without `strict` an expression that cannot be evaluated for a host makes nothing.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::ValueKind;
use rprov_modules::kit::{Entry, Node, Resolved, Span, boolean, nearest};

use super::build::{ALL, Build};
use super::rules::safe;
use super::{Group, Host};
use crate::source::Diagnostic;
use crate::template::{Context, Raw, Search, Templar, TemplateError, fixed, is_omit, to_node};
use crate::vars::files::Reader;
use crate::vars::{self, Beside, Layer, Layers, Level};

/// What its file may hold. Those of the cache mean nothing here: nothing is fetched.
const OPTIONS: [&str; 13] = [
    "plugin",
    "compose",
    "groups",
    "keyed_groups",
    "strict",
    "leading_separator",
    "use_extra_vars",
    "use_vars_plugins",
    "cache",
    "cache_plugin",
    "cache_timeout",
    "cache_connection",
    "cache_prefix",
];

const KEYED: [&str; 6] =
    ["key", "prefix", "separator", "parent_group", "default_value", "trailing_separator"];

struct Constructed<'a> {
    compose: Vec<(&'a str, &'a Node)>,
    groups: Vec<(&'a str, &'a Node)>,
    keyed: Vec<Keyed<'a>>,
    /// An expression that fails is an error. Default: false.
    strict: bool,
    /// `_web` for a keyed group without prefix. Default: true.
    leading_separator: bool,
    /// Default: no variables of the command line.
    extra: Option<&'a Arc<Layer>>,
    /// Default: `group_vars/` and `host_vars/` are not looked at.
    beside: Option<Beside>,
    templar: Templar,
    reader: &'a Reader,
}

/// One of `keyed_groups`.
struct Keyed<'a> {
    key: &'a Node,
    prefix: String,
    separator: String,
    parent: Option<&'a Node>,
    /// In place of nothing.
    default: Option<String>,
    /// Whether a mapping's empty value leaves the separator behind its key.
    trailing: bool,
}

/// Reads the settings and adds to `build` what they make.
pub(super) fn read(root: &Node, reader: &Reader, extra: &Arc<Layer>, build: &mut Build) {
    let before = build.diagnostics.len();
    let Some(constructed) = Constructed::new(root, reader, extra, build) else { return };
    if build.diagnostics[before..].iter().any(Diagnostic::is_error) {
        return;
    }
    for host in 0..build.inventory.hosts.len() {
        if let Err(error) = constructed.host(host, build) {
            return build.report(error);
        }
    }
}

impl<'a> Constructed<'a> {
    fn new(
        root: &'a Node,
        reader: &'a Reader,
        extra: &'a Arc<Layer>,
        build: &mut Build,
    ) -> Option<Constructed<'a>> {
        for entry in root.entries()? {
            known(&entry.key, "option", &OPTIONS, build);
        }
        let flag = |name: &str, default: bool, build: &mut Build| match root.get(name) {
            Some(node) => node.text().and_then(boolean).unwrap_or_else(|| {
                let label = format!("found {}", node.type_name());
                build.error(format!("expected `{name}` to be true or false"), node.span, label);
                default
            }),
            None => default,
        };
        let constructed = Constructed {
            strict: flag("strict", false, build),
            leading_separator: flag("leading_separator", true, build),
            extra: flag("use_extra_vars", build.rules.extra, build).then_some(extra),
            beside: flag("use_vars_plugins", false, build)
                .then(|| Beside::new(None, reader.clone())),
            compose: expressions(root, "compose", build),
            groups: expressions(root, "groups", build),
            keyed: keyed(root, build),
            templar: Templar::new(reader.map.clone()),
            reader,
        };
        Some(constructed)
    }

    fn host(&self, host: usize, build: &mut Build) -> Result<(), Diagnostic> {
        let context = self.context(host, self.extra, build)?;
        for (name, expression) in &self.compose {
            let Some(value) = self.evaluate(expression, &context, host, build)? else { continue };
            if is_omit(&value) {
                continue;
            }
            let node = fixed(to_node(&value, expression.span));
            build.host_var(host, name, expression.span, node);
        }
        // The new variables count, new groups do not yet.
        let plain = self.context(host, None, build)?;
        let context = self.context(host, self.extra, build)?;
        for (name, condition) in &self.groups {
            match self.templar.condition(condition, &plain) {
                Ok(true) => {
                    let group = build.group(&safe(name), condition.span);
                    build.member(group, host);
                }
                Ok(false) => {}
                Err(error) => self.fail(error, host, build)?,
            }
        }
        for keyed in &self.keyed {
            if let Some(key) = self.evaluate(keyed.key, &context, host, build)? {
                self.keyed(keyed, &key, &context, host, build)?;
            }
        }
        Ok(())
    }

    fn keyed(
        &self,
        keyed: &Keyed<'_>,
        key: &Value,
        context: &Context,
        host: usize,
        build: &mut Build,
    ) -> Result<(), Diagnostic> {
        let nothing = |value: &Value| value.is_none() || value.as_str() == Some("");
        let default = |value: &Value| keyed.default.clone().filter(|_| nothing(value));
        let separator = &keyed.separator;
        let names: Vec<String> = match (default(key), key.kind()) {
            (Some(default), _) => vec![default],
            (None, ValueKind::String) if !nothing(key) => vec![self.text(key, context)],
            (None, ValueKind::Seq | ValueKind::Iterable) => {
                let items = key.try_iter().into_iter().flatten();
                items
                    .map(|item| default(&item).unwrap_or_else(|| self.text(&item, context)))
                    .collect()
            }
            (None, ValueKind::Map) => {
                let names = key.try_iter().into_iter().flatten();
                let name = |name: Value| {
                    let value = key.get_item(&name).unwrap_or_default();
                    let name = self.text(&name, context);
                    match default(&value) {
                        Some(default) => format!("{name}{separator}{default}"),
                        None if nothing(&value) && !keyed.trailing => name,
                        None => format!("{name}{separator}{}", self.text(&value, context)),
                    }
                };
                names.map(name).collect()
            }
            // Nothing to make a group of: no error but in `strict`.
            _ if !key.is_true() || is_omit(key) => {
                if self.strict {
                    let message =
                        format!("the key of a group is empty for `{}`", name(host, build));
                    let error = Diagnostic::error(message).at(keyed.key.span, "");
                    return Err(error.help("give a `default_value`, or leave out `strict`"));
                }
                return Ok(());
            }
            (None, kind) => {
                let message = format!(
                    "expected a string, a list or a mapping as the key of a group, found {kind} for `{}`",
                    name(host, build)
                );
                let error = Diagnostic::error(message).at(keyed.key.span, "");
                return Err(error.help("write `| string` behind it"));
            }
        };
        let parent = match keyed.parent {
            None => None,
            Some(node) => match self.templar.render(node, context) {
                Ok(parent) => parent.text().filter(|_| !parent.is_null()).map(safe),
                Err(error) => return self.fail(error, host, build),
            },
        };
        let separator = match keyed.prefix.is_empty() && !self.leading_separator {
            true => "",
            false => separator,
        };
        for name in names {
            let span = keyed.key.span;
            let name = format!("{}{separator}{name}", keyed.prefix);
            if name.is_empty() {
                let message = format!("a group of `{}` has no name", self::name(host, build));
                let error = Diagnostic::error(message).at(span, "");
                return Err(error.help("give a `prefix` or a `default_value`"));
            }
            let group = build.group(&safe(&name), span);
            build.member(group, host);
            if let Some(parent) = parent.as_deref().filter(|parent| !parent.is_empty()) {
                let parent = build.group(parent, span);
                build.child(parent, group, span);
            }
        }
        Ok(())
    }

    /// What the host's variables are now.
    fn context(
        &self,
        host: usize,
        extra: Option<&Arc<Layer>>,
        build: &mut Build,
    ) -> Result<Context, Diagnostic> {
        build.set_depths();
        let inventory = &build.inventory;
        let host: &Host = &inventory.hosts[host];
        let all: &Group = &inventory.groups[ALL];
        let below_all = inventory.ancestors(host).contains(&ALL);
        let groups: Vec<&Group> =
            Some(all).filter(|_| below_all).into_iter().chain(inventory.groups_of(host)).collect();
        let written = |group: &Group| Arc::new(vars::layer(&group.vars, &group.overruled));
        let none;
        let (beside, directories) = match &self.beside {
            Some(beside) => (beside, inventory.directories()),
            None => {
                none = Beside::new(None, self.reader.clone());
                (&none, [].as_slice())
            }
        };
        let layers = beside.layers(inventory, host, &groups, written, directories);
        let mut layers: Layers = layers.map_err(|errors| {
            let unknown = || Diagnostic::error("the variables of a host cannot be read");
            errors.into_iter().next().unwrap_or_else(unknown)
        })?;
        if let Some(extra) = extra {
            layers.push(Level::Extra, extra.clone());
        }
        let context = Context::new(Arc::new(layers), Search::default());
        Ok(match self.reader.decrypt() {
            Some(decrypt) => context.decrypt_with(decrypt),
            None => context,
        })
    }

    /// The value of an expression; `None` if it has none and that is no error.
    fn evaluate(
        &self,
        expression: &Node,
        context: &Context,
        host: usize,
        build: &Build,
    ) -> Result<Option<Value>, Diagnostic> {
        let text = expression.text().unwrap_or_default();
        match self.templar.expression(text, expression.span, context) {
            Ok(value) => Ok(Some(value)),
            Err(error) => self.fail(error, host, build).map(|()| None),
        }
    }

    fn fail(&self, error: TemplateError, host: usize, build: &Build) -> Result<(), Diagnostic> {
        match self.strict {
            true => Err(Diagnostic::from(error).note(format!("for host `{}`", name(host, build)))),
            false => Ok(()),
        }
    }

    /// A value as Ansible prints it.
    fn text(&self, value: &Value, context: &Context) -> String {
        let context = context.with([("rprov_part".to_owned(), Raw::Value(value.clone()))]);
        let printed = self.templar.expression("rprov_part | string", Span::default(), &context);
        printed.map_or_else(|_| value.to_string(), |text| text.to_string())
    }
}

fn name(host: usize, build: &Build) -> String {
    build.inventory.hosts[host].name.to_string()
}

/// The entries of `compose` or `groups`: a name, and an expression.
fn expressions<'n>(root: &'n Node, option: &str, build: &mut Build) -> Vec<(&'n str, &'n Node)> {
    let Some(node) = root.get(option).filter(|node| !node.is_null()) else { return vec![] };
    let Some(entries) = node.entries() else {
        let label = format!("found {}", node.type_name());
        build.error(format!("expected `{option}` to be a mapping"), node.span, label);
        return vec![];
    };
    let mut found = vec![];
    for Entry { key, value } in entries {
        match (key.text(), value.text()) {
            (Some(name), Some(_)) => found.push((name, value)),
            _ => {
                let label = format!("found {}", value.type_name());
                build.error(format!("expected an expression in `{option}`"), value.span, label);
            }
        }
    }
    found
}

fn keyed<'n>(root: &'n Node, build: &mut Build) -> Vec<Keyed<'n>> {
    let Some(node) = root.get("keyed_groups").filter(|node| !node.is_null()) else {
        return vec![];
    };
    let Some(items) = node.items() else {
        let label = format!("found {}", node.type_name());
        build.error("expected `keyed_groups` to be a list", node.span, label);
        return vec![];
    };
    let mut found = vec![];
    for item in items {
        for entry in item.entries().unwrap_or_default() {
            known(&entry.key, "option", &KEYED, build);
        }
        let text = |name: &str| {
            let node = item.get(name).filter(|node| !node.is_null())?;
            Some(match node.scalar()?.resolve() {
                // As Python writes it.
                Resolved::Bool(true) => "True".to_owned(),
                Resolved::Bool(false) => "False".to_owned(),
                _ => node.text()?.to_owned(),
            })
        };
        let Some(key) = item.get("key").filter(|key| key.text().is_some()) else {
            build.error("expected `key` in an entry of `keyed_groups`", item.span, "");
            continue;
        };
        if let (Some(_), Some(second)) = (item.get("default_value"), item.get("trailing_separator"))
        {
            build.error(
                "expected `default_value` or `trailing_separator`, found both",
                second.span,
                "one too many",
            );
        }
        found.push(Keyed {
            key,
            prefix: text("prefix").unwrap_or_default(),
            separator: text("separator").unwrap_or_else(|| "_".to_owned()),
            parent: item.get("parent_group"),
            default: text("default_value"),
            trailing: text("trailing_separator").and_then(|text| boolean(&text)).unwrap_or(true),
        });
    }
    found
}

fn known(key: &Node, what: &str, names: &[&str], build: &mut Build) {
    let name = key.text().unwrap_or_default();
    if names.contains(&name) {
        return;
    }
    let warning = Diagnostic::warning(format!("unknown {what} `{name}`")).at(key.span, "ignored");
    build.report(match nearest(name, names.iter().copied()) {
        Some(near) => warning.help(format!("did you mean `{near}`?")),
        None => warning.help(format!("known: {}", names.join(", "))),
    });
}
