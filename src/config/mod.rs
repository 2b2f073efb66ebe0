//! Settings: where each is read from, and what it is.
//!
//! [`SETTINGS`] is the one table. A value on the command line wins (that is the command line's
//! business), then an environment variable, then `rprov.toml` (for what is ours), then
//! `ansible.cfg`, then the default. Every mistake in all of them is told at once.

mod color;
mod find;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
mod idle;
mod ini;
mod ours;
mod table;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rprov_modules::kit::Span;
use serde_json::Value;

pub use self::color::Color;
pub(crate) use self::find::upwards;
pub use self::idle::{IDLE, Idle};
pub use self::table::*;
pub use self::value::Kind;
use self::value::{resolve, unquote};
use crate::source::{Diagnostic, SourceMap};

/// What settings are read from.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The working directory.
    pub directory: PathBuf,
    pub home: Option<PathBuf>,
    /// The environment.
    pub variables: BTreeMap<String, String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Default,
    Variable(&'static str),
    /// The key in `ansible.cfg` or `rprov.toml`.
    File(Span),
}

/// Why something that is given is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Ansible knows it, and it has nothing to act on here.
    Idle(&'static str),
    /// Ansible does not know it either; what was probably meant.
    Unknown(Option<String>),
}

/// A key or variable that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// `section.key`, or the variable.
    pub name: String,
    /// Where it stands, if in a file.
    pub span: Option<Span>,
    pub reason: Reason,
}

/// The settings of a run.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The `ansible.cfg` that was read.
    pub file: Option<PathBuf>,
    /// The `rprov.toml` that was read.
    pub ours: Option<PathBuf>,
    /// What is given and not used, in the order of the files, then variables by name.
    pub unused: Vec<Unused>,
    pub warnings: Vec<Diagnostic>,
    values: HashMap<&'static str, (Value, Origin)>,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// When there is no working directory any more.
    pub fn here() -> Result<Surroundings, Diagnostic> {
        let directory = std::env::current_dir().map_err(|error| {
            Diagnostic::error(format!("cannot tell the working directory: {error}"))
        })?;
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Ok(Surroundings { directory, home: std::env::home_dir(), variables })
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}

impl Config {
    /// Reads the files and variables.
    ///
    /// # Errors
    /// Everything that is wrong in any of them.
    pub fn load(map: &SourceMap, around: &Surroundings) -> Result<Config, Vec<Diagnostic>> {
        let mut config = Config::default();
        let mut errors = vec![];
        config.defaults(around);
        config.file = find::ansible_cfg(around, &mut config.warnings);
        if let Some(path) = config.file.clone() {
            match read(&path) {
                Ok(text) => config.ansible_cfg(&text, &path, map, around, &mut errors),
                Err(error) => errors.push(error),
            }
        }
        config.ours = find::ours(around);
        if let Some(path) = config.ours.clone() {
            match read(&path) {
                Ok(text) => ours::read(&mut config, &text, &path, map, &mut errors),
                Err(error) => errors.push(error),
            }
        }
        config.environment(map, around, &mut errors);
        if errors.is_empty() { Ok(config) } else { Err(errors) }
    }

    fn defaults(&mut self, around: &Surroundings) {
        for setting in SETTINGS {
            let default = setting.default.and_then(|text| {
                let home = around.variable("ANSIBLE_HOME").unwrap_or("~/.ansible");
                setting.kind.parse(
                    &text.replace("{{ANSIBLE_HOME}}", home),
                    &around.directory,
                    around,
                )
            });
            self.values.insert(setting.name, (default.unwrap_or_default(), Origin::Default));
        }
    }

    fn ansible_cfg(
        &mut self,
        text: &str,
        path: &Path,
        map: &SourceMap,
        around: &Surroundings,
        errors: &mut Vec<Diagnostic>,
    ) {
        let base = path.parent().unwrap_or(Path::new("/"));
        let mut rank: HashMap<&str, usize> = HashMap::new();
        for entry in ini::read(map, path, text, errors) {
            let name = entry.name();
            let found = SETTINGS.iter().find_map(|setting| {
                Some((*setting, setting.keys.iter().position(|key| *key == name)?))
            });
            let Some((setting, at)) = found else {
                let reason = match idle::key(&entry.section, &entry.key) {
                    Some(why) => Reason::Idle(why),
                    None => Reason::Unknown(idle::nearest_key(&entry.section, &entry.key)),
                };
                self.unused.push(Unused { name, span: Some(entry.span), reason });
                continue;
            };
            // Of two keys the later one in the table counts, wherever they stand.
            if rank.get(setting.name).is_some_and(|known| *known > at) {
                continue;
            }
            let written = match setting.kind {
                Kind::List | Kind::Search | Kind::Paths => &*entry.value,
                _ => unquote(&entry.value),
            };
            match setting.kind.parse(written, base, around) {
                Some(value) => {
                    rank.insert(setting.name, at);
                    self.values.insert(setting.name, (value, Origin::File(entry.span)));
                }
                None => errors.push(
                    wrong(setting, written)
                        .at(entry.value_span, "")
                        .note(format!("`{name}`: {}", setting.doc.trim())),
                ),
            }
        }
        // Defaults are below a home that the file gives.
        if let (Value::String(home), Origin::File(_)) = self.entry(&HOME).clone() {
            for setting in SETTINGS {
                let default = setting.default.filter(|text| text.contains("{{ANSIBLE_HOME}}"));
                if let Some(text) = default.filter(|_| self.origin(setting) == Origin::Default) {
                    let text = text.replace("{{ANSIBLE_HOME}}", &home);
                    let value = setting.kind.parse(&text, &around.directory, around);
                    self.values.insert(setting.name, (value.unwrap_or_default(), Origin::Default));
                }
            }
        }
    }

