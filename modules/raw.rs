//! `raw`: hands a text to the login shell as it is.
//!
//! ```yaml
//! - raw: uname -a
//! ```

use crate::kit::{
    Command, Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Program, Result, Step,
};

/// Hands a text to the login shell, nothing added. Runs, and is `changed`, every time.
///
/// `register` gets `rc`, `stdout`, `stderr` and their `_lines`; newlines at the end are kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    /// The text. Required; written as the value of `raw` itself.
    #[serde(rename = "_raw_params")]
    text: String,
    /// The shell, by its absolute path. Default: the user's login shell.
    executable: Option<String>,
    /// Passed over with a warning, as are `removes` and `chdir`: `shell` knows them. Default: none.
    creates: Option<String>,
    /// See `creates`. Default: none.
    removes: Option<String>,
    /// See `creates`. Default: none.
    chdir: Option<String>,
}

impl Module for Raw {
    const NAMES: &'static [&'static str] = &["raw"];
    const FREE_FORM: Option<&'static str> = Some("_raw_params");
    type State = ();

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, ()> {
        match self.text.trim().is_empty() {
            true => Probe::refuse("no command given"),
            false => Probe::known(()),
        }
    }

    fn plan(&self, _: &Facts, (): ()) -> Result<Plan> {
        let program = Program::Raw { text: self.text.clone(), executable: self.executable.clone() };
        let command =
            Command { program, chdir: None, stdin: None, strip_ends: false, must_succeed: true };
        let note = Diff::Note(format!("run {}", self.text.trim()));
        let plan = Plan::none().change(note, Step::Command(command)).never_settles();
        let given =
            [("creates", &self.creates), ("removes", &self.removes), ("chdir", &self.chdir)];
        Ok(given.iter().filter(|(_, value)| value.is_some()).fold(plan, |plan, (name, _)| {
            plan.warn(format!("`{name}` has no effect on `raw`; `shell` takes it"))
        }))
    }
}
