//! Facts: what is known of a host, as variables; where they are kept; whether they are needed.

mod cache;
mod known;
mod need;

use std::path::PathBuf;

pub(super) use self::known::Known;
pub(super) use self::need::needed;
use crate::source::Diagnostic;

/// How facts are gathered and kept: `gathering` and `fact_caching…` of ansible.cfg.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactSettings {
    pub gathering: Gathering,
    /// Files that outlive the run. Default: none, facts last as long as the run.
    pub cache: Option<FactCache>,
    /// `--flush-cache`: forget what was kept.
    pub flush: bool,
    /// Facts are in `ansible_facts` alone, and no variables of their own.
    pub hidden: bool,
}

/// When a play that does not say gathers facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Gathering {
    #[default]
    Implicit,
    /// Only with `gather_facts: true`.
    Explicit,
    /// Only on hosts whose facts are not known.
    Smart,
}

/// A directory with one JSON file for each host, in the form of ansible-core's `jsonfile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactCache {
    pub directory: PathBuf,
    /// What the files' names begin with.
    pub prefix: String,
    /// Seconds until what is kept is too old. 0: never.
    pub timeout: u64,
}

impl FactSettings {
    /// From the words of ansible.cfg; `~` at the start of the connection is the user's home.
    ///
    /// # Errors
    /// A word that means nothing, a kind of cache that is not supported, a missing directory name.
    pub fn new(
        gathering: &str,
        plugin: &str,
        connection: Option<&str>,
        prefix: &str,
        timeout: u64,
    ) -> Result<FactSettings, Diagnostic> {
        let gathering = match gathering {
            "implicit" => Gathering::Implicit,
            "explicit" => Gathering::Explicit,
            "smart" => Gathering::Smart,
            other => {
                return Err(Diagnostic::error(format!(
                    "expected implicit, explicit or smart for `gathering`, found `{other}`"
                )));
            }
        };
        let cache = match plugin.strip_prefix("ansible.builtin.").unwrap_or(plugin) {
            "memory" => None,
            "jsonfile" => {
                let Some(directory) = connection.filter(|directory| !directory.is_empty()) else {
                    let error = "`fact_caching = jsonfile` needs a directory";
                    return Err(
                        Diagnostic::error(error).help("give it as `fact_caching_connection`")
                    );
                };
                let home = std::env::home_dir().unwrap_or_default();
                let directory = match directory.strip_prefix("~/") {
                    Some(rest) => home.join(rest),
                    None => PathBuf::from(directory),
                };
                Some(FactCache { directory, prefix: prefix.to_owned(), timeout })
            }
            other => {
                return Err(Diagnostic::error(format!(
                    "facts cannot be kept by `{other}`: expected memory or jsonfile"
                )));
            }
        };
        Ok(FactSettings { gathering, cache, flush: false, hidden: false })
    }
}
