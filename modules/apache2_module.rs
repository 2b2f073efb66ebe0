//! `apache2_module`: modules of Apache that Debian's `a2enmod` and `a2dismod` switch on and off.
//!
//! ```yaml
//! - apache2_module: { name: rewrite }
//! - apache2_module: { name: autoindex, state: absent, force: true }
//! - apache2_module: { name: mpm_prefork, ignore_configcheck: true }
//! ```

use crate::command::yes;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Step, ask, sh,
};

/// Switches a module of Apache on or off.
///
/// Whether it is on is what `apache2ctl -M` lists. `register` gets `result`: what was done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apache2Module {
    /// The module, as `a2enmod` is given it: `rewrite`, `php8.2`. Required.
    name: String,
    /// `present`: on; `absent`: off. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// Its name in the list of `apache2ctl -M`. Default: `NAME_module`, with exceptions for PHP,
    /// shib and evasive, whose names differ.
    identifier: Option<String>,
    /// Switch off even what Debian holds essential. Default: false.
    #[serde(default)]
    force: bool,
    /// If the configuration cannot be read, or has an error, take the module for off rather than
    /// fail: with `mpm_…`, of which there may be none for a moment. Default: false.
    #[serde(default)]
    ignore_configcheck: bool,
    /// Warn where that is because no `mpm_…` is on. Default: true.
    #[serde(default = "yes")]
    warn_mpm_absent: bool,
}

/// Names in Apache's list that are not `NAME_module`: how a2enmod calls it, and what is listed.
const LISTED: &[(&str, &str)] =
    &[("shib", "mod_shib"), ("shib2", "mod_shib"), ("evasive", "evasive20_module")];

impl Apache2Module {
    fn identifier(&self) -> String {
        let name = self.name.as_str();
        if let Some(identifier) = &self.identifier {
            return identifier.clone();
        }
        if let Some((_, listed)) = LISTED.iter().find(|(known, _)| *known == name) {
            return (*listed).to_owned();
        }
        // php5.6 → php5_module, php7.4 → php7_module; from 8 on it is php_module.
        let php = name.strip_prefix("php").and_then(|version| version.chars().next());
        match php {
            Some(version @ '5'..='7') => format!("php{version}_module"),
            Some('8'..='9') => "php_module".to_owned(),
            _ => format!("{name}_module"),
        }
    }

    fn state_word(&self) -> &'static str {
        match self.state {
            Presence::Present => "enabled",
            Presence::Absent => "disabled",
        }
    }

    /// Whether the module is on.
    fn is_on(&self, listed: &Reply, plan: &mut Plan) -> Result<bool> {
        if listed.ok() {
            let identifier = format!(" {} ", self.identifier());
            return Ok(listed.out().lines().any(|line| format!("{line} ").contains(&identifier)));
        }
        let why = listed.err();
        let no_mpm = why.contains("AH00534");
        match self.ignore_configcheck || (no_mpm && self.name.starts_with("mpm_")) {
            true if no_mpm && !self.warn_mpm_absent => Ok(false),
            true => {
                plan.warnings.push(match no_mpm {
                    true => "no `mpm_…` module is on: Apache does not start so".to_owned(),
                    false => format!("Apache's configuration is in error: {}", why.trim()),
                });
                Ok(false)
            }
            false => Err(Refusal::new(format!(
                "Apache's configuration is in error: {}; `ignore_configcheck: true` goes on regardless",
                why.trim()
            ))),
        }
    }
}

impl Module for Apache2Module {
    const NAMES: &'static [&'static str] = &["apache2_module"];
    type State = Reply;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Reply> {
        let letter = |c: char| c.is_ascii_alphanumeric() || "_.-+".contains(c);
        if self.name.is_empty() || self.name.starts_with('-') || !self.name.chars().all(letter) {
            return Probe::refuse(format!("expected the name of a module, found `{}`", self.name));
        }
        if self.name == "cgi" && self.state == Presence::Present {
            return ask(sh(LIST, ["cgi"])).try_map(|listed| {
                match listed.out().contains(" mpm_prefork_module ") {
                    true => Ok(listed),
                    false if !listed.ok() => Ok(listed),
                    false => Err("`cgi` goes with mpm_prefork only; use `cgid`".into()),
                }
            });
        }
        ask(sh(LIST, [&self.name]))
    }

    fn plan(&self, _: &Facts, listed: Reply) -> Result<Plan> {
        if listed.status == 127 {
            return Err(
                "there is no apache2ctl, a2enmod or a2dismod on the host; install apache2 first"
                    .into(),
            );
        }
        let mut plan = Plan::none();
        let on = self.is_on(&listed, &mut plan)?;
        let (name, word) = (self.name.as_str(), self.state_word());
        if on == (self.state == Presence::Present) {
            return Ok(plan.value("result", format!("Module {name} {word}")));
        }
        let force = if self.force { "-f" } else { "" };
        let tool = if on { "a2dismod" } else { "a2enmod" };
        let before = if on { "enabled" } else { "disabled" };
        let script = sh(SWITCH, [tool, name, force]);
        Ok(plan
            .change(Diff::field(name, "state", before, word), Step::run(script))
            .value("result", format!("Module {name} {word}")))
    }
}

const LIST: &str = r#"# which modules of Apache are on
ctl=$(command -v apache2ctl || command -v apachectl) && command -v a2enmod >/dev/null || exit 127
LC_ALL=C "$ctl" -M
"#;

/// a2enmod and a2dismod tell of what they do, and of errors, on either stream.
const SWITCH: &str = r#"# switch a module of Apache: TOOL NAME FORCE
said=$(LC_ALL=C "$1" $3 -- "$2" 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
"#;
