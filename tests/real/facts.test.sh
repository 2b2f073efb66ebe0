# shellcheck shell=bash disable=SC2034,SC2154
# Facts of one host, gathered by Ansible and by rprov: the same keys and the same values.

scenario_facts_same_as_ansible() {
  local hosts; fresh 2; hosts=$(inventory root 2)
  on 2 'mkdir -p /etc/ansible/facts.d; printf "[a]\nb = c\n" >/etc/ansible/facts.d/ini.fact
    printf "#!/bin/sh\necho \"{\\\\\"x\\\\\": 1}\"\n" >/etc/ansible/facts.d/run.fact; chmod +x /etc/ansible/facts.d/run.fact'
  ansible $PLAYS/facts.yml -i "$hosts" -e "dest=$OUT/facts.ansible"
  ok_rp playbook $PLAYS/facts.yml -i "$hosts" -e "dest=$OUT/facts.rprov"
  # Times, free space and free memory go on; sets have no order in Ansible.
  python3 - "$OUT/facts.ansible" "$OUT/facts.rprov" <<'END'
import json, sys

def flat(value, path=""):
    if isinstance(value, dict) and value:
        for key in value:
            yield from flat(value[key], f"{path}.{key}")
    elif isinstance(value, list):
        yield path, sorted(json.dumps({k: v for k, v in item.items() if "available" not in k and "used" not in k}
                                      if isinstance(item, dict) else item, sort_keys=True) for item in value)
    else:
        yield path, value

moving = (".date_time", ".env", ".loadavg", ".uptime", ".memory_mb", ".memfree", ".swapfree", ".discovered")
ours, theirs = ({k: v for k, v in flat(json.load(open(file))) if not k.startswith(moving)} for file in reversed(sys.argv[1:]))
wrong = [key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key, "no such fact") != theirs.get(key, "no such fact")]
for key in wrong:
    print(f"{key[1:]}: Ansible {theirs.get(key, 'no such fact')!r}, rprov {ours.get(key, 'no such fact')!r}")
print(f"{len(theirs)} facts compared, {len(wrong)} differ")
sys.exit(bool(wrong))
END
}
