//! `package_facts`: what is installed, as facts.
//!
//! ```yaml
//! - package_facts:
//! ```
//!
//! Then `ansible_facts.packages.nginx[0].version` is the version of nginx, if it is installed.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::kit::{
    Deserialize, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Words, ask_costly,
    sh,
};

/// Lists installed packages; changes nothing.
///
/// The fact `packages` is a mapping from names to lists of mappings with `name`, `version`, `source`
/// and what else the package manager knows: `arch`, `category`, `origin`, `release`, `epoch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageFacts {
    /// Package managers to ask: `auto`, `apt`, `rpm` (also `dnf`, `yum`, `zypper`), `apk`, `pacman`.
    /// Default: `auto`.
    manager: Option<Words>,
    /// `first`: only the first that is there; `all`: all of them. Default: `first`.
    #[serde(default)]
    strategy: Strategy,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Strategy {
    #[default]
    First,
    All,
}

const AUTO: [&str; 4] = ["apk", "apt", "pacman", "rpm"];

impl PackageFacts {
    fn managers(&self) -> Result<Vec<&'static str>> {
        let given: &[String] = self.manager.as_ref().map_or(&[], |words| words);
        let mut managers: Vec<&'static str> = Vec::new();
        for word in given {
            let known = match word.to_lowercase().as_str() {
                "auto" => return Ok(AUTO.to_vec()),
                "apt" => "apt",
                "apk" => "apk",
                "pacman" => "pacman",
                "rpm" | "dnf" | "dnf5" | "yum" | "zypper" => "rpm",
                _ => {
                    let why = format!("Unsupported package managers requested: {word}");
                    return Err(Refusal::new(why));
                }
            };
            if !managers.contains(&known) {
                managers.push(known);
            }
        }
        Ok(if managers.is_empty() { AUTO.to_vec() } else { managers })
    }
}

impl Module for PackageFacts {
    const NAMES: &'static [&'static str] = &["package_facts"];
    type State = Reply;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Reply> {
        let first = if self.strategy == Strategy::First { "first" } else { "all" };
        match self.managers() {
            Err(why) => Probe::refuse(why),
            Ok(managers) => ask_costly(sh(
                include_str!("package_facts.sh"),
                std::iter::once(first).chain(managers),
            )),
        }
    }

    fn plan(&self, _: &Facts, reply: Reply) -> Result<Plan> {
        let text = reply.out();
        let mut packages: Map<String, Value> = Map::new();
        let mut seen = false;
        let sections: Vec<(&str, &str)> =
            text.split("@@ ").skip(1).filter_map(|part| part.split_once('\n')).collect();
        let get = |name: &str| sections.iter().find(|(known, _)| *known == name).map(|(_, t)| *t);
        let mut add = |name: String, package: Value| {
            let list = packages.entry(name).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(package);
            }
        };
        if let Some(list) = get("apt") {
            seen = true;
            let origins = origins(get("sources").unwrap_or(""), get("policy").unwrap_or(""));
            let native = get("native").unwrap_or("").trim();
            for line in list.lines() {
                let fields: Vec<&str> = line.split('\t').collect();
                let [status, name, version, arch, category] = fields[..] else { continue };
                if matches!(status, "not-installed" | "config-files" | "half-installed") {
                    continue;
                }
                let full = match arch {
                    "all" => name.to_owned(),
                    arch if arch == native => name.to_owned(),
                    arch => format!("{name}:{arch}"),
                };
                let origin = origins.get(full.as_str()).copied().unwrap_or("");
                let package = json!({
                    "name": full, "version": version, "arch": arch, "category": category,
                    "origin": origin, "source": "apt",
                });
                add(full, package);
            }
        }
        for line in get("rpm").unwrap_or("").lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, version, release, epoch, arch] = fields[..] else { continue };
            let epoch: Option<u64> = epoch.parse().ok();
            let package = json!({
                "name": name, "version": version, "release": release, "epoch": epoch,
                "arch": arch, "source": "rpm",
            });
            add(name.to_owned(), package);
        }
        for line in get("apk").unwrap_or("").lines() {
            let mut parts = line.rsplitn(3, '-');
            if let (Some(release), Some(version), Some(name)) =
                (parts.next(), parts.next(), parts.next())
            {
                let package = json!({
                    "name": name, "version": version, "release": release, "source": "apk",
                });
                add(name.to_owned(), package);
            }
        }
        for line in get("pacman").unwrap_or("").lines() {
            if let Some((name, version)) = line.split_once(' ') {
                let package = json!({ "name": name, "version": version, "source": "pacman" });
                add(name.to_owned(), package);
            }
        }
        seen |= ["rpm", "apk", "pacman"].into_iter().any(|name| get(name).is_some());
        if !seen {
            let asked = self.managers()?.join(", ");
            return Err(Refusal::new(format!(
                "Could not detect a supported package manager from the following list: [{asked}]"
            )));
        }
        Ok(Plan::none().value("ansible_facts", json!({ "packages": packages })))
    }
}

/// Where each installed version comes from: the origin of the first source that has it.
fn origins<'a>(sources: &'a str, policy: &'a str) -> HashMap<&'a str, &'a str> {
    // ` 500 http://… suite/main amd64 Packages`, then `     release …,o=Debian,…`.
    let mut by_source: HashMap<&str, &str> = HashMap::new();
    let mut source = "";
    for line in sources.lines() {
        let line = line.trim();
        match line.strip_prefix("release ") {
            Some(release) => {
                let origin = release.split(',').find_map(|field| field.strip_prefix("o="));
                by_source.insert(source, origin.unwrap_or(""));
            }
            None => source = line.split_once(' ').map_or("", |(_, source)| source),
        }
    }
    let mut origins = HashMap::new();
    let (mut package, mut installed) = ("", false);
    for line in policy.lines() {
        if !line.starts_with(' ') {
            package = line.trim_end_matches(':');
            installed = false;
        } else if line.starts_with(" ***") {
            installed = true;
        } else if line.starts_with("     ") && !line.starts_with("      ") {
            installed = false;
        } else if installed && line.starts_with("      ") {
            let source = line.trim().split_once(' ').map_or("", |(_, source)| source);
            let origin = by_source.get(source).copied().unwrap_or("");
            origins.entry(package).or_insert(origin);
        }
    }
    origins
}
