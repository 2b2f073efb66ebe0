//! `npm`: packages of Node.js.
//!
//! ```yaml
//! - npm: { path: /srv/app, ci: true, production: true }
//! - npm: { name: pm2, version: 5.3.0, global: true }
//! - npm: { path: /srv/app }
//! ```

use serde_json::Value;

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Output, Plan, Probe, Refusal, Reply, Result,
    Step, ask_costly, sh,
};
use crate::words;

/// Installs, updates and removes packages of Node.js with npm.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Npm {
    /// The package. Default: all that `package.json` names.
    name: Option<String>,
    /// Its version. Default: the newest for a new one, else whatever there is.
    version: Option<String>,
    /// The project's directory, which is made if it is not there. Required unless `global`.
    path: Option<String>,
    /// Install for all projects. Default: false.
    #[serde(default)]
    global: bool,
    /// `present`, `latest` or `absent`. Default: `present`.
    #[serde(default)]
    state: State,
    /// Install exactly what `package-lock.json` says, anew, every time (`npm ci`). Default: false.
    #[serde(default)]
    ci: bool,
    /// Leave out what is for development only. Default: false.
    #[serde(default)]
    production: bool,
    /// npm itself, with words before its own if need be. Default: `npm`.
    executable: Option<String>,
    /// Where packages come from. Default: as npm is configured.
    registry: Option<String>,
    /// Do not run scripts of packages. Default: false.
    #[serde(default)]
    ignore_scripts: bool,
    /// Run scripts of packages as the user who runs npm, even as root. Default: false.
    #[serde(default)]
    unsafe_perm: bool,
    /// Leave out optional packages. Default: false.
    #[serde(default)]
    no_optional: bool,
    /// Make no links to programs. Default: false.
    #[serde(default)]
    no_bin_links: bool,
    /// `--force` of npm. Default: false.
    #[serde(default)]
    force: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Present,
    Latest,
    Absent,
}

/// What is there: the answer of `npm list`, and of `npm outdated`.
pub(crate) struct Now {
    list: Reply,
    outdated: Option<Reply>,
}

/// A package that is there, or that is missing.
struct Package {
    name: String,
    version: String,
    is_missing: bool,
}

fn packages(text: &str) -> Result<Vec<Package>> {
    if text.trim().is_empty() {
        return Ok(vec![]);
    }
    let list: Value = serde_json::from_str(text)
        .map_err(|error| Refusal::new(format!("Failed to parse NPM output with error {error}")))?;
    let all = list.get("dependencies").and_then(Value::as_object).into_iter().flatten();
    Ok(all
        .map(|(name, about)| {
            let says = |key: &str| match about.get(key) {
                None | Some(Value::Null | Value::Bool(false)) => false,
                Some(Value::String(text)) => !text.is_empty() && text != "false",
                Some(_) => true,
            };
            Package {
                name: name.clone(),
                version: about.get("version").and_then(Value::as_str).unwrap_or_default().into(),
                is_missing: says("missing") || says("invalid"),
            }
        })
        .collect())
}

impl Npm {
    fn check(&self) -> Result<Vec<String>> {
        if self.path.is_none() && !self.global {
            return Err("path must be specified when not using global".into());
        }
        if self.state == State::Absent && self.name.is_none() {
            return Err("state is absent but all of the following are missing: name".into());
        }
        let texts = [&self.name, &self.version, &self.registry];
        if texts.into_iter().flatten().any(|text| text.is_empty() || text.starts_with('-')) {
            return Err(
                "`name`, `version` and `registry` must not be empty or begin with `-`".into()
            );
        }
        words::split(self.executable.as_deref().unwrap_or("npm")).map_err(Refusal::new)
    }

    /// The package as npm is told of it.
    fn spec(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(match self.version.as_ref().filter(|_| self.state != State::Absent) {
            Some(version) => format!("{name}@{version}"),
            None => name.clone(),
        })
    }

