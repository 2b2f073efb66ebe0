# shellcheck shell=bash disable=SC2034,SC2154
# A host that is restarted by the module, and known again by its boot id.

scenario_reboot() {
  local hosts before pid keeper; fresh 3; hosts=$(inventory root 3)
  before=$(on 3 cat /proc/sys/kernel/random/boot_id)
  ok_rp playbook $PLAYS/reboot.yml -i "$hosts" --check
  is "$before" "$(on 3 cat /proc/sys/kernel/random/boot_id)" "the boot id after --check"
  # Not every systemd-nspawn starts a host again that restarts itself: where it ends, that is done here.
  pid=$(cat "$LAB/r3/pid")
  { while kill -0 "$pid" 2>/dev/null; do sleep 0.5; done; fresh 3; } &
  keeper=$!
  ok_rp playbook $PLAYS/reboot.yml -i "$hosts"
  if kill -0 "$pid" 2>/dev/null; then kill "$keeper"; fi
  wait "$keeper" || true
  not is "$before" "$(on 3 cat /proc/sys/kernel/random/boot_id)" "the boot id"
}
