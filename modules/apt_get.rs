//! Asking apt-get what it would do, and having it done.
//!
//! What would change is never guessed: `apt-get -s` resolves the very words that the step will
//! use, so the diff names every package and a wish apt cannot fulfil is refused before anything
//! happens. Where the package lists are due for an update, the preview fetches them into a private
//! directory, and the host's own lists stay as they are.

use crate::kit::{Diff, Output, Probe, Script, Step, ask_costly, sh};
use crate::login::Logins;

/// What `apt-get -s` foretells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preview {
    pub installs: Vec<Install>,
    /// Name and version.
    pub removals: Vec<(String, String)>,
    /// Files of the archive that `autoclean` would delete.
    pub deletions: Vec<String>,
    /// Names of no package that an installed one provides: left out of the words.
    pub provided: Vec<String>,
    /// apt's errors, without `E: `.
    pub errors: Vec<String>,
}

/// A package that would be installed or moved to another version.
#[derive(Debug, Clone)]
pub(crate) struct Install {
    pub name: String,
    /// The version that is installed, if any.
    pub before: Option<String>,
    pub after: String,
}

/// Asks what `apt-get WORDS` would do. `specs` are checked against what installed packages provide.
pub(crate) fn preview<'a>(
    refresh: bool,
    words: Vec<String>,
    specs: Vec<String>,
) -> Probe<'a, Preview> {
    let mut args = vec![refresh.to_string(), specs.len().to_string()];
    args.extend(specs);
    args.extend(words);
    ask_costly(sh(PREVIEW, args)).map(|reply| Preview::read(&reply.out(), &reply.err()))
}

impl Preview {
    fn read(out: &str, err: &str) -> Preview {
        let mut preview = Preview::default();
        for line in out.lines() {
            let mut words = line.split_whitespace();
            let verb = words.next().unwrap_or_default();
            let name = words.next().unwrap_or_default().to_owned();
            let rest: Vec<&str> = words.collect();
            let inside = |open: char| {
                rest.iter()
                    .find_map(|word| word.strip_prefix(open))
                    .map(|word| word.trim_end_matches([']', ')']).to_owned())
            };
            match verb {
                "Inst" => preview.installs.push(Install {
                    name,
                    before: rest.first().filter(|w| w.starts_with('[')).and_then(|_| inside('[')),
                    after: inside('(').unwrap_or_default(),
                }),
                "Remv" | "Purg" => {
                    preview.removals.push((name, inside('[').unwrap_or_default()));
                }
                "Del" => preview.deletions.push(name),
                "provided" => preview.provided.push(name),
                _ => {}
            }
        }
        preview.errors =
            err.lines().filter_map(|line| line.strip_prefix("E: ")).map(str::to_owned).collect();
        preview
    }

    /// Every package that was named, moves or goes; new dependencies in one line.
    pub(crate) fn diffs(&self, named: &[String]) -> Vec<Diff> {
        let mut diffs = Vec::new();
        let mut dependencies = Vec::new();
        for Install { name, before, after } in &self.installs {
            if before.is_none() && !named.is_empty() && !named.iter().any(|n| n == name) {
                dependencies.push(name.as_str());
                continue;
            }
            let before = before.as_deref().unwrap_or("absent");
            diffs.push(Diff::field(name, "version", before, after));
        }
        if !dependencies.is_empty() {
            let (count, list) = (dependencies.len(), dependencies.join(", "));
            diffs.push(Diff::Note(match count {
                1 => format!("with one package it needs: {list}"),
                _ => format!("with {count} packages they need: {list}"),
            }));
        }
        for (name, version) in &self.removals {
            diffs.push(match version.is_empty() {
                true => Diff::field(name, "configuration", "present", "absent"),
                false => Diff::field(name, "version", version, "absent"),
            });
        }
        if !self.deletions.is_empty() {
            let count = self.deletions.len();
            diffs.push(Diff::Note(format!("delete {count} outdated files from the archive")));
        }
        diffs
    }
}

/// How the steps of one task run apt-get.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    /// Seconds to wait for a lock another program holds.
    pub lock_timeout: u64,
    /// Exit status of a policy-rc.d for the time of the run.
    pub policy_rc_d: Option<i32>,
}

