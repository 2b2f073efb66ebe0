//! `pam_limits`: limits of users and groups, set by PAM when they log in.
//!
//! ```yaml
//! - pam_limits:
//!     domain: app
//!     limit_type: soft
//!     limit_item: nofile
//!     value: 64000
//! - pam_limits: { domain: "@staff", limit_type: hard, limit_item: nproc, value: unlimited, use_max: true }
//! ```

use crate::content::{Found, Writing};
use crate::kit::{Deserialize, Facts, JsonSchema, Module, Plan, Probe, Refusal, Result};
use crate::text_file::{self, Edit, lines};

/// Sets a limit in a file of pam_limits.
///
/// `register` gets `msg`: the line of the limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PamLimits {
    /// A user, `@group`, `*`, `%group` or a range of numbers. Required.
    domain: String,
    /// `soft`, `hard`, or `-` for both. Required.
    limit_type: Kind,
    /// What is limited, such as `nofile`. Required.
    limit_item: Item,
    /// The limit: a number, or `unlimited`, `infinity`, `-1`. Required.
    value: String,
    /// Only raise the limit, never lower it. Default: false.
    #[serde(default)]
    use_max: bool,
    /// Only lower the limit, never raise it. Default: false.
    #[serde(default)]
    use_min: bool,
    /// A comment behind the limit. Default: the one that is there.
    #[serde(default)]
    comment: String,
    /// The file. Default: `/etc/security/limits.conf`.
    #[serde(default = "limits_conf")]
    dest: String,
    /// Keep the old file beside the new one, with the time in its name. Default: false.
    #[serde(default)]
    backup: bool,
}

fn limits_conf() -> String {
    "/etc/security/limits.conf".into()
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Soft,
    Hard,
    #[serde(rename = "-")]
    Both,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Soft => "soft",
            Kind::Hard => "hard",
            Kind::Both => "-",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Item {
    Core,
    Data,
    Fsize,
    Memlock,
    Nofile,
    Rss,
    Stack,
    Cpu,
    Nproc,
    As,
    Maxlogins,
    Maxsyslogins,
    Priority,
    Locks,
    Sigpending,
    Msgqueue,
    Nice,
    Rtprio,
    Chroot,
}

impl Item {
    fn word(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

fn is_unlimited(value: &str) -> bool {
    matches!(value, "unlimited" | "infinity" | "-1")
}

/// A limit's four words, and the comment behind them.
fn limit(line: &str) -> Option<([&str; 4], &str)> {
    if line.starts_with('#') {
        return None;
    }
    let (limit, comment) = line.split_once('#').unwrap_or((line, ""));
    let words: Vec<&str> = limit.split_whitespace().collect();
    Some((<[&str; 4]>::try_from(words).ok()?, comment.trim_end_matches(['\r', '\n'])))
}

impl PamLimits {
    /// Whether a value fits what it limits.
    fn check(&self, value: &str) -> Result<()> {
        let number = value.parse::<u64>().is_ok();
        let fits = match self.limit_item {
            Item::Nice | Item::Priority => {
                value.parse::<i64>().is_ok_and(|number| (-20..=19).contains(&number))
            }
            _ => is_unlimited(value) || number,
        };
        match fits {
            true => Ok(()),
            false if matches!(self.limit_item, Item::Nice | Item::Priority) => {
                Err(Refusal::new(format!(
                    "Value of {value:?} for item {:?} is invalid. Value must be a number in the range -20 to 19 inclusive.",
                    self.limit_item.word()
                )))
            }
            false => Err(Refusal::new(format!(
                "Value of {value:?} for item {:?} is invalid. Value must either be 'unlimited', 'infinity' or -1, or a number of 0 or larger.",
                self.limit_item.word()
            ))),
        }
    }

    /// The value to be set, given the one there is.
    fn value(&self, now: &str) -> Result<String> {
        let number = |value: &str| {
            value.parse::<i64>().map_err(|_| {
                Refusal::new(format!("expected a number in {}, found `{value}`", self.dest))
            })
        };
        let wanted = self.value.as_str();
        if !(self.use_max || self.use_min) {
            return Ok(wanted.to_owned());
        }
        let known = !matches!(self.limit_item, Item::Nice | Item::Priority);
        Ok(match (known && is_unlimited(now), known && is_unlimited(wanted), self.use_max) {
            (true, _, true) | (_, true, false) => now.to_owned(),
            (_, true, true) | (true, _, false) => wanted.to_owned(),
            (false, false, true) => number(wanted)?.max(number(now)?).to_string(),
            (false, false, false) => number(wanted)?.min(number(now)?).to_string(),
        })
    }

    fn line(&self, value: &str, comment: &str) -> String {
        let (kind, item) = (self.limit_type.word(), self.limit_item.word());
        let comment = match comment {
            "" => String::new(),
            comment => format!("\t#{comment}"),
        };
        format!("{}\t{kind}\t{item}\t{value}{comment}\n", self.domain)
    }

    /// The edit, and the line of the limit.
    fn edit(&self, old: &str) -> Result<(Edit, String)> {
        let item = self.limit_item.word();
        let mine = [self.domain.as_str(), self.limit_type.word(), item.as_str()];
        let mut all = lines(old);
        let mut said = None;
        for line in &mut all {
            let Some(([domain, kind, item, now], comment)) = limit(line) else { continue };
            if [domain, kind, item] != mine {
                continue;
            }
            let value = if now == self.value { now.to_owned() } else { self.value(now)? };
            if value != now {
                let comment = if self.comment.is_empty() { comment } else { &self.comment };
                *line = self.line(&value, comment);
            }
            said = Some(line.clone());
        }
        let said = said.unwrap_or_else(|| {
            if let Some(last) = all.last_mut().filter(|last| !last.ends_with('\n')) {
                last.push('\n');
            }
            let line = self.line(&self.value, &self.comment);
            all.push(line.clone());
            line
        });
        let new = all.concat();
        Ok(((new != old).then(|| (new, String::new())), said))
    }
}

impl Module for PamLimits {
    const NAMES: &'static [&'static str] = &["pam_limits"];
    type State = (Found, bool);

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        if self.use_max && self.use_min {
            return Probe::refuse("Cannot use use_min and use_max at the same time.");
        }
        match self.check(&self.value) {
            Ok(()) => text_file::open(facts, &self.dest, true),
            Err(why) => Probe::refuse(why),
        }
    }

    fn plan(&self, _: &Facts, now: Self::State) -> Result<Plan> {
        let writing = Writing { attributes: <_>::default(), backup: self.backup, validate: None };
        let mut said = String::new();
        let plan = text_file::edit(&now, &writing, |old| {
            let (edit, line) = self.edit(&old.text)?;
            said = line;
            Ok(edit)
        })?;
        Ok(plan.value("msg", &*said).value_on_change("msg", said))
    }
}
