//! `setup`: gathers facts about a host, in one round trip and without Python.
//!
//! ```yaml
//! - setup:
//!     gather_subset: [min, network]
//! - setup:
//!     filter: ansible_distribution*
//! ```

mod hardware;
mod host;
mod network;
mod sections;

use serde_json::{Map, Value};

use self::sections::Sections;
use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Words, ask, sh,
};

/// Gathers facts: what a play with `gather_facts` asks each host before its first task.
///
/// `register` gets `ansible_facts`; in later tasks they are variables, with and without the
/// prefix `ansible_` (`ansible_facts.distribution`, `ansible_distribution`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// What to gather: `all`, `min`, `hardware`, `network`, `virtual`, or the name of a part of
    /// one; with `!` what not to. `min` is always in, unless there is `!min`. Default: `all`.
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

/// The parts that can be named, by the group they are gathered with.
const PARTS: [(&str, &[&str]); 4] = [
    (
        "min",
        &[
            "apparmor",
            "caps",
            "chroot",
            "cmdline",
            "date_time",
            "distribution",
            "dns",
            "env",
            "fips",
            "local",
            "lsb",
            "pkg_mgr",
            "platform",
            "python",
            "selinux",
            "service_mgr",
            "ssh_pub_keys",
            "system_capabilities",
            "systemd",
            "user",
        ],
    ),
    ("hardware", &["cpu", "devices", "dmi", "loadavg", "memory", "mounts", "processor", "uptime"]),
    (
        "network",
        &[
            "all_ipv4_addresses",
            "all_ipv6_addresses",
            "default_ipv4",
            "default_ipv6",
            "fibre_channel_wwn",
            "interfaces",
            "iscsi",
            "nvme",
        ],
    ),
    (
        "virtual",
        &[
            "virtualization_role",
            "virtualization_tech_guest",
            "virtualization_tech_host",
            "virtualization_type",
        ],
    ),
];

impl Setup {
    /// The groups to gather.
    fn subsets(&self) -> Result<Vec<&'static str>> {
        let given: &[String] = self.gather_subset.as_ref().map_or(&[], |words| words);
        let mut wanted: Vec<&str> = Vec::new();
        let mut unwanted: Vec<&str> = Vec::new();
        for word in given {
            let (name, list) = match word.strip_prefix('!') {
                Some(name) => (name, &mut unwanted),
                None => (word.as_str(), &mut wanted),
            };
            match PARTS.iter().find(|(group, parts)| *group == name || parts.contains(&name)) {
                Some((group, _)) if *group == name || !word.starts_with('!') => list.push(group),
                // A part of a group that is left out: the group is gathered as one.
                Some(_) => {}
                None if name == "all" => list.extend(PARTS.iter().map(|(group, _)| *group)),
                None if matches!(name, "facter" | "ohai") => {}
                None => {
                    let groups = PARTS.iter().flat_map(|(group, parts)| {
                        std::iter::once(*group).chain(parts.iter().copied())
                    });
                    let known = groups.collect::<Vec<_>>().join(", ");
                    let why = format!(
                        "Bad subset '{name}' given to Ansible. gather_subset options allowed: all, {known}"
                    );
                    return Err(Refusal::new(why));
                }
            }
        }
        let everything = wanted.is_empty();
        // `!all` still leaves the minimum; only `!min` takes it away.
        let no_minimum = given.iter().any(|word| word == "!min");
        Ok(PARTS
            .iter()
            .map(|(group, _)| *group)
            .filter(|group| match *group {
                "min" => !no_minimum,
                group => !unwanted.contains(&group) && (everything || wanted.contains(&group)),
            })
            .collect())
    }

    fn keeps(&self, name: &str) -> bool {
        let Some(patterns) = &self.filter else { return true };
        let full = format!("ansible_{name}");
        patterns.is_empty()
            || patterns.iter().any(|pattern| glob(pattern, &full) || glob(pattern, name))
    }
}

impl Module for Setup {
    const NAMES: &'static [&'static str] = &["setup", "gather_facts"];
    type State = Reply;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Reply> {
        match self.subsets() {
            Err(why) => Probe::refuse(why),
            Ok(subsets) => ask(sh(
                include_str!("facts.sh"),
                [subsets.join(" "), facts.path(&self.fact_path), self.gather_timeout.to_string()],
            )),
        }
    }

    fn plan(&self, facts: &Facts, reply: Reply) -> Result<Plan> {
        let subsets = self.subsets()?;
        let text = reply.out();
        let sections = Sections::new(&text);
        let mut found = Map::new();
        for subset in &subsets {
            match *subset {
                "min" => host::gather(&sections, facts, &mut found),
                "hardware" => hardware::gather(&sections, &mut found),
                "network" => network::gather(&sections, &mut found),
                _ => host::gather_virtual(&sections, &mut found),
            }
        }
        let kept: Map<String, Value> = found
            .into_iter()
            .filter(|(name, _)| self.keeps(name))
            .map(|(name, value)| (format!("ansible_{name}"), value))
            .chain([
                (
                    "gather_subset".to_owned(),
                    match &self.gather_subset {
                        Some(words) => words.to_vec().into(),
                        None => vec!["all"].into(),
                    },
                ),
                ("module_setup".to_owned(), true.into()),
            ])
            .collect();
        Ok(Plan::none().value("ansible_facts", kept))
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
