//! `setup`: gathers facts about a host, in one round trip and without Python.
//!
//! ```yaml
//! - setup:
//!     gather_subset: [min, network]
//! - setup:
//!     filter: ansible_distribution*
//! ```

mod collectors;
mod devices;
mod distribution;
mod hardware;
mod host;
mod local;
mod network;
mod platform;
mod sections;
mod virtualization;

use serde_json::{Map, Value};

use self::sections::Sections;
use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Plan, Probe, Reply, Result, Words, ask, sh,
};

/// Gathers facts: what a play with `gather_facts` asks each host before its first task.
///
/// `register` gets `ansible_facts`; in later tasks they are variables, with and without the
/// prefix `ansible_` (`ansible_facts.distribution`, `ansible_distribution`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// What to gather: `all`, `min`, `hardware`, `network`, `virtual`, or the name of a part of
    /// one; with `!` what not to. `min` is always in, unless there is `!min`; with nothing but
    /// `!…` there is nothing but `min`. Default: `all`.
    gather_subset: Option<Words>,
    /// Patterns (`*`, `?`, `[…]`) of the facts to keep, with or without `ansible_`. Default: all.
    filter: Option<Words>,
    /// Seconds that a slow part (a mount, a local fact) may take. Default: 10.
    #[serde(default = "ten")]
    gather_timeout: u32,
    /// Directory of local facts on the host: `NAME.fact`, JSON or INI, or a program that prints
    /// them. Default: `/etc/ansible/facts.d`.
    #[serde(default = "fact_path")]
    fact_path: String,
}

fn ten() -> u32 {
    10
}

fn fact_path() -> String {
    "/etc/ansible/facts.d".into()
}

impl Setup {
    fn collectors(&self) -> Result<Vec<&'static str>> {
        collectors::chosen(self.gather_subset.as_ref().map_or(&[], |words| words))
    }

    /// Whether a fact of this name, prefix and all, is kept.
    fn keeps(&self, name: &str) -> bool {
        let Some(patterns) = &self.filter else { return true };
        let mut patterns = patterns.iter().filter(|pattern| !pattern.is_empty()).peekable();
        let short = name.strip_prefix("ansible_").unwrap_or(name);
        patterns.peek().is_none()
            || patterns.any(|pattern| glob(pattern, name) || glob(pattern, short))
    }
}

impl Module for Setup {
    const NAMES: &'static [&'static str] = &["setup", "gather_facts"];
    type State = Reply;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Reply> {
        match self.collectors() {
            Err(why) => Probe::refuse(why),
            Ok(collectors) => ask(sh(
                include_str!("facts.sh"),
                [
                    collectors.join(" "),
                    facts.path(&self.fact_path),
                    self.gather_timeout.to_string(),
                ],
            )),
        }
    }

    fn plan(&self, facts: &Facts, reply: Reply) -> Result<Plan> {
        let collectors = self.collectors()?;
        let text = reply.out();
        let sections = Sections::new(&text);
        let mut found = Map::new();
        let mut warnings = Vec::new();
        for collector in &collectors {
            match *collector {
                "distribution" => distribution::gather(&sections, &mut found),
                "platform" => platform::gather(&sections, &mut found),
                "hardware" => {
                    hardware::gather(&sections, &mut found);
                    devices::gather(&sections, &mut found);
                }
                "network" => network::gather(&sections, &mut found),
                "virtual" => virtualization::gather(&sections, &mut found),
                "local" => {
                    let path = facts.path(&self.fact_path);
                    local::gather(&sections, &path, &mut found, &mut warnings);
                }
                other => host::gather(other, &sections, facts, &mut found),
            }
        }
        let subset = match &self.gather_subset {
            Some(words) => words.to_vec().into(),
            None => vec!["all"].into(),
        };
        let about =
            [("gather_subset".to_owned(), subset), ("module_setup".to_owned(), true.into())];
        let kept: Map<String, Value> = found
            .into_iter()
            .map(|(name, value)| (format!("ansible_{name}"), value))
            .chain(about)
            .filter(|(name, _)| self.keeps(name))
            .collect();
        let plan = Plan::none().value("ansible_facts", kept);
        Ok(warnings.into_iter().fold(plan, Plan::warn))
    }
}

/// Whether a shell pattern matches a whole name.
fn glob(pattern: &str, name: &str) -> bool {
    let mut regex = String::from("^(?s)");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => regex += ".*",
            '?' => regex += ".",
            '[' => match chars.as_str().split_once(']') {
                Some((class, rest)) if !class.is_empty() => {
                    let class = class.replace('\\', r"\\").replacen(
                        '!',
                        "^",
                        usize::from(class.starts_with('!')),
                    );
                    regex += &format!("[{class}]");
                    chars = rest.chars();
                }
                _ => regex += r"\[",
            },
            c => regex += &regex::escape(c.encode_utf8(&mut [0; 4])),
        }
    }
    regex += "$";
    regex::Regex::new(&regex).is_ok_and(|regex| regex.is_match(name))
}
