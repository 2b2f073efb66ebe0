//! Services of systemd: what `systemctl show` says, and how to bring a unit where it should be.
//!
//! A unit that fails right after it was started fails the step, with its own last words.

use serde_json::{Map, Value};

use crate::kit::{Deserialize, Diff, JsonSchema, Plan, Probe, Refusal, Result, Unit, ask, sh};

/// The state a service should be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Running {
    #[serde(alias = "running")]
    Started,
    Stopped,
    Restarted,
    Reloaded,
}

impl Running {
    /// What the result says once the state is reached.
    pub(crate) fn result(self) -> &'static str {
        match self {
            Running::Stopped => "stopped",
            _ => "started",
        }
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    #[default]
    System,
    User,
    Global,
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Scope::System => "system",
            Scope::User => "user",
            Scope::Global => "global",
        }
    }
}

/// What a task wants of systemd.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnitWish {
    pub name: Option<String>,
    pub state: Option<Running>,
    pub enabled: Option<bool>,
    pub masked: Option<bool>,
    pub daemon_reload: bool,
    pub daemon_reexec: bool,
    pub no_block: bool,
    pub scope: Scope,
    pub force: bool,
}

/// What systemd says of a unit, and of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnitNow {
    /// Properties as `systemctl show` names them; with `IsEnabled`, the answer of `is-enabled`.
    status: Map<String, Value>,
    /// A unit file changed since systemd last read them all.
    stale: bool,
}

impl UnitNow {
    fn property(&self, key: &str) -> &str {
        self.status.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn active(&self) -> bool {
        matches!(self.property("ActiveState"), "active" | "activating" | "reloading")
    }

    fn exists(&self) -> bool {
        !matches!(self.property("LoadState"), "" | "not-found")
            || !matches!(self.enablement(), "" | "not-found")
    }

    fn masked(&self) -> bool {
        self.property("LoadState") == "masked" || self.enablement().starts_with("masked")
    }

    fn enablement(&self) -> &str {
        match self.property("IsEnabled") {
            "" => self.property("UnitFileState"),
            word => word,
        }
    }

    /// Runs to its end and is then inactive again.
    fn ends(&self) -> bool {
        self.property("Type") == "oneshot" && self.property("RemainAfterExit") != "yes"
    }
}

impl From<Unit> for UnitNow {
    fn from(unit: Unit) -> UnitNow {
        let status = [
            ("LoadState", unit.load),
            ("ActiveState", unit.active),
            ("SubState", unit.sub),
            ("UnitFileState", unit.file_state),
            ("FragmentPath", unit.fragment),
            ("NeedDaemonReload", if unit.needs_reload { "yes" } else { "no" }.into()),
        ];
        let status = status.into_iter().map(|(key, value)| (key.to_owned(), value.into()));
        UnitNow { status: status.collect(), stale: false }
    }
}

/// All that systemd says of the unit the wish names.
pub(crate) fn show<'a>(wish: &UnitWish) -> Probe<'a, UnitNow> {
    let scope = wish.scope.word();
    let stale = match wish.daemon_reload && wish.scope == Scope::System {
        true => ask(sh(STALE, [""; 0])).map(|reply| !reply.stdout.is_empty()),
        // There is no telling for the instances of users.
        false => Probe::known(wish.daemon_reload),
    };
    let status = match &wish.name {
        None => Probe::known(Map::new()),
        Some(name) => ask(sh(SHOW, [scope, name])).try_map(|reply| match reply.ok() {
            true => Ok(reply
                .out()
                .lines()
                .filter_map(|line| line.split_once('='))
                .map(|(key, value)| (key.to_owned(), Value::from(value)))
                .collect()),
            false => Err(Refusal::new(format!("systemd does not answer: {}", reply.err().trim()))),
        }),
    };
    status.and(stale).map(|(status, stale)| UnitNow { status, stale })
}

impl UnitWish {
    /// What separates the unit from the wish.
    ///
    /// # Errors
    /// A refusal, if there is no such unit or it is masked.
    pub(crate) fn plan(&self, now: UnitNow) -> Result<Plan> {
        let mut plan = Plan::none();
        let scope = self.scope.word();
        let ctl =
            |words: &[&str]| sh(CTL, ["systemctl", &format!("--{scope}")].iter().chain(words));
        if self.daemon_reexec {
            plan = plan.run("re-execute systemd", ctl(&["daemon-reexec"])).never_settles();
        }
        if self.daemon_reload && now.stale {
            plan = plan.run("have systemd read its unit files again", ctl(&["daemon-reload"]));
            if self.scope != Scope::System {
                plan = plan.never_settles();
            }
        }
        let Some(name) = &self.name else { return Ok(plan) };
        if !(now.exists() || self.daemon_reload && now.stale) {
            let mut message =
                format!("there is no service `{name}`: systemd ({scope}) knows no such unit");
            if name.contains('@') {
                message += "; is its template installed?";
            }
            return Err(message.into());
        }
        if let Some(wanted) = self.enabled {
            let enabled = match now.enablement() {
                "enabled" => true,
                // Nothing can be enabled or disabled about these.
                "static" | "alias" | "generated" | "transient" => wanted,
                // `enabled-runtime` ends with the next boot; an `indirect` unit enables others.
                _ => false,
            };
            if enabled != wanted {
                let verb = if wanted { "enable" } else { "disable" };
                let mut words = vec![verb];
                words.extend(self.force.then_some("--force"));
                words.extend(["--", name]);
                let diff = Diff::field(name, "enabled", enabled, wanted);
                plan = plan.change(diff, crate::kit::Step::run(ctl(&words)));
                if now.enablement() == "indirect" {
                    plan = plan.never_settles();
                }
            }
            plan = plan.value("enabled", wanted);
        }
        if let Some(wanted) = self.masked {
            let masked = now.masked();
            if masked != wanted {
                let verb = if wanted { "mask" } else { "unmask" };
                let mut words = vec![verb];
                words.extend((wanted && self.force).then_some("--force"));
                words.extend(["--", name]);
                let diff = Diff::field(name, "masked", masked, wanted);
                plan = plan.change(diff, crate::kit::Step::run(ctl(&words)));
            }
        }
        if let Some(state) = self.state {
            plan = self.run_state(plan, name, state, &now)?.value("state", state.result());
        }
        Ok(plan.value("name", name.as_str()).value("status", now.status))
    }

