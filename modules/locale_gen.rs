//! `locale_gen`: locales of Debian and Ubuntu.
//!
//! ```yaml
//! - locale_gen: { name: [de_DE.UTF-8, en_GB.UTF-8] }
//! - locale_gen: { name: de_CH.UTF-8, state: absent }
//! ```

use crate::content::{Found, Writing};
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Refusal, Reply, Result,
    Step, Words, argv, ask, sh,
};
use crate::text_file;

/// Makes locales, or removes them: edits `/etc/locale.gen` and runs `locale-gen`.
///
/// `register` gets `name` and `state`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocaleGen {
    /// Locales, such as `de_DE.UTF-8`. Required.
    name: Words,
    /// `present` or `absent`. Default: `present`.
    #[serde(default)]
    state: Presence,
}

/// A locale's name as `locale -a` may say it: `de_DE.utf8` is `de_DE.UTF-8`.
fn same(a: &str, b: &str) -> bool {
    let plain = |name: &str| match name.split_once('.') {
        Some((place, rest)) => {
            let (codeset, modifier) = rest.split_once('@').unwrap_or((rest, ""));
            let codeset: String = codeset.chars().filter(char::is_ascii_alphanumeric).collect();
            format!("{place}.{}@{modifier}", codeset.to_ascii_lowercase())
        }
        None => name.to_owned(),
    };
    plain(a) == plain(b)
}

/// A line of /etc/locale.gen: whether it counts, the locale, its character set.
fn entry(line: &str) -> Option<(bool, &str, &str)> {
    let line = line.trim();
    let (on, text) = match line.strip_prefix('#') {
        Some(rest) => (false, rest),
        None => (true, line),
    };
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [locale, charset] if locale.contains(['.', '_']) => Some((on, locale, charset)),
        _ => None,
    }
}

impl LocaleGen {
    /// The text with the lines of the locales set.
    fn edit(&self, old: &str) -> String {
        let present = self.state == Presence::Present;
        let set = |line: &str| match entry(line) {
            Some((on, locale, charset))
                if on != present && self.name.iter().any(|n| n == locale) =>
            {
                let mark = if present { "" } else { "# " };
                format!("{mark}{locale} {charset}\n")
            }
            _ => line.to_owned(),
        };
        old.split_inclusive('\n').map(set).collect()
    }
}

impl Module for LocaleGen {
    const NAMES: &'static [&'static str] = &["locale_gen"];
    type State = (Reply, (Found, bool));

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        ask(sh("locale -a 2>/dev/null", [""; 0])).and(text_file::open(
            facts,
            "/etc/locale.gen",
            false,
        ))
    }

    fn plan(&self, _: &Facts, (reply, file): Self::State) -> Result<Plan> {
        if file.0.stat.is_none() {
            return Err("/etc/locale.gen is missing. Is the package \"locales\" installed?".into());
        }
        let there = reply.lines();
        let is_there = |name: &str| there.iter().any(|locale| same(locale, name));
        let present = self.state == Presence::Present;
        let differing: Vec<_> = self.name.iter().filter(|name| is_there(name) != present).collect();
        let state = if present { "present" } else { "absent" };
        let result = |plan: Plan| Ok(plan.value("name", self.name.to_vec()).value("state", state));
        if differing.is_empty() {
            return result(Plan::none());
        }
        let mut unknown = Vec::new();
        let writing = Writing { attributes: <_>::default(), backup: false, validate: None };
        let mut plan = text_file::edit(&file, &writing, |old| {
            let known = |name: &str| {
                old.text.lines().filter_map(entry).any(|(_, locale, _)| locale == name)
            };
            unknown = self.name.iter().filter(|n| !known(n) && !is_there(n)).cloned().collect();
            let new = self.edit(&old.text);
            Ok((new != old.text).then_some((new, String::new())))
        })?;
        if !unknown.is_empty() {
            return Err(Refusal::new(format!(
                "The following locales you have entered are not available on your system: {}",
                unknown.join(", ")
            )));
        }
        plan.values.clear();
        plan.on_change.clear();
        let (before, after) = if present { ("absent", "present") } else { ("present", "absent") };
        let diffs = differing.iter().map(|name| Diff::field(name, "locale", before, after));
        result(plan.changes(diffs.collect(), Step::run(argv(["locale-gen"]))))
    }
}
