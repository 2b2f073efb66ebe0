//! `shell`: runs a text through a shell.
//!
//! ```yaml
//! - shell: grep -c ready < status.log > count.txt
//!   args:
//!     chdir: /var/log/app
//!     executable: /bin/bash
//! ```

use crate::command::{input, yes};
use crate::guard::{Guard, Verdict};
use crate::kit::{Command, Deserialize, Facts, JsonSchema, Module, Plan, Probe, Program, Result};

/// Runs a text through a shell, `/bin/sh` unless told otherwise.
///
/// `register` gets `cmd`, `rc`, `stdout`, `stderr`, their `_lines`, `start`, `end` and `delta`.
/// Without `creates` or `removes` it runs, and is `changed`, every time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shell {
    /// What the shell should do. Required.
    #[serde(alias = "_raw_params")]
    cmd: String,
    /// Directory to run in. Default: the home directory of the user we act as.
    chdir: Option<String>,
    /// A path or pattern (`*`, `?`, `[…]`): if it matches something, nothing is run.
    creates: Option<String>,
    /// A path or pattern: if nothing matches it, nothing is run.
    removes: Option<String>,
    /// The shell, by its absolute path. Default: `/bin/sh`.
    executable: Option<String>,
    /// Text for the standard input. Default: none.
    stdin: Option<String>,
    /// Add a newline to `stdin`. Default: true.
    #[serde(default = "yes")]
    stdin_add_newline: bool,
    /// Drop empty lines from the end of `stdout` and `stderr`. Default: true.
    #[serde(default = "yes")]
    strip_empty_ends: bool,
}

impl Shell {
    fn guard(&self) -> Guard<'_> {
        Guard {
            creates: self.creates.as_deref(),
            removes: self.removes.as_deref(),
            chdir: self.chdir.as_deref(),
        }
    }
}

impl Module for Shell {
    const NAMES: &'static [&'static str] = &["shell"];
    const FREE_FORM: Option<&'static str> = Some("cmd");
    type State = Verdict;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Verdict> {
        match self.cmd.trim().is_empty() {
            true => Probe::refuse("no command given"),
            false => self.guard().probe(facts),
        }
    }

    fn plan(&self, facts: &Facts, verdict: Verdict) -> Result<Plan> {
        let executable = self.executable.as_ref().map(|path| facts.path(path));
        let command = Command {
            program: Program::Shell { text: self.cmd.clone(), executable },
            chdir: self.chdir.as_ref().map(|dir| facts.path(dir)),
            stdin: input(self.stdin.as_ref(), self.stdin_add_newline),
            strip_ends: self.strip_empty_ends,
            must_succeed: true,
        };
        Ok(self.guard().plan(verdict, self.cmd.as_str().into(), self.cmd.trim(), command))
    }
}
