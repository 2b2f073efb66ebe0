//! `group`: a group of the host.
//!
//! ```yaml
//! - group:
//!     name: app
//!     gid: 1200
//! ```

use crate::kit::{
    self, Deserialize, Diff, Facts, JsonSchema, Module, Plan, Presence, Probe, Result, Step, argv,
    group, sh,
};

/// Makes sure that a group exists, or does not.
///
/// `register` gets `name`, `state`, `gid` and `system`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// The group's name. Required.
    name: String,
    /// `present` or `absent`. Default: `present`.
    #[serde(default)]
    state: Presence,
    /// Its number. Default: the next free one for a new group, else unchanged.
    gid: Option<u32>,
    /// Lowest number for a new group. Default: the host's.
    gid_min: Option<u32>,
    /// Highest number for a new group. Default: the host's.
    gid_max: Option<u32>,
    /// Give a new group a number of the range for system groups. Default: false.
    #[serde(default)]
    system: bool,
    /// Allow a number that another group has. Needs `gid`. Default: false.
    #[serde(default)]
    non_unique: bool,
    /// Remove the group even if it is the primary group of a user. Default: false.
    #[serde(default)]
    force: bool,
    /// Accepted: groups are always kept in the host's own files. Default: false.
    #[serde(default)]
    #[schemars(with = "bool")]
    #[expect(dead_code, reason = "accepted, without effect")]
    local: Option<crate::attributes::Ignored>,
}

impl Module for Group {
    const NAMES: &'static [&'static str] = &["group"];
    type State = Option<kit::Group>;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Self::State> {
        if self.non_unique && self.gid.is_none() {
            return Probe::refuse("`non_unique` needs `gid`");
        }
        // A name of digits must not find a group by its number.
        group(self.name.as_str()).map(|found| found.filter(|found| found.name == self.name))
    }

    fn plan(&self, _: &Facts, now: Self::State) -> Result<Plan> {
        let name = self.name.as_str();
        let plan = match (self.state, &now) {
            (Presence::Absent, None) => Plan::none(),
            (Presence::Absent, Some(_)) => Plan::none().change(
                Diff::field(name, "group", "present", "absent"),
                Step::run(sh(REMOVE, [name, if self.force { "-f" } else { "" }])),
            ),
            (Presence::Present, None) => {
                let mut diffs = vec![Diff::field(name, "group", "absent", "present")];
                diffs.extend(self.gid.map(|gid| Diff::field(name, "gid", "", gid)));
                let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
                let word = |on: bool| if on { "yes" } else { "" }.to_owned();
                let args = [
                    name.to_owned(),
                    number(self.gid),
                    word(self.system),
                    word(self.non_unique),
                    number(self.gid_min),
                    number(self.gid_max),
                ];
                Plan::none().changes(diffs, Step::run(sh(ADD, args)))
            }
            (Presence::Present, Some(now)) => {
                Plan::none().field(name, "gid", Some(now.gid), self.gid, |gid| {
                    let gid = gid.to_string();
                    match self.non_unique {
                        true => argv(["groupmod", "-o", "-g", &gid, name]),
                        false => argv(["groupmod", "-g", &gid, name]),
                    }
                })
            }
        };
        let plan = plan.value("name", name);
        Ok(match (self.state, now) {
            (Presence::Absent, _) => plan.value("state", "absent"),
            (_, None) => plan.value("state", "present").value("system", self.system),
            (_, Some(now)) => {
                plan.value("state", "present").value("system", self.system).value("gid", now.gid)
            }
        })
    }
}

const ADD: &str = r#"# make a group: NAME GID SYSTEM NON_UNIQUE GID_MIN GID_MAX
name=$1 gid=$2 system=$3 shared=$4 low=$5 high=$6
if command -v groupadd >/dev/null; then
    set --
    [ -z "$gid" ] || set -- "$@" -g "$gid"
    [ -z "$system" ] || set -- "$@" -r
    [ -z "$shared" ] || set -- "$@" -o
    [ -z "$low" ] || set -- "$@" -K "GID_MIN=$low"
    [ -z "$high" ] || set -- "$@" -K "GID_MAX=$high"
    groupadd "$@" -- "$name"
else
    set --
    [ -z "$gid" ] || set -- "$@" -g "$gid"
    [ -z "$system" ] || set -- "$@" -S
    addgroup "$@" "$name"
fi
"#;

const REMOVE: &str = r#"# remove a group: NAME FORCE
if command -v groupdel >/dev/null; then groupdel $2 -- "$1"; else delgroup "$1"; fi
"#;
