//! Talking to supervisord: one `supervisorctl` answers what is configured and what runs.
//!
//! A password travels on standard input and lives in a private file while supervisorctl runs; it
//! is never an argument.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::kit::{Facts, Output, Probe, Refusal, Result, Script, Step, ask, sh};

/// How to reach supervisord.
#[derive(Debug, Clone, Default)]
pub(crate) struct Server {
    pub config: Option<String>,
    pub url: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub supervisorctl: Option<String>,
}

/// What supervisord says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supervised {
    pub processes: Vec<Process>,
    /// Groups whose definition on disk is not the running one: name and `available`, `changed` or
    /// `disappeared`.
    pub differing: Vec<(String, String)>,
    /// Why the definitions on disk cannot be read.
    pub fault: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Process {
    /// `name`, or `group:name` if they differ.
    pub name: String,
    /// `RUNNING`, `STOPPED`, `FATAL`, …
    pub state: String,
    pub pid: Option<u32>,
    pub uptime: Option<String>,
    /// The rest of the line.
    pub description: String,
}

impl Process {
    fn read(line: &str) -> Option<Process> {
        let (name, rest) = line.split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        let (state, description) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let known =
            ["STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"];
        if !known.contains(&state) {
            return None;
        }
        let description = description.trim();
        let after = |key: &str| {
            let (_, rest) = description.split_once(key)?;
            Some(rest.split(',').next().unwrap_or(rest).trim().to_owned())
        };
        Some(Process {
            name: name.into(),
            state: state.into(),
            pid: after("pid ").and_then(|pid| pid.parse().ok()),
            uptime: description.split_once("uptime ").map(|(_, uptime)| uptime.to_owned()),
            description: description.into(),
        })
    }

    pub(crate) fn group(&self) -> &str {
        self.name.split(':').next().unwrap_or_default()
    }

    /// Running, or about to.
    pub(crate) fn up(&self) -> bool {
        matches!(self.state.as_str(), "RUNNING" | "STARTING")
    }

    pub(crate) fn value(&self) -> Value {
        json!({
            "name": self.name,
            "state": self.state,
            "pid": self.pid,
            "uptime": self.uptime,
            "description": self.description,
        })
    }
}

impl Server {
    fn place(&self, facts: &Facts) -> [String; 4] {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let path = |value: &Option<String>| facts.expand(value.as_deref().unwrap_or_default());
        let private = self.username.is_some() || self.password.is_some();
        let private = if private { "private" } else { "" };
        [path(&self.supervisorctl), path(&self.config), text(&self.url), private.into()]
    }

    fn script(&self, facts: &Facts, text: &'static str, words: &[String]) -> Script {
        let mut args = self.place(facts).to_vec();
        args.extend(words.iter().cloned());
        let script = sh(text, args);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        match self.username.is_some() || self.password.is_some() {
            true => script.stdin(
                format!("{}\n{}\n", text(&self.username), text(&self.password)).into_bytes(),
            ),
            false => script,
        }
    }

    /// Asks for all processes, and (`reread`) for definitions that changed on disk: reading them
    /// starts and stops nothing.
    pub(crate) fn look<'a>(&self, facts: &Facts, reread: bool) -> Probe<'a, Result<Supervised>> {
        let words = [if reread { "reread" } else { "" }.to_owned()];
        ask(self.script(facts, LOOK, &words)).map(|reply| {
            let out = reply.out();
            let mut found = Supervised::default();
            for line in out.lines() {
                let line = line.strip_prefix("supervisor> ").unwrap_or(line);
                if let Some(process) = Process::read(line) {
                    found.processes.push(process);
                } else if let Some((name, what)) = line.split_once(": ") {
                    match what {
                        "available" | "changed" | "disappeared" => {
                            found.differing.push((name.into(), what.into()));
                        }
                        // Broken configuration, somewhere: supervisorctl says where.
                        _ if name == "ERROR" || what.starts_with("ERROR") => {
                            found.fault = Some(format!("supervisord: {line}"));
                        }
                        _ => {}
                    }
                }
            }
            match reply.ok() {
                true => Ok(found),
                false => Err(Refusal::new(format!(
                    "supervisord does not answer: {}; is it running?",
                    reply.err().trim()
                ))),
            }
        })
    }

