#!/bin/bash
# rprov on real hosts: boots the lab, runs every scenario of tests/real/*.test.sh, takes the lab down.
#   tests/real/run.sh [-k] [NAME…]    only the scenarios so named; -k keeps the lab for a look at it
# A scenario is a function `scenario_NAME`; it fails when a command of it fails. Host 1 belongs to the story of
# `env=test`, hosts 2 and 3 are scratch. The last line says how many passed and failed.
set -uo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.."
export LAB=${LAB:-${TMPDIR:-/tmp}/rprov-lab}
RPROV=${RPROV:-$PWD/target/release/rprov}
ANSIBLE=${ANSIBLE:-$LAB/ansible/bin/ansible-playbook}
OUT=$LAB/out
keep=; [ "${1:-}" = -k ] && { keep=1; shift; }

[ -x "$RPROV" ] || { echo "no $RPROV: cargo build --release first" >&2; exit 1; }
. tests/real/harness.sh
for file in tests/real/*.test.sh; do . "$file"; done

exec 9>"$LAB.lock"; flock -n 9 || { echo "another run is using $LAB" >&2; exit 1; }
finish() { [ -n "$keep" ] || { tests/lab/services.sh down; tests/lab/lab.sh down; }; }
trap finish EXIT; trap 'exit 130' INT TERM

echo "lab: three hosts, git, Node's downloads and an ACME server in $LAB"
{ tests/lab/lab.sh up 3 && tests/lab/services.sh up; } 9>&- || { echo "FAIL the lab did not start"; echo "0 passed, 1 failed"; exit 1; }
mkdir -p "$OUT" "$LAB/home/.ssh"; chmod 700 "$LAB/home/.ssh"; ln -sf "$LAB/known_hosts" "$LAB/home/.ssh/known_hosts"

passed=0 failed=0 skipped=0
for name in $(declare -F | sed -n 's/^declare -f scenario_//p' | sort); do
  [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
  started=$SECONDS
  ( set -eE; trap 'echo "line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND" >&2' ERR; LOG=$OUT/$name.log; "scenario_$name" ) >"$OUT/$name.out" 2>&1 9>&-
  case $? in
    0) passed=$((passed + 1)); echo "ok   $name ($((SECONDS - started)) s)" ;;
    77) skipped=$((skipped + 1)); echo "skip $name: $(tail -n 1 "$OUT/$name.out")" ;;
    *) failed=$((failed + 1)); echo "FAIL $name ($((SECONDS - started)) s), the end of $OUT/$name.out:"; tail -n 25 "$OUT/$name.out" | sed 's/^/     | /' ;;
  esac
done
[ $((passed + failed + skipped)) -gt 0 ] || { echo "no scenario of that name"; failed=1; }
[ $skipped = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