impl Running {
    /// Runs `apt-get WORDS`.
    pub(crate) fn step(&self, words: Vec<String>) -> Step {
        let policy = self.policy_rc_d.map_or_else(String::new, |status| status.to_string());
        let mut args = vec![self.lock_timeout.to_string(), policy];
        args.extend(words);
        Step::Run { script: sh(RUN, args), output: Output::Streams }
    }

    /// Fetches the package lists, trying again `retries` times.
    pub(crate) fn update(&self, retries: u32, longest_delay: u32) -> Step {
        let script = sh(UPDATE, [self.lock_timeout, retries.into(), longest_delay.into()]);
        Step::Run { script, output: Output::Streams }
    }

    /// The same; if it fails, files are put back. `places` holds path and size in turn (`-` as the
    /// size of what was not there), `content` what was in them, one after the other.
    pub(crate) fn update_or_put_back(
        &self,
        retries: u32,
        longest_delay: u32,
        places: Vec<String>,
        content: Vec<u8>,
    ) -> Step {
        let mut args = [self.lock_timeout, retries.into(), longest_delay.into()]
            .map(|number| number.to_string())
            .to_vec();
        args.extend(places);
        Step::Run { script: sh(UPDATE, args).stdin(content), output: Output::Streams }
    }

    /// Installs a `.deb`, fetched first if `from` is a URL.
    pub(crate) fn install_file(&self, from: &str, words: Vec<String>) -> Step {
        let policy = self.policy_rc_d.map_or_else(String::new, |status| status.to_string());
        let (from, login) = bare(from);
        let mut args = vec![self.lock_timeout.to_string(), policy, from];
        args.extend(words);
        Step::Run { script: with_login(sh(INSTALL_FILE, args), login), output: Output::Streams }
    }
}

/// Name, version and architecture of a `.deb`, or why it cannot be read.
pub(crate) fn read_file(from: &str) -> Script {
    let (from, login) = bare(from);
    with_login(sh(READ_FILE, [from]), login)
}

/// The URL as processes may see it; and the login that was in it, as a line of apt's `auth.conf`.
fn bare(from: &str) -> (String, Option<String>) {
    let mut logins = Logins::default();
    let bare = logins.strip(from);
    let line = logins.0.first().map(|login| {
        let (user, password) = login.parts();
        format!("machine {} login {user} password {password}\n", login.server)
    });
    (bare, line)
}

fn with_login(script: Script, login: Option<String>) -> Script {
    login.into_iter().fold(script, |script, line| script.stdin(line.into_bytes()))
}

/// `$refresh $count SPEC… WORD…`. Prints what `apt-get -s` prints.
const PREVIEW: &str = r#"# ask apt-get what it would do
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
refresh=$1 count=$2; shift 2
if [ "$count" -gt 0 ]; then
  provided=$(dpkg-query -W -f='${db:Status-Status} ${Provides}\n' 2>/dev/null |
    sed -n 's/([^)]*)//g; s/,/ /g; s/^installed //p' | tr -s ' \n' '  ')
fi
all=
while [ "$count" -gt 0 ]; do
  wanted=1
  case " $provided " in
    # A package of that name is what is meant, if there is one.
    *" $1 "*) [ -n "$(apt-cache show "$1" 2>/dev/null)" ] || wanted= ;;
  esac
  if [ -n "$wanted" ]; then set -- "$@" "$1"; all=1; else printf 'provided %s\n' "$1"; fi
  shift; count=$((count - 1)); some=1
done
[ -n "$all" ] || [ -z "$some" ] || exit 0
# The specs now stand after the words.
[ "$refresh" = true ] || exec apt-get -s -y -qq "$@"
lists=$(mktemp -d) || exit
trap 'rm -rf "$lists"' EXIT; trap 'exit 129' HUP INT TERM
cp -a /var/lib/apt/lists/. "$lists/" || exit
rm -f "$lists/lock"; chmod 755 "$lists"
private="-o Dir::State::Lists=$lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
apt-get $private -qq -o APT::Update::Error-Mode=any -o APT::Update::Post-Invoke-Success= \
  -o APT::Update::Post-Invoke= -o APT::Update::Pre-Invoke= update >&2 || exit
apt-get $private -s -y -qq "$@"
"#;

