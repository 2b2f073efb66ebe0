# shellcheck shell=bash disable=SC2034,SC2154
# A host that is restarted by the module, and known again by its boot id.

scenario_reboot() {
  local hosts before; fresh 3; hosts=$(inventory root 3)
  before=$(on 3 cat /proc/sys/kernel/random/boot_id)
  ok_rp playbook $PLAYS/reboot.yml -i "$hosts" --check
  is "$before" "$(on 3 cat /proc/sys/kernel/random/boot_id)" "the boot id after --check"
  ok_rp playbook $PLAYS/reboot.yml -i "$hosts"
  not is "$before" "$(on 3 cat /proc/sys/kernel/random/boot_id)" "the boot id"
}
