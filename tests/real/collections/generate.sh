#!/bin/sh
# Asks Ansible for the answers beside this script. generate.sh ADDRESS KEY [NAME…]: a throw-away Debian host with
# apache2, git, iptables and make, and root's key; ANSIBLE_COLLECTIONS_PATH must have community.general.
# Recorded with ansible-core 2.19.14, community.general 11.
set -eu
cd "$(dirname "$0")"
address=$1 key=$2; shift 2
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
on() { ssh -q -i "$key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "root@$address" "$@"; }
printf 'judged ansible_host=%s ansible_user=root ansible_ssh_private_key_file=%s ansible_ssh_common_args="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null" ansible_python_interpreter=/usr/bin/python3\n' "$address" "$key" >"$out/hosts"
[ $# -gt 0 ] || set -- *.yml
for name; do
  name=${name%.yml}; on 'rm -f /root/observed'
  ANSIBLE_PIPELINING=1 ANSIBLE_NOCOLOR=1 "${ANSIBLE:-/opt/ansible/bin/ansible-playbook}" -i "$out/hosts" "$name.yml" </dev/null >"$out/log" 2>&1 || true
  { ./statuses "$out/log"; on 'cat /root/observed'; } >"$name.txt"
done
