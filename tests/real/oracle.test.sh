# shellcheck shell=bash disable=SC2034,SC2154
# Ansible as the judge: the same playbook run by Ansible on host 2 and by rprov on host 3.

# Ansible from the Python registry, in the lab's own directory.
ansible() {
  [ -x "$ANSIBLE" ] || {
    command -v python3 >/dev/null && python3 -m venv "$LAB/ansible" >/dev/null 2>&1 && "$LAB/ansible/bin/pip" install -q 'ansible-core>=2.18,<2.20' >"$OUT/pip.log" 2>&1 ||
      { rm -rf "$LAB/ansible"; skip "Ansible is not here and cannot be installed from the Python registry (python3-venv? network?)"; }
  }
  say "ansible-playbook $*"; ANSIBLE_PIPELINING=1 ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0 timeout 600 "$ANSIBLE" "$@" </dev/null >"$OUT/ansible.log" 2>&1 ||
    { cat "$OUT/ansible.log"; return 1; }
}

# state I: all that the playbook is about, as text.
state() {
  on "$1" 'cd /; find srv/oracle ! -path "*/.git/*" -printf "%p %y %m %u %g %l\n" | sort; find srv/oracle -type f ! -path "*/.git/*" -exec sha256sum {} + | sort -k2
    grep -E "^(oracle|worker)" etc/passwd etc/group; getent shadow oracle worker | cut -d: -f1,2,5; for f in home/oracle/.ssh home/oracle/.ssh/authorized_keys; do stat -c "%n %a %U %G" $f 2>/dev/null || true; done
    cat etc/oracle.conf; crontab -l; cat etc/cron.d/oracle; stat -c "%n %a" etc/cron.d/oracle
    dpkg-query -W -f "\${db:Status-Abbrev}\${Package}\n" tree rsync 2>/dev/null; systemctl is-enabled oracle.timer cron; systemctl is-active oracle.timer cron; git -C srv/oracle/pyenv rev-parse HEAD'
}

scenario_oracle_same_as_ansible() {
  local a r; fresh 2; fresh 3; a=$(inventory root 2); r=$(inventory root 3); sed -i 's/^r[23] /judged /' "$a" "$r"
  ansible $PLAYS/oracle.yml -i "$a" || { echo "Ansible itself fails on the playbook"; return 1; }
  cp "$OUT/ansible.log" "$OUT/ansible.first"
  ok_rp playbook $PLAYS/oracle.yml -i "$r"
  diff <(changes "$OUT/ansible.first") <(changes "$LOG"); is 0 "$(unsettled)" "the number of unsettled tasks"
  for field in ok changed skipped rescued ignored; do is "$(recap judged $field "$OUT/ansible.first")" "$(recap judged $field)" "$field"; done
  diff <(state 2) <(state 3)
  say "each again, on its own host and on the other's: nothing is left to change"
  ansible $PLAYS/oracle.yml -i "$a"; cp "$OUT/ansible.log" "$OUT/ansible.second"
  ok_rp playbook $PLAYS/oracle.yml -i "$r"; diff <(changes "$OUT/ansible.second") <(changes "$LOG")
  ansible $PLAYS/oracle.yml -i "$r"; diff <(changes "$OUT/ansible.second") <(changes "$OUT/ansible.log")
  ok_rp playbook $PLAYS/oracle.yml -i "$a"; diff <(changes "$OUT/ansible.second") <(changes "$LOG")
  is 0 "$(recap judged changed)" "changed by rprov on the host that Ansible made"
}