    fn run_state(&self, plan: Plan, name: &str, state: Running, now: &UnitNow) -> Result<Plan> {
        if state != Running::Stopped && now.masked() && self.masked != Some(false) {
            return Err(format!(
                "`{name}` is masked, so it cannot be started; add `masked: false`"
            )
            .into());
        }
        let shown = |sub: &str| match now.property("ActiveState") {
            "" => sub.to_owned(),
            active => active.to_owned(),
        };
        let run = |verb: &str| {
            let block = if self.no_block { "--no-block" } else { "" };
            sh(RUN, [self.scope.word(), verb, block, name])
        };
        let note = |plan: Plan, text: String, verb: &str| plan.run(text, run(verb)).never_settles();
        Ok(match (state, now.active()) {
            (Running::Started, true) => plan,
            (Running::Started, false) | (Running::Reloaded, false) => {
                let diff = Diff::field(name, "state", shown("inactive"), "active");
                let plan = plan.change(diff, crate::kit::Step::run(run("start")));
                // Its end is its success; a reload is asked again each time.
                if now.ends() || state == Running::Reloaded || self.no_block {
                    plan.never_settles()
                } else {
                    plan
                }
            }
            (Running::Stopped, _) => match now.property("ActiveState") {
                "active" | "activating" | "reloading" | "deactivating" => {
                    let diff = Diff::field(name, "state", shown("active"), "inactive");
                    let plan = plan.change(diff, crate::kit::Step::run(run("stop")));
                    if self.no_block { plan.never_settles() } else { plan }
                }
                _ => plan,
            },
            (Running::Restarted, _) => note(plan, format!("restart {name}"), "restart"),
            (Running::Reloaded, true) => note(plan, format!("reload {name}"), "reload"),
        })
    }

    /// Whether the short answer leaves nothing to do: `show` need not be asked.
    pub(crate) fn met_by(&self, unit: &Unit) -> bool {
        unit.exists()
            && !unit.file_state.is_empty()
            && unit.file_state != "generated"
            && self.plan(unit.clone().into()).is_ok_and(|plan| plan.is_empty())
    }
}

/// One command that says nothing when it succeeds.
const CTL: &str = r#""$@" >/dev/null"#;

/// `$scope $unit`
const SHOW: &str = r#"# show a unit
export LC_ALL=C SYSTEMD_PAGER=
shown=
[ "$1" = global ] || shown=$(systemctl "--$1" show -- "$2") || exit
printf '%s\n' "$shown"
case $(printf '%s\n' "$shown" | sed -n 's/^UnitFileState=//p') in
  '' | generated)
    printf 'IsEnabled=%s\n' "$(systemctl "--$1" is-enabled -- "$2" 2>/dev/null)" ;;
esac
"#;

/// Prints a file that changed since systemd last read its configuration.
const STALE: &str = r#"# did unit files change since systemd read them
export LC_ALL=C
read=$(systemctl show -p UnitsLoadTimestampMonotonic --value) || exit 0
read up _ </proc/uptime
since=$(awk -v now="$(date +%s.%N)" -v up="$up" -v read="$read" \
  'BEGIN { printf "@%.3f", now - up + read / 1000000 }')
set --
for at in /etc/systemd /run/systemd/system /usr/local/lib/systemd /usr/lib/systemd /lib/systemd \
  /etc/init.d /etc/fstab /etc/crypttab; do
  [ -e "$at" ] && set -- "$@" "$at/."
done
for at in "$@"; do
  find "${at%/.}" -newermt "$since" ! -path '*/transient*' -print -quit
done
"#;

/// `$scope $verb $block $unit`
const RUN: &str = r#"# bring a unit up or down, and see that it stays
export LC_ALL=C
scope=$1 verb=$2 block=$3 unit=$4
fail() {
  echo "$unit $1" >&2
  user=; [ "$scope" = system ] || user=--user
  said=$(journalctl $user --no-pager -q -o cat -n 15 --since "@$since" -u "$unit" 2>/dev/null)
  [ -z "$said" ] || printf 'its last words:\n%s\n' "$said" >&2
  exit 1
}
since=$(date +%s)
systemctl "--$scope" $block "$verb" -- "$unit" >/dev/null || fail "could not $verb"
[ "$verb" != stop ] && [ "$verb" != reload ] && [ -z "$block" ] || exit 0
for _ in 1 2 3 4 5; do
  state=$(systemctl "--$scope" show -p Type -p ActiveState -p SubState -- "$unit")
  case $state in
    *ActiveState=failed* | *SubState=auto-restart*) fail "did not stay up after its $verb" ;;
    *Type=simple* | *Type=exec* | *Type=idle*) sleep 0.1 ;;
    *) exit 0 ;;
  esac
done
"#;
