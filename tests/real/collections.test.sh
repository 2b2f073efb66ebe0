# shellcheck shell=bash disable=SC2034,SC2154
# Modules of collections against recorded answers of Ansible: `collections/generate.sh` asks it again.

scenario_collections() {
  local play name i; fresh 2; i=$(inventory root 2); sed -i 's/^r2 /judged /' "$i"
  on 2 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends apache2 git iptables make >/dev/null'
  for play in tests/real/collections/*.yml; do
    name=${play%.yml}; on 2 'rm -f /root/observed'
    rp playbook "$play" -i "$i"
    diff "$name.txt" <(tests/real/collections/statuses "$LOG"; on 2 'cat /root/observed') || { echo "$name differs from Ansible"; return 1; }
  done
}