    /// Runs supervisorctl commands, given as one word list each, until one fails.
    pub(crate) fn step(&self, facts: &Facts, commands: &[&[&str]]) -> Step {
        let words = commands.iter().map(|words| words.join(" ")).collect::<Vec<_>>();
        Step::Run { script: self.script(facts, RUN, &words), output: Output::Streams }
    }

    /// Puts a definition in place and has supervisord take it up. If it cannot read it, the old one
    /// is put back.
    pub(crate) fn replace(
        &self,
        facts: &Facts,
        path: &str,
        mode: u32,
        content: Arc<[u8]>,
        group: &str,
    ) -> Step {
        let words = [path.to_owned(), format!("{mode:o}"), group.to_owned()];
        Step::run(self.script(facts, REPLACE, &words).stdin(content))
    }

    /// Makes supervisord take up the definition of a program on disk.
    pub(crate) fn update(&self, facts: &Facts, group: &str) -> Step {
        Step::run(self.script(facts, UPDATE, &[group.to_owned()]))
    }

    /// Starts a program or group, and waits until it runs, or shows why it does not.
    pub(crate) fn start(
        &self,
        facts: &Facts,
        verb: &str,
        name: &str,
        group: &str,
        seconds: u32,
    ) -> Step {
        let words = [verb.to_owned(), name.to_owned(), group.to_owned(), seconds.to_string()];
        Step::run(self.script(facts, START, &words))
    }
}

/// Defines `ctl WORD…` from `$supervisorctl $config $url $private`.
macro_rules! ctl {
    ($head:literal, $body:literal) => {
        concat!(
            $head,
            r#"
export LC_ALL=C.UTF-8
ctl=${1:-supervisorctl} config=$2 url=$3 private=$4; shift 4
if [ -n "$private" ]; then
  IFS= read -r user; IFS= read -r password
  if [ -z "$config" ]; then
    for config in /etc/supervisord.conf /etc/supervisor/supervisord.conf; do
      [ -e "$config" ] && break
    done
  fi
  [ -n "$url" ] || url=$(sed -n '/^\[supervisorctl\]/,/^\[/s/^serverurl *= *\([^ ;]*\).*/\1/p' "$config")
  umask 077
  work=$(mktemp -d) || exit
  trap 'rm -rf "$work"' EXIT; trap 'exit 129' HUP INT TERM
  quoted() { printf '%s\n' "$2" | sed "s/%/%%/g; s/^/$1=/"; }
  { echo '[supervisorctl]'; quoted serverurl "$url"; quoted username "$user"; quoted password "$password"; } \
    >"$work/supervisorctl.conf"
  config=$work/supervisorctl.conf url=
fi
ctl() {
  set -- ${url:+-s "$url"} "$@"
  "$ctl" ${config:+-c "$config"} "$@"
}
command -v "$ctl" >/dev/null || { echo "$ctl is not installed" >&2; exit 127; }
"#,
            $body
        )
    };
}

/// `… $reread`. Interactive mode shows all states first, then answers; one start of supervisorctl.
const LOOK: &str = ctl!(
    "# ask supervisord for its processes",
    r#"out=$(printf '%s\n' "$1" | ctl -i 2>&1)
case $out in
  *"refused connection"* | *"no such file"* | *"connection refused"* | *"Permission denied"* | *"PermissionError"* | \
  *"Unauthorized"* | *"requires authentication"* | *"could not find config"* | *"Error: "* | *"error: <class"*)
    printf '%s\n' "$out" | grep -v '^supervisor> *$' | head -n 3 >&2; exit 1 ;;
