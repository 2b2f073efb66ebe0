//! `git_config`: settings of git.
//!
//! ```yaml
//! - git_config: { name: user.email, value: deploy@example.org, scope: global }
//! - git_config: { name: core.hooksPath, value: hooks, scope: local, repo: /srv/app }
//! - git_config: { name: alias.ci, state: absent, scope: system }
//! ```

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Step, ask, sh,
};

/// Sets, adds and removes a setting of git.
///
/// `register` gets `msg`: `setting changed`, or nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GitConfig {
    /// The setting: `section.key`. Required.
    name: String,
    /// Its value. Required with `state: present`.
    value: Option<String>,
    /// `present` or `absent`. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// `system`, `global` (the user's), `local` (with `repo`) or `file` (with `file`).
    /// Default: `system`.
    scope: Option<Scope>,
    /// The repository of `scope: local`.
    repo: Option<String>,
    /// The file of `scope: file`.
    file: Option<String>,
    /// `replace-all`: the setting has this value only. `add`: it has this one, too.
    /// Default: `replace-all`.
    #[serde(default)]
    add_mode: AddMode,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Scope {
    #[default]
    System,
    Global,
    Local,
    File,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum AddMode {
    #[default]
    ReplaceAll,
    Add,
}

impl GitConfig {
    /// Where to run git, and where the setting is.
    fn place(&self, facts: &Facts) -> Result<[String; 3]> {
        let need = |given: &Option<String>, scope: &str| {
            given.as_deref().map(|path| facts.path(path)).ok_or_else(|| {
                let name = if scope == "local" { "repo" } else { scope };
                Refusal::new(format!(
                    "scope is {scope} but all of the following are missing: {name}"
                ))
            })
        };
        Ok(match self.scope.unwrap_or_default() {
            Scope::System => [String::new(), "--system".into(), String::new()],
            Scope::Global => [String::new(), "--global".into(), String::new()],
            Scope::Local => [need(&self.repo, "local")?, "--local".into(), String::new()],
            Scope::File => [String::new(), "--file".into(), need(&self.file, "file")?],
        })
    }
}

impl Module for GitConfig {
    const NAMES: &'static [&'static str] = &["git_config"];
    type State = Reply;

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Reply> {
        if self.state == Presence::Present && self.value.as_ref().is_none_or(String::is_empty) {
            return Probe::refuse("state is present but all of the following are missing: value");
        }
        if self.name.starts_with('-') {
            return Probe::refuse(format!("expected the name of a setting, found `{}`", self.name));
        }
        match self.place(facts) {
            Ok([repo, scope, file]) => ask(sh(GET, [repo, scope, file, self.name.clone()])),
            Err(why) => Probe::refuse(why),
        }
    }

    fn plan(&self, facts: &Facts, found: Reply) -> Result<Plan> {
        // 1: there is no such setting, or no such file.
        match found.status {
            0 | 1 => {}
            127 => return Err("there is no git on the host".into()),
            126 => return Err(Refusal::new(found.err().trim())),
            status => return Err(Refusal::new(found.err().trim()).value("rc", status)),
        }
        let out = found.out();
        let now: Vec<&str> = out.split_terminator('\0').collect();
        let wanted = self.value.as_deref().filter(|_| self.state == Presence::Present);
        let (right, how) = match (wanted, self.add_mode) {
            (None, _) => (now.is_empty(), "--unset-all"),
            (Some(value), AddMode::Add) => (now.contains(&value), "--add"),
            (Some(value), AddMode::ReplaceAll) => (now == [value], "--replace-all"),
        };
        let plan = Plan::none().value("msg", "");
        if right {
            return Ok(plan);
        }
        let before = if now.is_empty() { "absent".to_owned() } else { now.join(", ") };
        let after = match how {
            "--add" if !now.is_empty() => format!("{before}, {}", wanted.unwrap_or_default()),
            _ => wanted.unwrap_or("absent").to_owned(),
        };
        let [repo, scope, file] = self.place(facts)?;
        let mut words = vec![repo, scope, file, how.to_owned(), self.name.clone()];
        words.extend(wanted.map(str::to_owned));
        let diff = Diff::field(&self.name, "value", before, after);
        Ok(plan.change(diff, Step::run(sh(SET, words))).value_on_change("msg", "setting changed"))
    }
}

const GET: &str = r#"# what is a setting of git: REPOSITORY SCOPE FILE NAME
command -v git >/dev/null || exit 127
[ -z "$1" ] || cd -- "$1" || exit 126
export LC_ALL=C
[ "$2" != --file ] || [ -e "$3" ] || exit 1
git config "$2" ${3:+"$3"} --includes --null --get-all "$4"
"#;

const SET: &str = r#"# set a setting of git: REPOSITORY SCOPE FILE HOW NAME VALUE
[ -z "$1" ] || cd -- "$1" || exit
scope=$2 file=$3
shift 3
git config "$scope" ${file:+"$file"} "$@"
"#;
