//! What settings say about sources: which kinds are read, which files of a directory are none, and
//! what becomes of the names of groups.

use std::borrow::Cow;

use fancy_regex::Regex;

/// The rules by which sources are read. The default is Ansible's.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The plugins that may read a source: `enable_plugins`.
    pub plugins: Vec<String>,
    /// Files of a directory whose names end like this are no inventories.
    pub ignored: Vec<String>,
    /// Files of a directory in whose names one of these is found are no inventories.
    pub patterns: Vec<Regex>,
    /// Endings of YAML files, with their dots.
    pub yaml: Vec<String>,
    /// Whether `constructed` uses the variables of the command line where it does not say.
    pub extra: bool,
    /// Whether characters that no variable's name may have become `_` in the names of groups.
    pub safe_names: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Rules {
            plugins: words("host_list script auto yaml ini toml"),
            ignored: words(".pyc .pyo .swp .bak ~ .rpm .md .txt .rst .orig .cfg .retry"),
            patterns: vec![],
            yaml: words(".yaml .yml .json"),
            extra: false,
            safe_names: false,
        }
    }
}

impl Rules {
    /// Whether the plugin is enabled.
    pub(super) fn enables(&self, plugin: &str) -> bool {
        self.plugins.iter().any(|name| short(name) == plugin)
    }

    /// Whether a file of this name in a directory is no inventory. The `secrets` of an environment
    /// are rprov's own.
    pub(super) fn passes_over(&self, name: &str) -> bool {
        name.starts_with('.')
            || ["group_vars", "host_vars", "vars_plugins"].contains(&name)
            || ["secrets", "secrets.yml", "secrets.yaml"].contains(&name)
            || self.ignored.iter().any(|end| name.ends_with(&**end))
            // A pattern that runs out of its limit has not matched.
            || self.patterns.iter().any(|pattern| pattern.is_match(name).unwrap_or(false))
    }

    /// The name that a group gets.
    pub(super) fn group<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match self.safe_names {
            true => Cow::Owned(safe(name)),
            false => Cow::Borrowed(name),
        }
    }
}

/// A plugin's name without the collection that every name may have.
pub(super) fn short(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name)
}

/// Every character that no variable's name may have becomes `_`.
pub(super) fn safe(name: &str) -> String {
    let letter = |(at, c): (usize, char)| match c.is_alphanumeric() || c == '_' {
        true if at > 0 || !c.is_numeric() => c,
        _ => '_',
    };
    name.chars().enumerate().map(letter).collect()
}
