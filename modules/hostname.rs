//! `hostname`: what the host calls itself.
//!
//! ```yaml
//! - hostname: { name: web1 }
//! ```

use serde_json::{Map, Value};

use crate::content::{Found, Writing};
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Step, ask,
    sh,
};
use crate::text_file;

/// Sets the host's name, now and in `/etc/hostname`.
///
/// `register` gets `name`, and the facts `ansible_hostname`, `ansible_nodename`, `ansible_fqdn` and
/// `ansible_domain`. `/etc/hosts` is left alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hostname {
    /// The name, at most 64 letters. Required.
    name: String,
    /// How: `systemd`, `debian` and `alpine` mean the same here, the rest is refused.
    /// Default: as the host does it.
    #[serde(rename = "use")]
    #[expect(dead_code, reason = "all choices mean the same")]
    how: Option<How>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum How {
    Generic,
    Systemd,
    Debian,
    Alpine,
}

impl Hostname {
    fn check(&self) -> Result<()> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let name = self.name.as_str();
        if name.is_empty() || name.starts_with('-') || !name.chars().all(fits) {
            return Err(Refusal::new(format!(
                "expected a name of letters, digits, `-` and `.`, found `{name}`"
            )));
        }
        match name.len() {
            0..=64 => Ok(()),
            _ => Err(Refusal::new("name cannot be longer than 64 characters, try a shorter name")),
        }
    }
}

impl Module for Hostname {
    const NAMES: &'static [&'static str] = &["hostname"];
    type State = ((Found, bool), Reply);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        match self.check() {
            Ok(()) => text_file::open(facts, "/etc/hostname", true).and(ask(sh(LOOK, [""; 0]))),
            Err(why) => Probe::refuse(why),
        }
    }

    fn plan(&self, _: &Facts, (file, reply): Self::State) -> Result<Plan> {
        let name = self.name.as_str();
        let out = reply.out();
        let mut answer = out.lines();
        let (now, full) = (answer.next().unwrap_or_default(), answer.next().unwrap_or_default());
        let writing = Writing { attributes: <_>::default(), backup: false, validate: None };
        let mut plan = text_file::edit(&file, &writing, |old| {
            let said =
                old.text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
            Ok((said != Some(name)).then(|| (format!("{name}\n"), String::new())))
        })?;
        plan.values.clear();
        plan.on_change.clear();
        if now != name {
            let step = Step::run(sh(SET, [name]));
            plan = plan.change(Diff::field("host", "name", now, name), step);
        }
        let full = if full.is_empty() { name } else { full };
        let mut facts = Map::new();
        for (key, value) in [
            ("ansible_hostname", name.split('.').next().unwrap_or_default()),
            ("ansible_nodename", name),
            ("ansible_fqdn", full),
            ("ansible_domain", full.split_once('.').map_or("", |(_, domain)| domain)),
        ] {
            facts.insert(key.into(), Value::from(value));
        }
        Ok(plan.value("name", name).value("ansible_facts", facts))
    }
}

const LOOK: &str = r#"# what is the host called, in short and in full
uname -n
hostname -f 2>/dev/null || :
"#;

const SET: &str = r#"# set the host's name
if command -v hostname >/dev/null; then hostname "$1"; else
    printf '%s\n' "$1" >/proc/sys/kernel/hostname
fi
"#;
