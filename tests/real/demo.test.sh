# shellcheck shell=bash disable=SC2034,SC2154
# `env=demo` on this very machine, which it leaves as it was.

# The kept host goes on after rprov has ended: its first process, and with that all of it.
end_kept() {
  local kept=$LAB/home/.local/state/rprov/hosts/web-demo pid
  [ -f "$kept/kept" ] || return 0
  read -r pid _ <"$kept/kept"; kill -KILL "$pid" 2>/dev/null || true; sleep 0.2; rm -rf "$kept"
}

scenario_demo() {
  trap end_kept EXIT
  # Before anything else: the demo's host must not be this machine itself.
  ok_rp playbook $PLAYS/where.yml -i inventories/demo/hosts; says '"mnt:['; not grep -F "$(readlink /proc/self/ns/mnt)" "$LOG"
  mkdir -p "$OUT/demo"; touch "$OUT/demo/stamp"; sleep 1
  ok_rp provision env=demo; says 'Catalogue (demo) on web-demo'; is 0 "$(recap web-demo failed)" failed
  say "kept: the second run changes nothing"
  ok_rp provision env=demo --keep; [ "$(recap web-demo changed)" -gt 5 ]
  ok_rp provision env=demo --keep; is 0 "$(recap web-demo changed)" "changed in the second run"
  say "this machine is as it was"
  not test -e /srv/catalogue; not id catalogue; not test -e /etc/nginx/sites-enabled/catalogue
  is "" "$(find /etc /usr/sbin /var/lib/dpkg -xdev -newer "$OUT/demo/stamp" -type f 2>/dev/null)" "what changed on this machine"
}
