//! `getent`: entries of the host's databases (passwd, group, hosts, services, …) as facts.
//!
//! ```yaml
//! - getent:
//!     database: passwd
//!     key: root
//! ```
//!
//! Then `ansible_facts.getent_passwd.root` is the entry of root.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::command::yes;
use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, ask, sh,
};

/// Asks a database of the host; changes nothing.
///
/// The fact `getent_DATABASE` is a mapping from the first field of each entry to a list of the
/// others; what is not found is null.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Getent {
    /// The database: `passwd`, `group`, `hosts`, `services`, … Required.
    database: String,
    /// The entry that is wanted. Default: all of them, where the database can list them.
    #[serde(default)]
    key: String,
    /// Ask only this source, such as `files` or `ldap`. Default: all that are configured.
    service: Option<String>,
    /// What separates fields. Default: `:` in passwd, shadow, group and gshadow, else white space.
    split: Option<String>,
    /// Whether a key that is not found is a failure. Default: true.
    #[serde(default = "yes")]
    fail_key: bool,
}

impl Module for Getent {
    const NAMES: &'static [&'static str] = &["getent"];
    type State = Reply;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Reply> {
        ask(sh(
            r#"command -v getent >/dev/null || { echo "getent: not found" >&2; exit 127; }
set -- "$1" "$2" ${3:+-s "$3"}
database=$1 key=$2; shift 2
if [ -n "$key" ]; then getent "$@" -- "$database" "$key"; else getent "$@" -- "$database"; fi"#,
            [&self.database, &self.key, self.service.as_ref().unwrap_or(&String::new())],
        ))
    }

    fn plan(&self, _: &Facts, reply: Reply) -> Result<Plan> {
        let colons = matches!(&*self.database, "passwd" | "shadow" | "group" | "gshadow");
        let split = self.split.as_deref().or(colons.then_some(":"));
        let mut found = Map::new();
        let mut plan = Plan::none();
        const MISSING: &str = "One or more supplied key could not be found in the database.";
        match reply.status {
            0 => {}
            1 => return Err(Refusal::new("Missing arguments, or database unknown.")),
            2 if self.fail_key => return Err(Refusal::new(MISSING)),
            2 => {
                found.insert(self.key.clone(), Value::Null);
                plan = plan.value("msg", MISSING);
            }
            3 => return Err(Refusal::new("Enumeration not supported on this database.")),
            127 => return Err(Refusal::new("there is no `getent` on the host")),
            _ => return Err(Refusal::new("Unexpected failure!")),
        }
        let text = if reply.status == 0 { reply.out() } else { String::new() };
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for line in text.lines() {
            let fields: Vec<&str> = match split {
                Some(split) => line.split(split).collect(),
                None => line.split_whitespace().collect(),
            };
            let Some((name, rest)) = fields.split_first() else { continue };
            let count = counts.entry(name).or_default();
            *count += 1;
            // Of several entries of one name all are told.
            match (*count, found.get_mut(*name)) {
                (2, Some(first)) => *first = json!([first.take(), rest]),
                (3.., Some(Value::Array(all))) => all.push(json!(rest)),
                _ => drop(found.insert((*name).to_owned(), json!(rest))),
            }
        }
        let mut facts = Map::new();
        facts.insert(format!("getent_{}", self.database), found.into());
        Ok(plan.value("ansible_facts", facts))
    }
}
