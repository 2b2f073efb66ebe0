//! Services without systemd: scripts in /etc/init.d, and OpenRC.
//!
//! A daemon that a script starts inherits none of our streams, so it cannot hold them open.

use crate::kit::{Diff, Facts, Plan, Probe, Refusal, Result, ServiceManager, Step, ask, sh};
use crate::service_unit::Running;

/// What a task wants of a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScriptWish {
    pub name: String,
    pub state: Option<Running>,
    pub enabled: Option<bool>,
    /// Text in the command line of a process that tells the service is running.
    pub pattern: String,
    /// Seconds between stop and start of a restart.
    pub sleep: u32,
    /// Words for the script.
    pub arguments: Vec<String>,
    pub runlevel: String,
    pub openrc: bool,
}

/// What the script and the links to it say.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScriptNow {
    exists: bool,
    running: bool,
    enabled: bool,
}

impl ScriptWish {
    fn manager(&self) -> &'static str {
        if self.openrc { "openrc" } else { "sysv" }
    }

    pub(crate) fn probe<'a>(&self) -> Probe<'a, ScriptNow> {
        let name = self.name.trim_end_matches(".service");
        ask(sh(LOOK, [self.manager(), name, &self.pattern, &self.runlevel])).map(|reply| {
            let said = reply.lines();
            let has = |word: &str| said.iter().any(|line| line == word);
            ScriptNow { exists: has("exists"), running: has("running"), enabled: has("enabled") }
        })
    }

    /// What separates the service from the wish.
    ///
    /// # Errors
    /// A refusal, if there is no such service.
    pub(crate) fn plan(&self, facts: &Facts, now: ScriptNow) -> Result<Plan> {
        let name = self.name.trim_end_matches(".service");
        if !now.exists {
            let looked = match facts.system.service_manager {
                ServiceManager::Systemd => "`use` says not to ask systemd",
                _ => "systemd does not run on this host",
            };
            return Err(Refusal::new(format!(
                "there is no service `{name}`: /etc/init.d/{name} does not exist, and {looked}"
            )));
        }
        let mut plan = Plan::none();
        if let Some(wanted) = self.enabled {
            if now.enabled != wanted {
                let words = [self.manager(), name, &self.runlevel, &wanted.to_string()];
                let diff = Diff::field(name, "enabled", now.enabled, wanted);
                plan = plan.change(diff, Step::run(sh(ENABLE, words)));
            }
            plan = plan.value("enabled", wanted);
        }
        if let Some(state) = self.state {
            let step = |verb: &str| {
                let mut args: Vec<String> = [self.manager(), name, verb, &self.pattern]
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                args.push(self.sleep.to_string());
                args.extend(self.arguments.iter().cloned());
                Step::run(sh(RUN, args))
            };
            let turn = |before, after| Diff::field(name, "state", before, after);
            plan = match (state, now.running) {
                (Running::Started, true) | (Running::Stopped, false) => plan,
                (Running::Started, false) => plan.change(turn("stopped", "started"), step("start")),
                (Running::Stopped, true) => plan.change(turn("started", "stopped"), step("stop")),
                (Running::Reloaded, false) => {
                    plan.change(turn("stopped", "started"), step("start")).never_settles()
                }
                (Running::Reloaded, true) => plan
                    .change(Diff::Note(format!("reload {name}")), step("reload"))
                    .never_settles(),
                (Running::Restarted, _) => plan
                    .change(Diff::Note(format!("restart {name}")), step("restart"))
                    .never_settles(),
            }
            .value("state", state.result());
        }
        Ok(plan.value("name", name))
    }
}

/// Functions of both scripts: `control VERB…` and `running`.
macro_rules! control {
    ($head:literal, $body:literal) => {
        concat!(
            $head,
            r#"
control() {
  if [ "$manager" = openrc ]; then
    rc-service "$name" "$@"
  else
    (cd / && env -i LANG=C.UTF-8 PATH="$PATH" TERM=dumb "/etc/init.d/$name" "$@")
  fi </dev/null
}
running() {
  if [ -n "$pattern" ]; then
    printf '%s\n' "$pattern" | grep -qaF -f - /proc/[0-9]*/cmdline 2>/dev/null
  else
    control status >/dev/null 2>&1
  fi
}
"#,
            $body
        )
    };
}

/// `$manager $name $pattern $runlevel`
const LOOK: &str = control!(
    "# ask an init script",
    r#"manager=$1 name=$2 pattern=$3 level=$4
[ -x "/etc/init.d/$name" ] || exit 0
echo exists
if running; then echo running; fi
if [ "$manager" = openrc ]; then
  [ -e "/etc/runlevels/$level/$name" ] && echo enabled
else
  for link in /etc/rc[2345].d/S[0-9][0-9]"$name" /etc/rc.d/rc[2345].d/S[0-9][0-9]"$name"; do
    [ -e "$link" ] && echo enabled && break
  done
fi
exit 0
"#
);

/// `$manager $name $verb $pattern $pause WORD…`
const RUN: &str = control!(
    "# run an init script, and see that the service is as it should be",
    r#"manager=$1 name=$2 verb=$3 pattern=$4 pause=$5; shift 5
said=$(mktemp) || exit
trap 'rm -f "$said"' EXIT; trap 'exit 129' HUP INT TERM
fail() { echo "$name $1; its script says:" >&2; tail -n 15 "$said" >&2; exit 1; }
if [ "$verb" = restart ] && [ "$pause" -gt 0 ]; then
  control stop "$@" >"$said" 2>&1
  sleep "$pause"
  control start "$@" >>"$said" 2>&1 || fail "could not start"
else
  control "$verb" "$@" >"$said" 2>&1 || fail "could not $verb"
fi
for _ in 1 2 3 4 5 6 7 8 9 10; do
  case $verb in
    stop) running || exit 0 ;;
    *) running && exit 0 ;;
  esac
  sleep 0.2
done
case $verb in
  stop) fail "still runs after its stop" ;;
  *) fail "does not run after its $verb" ;;
esac
"#
);

/// `$manager $name $runlevel $wanted`
const ENABLE: &str = r#"# start a service at boot, or not
manager=$1 name=$2 level=$3 wanted=$4
if [ "$manager" = openrc ]; then
  if [ "$wanted" = true ]; then rc-update add "$name" "$level"; else rc-update del "$name" "$level"; fi
elif command -v update-rc.d; then
  if [ "$wanted" = true ]; then
    update-rc.d "$name" defaults && update-rc.d "$name" enable
  else
    update-rc.d "$name" disable
  fi
elif command -v chkconfig; then
  if [ "$wanted" = true ]; then chkconfig --add "$name" && chkconfig "$name" on; else chkconfig "$name" off; fi
else
  echo "neither update-rc.d nor chkconfig is there to set what starts at boot" >&2; exit 1
fi >/dev/null
"#;
