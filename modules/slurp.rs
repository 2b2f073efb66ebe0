//! `slurp`: the content of a file of the host, in base64.
//!
//! ```yaml
//! - slurp:
//!     src: /etc/machine-id
//!   register: id
//! ```
//!
//! Then `id.content | b64decode` is the text.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, ask, sh,
};

/// Reads a file of the host; changes nothing.
///
/// `register` gets `content` in base64, `encoding` and `source`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slurp {
    /// The file. Required.
    #[serde(alias = "path")]
    src: String,
}

impl Module for Slurp {
    const NAMES: &'static [&'static str] = &["slurp"];
    type State = Reply;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Reply> {
        ask(sh(
            r#"# the content of a file
[ -e "$1" ] || exit 2
[ ! -d "$1" ] || exit 21
[ -r "$1" ] || exit 13
exec cat -- "$1""#,
            [facts.path(&self.src)],
        ))
    }

    fn plan(&self, facts: &Facts, reply: Reply) -> Result<Plan> {
        let source = facts.path(&self.src);
        match reply.status {
            0 => Ok(Plan::none()
                .value("content", STANDARD.encode(&reply.stdout))
                .value("source", source)
                .value("encoding", "base64")),
            2 => Err(Refusal::new(format!("File not found: {source}"))),
            13 => Err(Refusal::new(format!("File is not readable: {source}"))),
            21 => Err(Refusal::new(format!("Source is a directory and must be a file: {source}"))),
            _ => Err(Refusal::new(format!("cannot read {source}: {}", reply.err().trim()))),
        }
    }
}
