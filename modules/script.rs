//! `script`: sends a script of this machine to the host, runs it there, removes it.
//!
//! ```yaml
//! - script: bootstrap.sh --site "my site"
//!   args:
//!     creates: /srv/site
//!     executable: /bin/bash
//! ```

use std::sync::Arc;

use crate::command::yes;
use crate::guard::{Guard, Verdict};
use crate::kit::{
    Command, Deserialize, Diff, Facts, JsonSchema, Module, Need, Plan, Probe, Program, Refusal,
    Result, Step, Supply,
};
use crate::words;

/// Runs a script that lies on this machine, on the host. The host need not have it.
///
/// `register` gets `rc`, `stdout`, `stderr` and their `_lines`; newlines at the end are kept.
/// Arguments are passed word by word: no shell reads them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upload {
    /// The script, looked for in `files/`, and its arguments; quotes as in a shell. Required.
    #[serde(alias = "_raw_params")]
    cmd: String,
    /// Directory on the host to run in. Default: the home directory of the user we act as.
    chdir: Option<String>,
    /// A path or pattern on the host: if it matches something, the script is not run.
    creates: Option<String>,
    /// A path or pattern on the host: if nothing matches it, the script is not run.
    removes: Option<String>,
    /// The program to run the script with, by name or path. Default: what its first line says.
    executable: Option<String>,
    /// Decrypt a script that is encrypted with the vault. Only true is supported. Default: true.
    #[serde(default = "yes")]
    decrypt: bool,
    #[serde(skip)]
    content: Option<Arc<[u8]>>,
}

impl Upload {
    fn guard(&self) -> Guard<'_> {
        Guard {
            creates: self.creates.as_deref(),
            removes: self.removes.as_deref(),
            chdir: self.chdir.as_deref(),
        }
    }

    /// The script's path, and its arguments.
    fn words(&self) -> Result<(String, Vec<String>)> {
        let mut words = words::split(&self.cmd)?.into_iter();
        let path = words.next().ok_or_else(|| Refusal::new("no script given"))?;
        Ok((path, words.collect()))
    }
}

impl Module for Upload {
    const NAMES: &'static [&'static str] = &["script"];
    const FREE_FORM: Option<&'static str> = Some("cmd");
    type State = Verdict;

    fn needs(&self) -> Vec<Need> {
        self.words().map(|(src, _)| Need::File { src }).into_iter().collect()
    }

    fn supply(&mut self, supplies: Vec<Supply>) -> Result<()> {
        match supplies.into_iter().next() {
            Some(Supply::File { content, .. }) => self.content = Some(content),
            Some(Supply::Tree { path, .. }) => {
                return Err(format!("expected a script, found the directory `{path}`").into());
            }
            None => {}
        }
        Ok(())
    }

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Verdict> {
        match self.words() {
            Err(why) => Probe::refuse(why),
            Ok(_) if !self.decrypt => Probe::refuse("`decrypt: false` is not supported"),
            Ok(_) => self.guard().probe(facts),
        }
    }

    fn plan(&self, facts: &Facts, verdict: Verdict) -> Result<Plan> {
        let skip = |why: String| Ok(Plan::none().value("skipped", true).value("msg", why));
        match verdict {
            Verdict::Exists(path) => {
                return skip(format!("{path} exists, matching creates option"));
            }
            Verdict::Missing(path) => {
                return skip(format!("{path} does not exist, matching removes option"));
            }
            Verdict::Run => {}
        }
        let (path, args) = self.words()?;
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let content =
            self.content.clone().ok_or_else(|| Refusal::new("the script was not read"))?;
        let program = Program::Upload { name, content, args, executable: self.executable.clone() };
        let command = Command {
            program,
            chdir: self.chdir.as_ref().map(|dir| facts.path(dir)),
            stdin: None,
            strip_ends: false,
            must_succeed: true,
        };
        let note = Diff::Note(format!("run script {}", self.cmd.trim()));
        let plan = Plan::none().change(note, Step::Command(command));
        match self.creates {
            // The verifying plan is a skip; what `register` gets is not.
            Some(_) => Ok(plan.value_on_change("skipped", false).value_on_change("msg", "")),
            None => Ok(plan.never_settles()),
        }
    }
}