/// Functions of every step: `apt WORD…` runs apt-get, and waits up to `$lock` seconds for a lock.
macro_rules! waiting {
    ($head:literal, $body:literal) => {
        concat!(
            $head,
            r#"
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical
export APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l UCF_FORCE_CONFFOLD=1
umask 022
work=$(mktemp -d) || exit
err=$work/err
trap 'rm -rf "$work"; restore' EXIT; trap 'exit 129' HUP INT TERM
restore() { :; }
apt() {
  deadline=$(($(date +%s) + lock)) told=
  while :; do
    apt-get "$@" 2>"$err" && { cat "$err" >&2; return 0; }
    rc=$?
    held=$(sed -n 's/^E: Could not get lock \([^ ]*\)\. It is held by process \(.*\)$/\1, held by process \2/p
      s/^E: Could not get lock \([^ ]*\) - open.*$/\1/p' "$err" | head -n 1)
    [ -n "$held" ] || { cat "$err" >&2; return $rc; }
    [ "$(date +%s)" -lt "$deadline" ] || {
      echo "gave up after $lock s: another program has the lock $held" >&2; return $rc; }
    [ -n "$told" ] || { echo "note: waiting up to $lock s for the lock $held" >&2; told=1; }
    sleep 1
  done
}
policy() {
  [ -n "$1" ] || return 0
  at=/usr/sbin/policy-rc.d
  [ ! -e $at ] || [ -e $at.rprov ] || mv $at $at.rprov || exit
  restore() { if [ -e $at.rprov ]; then mv -f $at.rprov $at; else rm -f $at; fi; }
  printf '#!/bin/sh\nexit %s\n' "$1" >$at && chmod 755 $at || exit
}
"#,
            $body
        )
    };
}

/// `$lock $policy WORD…`
const RUN: &str = waiting!(
    "# run apt-get",
    r#"lock=$1; policy "$2"; shift 2
apt -y -q -o Dpkg::Use-Pty=0 "$@"
"#
);

/// `$lock $retries $longest_delay [$path $size]…`, old contents on standard input.
const UPDATE: &str = waiting!(
    "# fetch the package lists",
    r#"lock=$1 retries=$2 longest=$3 delay=1; shift 3
put_back() {
  while [ $# -gt 0 ]; do
    if [ "$2" = - ]; then rm -f -- "$1"; else
      [ ! -e "$1" ] || cp -p -- "$1" "$1.rprov" || exit
      dd iflag=fullblock bs="$2" count=1 2>/dev/null >"$1.rprov" && mv -f -- "$1.rprov" "$1"
    fi
    shift 2
  done
}
until apt -q -o APT::Update::Error-Mode=any update; do
  rc=$?
  [ "$retries" -gt 0 ] && ! grep -q 'Could not get lock' "$err" || { put_back "$@"; exit $rc; }
  retries=$((retries - 1)) delay=$((delay * 2))
  [ "$delay" -le "$longest" ] || delay=$longest
  sleep "$delay"
done
touch /var/lib/apt/lists
"#
);

/// `$lock $policy $from WORD…`
const INSTALL_FILE: &str = waiting!(
    "# install a package file",
    r#"lock=$1 from=$3; policy "$2"; shift 3
case $from in
  *://*) (umask 077 && cat >"$work/auth") || exit
    /usr/lib/apt/apt-helper -o Dir::Etc::netrc="$work/auth" download-file "$from" "$work/package.deb" >&2 || exit
    chmod 755 "$work"; from=$work/package.deb ;;
esac
apt -y -q -o Dpkg::Use-Pty=0 "$@" "$from"
"#
);

/// `$from`
const READ_FILE: &str = r#"# read the control fields of a package file
from=$1
case $from in
  *://*) work=$(mktemp -d) || exit
    trap 'rm -rf "$work"' EXIT; trap 'exit 129' HUP INT TERM
    (umask 077 && cat - /etc/apt/auth.conf >"$work/auth" 2>/dev/null)
    /usr/lib/apt/apt-helper -o Dir::Etc::netrc="$work/auth" download-file "$from" "$work/package.deb" >&2 || exit
    from=$work/package.deb ;;
  *) [ -e "$from" ] || { echo "there is no file $from" >&2; exit 1; } ;;
esac
dpkg-deb -f "$from" Package Version Architecture
"#;
