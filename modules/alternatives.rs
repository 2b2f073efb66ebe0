//! `alternatives`: which of several programs a general name stands for (update-alternatives).
//!
//! ```yaml
//! - alternatives:
//!     name: editor
//!     path: /usr/bin/vim.basic
//! - alternatives:
//!     name: java
//!     path: /opt/java/bin/java
//!     link: /usr/bin/java
//!     priority: 100
//!     state: auto
//!     subcommands:
//!       - { name: javac, path: /opt/java/bin/javac, link: /usr/bin/javac }
//! ```

use crate::attributes::Unsupported;
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Step, argv,
    ask, sh, stat,
};

/// Sets what a general name stands for.
///
/// `register` gets `msg`: what was done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alternatives {
    /// The general name, such as `editor`. Required.
    name: String,
    /// The program that it shall stand for. Required.
    path: String,
    /// `selected`: it is registered, and chosen. `present`: it is registered. `auto`: it is
    /// registered, and the one with the highest priority is chosen. `absent`: it is not registered.
    /// Default: `selected`.
    #[serde(default)]
    state: State,
    /// The link that is to be made. Required where nothing has the name yet.
    link: Option<String>,
    /// Its priority. Default: 50 for a new one, else left as it is.
    priority: Option<i64>,
    /// What goes with it, such as manual pages. Default: left as it is.
    #[serde(alias = "slaves")]
    subcommands: Option<Vec<Subcommand>>,
    /// Of other systems than Debian: not supported, and refused.
    #[schemars(with = "Option<String>")]
    #[expect(dead_code, reason = "never bound: reading it is an error")]
    family: Option<Unsupported>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Subcommand {
    /// Its general name. Required.
    name: String,
    /// What it shall stand for. Required.
    path: String,
    /// The link that is to be made. Required.
    link: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Present,
    #[default]
    Selected,
    Absent,
    Auto,
}

/// What `update-alternatives --query` tells.
#[derive(Debug, Default, PartialEq)]
struct Group {
    link: Option<String>,
    manual: bool,
    current: Option<String>,
    choices: Vec<Choice>,
}

#[derive(Debug, Default, PartialEq)]
struct Choice {
    path: String,
    priority: i64,
    subcommands: Vec<Subcommand>,
}

impl Group {
    fn read(text: &str) -> Group {
        let mut group = Group::default();
        // Links of what goes with it, by name: they stand before the first choice.
        let mut links: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            if let Some(pair) = line.strip_prefix(' ') {
                let Some((name, path)) = pair.split_once(' ') else { continue };
                match group.choices.last_mut() {
                    None => links.push((name.to_owned(), path.to_owned())),
                    Some(choice) => {
                        let link = links.iter().find(|(known, _)| known == name);
                        choice.subcommands.push(Subcommand {
                            name: name.to_owned(),
                            path: path.to_owned(),
                            link: link.map(|(_, link)| link.clone()).unwrap_or_default(),
                        });
                    }
                }
                continue;
            }
            let Some((key, value)) = line.split_once(": ") else { continue };
            match key {
                "Link" => group.link = Some(value.to_owned()),
                "Status" => group.manual = value == "manual",
                "Value" => group.current = Some(value.to_owned()).filter(|path| path != "none"),
                "Alternative" => {
                    group.choices.push(Choice { path: value.to_owned(), ..Choice::default() });
                }
                "Priority" => {
                    if let Some(choice) = group.choices.last_mut() {
                        choice.priority = value.parse().unwrap_or_default();
                    }
                }
                _ => {}
            }
        }
        group
    }
}

impl Alternatives {
    fn differs(&self, choice: Option<&Choice>) -> bool {
        let Some(choice) = choice else { return true };
        let sorted = |all: &[Subcommand]| {
            let mut all = all.to_vec();
            all.sort();
            all
        };
        self.priority.is_some_and(|priority| priority != choice.priority)
            || self.subcommands.as_ref().is_some_and(|s| sorted(s) != sorted(&choice.subcommands))
    }

