//! `ping`: proves that a host can be reached and acted upon.
//!
//! ```yaml
//! - ping:
//! ```

use crate::kit::{Deserialize, Facts, JsonSchema, Module, Plan, Probe, Refusal, Result};

/// Does nothing, which succeeds if the host answers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ping {
    /// What comes back under the key `ping`. `crash` makes the task fail.
    #[serde(default = "pong")]
    data: String,
}

fn pong() -> String {
    "pong".into()
}

impl Module for Ping {
    const NAMES: &'static [&'static str] = &["ping"];
    type State = ();

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, ()> {
        Probe::known(())
    }

    fn plan(&self, _: &Facts, (): ()) -> Result<Plan> {
        match self.data.as_str() {
            "crash" => Err(Refusal::new("boom")),
            data => Ok(Plan::none().value("ping", data)),
        }
    }
}