    fn environment(
        &mut self,
        map: &SourceMap,
        around: &Surroundings,
        errors: &mut Vec<Diagnostic>,
    ) {
        for setting in SETTINGS {
            for name in setting.variables {
                let Some(text) = around.variable(name) else { continue };
                if text.is_empty() && !matches!(setting.kind, Kind::Text | Kind::List) {
                    continue;
                }
                match setting.kind.parse(text, &around.directory, around) {
                    Some(value) => {
                        self.values.insert(setting.name, (value, Origin::Variable(name)));
                    }
                    None => {
                        let line = format!("{name}={text}");
                        let start = u32::try_from(name.len() + 1).unwrap_or_default();
                        let end = u32::try_from(line.len()).unwrap_or(start);
                        let file = map.add(Path::new("environment"), line.into());
                        let span = Span { file, start, end };
                        let note = format!("`{name}`: {}", setting.doc.trim());
                        errors.push(wrong(setting, text).at(span, "").note(note));
                    }
                }
            }
        }
        let known = |name: &str| SETTINGS.iter().any(|setting| setting.variables.contains(&name));
        for name in around.variables.keys() {
            if !name.starts_with("ANSIBLE_") || name == "ANSIBLE_CONFIG" || known(name) {
                continue;
            }
            let names = SETTINGS.iter().flat_map(|setting| setting.variables).copied();
            let nearest = || rprov_modules::kit::nearest(name, names).map(str::to_owned);
            let reason =
                idle::variable(name).map_or_else(|| Reason::Unknown(nearest()), Reason::Idle);
            self.unused.push(Unused { name: name.clone(), span: None, reason });
        }
    }

    fn entry(&self, setting: &Setting) -> &(Value, Origin) {
        const NONE: &(Value, Origin) = &(Value::Null, Origin::Default);
        self.values.get(setting.name).unwrap_or(NONE)
    }

    /// The value; null if there is none.
    pub fn value(&self, setting: &Setting) -> &Value {
        &self.entry(setting).0
    }

    pub fn origin(&self, setting: &Setting) -> Origin {
        self.entry(setting).1
    }

    /// The value, unless it is the default.
    pub fn given(&self, setting: &Setting) -> Option<&Value> {
        Some(self.value(setting)).filter(|_| self.origin(setting) != Origin::Default)
    }

    /// The value of a [`Kind::Boolean`].
    pub fn flag(&self, setting: &Setting) -> bool {
        self.value(setting).as_bool().unwrap_or_default()
    }

    /// The value of a [`Kind::Number`].
    pub fn number(&self, setting: &Setting) -> Option<u64> {
        self.value(setting).as_u64()
    }

    /// The value of a text, a choice or a path, if it is not empty.
    pub fn text(&self, setting: &Setting) -> Option<&str> {
        self.value(setting).as_str().filter(|text| !text.is_empty())
    }

    /// The values of a list or of paths.
    pub fn list(&self, setting: &Setting) -> Vec<String> {
        let items = self.value(setting).as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The setting that Ansible calls so.
    pub fn find(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name)).copied()
    }
}

/// A path on the command line: `~` and `$NAME` expanded as in settings, relative to here.
pub fn path(text: &str, around: &Surroundings) -> PathBuf {
    resolve(text, &around.directory, around)
}

fn wrong(setting: &Setting, text: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("expected {}, found `{text}`", setting.kind.describe()));
    match setting.kind {
        _ if text.contains(" #") => error.help("a comment behind a value begins with ` ;`"),
        Kind::Choice(words) => match rprov_modules::kit::nearest(text, words.iter().copied()) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        },
        Kind::Boolean => error.help("write `true` or `false`"),
        _ => error,
    }
}

fn read(path: &Path) -> Result<String, Diagnostic> {
    let bytes =
        std::fs::read(path).map_err(|error| crate::vars::files::unreadable(path, &error))?;
    String::from_utf8(bytes)
        .map_err(|_| Diagnostic::error(format!("`{}` is no text in UTF-8", path.display())))
}
