//! Templates: the values of expressions, conditions, variables and template files.
//!
//! - The engine is minijinja; what it means is Ansible's, as ansible-core 2.19 has it.
//! - Only text from YAML is ever a template: facts, results and `!unsafe` text are values.
//! - An undefined value may be looked into, tested for being defined and replaced by `default`;
//!   to print, compare, test, iterate or filter it is an error that names it.
//! - Evaluation is synchronous and touches only the controller: lookups read files here.

mod call;
mod chance;
mod collections;
mod compile;
mod error;
mod evaluate;
mod fault;
mod file;
mod filters;
mod format;
mod functions;
mod grammar;
mod ini;
mod json;
mod lazy;
mod lookups;
mod methods;
mod moment;
mod mutable;
pub mod names;
mod passed;
mod prepare;
mod print;
mod python;
mod register;
mod syntax;
mod tests;
mod value;
mod version;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use rprov_modules::kit::{Node, Span};

pub use self::error::{ErrorKind, Link, TemplateError};
pub(crate) use self::filters::path::normal as normal_path;
pub(crate) use self::json::pretty_json;
pub(crate) use self::print::text as shown;
pub use self::value::{fixed, from_json, from_node, is_omit, omit, to_node};

/// What a variable is before it is used.
#[derive(Debug, Clone)]
pub enum Raw {
    /// From YAML: may hold templates.
    Node(Node),
    /// Final: a fact, a registered result, a loop item. Never a template.
    Value(Value),
}

/// Answers what a name means; the precedence of variables is its business.
pub trait Scope: Send + Sync + fmt::Debug {
    fn get(&self, name: &str) -> Option<Raw>;
    /// The same, but nothing that is only implied because nobody has set it.
    fn given(&self, name: &str) -> Option<Raw> {
        self.get(name)
    }
    /// All names, for "did you mean".
    fn names(&self) -> Vec<String>;
}

/// Where lookups, `include` and `template` look for files: each directory in turn.
///
/// Ansible's order: for a role its own directory, then the directory of the task file, then the
/// playbook's. In each, first below `files/`, `templates/` or `vars/` (as the lookup asks), then
/// in the directory itself.
#[derive(Debug, Clone, Default)]
pub struct Search {
    pub dirs: Vec<PathBuf>,
}

impl Search {
    /// The first existing file or directory called `name`. An absolute path is only checked.
    /// Existence is tested as the path is written, `..` and all.
    pub fn find(&self, below: &str, name: &str) -> Option<PathBuf> {
        let path = expand_home(name);
        if path.is_absolute() {
            return path.exists().then_some(path);
        }
        self.candidates(below, &path).into_iter().find(|path| path.exists())
    }

    /// Every path that [`Search::find`] would try.
    pub fn candidates(&self, below: &str, name: &Path) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for dir in &self.dirs {
            if !below.is_empty() && !name.starts_with(below) {
                paths.push(dir.join(below).join(name));
            }
            paths.push(dir.join(name));
        }
        paths
    }
}

/// `~` and `~/…` are the user's home directory.
fn expand_home(name: &str) -> PathBuf {
    match (name.strip_prefix('~'), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            PathBuf::from(home).join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(name),
    }
}

/// Opens a vault envelope: ciphertext in, plaintext out.
pub type Decrypt = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, DecryptError> + Send + Sync>;

/// Is told every text that is a secret, so that it is never printed.
pub type Secrets = Arc<dyn Fn(&str) + Send + Sync>;

/// Why an envelope cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecryptError {
    pub reason: String,
    pub help: Option<String>,
}

/// The variables and directories a template is evaluated in: one per task and host.
///
/// Cheap to clone; clones share what was already evaluated.
#[derive(Clone)]
pub struct Context {
    pub scope: Arc<dyn Scope>,
    pub search: Search,
    /// Opens `!vault` scalars and vaulted files that lookups read.
    pub decrypt: Option<Decrypt>,
    locals: Arc<HashMap<String, Raw>>,
    memo: Arc<Mutex<HashMap<String, Value>>>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("search", &self.search).finish_non_exhaustive()
    }
}

impl Context {
    pub fn new(scope: Arc<dyn Scope>, search: Search) -> Context {
        Context { scope, search, decrypt: None, locals: Arc::default(), memo: Arc::default() }
    }

    #[must_use]
    pub fn decrypt_with(mut self, decrypt: Decrypt) -> Context {
        self.decrypt = Some(decrypt);
        self
    }

    /// The same with more variables, which win: the loop's `item`, a task's `vars`.
    #[must_use]
    pub fn with(&self, extra: impl IntoIterator<Item = (String, Raw)>) -> Context {
        let mut locals = (*self.locals).clone();
        locals.extend(extra);
        Context { locals: Arc::new(locals), memo: Arc::default(), ..self.clone() }
    }

    fn lookup(&self, name: &str) -> Option<Raw> {
        self.locals.get(name).cloned().or_else(|| self.scope.get(name))
    }

    /// Every name that can be used.
    fn names(&self) -> Vec<String> {
        self.locals.keys().cloned().chain(self.scope.names()).collect()
    }

    fn remembered(&self, name: &str) -> Option<Value> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn remember(&self, name: &str, value: &Value) {
        self.memo
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), value.clone());
    }

    /// Tells contexts apart: the same variable of another host is another variable.
    fn identity(&self) -> usize {
        Arc::as_ptr(&self.memo) as usize
    }

    fn decrypt(&self, envelope: &[u8], span: Span) -> Result<String, TemplateError> {
        let failed = |reason: String| TemplateError::new(ErrorKind::Failed, reason, span);
        let Some(decrypt) = &self.decrypt else {
            return Err(failed("cannot decrypt: no vault password is known".into())
                .help("give one with `--vault-password-file` or `--ask-vault-pass`"));
        };
        let plain = decrypt(envelope).map_err(|error| TemplateError {
            help: error.help,
            ..failed(format!("cannot decrypt: {}", error.reason))
        })?;
        String::from_utf8(plain).map_err(|_| failed("the decrypted text is not UTF-8".into()))
    }
}

/// How a template file is to be read. The default is the `template` module's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    pub block_start_string: String,
    pub block_end_string: String,
    pub variable_start_string: String,
    pub variable_end_string: String,
    pub comment_start_string: String,
    pub comment_end_string: String,
    /// Written at every line end.
    pub newline_sequence: String,
    /// Drop the newline after a block.
    pub trim_blocks: bool,
    /// Drop the spaces before a block.
    pub lstrip_blocks: bool,
    /// The number of the file in the source map; 0 if it is not there.
    pub file: u32,
}

impl Default for FileOptions {
    fn default() -> FileOptions {
        FileOptions {
            block_start_string: "{%".into(),
            block_end_string: "%}".into(),
            variable_start_string: "{{".into(),
            variable_end_string: "}}".into(),
            comment_start_string: "{#".into(),
            comment_end_string: "#}".into(),
            newline_sequence: "\n".into(),
            trim_blocks: true,
            lstrip_blocks: false,
            file: 0,
        }
    }
}

/// Evaluates templates. One per run; cheap to clone; shares its compiled expressions.
#[derive(Clone, Debug, Default)]
pub struct Templar {
    shared: Arc<evaluate::Shared>,
}