    /// The words that register the program, and what differs.
    fn install(&self, group: &Group, choice: Option<&Choice>) -> Result<(Vec<Diff>, Vec<String>)> {
        let link = self.link.as_ref().or(group.link.as_ref()).ok_or(
            "Needed to install the alternative, but unable to do so as we are missing the link",
        )?;
        let priority = self.priority.or(choice.map(|c| c.priority)).unwrap_or(50);
        let mut words =
            vec!["--install".into(), link.clone(), self.name.clone(), self.path.clone()];
        words.push(priority.to_string());
        let kept = choice.map(|choice| choice.subcommands.as_slice()).unwrap_or_default();
        for sub in self.subcommands.as_deref().unwrap_or(kept) {
            words.extend(["--slave", &sub.link, &sub.name, &sub.path].map(str::to_owned));
        }
        let mut diffs = Vec::new();
        match choice {
            None => diffs.push(Diff::field(&self.path, "alternative", "absent", "present")),
            Some(choice) if choice.priority != priority => {
                diffs.push(Diff::field(&self.path, "priority", choice.priority, priority));
            }
            Some(_) => {}
        }
        let names = |all: &[Subcommand]| {
            let all: Vec<_> = all.iter().map(|s| format!("{}={}", s.name, s.path)).collect();
            all.join(" ")
        };
        if let Some(wanted) = &self.subcommands
            && names(kept) != names(wanted)
        {
            diffs.push(Diff::field(&self.path, "subcommands", names(kept), names(wanted)));
        }
        if diffs.is_empty() {
            diffs.push(Diff::Note(format!("register {} anew", self.path)));
        }
        Ok((diffs, words))
    }
}

impl Module for Alternatives {
    const NAMES: &'static [&'static str] = &["alternatives"];
    type State = (Reply, bool);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        if self.name.is_empty() || self.name.starts_with('-') || !self.path.starts_with('/') {
            return Probe::refuse(format!(
                "expected a name and an absolute path, found `{}` and `{}`",
                self.name, self.path
            ));
        }
        let there = stat(facts.path(&self.path)).map(|found| found.is_some());
        ask(sh(QUERY, [self.name.as_str()])).and(there)
    }

    fn plan(&self, _: &Facts, (reply, there): Self::State) -> Result<Plan> {
        if reply.status == 127 {
            return Err("there is no update-alternatives on the host".into());
        }
        let group = Group::read(&reply.out());
        let (name, path) = (self.name.as_str(), self.path.as_str());
        let choice = group.choices.iter().find(|choice| choice.path == path);
        let run = |words: Vec<String>| {
            let words = std::iter::once("update-alternatives".to_owned()).chain(words);
            Step::run(argv(words))
        };
        let words = |words: [&str; 3]| words.map(str::to_owned).to_vec();
        let (mut plan, mut said) = (Plan::none(), Vec::new());
        if self.state == State::Absent {
            if choice.is_some() {
                said.push(format!("Remove alternative '{path}' from '{name}'."));
                let diff = Diff::field(path, "alternative", "present", "absent");
                plan = plan.change(diff, run(vec!["--remove".into(), name.into(), path.into()]));
            }
            return Ok(plan.value("msg", "").value_on_change("msg", said.join(" ")));
        }
        if self.differs(choice) {
            if !there {
                return Err(Refusal::new(format!("Specified path {path} does not exist")));
            }
            said.push(format!("Install alternative '{path}' for '{name}'."));
            let (diffs, words) = self.install(&group, choice)?;
            plan = plan.changes(diffs, run(words));
        }
        let current = group.current.as_deref().unwrap_or("none");
        if self.state == State::Selected && current != path {
            said.push(format!("Set alternative '{path}' for '{name}'."));
            let step = run(words(["--set", name, path]));
            plan = plan.change(Diff::field(name, "alternative", current, path), step);
        }
        if self.state == State::Auto && group.manual {
            said.push(format!("Set alternative to auto for '{name}'."));
            let step = run(vec!["--auto".into(), name.into()]);
            plan = plan.change(Diff::field(name, "mode", "manual", "auto"), step);
        }
        Ok(plan.value("msg", "").value_on_change("msg", said.join(" ")))
    }
}

const QUERY: &str = r#"# what does a general name stand for
command -v update-alternatives >/dev/null || exit 127
LC_ALL=C update-alternatives --query "$1" 2>/dev/null
"#;
