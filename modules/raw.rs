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
        Ok(Plan::none().change(note, Step::Command(command)).never_settles())
    }
}
