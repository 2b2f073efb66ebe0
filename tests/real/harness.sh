# shellcheck shell=bash disable=SC2034,SC2154
# What the scenarios are written with. Sourced by run.sh; $LOG is the output of the latest `rp`.
PLAYS=tests/real/playbooks

on() { tests/lab/lab.sh ssh "$@"; }
fresh() { tests/lab/lab.sh reset "$1"; }
skip() { echo "$*"; exit 77; }
say() { echo "-- $*"; }

# rp ARGUMENT…: rprov with a home of the lab's own. Output to $LOG and on; the exit code to $code, never fatal.
rp() {
  say "rprov $*"; code=0
  env -u SSH_AUTH_SOCK HOME="${RP_HOME:-$LAB/home}" timeout 600 "$RPROV" "$@" </dev/null >"$LOG" 2>&1 || code=$?
  cat "$LOG"; echo "-- exit $code"
}
# ok_rp ARGUMENT…: must succeed.
ok_rp() { rp "$@"; [ "$code" = 0 ]; }
# env_test VERB ARGUMENT…: the environment `test` with lab host 1 in the place of the virtual machine.
env_test() { local verb=$1; shift; rp "$verb" env=test "host=$(tests/lab/lab.sh ip 1)" ssh_user=root "ssh_key=$LAB/key" -e "@$LAB/services.yml" "$@"; }

# inventory USER I…: writes an inventory of these hosts, prints its path.
inventory() {
  local user=$1 file=$OUT/hosts.$$.$RANDOM i; shift
  { tests/lab/lab.sh inventory "$user" | grep -vE '^r[0-9]+ ' | sed -n '1p'
    for i in "$@"; do echo "r$i ansible_host=$(tests/lab/lab.sh ip "$i")"; done
    tests/lab/lab.sh inventory "$user" | sed -n '/^\[web:vars\]/,$p'; } >"$file"
  echo "$file"
}

# recap HOST FIELD [LOG]: a number of the recap.
recap() { sed -n "s/^$1 *:.* $2=\([0-9]*\).*/\1/p" "${3:-$LOG}" | tail -n 1; }
# not COMMAND…: must fail (bash's own `!` would not stop a scenario).
not() { if "$@"; then echo "expected this to fail: $*"; return 1; fi; }
# is EXPECTED FOUND WHAT
is() { [ "$1" = "$2" ] || { echo "expected $3 to be \`$1\`, found \`$2\`"; return 1; }; }
says() { grep -qF -- "$1" "$LOG" || { echo "expected the output to say \`$1\`"; return 1; }; }
says_like() { grep -qiE -- "$1" "$LOG" || { echo "expected the output to match /$1/i"; return 1; }; }

# changes LOG: each changed result with its task, in order; diffs and values left out.
changes() { awk '/^(TASK|RUNNING HANDLER) \[/ { sub(/ \*+$/, ""); task = $0 } /^changed: \[/ { sub(/ => \{.*/, ""); print task " " $0 }' "$1"; }
unsettled() { grep -c '^unsettled:' "$LOG" || true; }

# stamp I, then touched I: the files that came, went or changed on host I since. What sshd, sudo, PAM, cron and the
# journal write of their own accord is left out; what a session leaves behind is not.
stamp() { on "$1" 'sleep 1; touch /run/stamp; ls -A /tmp /var/tmp /root /home/* >/run/stamp.names; sleep 1'; }
touched() {
  on "$1" 'find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /var/log -o -path /var/lib/sudo -o -path /var/lib/systemd -o -path /var/lib/private \) -prune -o -cnewer /run/stamp \( -type f -o -type l \) -print
    ls -A /tmp /var/tmp /root /home/* | diff /run/stamp.names -; true' || echo "(host $1 does not answer)"
}
# processes I: what a session left running.
processes() { on "$1" 'ps -eo ppid=,args= | grep -E "IFS= read -r|rprov" | grep -v grep || true'; }