    /// npm's words for `what`, after where to run it.
    fn words(&self, facts: &Facts, what: &[&str], acts: bool) -> Vec<String> {
        let path = self.path.as_deref().map(|path| facts.path(path)).unwrap_or_default();
        let mut all = vec![path];
        all.extend(self.check().unwrap_or_default());
        all.extend(what.iter().map(|word| (*word).to_owned()));
        let flags = [
            (self.global, "--global"),
            (self.production && acts && what[0] != "uninstall", "--production"),
            (self.ignore_scripts, "--ignore-scripts"),
            (self.unsafe_perm, "--unsafe-perm"),
        ];
        let more = [
            (self.no_optional, "--no-optional"),
            (self.no_bin_links, "--no-bin-links"),
            (self.force, "--force"),
        ];
        let given = |flags: &[(bool, &str)]| -> Vec<String> {
            flags.iter().filter(|(on, _)| *on).map(|(_, flag)| (*flag).to_owned()).collect()
        };
        all.extend(given(&flags));
        if acts {
            all.extend(self.spec());
        }
        all.extend(self.registry.iter().map(|registry| format!("--registry={registry}")));
        all.extend(given(&more));
        all
    }

    fn run(&self, facts: &Facts, what: &[&str]) -> Step {
        Step::Run { script: sh(RUN, self.words(facts, what, true)), output: Output::Streams }
    }
}

impl Module for Npm {
    const NAMES: &'static [&'static str] = &["npm"];
    type State = Option<Now>;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Option<Now>> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        if self.ci {
            return Probe::known(None);
        }
        let ask = |what: &[&str]| ask_costly(sh(LOOK, self.words(facts, what, false)));
        let list = ask(&["list", "--json", "--depth=0"]);
        let outdated = match self.state {
            State::Latest => ask(&["outdated", "--parseable"]).map(Some),
            _ => Probe::known(None),
        };
        list.and(outdated).map(|(list, outdated)| Some(Now { list, outdated }))
    }

    fn plan(&self, facts: &Facts, now: Option<Now>) -> Result<Plan> {
        let place = self.path.as_deref().unwrap_or("npm");
        let Some(now) = now else {
            let diff = Diff::Note(format!("install what package-lock.json of {place} says"));
            return Ok(Plan::none().change(diff, self.run(facts, &["ci"])).never_settles());
        };
        if now.list.status == 127 {
            return Err(Refusal::new(format!(
                "there is no `{}` on the host; install Node.js first",
                self.executable.as_deref().unwrap_or("npm")
            )));
        }
        let there = packages(&now.list.out())?;
        let installed = |name: &str| there.iter().find(|p| p.name == name && !p.is_missing);
        if self.state == State::Absent {
            let name = self.name.as_deref().unwrap_or_default();
            let Some(found) = installed(name) else { return Ok(Plan::none()) };
            let diff = Diff::field(name, "version", &found.version, "absent");
            return Ok(Plan::none().change(diff, self.run(facts, &["uninstall"])));
        }
        let mut diffs: Vec<Diff> = there
            .iter()
            .filter(|package| package.is_missing && self.name.as_ref() != Some(&package.name))
            .map(|package| Diff::field(&package.name, "version", "absent", "present"))
            .collect();
        if let Some(name) = &self.name {
            let found = installed(name);
            let wanted = self.version.as_deref();
            if found.is_none_or(|found| wanted.is_some_and(|wanted| wanted != found.version)) {
                let before = found.map_or("absent", |found| &found.version);
                diffs.push(Diff::field(name, "version", before, wanted.unwrap_or("newest")));
            }
        }
        let mut plan = Plan::none().changes(diffs, self.run(facts, &["install"]));
        let outdated = now.outdated.map(|reply| reply.out()).unwrap_or_default();
        // PATH:WANTED:CURRENT:LATEST:… of each; without a current one it is missing.
        let diffs: Vec<Diff> = outdated
            .lines()
            .filter_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                let (name, wanted) = fields.get(1)?.rsplit_once('@')?;
                let (_, current) = fields.get(2)?.rsplit_once('@')?;
                let mine = self.name.as_deref().is_none_or(|own| own == name);
                (mine && wanted != current).then(|| Diff::field(name, "version", current, wanted))
            })
            .collect();
        plan = plan.changes(diffs, self.run(facts, &["update"]));
        Ok(plan)
    }
}

const LOOK: &str = r#"# ask npm: DIRECTORY WORD…
[ -z "$1" ] || cd -- "$1" 2>/dev/null || exit 0
shift
command -v "$1" >/dev/null || exit 127
"$@" 2>/dev/null
"#;

const RUN: &str = r#"# run npm: DIRECTORY WORD…
[ -z "$1" ] || { mkdir -p -- "$1" && cd -- "$1"; } || exit
shift
"$@"
"#;