esac
printf '%s\n' "$out"
"#
);

/// `… COMMAND…`: each a line for supervisorctl.
const RUN: &str = ctl!(
    "# run supervisorctl",
    r#"for command do
  # A line of words, none of which can hold a space.
  set -f
  out=$(ctl $command 2>&1); rc=$?
  printf '%s\n' "$out"
  case $out in *ERROR*) [ "$rc" != 0 ] || rc=1 ;; esac
  [ "$rc" = 0 ] || { printf '%s\n' "$out" >&2; exit "$rc"; }
done
"#
);

/// `… $group`
const UPDATE: &str = ctl!(
    "# have supervisord take up a definition",
    r#"out=$(ctl update "$1" 2>&1); rc=$?
case $out in *ERROR*) [ "$rc" != 0 ] || rc=1 ;; esac
[ "$rc" = 0 ] || { printf '%s\n' "$out" >&2; exit "$rc"; }
"#
);

/// `… $path $mode $group`, and the definition to read
const REPLACE: &str = ctl!(
    "# replace a definition, unless supervisord cannot read it",
    r#"path=$1 mode=$2 group=$3
umask 077
new=$(mktemp "${path%/*}/.rprov.XXXXXX") || exit
old=$new.old
trap 'rm -f "$new" "$old"' EXIT; trap 'exit 129' HUP INT TERM
cat >"$new" && chmod "$mode" "$new" || exit
[ ! -e "$path" ] || cp -p "$path" "$old" || exit
restore() {
  if [ -e "$old" ]; then mv -f "$old" "$path"; else rm -f "$path"; fi
  rm -f "$new"
}
trap restore EXIT
mv -f "$new" "$path" || exit
out=$(ctl update "$group" 2>&1); rc=$?
case $out in *ERROR* | *CANT_REREAD*) [ "$rc" != 0 ] || rc=1 ;; esac
if [ "$rc" != 0 ]; then
  why=$(printf '%s\n' "$out" | sed -n 's/.*CANT_REREAD: \(.*\)">.*/\1/p; s/.*CANT_REREAD: \(.*[^>]\)$/\1/p')
  echo "supervisord cannot take it up, the old definition is kept: ${why:-$out}" >&2
  restore; trap - EXIT
  ctl reread >/dev/null 2>&1
  exit "$rc"
fi
trap 'rm -f "$old"' EXIT
"#
);

/// `… $verb $name $group $seconds`
const START: &str = ctl!(
    "# start a program of supervisord, and see that it runs",
    r#"verb=$1 name=$2 group=$3 seconds=$4
case $verb in
  wait) ;;
  *) out=$(ctl "$verb" "$name" 2>&1)
    # Why it fails is told below, with the program's own words.
    case $out in *'no such'*) printf '%s\n' "$out" >&2; exit 1 ;; esac ;;
esac
end=$(($(date +%s) + seconds))
while :; do
  states=$(ctl status "$name" 2>&1)
  bad=$(printf '%s\n' "$states" | grep -E '^[^ ]+ +(FATAL|BACKOFF|EXITED|UNKNOWN) ' | head -n 1)
  [ -z "$bad" ] || break
  printf '%s\n' "$states" | grep -Eq '^[^ ]+ +(STARTING|STOPPED|STOPPING) ' || exit 0
  [ "$(date +%s)" -lt "$end" ] || { bad=$(printf '%s\n' "$states" | grep -v RUNNING | head -n 1); break; }
  sleep 0.3
done
printf 'the program does not run: %s\n' "$bad" >&2
one=${bad%% *}
for stream in stderr stdout; do
  said=$(ctl tail -2000 "$one" "$stream" 2>&1)
  case $said in
    '' | *"ERROR (no log file)"*) ;;
    *) printf 'end of its %s log:\n%s\n' "$stream" "$said" | tail -n 20 >&2; break ;;
  esac
done
exit 1
"#
);
