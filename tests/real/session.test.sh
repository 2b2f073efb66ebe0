# shellcheck shell=bash disable=SC2034,SC2154
# The session's own tests against a real sshd, sudo and su.

scenario_session_on_a_real_host() {
  fresh 2
  RPROV_LAB=$(tests/lab/lab.sh ip 2) RPROV_LAB_KEY=$LAB/key \
    cargo test --locked --test it session::lab -- --test-threads 1 >"$LOG" 2>&1 || { cat "$LOG"; return 1; }
  grep -E '^test result: ok\. [1-9]' "$LOG"
  ! grep -q '^skipped' "$LOG"
}
