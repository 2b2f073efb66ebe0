//! `timezone`: the host's time zone, and the zone of its hardware clock.
//!
//! ```yaml
//! - timezone: { name: Europe/Berlin }
//! - timezone: { hwclock: UTC }
//! ```

use crate::content::{Found, Writing};
use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Step, ask,
    sh,
};
use crate::text_file;

/// Sets the time zone. Programs that run already keep the one they have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timezone {
    /// The zone, such as `Europe/Berlin`. Default: left as it is.
    name: Option<String>,
    /// Whether the hardware clock shows `UTC` or `local` time. Default: left as it is.
    #[serde(alias = "rtc")]
    hwclock: Option<Clock>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
enum Clock {
    #[serde(rename = "UTC")]
    Utc,
    #[serde(rename = "local")]
    Local,
}

impl Clock {
    fn word(self) -> &'static str {
        match self {
            Clock::Utc => "UTC",
            Clock::Local => "local",
        }
    }
}

impl Timezone {
    fn check(&self) -> Result<()> {
        match &self.name {
            None if self.hwclock.is_none() => {
                Err("one of the following is required: hwclock, name".into())
            }
            Some(name) if name.is_empty() || name.starts_with('/') || name.contains("..") => Err(
                Refusal::new(format!("expected a zone such as `Europe/Berlin`, found `{name}`")),
            ),
            _ => Ok(()),
        }
    }

    /// The name of the zone that is set.
    fn zone(&self, now: &Reply, name: &str, file: &(Found, bool)) -> Result<Plan> {
        let lines = now.lines();
        let line = |at: usize| lines.get(at).map(String::as_str).unwrap_or_default();
        if line(1) != "there" {
            return Err(Refusal::new(format!(
                "given timezone \"{name}\" is not available; if there are none at all, install tzdata first"
            )));
        }
        let current = line(0).rsplit_once("zoneinfo/").map_or("", |(_, zone)| zone);
        let mut plan = Plan::none();
        if current != name {
            let step = Step::run(sh(LINK, [name]));
            plan = plan.change(Diff::field("/etc/localtime", "zone", current, name), step);
        }
        // Some programs read the name; where there is no such file, none is made.
        if file.0.stat.is_some() {
            let writing = Writing { attributes: <_>::default(), backup: false, validate: None };
            plan = plan.followed_by(text_file::edit(file, &writing, |old| {
                Ok((old.text.trim() != name).then(|| (format!("{name}\n"), String::new())))
            })?);
        }
        plan.values.clear();
        plan.on_change.clear();
        Ok(plan)
    }
}

impl Module for Timezone {
    const NAMES: &'static [&'static str] = &["timezone"];
    type State = (Reply, (Found, bool));

    fn probe<'a>(&'a self, facts: &'a Facts) -> Probe<'a, Self::State> {
        match self.check() {
            Ok(()) => ask(sh(LOOK, [self.name.as_deref().unwrap_or_default()]))
                .and(text_file::open(facts, "/etc/timezone", false)),
            Err(why) => Probe::refuse(why),
        }
    }

    fn plan(&self, _: &Facts, (now, file): Self::State) -> Result<Plan> {
        let mut plan = match &self.name {
            Some(name) => self.zone(&now, name, &file)?,
            None => Plan::none(),
        };
        if let Some(clock) = self.hwclock {
            let current = now.lines().get(2).is_some_and(|line| line == "LOCAL");
            let current = if current { Clock::Local } else { Clock::Utc };
            if current != clock {
                let step = Step::run(sh(CLOCK, [clock.word()]));
                let diff = Diff::field("hardware clock", "zone", current.word(), clock.word());
                plan = plan.change(diff, step);
            }
        }
        Ok(plan)
    }
}

const LOOK: &str = r#"# what is the time zone, is there one of this name, and that of the hardware clock
readlink /etc/localtime || echo
if [ -n "$1" ] && [ -f "/usr/share/zoneinfo/$1" ]; then echo there; else echo missing; fi
sed -n 3p /etc/adjtime 2>/dev/null || :
"#;

const LINK: &str = r#"# set the time zone
ln -s "/usr/share/zoneinfo/$1" /etc/localtime.rprov && mv -f /etc/localtime.rprov /etc/localtime
"#;

const CLOCK: &str = r#"# set the zone of the hardware clock
case $1 in local) local=1 word=--localtime ;; *) local=0 word=--utc ;; esac
if [ -d /run/systemd/system ] && command -v timedatectl >/dev/null; then
    timedatectl set-local-rtc "$local"
else
    hwclock --systohc "$word"
fi
"#;
