//! `service_facts`: the services of a host and how they fare, as facts.
//!
//! ```yaml
//! - service_facts:
//! ```
//!
//! Then `ansible_facts.services['nginx.service'].state` is `running`, if nginx runs.

use serde_json::{Map, Value, json};

use crate::kit::{Deserialize, Facts, JsonSchema, Module, Plan, Probe, Reply, Result, ask, sh};

/// Lists services; changes nothing.
///
/// The fact `services` is a mapping from names to mappings with `name`, `source` (`systemd` or
/// `sysv`), `state` (`running`, `stopped`, …) and, of systemd, `status` (`enabled`, `static`, …).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceFacts {}

/// What systemd says of a unit in the place of a state.
const BAD: [&str; 3] = ["failed", "masked", "not-found"];

impl Module for ServiceFacts {
    const NAMES: &'static [&'static str] = &["service_facts"];
    type State = Reply;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Reply> {
        ask(sh(include_str!("service_facts.sh"), [""; 0]))
    }

    fn plan(&self, _: &Facts, reply: Reply) -> Result<Plan> {
        let text = reply.out();
        let sections: Vec<(&str, &str)> =
            text.split("@@ ").skip(1).filter_map(|part| part.split_once('\n')).collect();
        let lines = |name: &str| {
            let text = sections.iter().find(|(known, _)| *known == name).map_or("", |(_, t)| t);
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>())
        };
        let mut services: Map<String, Value> = Map::new();
        for words in lines("sysv") {
            if let ["[", sign, "]", name @ ..] = &words[..]
                && !name.is_empty()
            {
                let name = name.join(" ");
                let state = if *sign == "+" { "running" } else { "stopped" };
                let service = json!({ "name": name, "state": state, "source": "sysv" });
                services.insert(name, service);
            }
        }
        for words in lines("units") {
            let [name, load, active, sub, ..] = words[..] else { continue };
            let bad = BAD.into_iter().find(|bad| [load, active, sub].contains(bad));
            let state = if sub == "running" { "running" } else { "stopped" };
            let service = json!({
                "name": name, "state": state, "status": bad.unwrap_or(active), "source": "systemd",
            });
            services.insert(name.to_owned(), service);
        }
        let states: Map<String, Value> = lines("states")
            .filter_map(|words| Some(((*words.first()?).to_owned(), (*words.get(1)?).into())))
            .collect();
        for words in lines("files") {
            let [name, status, ..] = words[..] else { continue };
            match services.get_mut(name) {
                Some(service) => {
                    if !BAD.iter().any(|bad| service["status"] == *bad) {
                        service["status"] = status.into();
                    }
                }
                None => {
                    let state = states.get(name).cloned().unwrap_or("unknown".into());
                    let service = json!({
                        "name": name, "state": state, "status": status, "source": "systemd",
                    });
                    services.insert(name.to_owned(), service);
                }
            }
        }
        Ok(Plan::none().value("ansible_facts", json!({ "services": services })))
    }
}
