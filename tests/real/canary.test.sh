# shellcheck shell=bash disable=SC2034,SC2154
# Random secrets through every kind of task on a real host, success and failure, while each program that its sshd
# starts is traced with its words and environment. No secret may be there, in what the host keeps (journal, logs,
# histories, temporary files, processes), or in what the controller shows and keeps.

CANARY_ADDRESS() { tests/lab/lab.sh ip 2; }
canary_word() { head -c 4096 /dev/urandom | tr -dc 'A-HJ-NP-Za-km-z2-9' | cut -c "1-$1"; }

# The project, its secrets in $word, $odd, $lines, $login and $become, and their traces in $dir.traces.
canary_project() {
  word=Cw$(canary_word 14) odd="Co$(canary_word 10) '\"\\\$\`&+; $(canary_word 8)" become=Cb$(canary_word 12)
  lines="Cl$(canary_word 20)"$'\n'"$(canary_word 9)+$(canary_word 9)"$'\n'"$(canary_word 12)=="
  login="me$(canary_word 4):Cg$(canary_word 12)" asked=Ca$(canary_word 10)
  dir=$OUT/canary; rm -rf "$dir" "$dir".*; mkdir -p "$dir/templates" "$dir/files" "$dir/home/.ssh"; chmod 700 "$dir/home/.ssh"
  { for secret in "$word" "$odd" "$lines" "${login#*:}" "$become"; do
      tr ' +' '\n\n' <<<"$secret" | LC_ALL=C grep -xE '[A-Za-z0-9]{8,}'
      for shift in 0 1 2; do printf %s "${secret:$shift}" | base64 -w 0 | cut -c 5-16; done
    done; echo 918273645; } | sort -u >"$dir.traces"
  printf 'canary vault\n' >"$dir/vault-password"; chmod 600 "$dir/vault-password"
  jq -n --arg word "$word" --arg odd "$odd" --arg lines "$lines" --arg login "$login" --arg become "$become" \
    '{word: $word, odd: $odd, lines: $lines, login: $login, become_word: $become, short: "q7Z", pin: 918273645}' >"$dir/secrets.yml"
  printf "echo '%s'; exit 3\n" "$word" >"$dir/files/canary.sh"
  printf '{{ word }} {{ odd | b64encode }}\n{{ lines }}\n' >"$dir/templates/canary.j2"
  cat >"$dir/ansible.cfg" <<-CFG
	[defaults]
	log_path = log
	fact_caching = jsonfile
	fact_caching_connection = cache
	retry_files_enabled = true
	retry_files_save_path = retry
	host_key_checking = false
	vault_password_file = vault-password
	CFG
  { echo "keeper ansible_host=$(CANARY_ADDRESS) ansible_user=keeper ansible_password='{{ become_word }}' ansible_become_password='{{ become_word }}'"
    echo "wrong ansible_host=$(CANARY_ADDRESS) ansible_user=keeper ansible_password='{{ word }}'"
    echo "refused ansible_host=$(CANARY_ADDRESS) ansible_user=keeper ansible_password='{{ become_word }}' ansible_become_password='{{ word }}'"; } >"$dir/hosts"
  { printf -- '- hosts: all\n  become: true\n  gather_facts: true\n  ignore_errors: true\n  vars_prompt: [{name: asked, default: %s}]\n  tasks:\n' "$asked"
    grep -hv '^#' tests/canary/tasks.yml tests/real/canary/tasks.yml | sed 's/^/  /'
    printf '  - {command: "true", notify: h, changed_when: true}\n  - {command: "false", ignore_errors: false}\n  handlers: [{name: h, debug: {msg: "{{ word }}"}}]\n'; } >"$dir/play.yml"
}
# canary_rp ARGUMENT…: rprov in the project, all that it says and starts kept.
canary_rp() {
  local trace=(); command -v strace >/dev/null && trace=(strace -f -q -v -s 100000 -e trace=execve -e signal=none -o "$dir.started.$RANDOM")
  say "rprov $*"
  (cd "$dir" && env -u SSH_AUTH_SOCK HOME="$dir/home" RPROV_STATE_DIR="$dir/state" "${trace[@]}" timeout 600 "$RPROV" "$@" </dev/null) >>"$dir.said" 2>&1 || echo "-- exit $?" >>"$dir.said"
}
# clean FILE…: none has a trace, but for the variable CANARY, which tasks set on purpose.
canary_clean() {
  local file seen
  for file; do
    seen=$(sed -E 's/"?CANARY=([^"\\]|\\.)*"?//g' "$file" | grep -aF -n -f "$dir.traces" | cut -c 1-600 | head -n 5 || true)
    [ -z "$seen" ] || { echo "$file has a secret: $seen"; return 1; }
  done
}

scenario_canary() {
  local word odd lines login become asked dir secret shift port
  fresh 2
  on 2 'export DEBIAN_FRONTEND=noninteractive; dpkg -s strace python3-pip python3-venv >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends strace python3-pip python3-venv; }' >/dev/null || skip "strace cannot be installed on the host"
  command -v jq >/dev/null || skip "needs jq"
  canary_project
  on 2 'mkdir -p /srv/canary && cat >/srv/canary/serve.py' <tests/real/canary/serve.py
  on 2 'mkdir -p /srv/canary && cat >/srv/canary/prepare.sh' <tests/real/canary/prepare.sh
  port=$(on 2 'sh /srv/canary/prepare.sh' <<<"$login" | tail -n 1); [ "$port" -gt 0 ]
  # Cron would log the job that the tasks give it, and run it.
  on 2 'systemctl stop cron; id keeper >/dev/null 2>&1 || useradd -m -s /bin/bash keeper; echo "keeper ALL=(ALL) ALL" >/etc/sudoers.d/keeper'
  printf 'keeper:%s\n' "$become" | on 2 chpasswd
  canary_rp vault encrypt secrets.yml files/canary.sh
  canary_clean "$dir/secrets.yml"
  on 2 'systemd-run --quiet --unit=canary-trace strace -f -q -v -s 100000 -e trace=execve -e signal=none -o /run/canary.trace -p "$(systemctl show -p MainPID --value ssh)"
    for _ in $(seq 50); do grep -q "^TracerPid:.*[1-9]" /proc/"$(systemctl show -p MainPID --value ssh)"/status && exit 0; sleep .1; done; exit 1'
  # What is traced is seen.
  on 2 '/bin/echo seen-in-the-trace' >/dev/null

  local with=(-i hosts -e @secrets.yml -e "port=$port" play.yml)
  ANSIBLE_STDOUT_CALLBACK=yaml canary_rp playbook "${with[@]}" --check -vv
  canary_rp playbook "${with[@]}" --limit keeper -vvv
  ANSIBLE_STDOUT_CALLBACK=json canary_rp playbook "${with[@]}" --limit keeper -D
  canary_rp run keeper -i hosts -e @secrets.yml -m command -a 'cat stdin="{{ word }} {{ odd | quote }}"' -vvv
  canary_rp run wrong,refused -i hosts -e @secrets.yml -b -m ping -vvv
  for host in keeper wrong; do canary_rp why "$host" word -i hosts -e @secrets.yml; canary_rp why "$host" ansible_password -i hosts -e @secrets.yml; done
  canary_rp inventory -i hosts -e @secrets.yml --list; canary_rp inventory -i hosts -e @secrets.yml --host keeper
  canary_rp inventory -i hosts -e @secrets.yml --graph --vars; canary_rp inventory -i hosts -e @secrets.yml --list --yaml
  canary_rp config; canary_rp lint -i hosts -e @secrets.yml play.yml
  canary_rp playbook "${with[@]}" --list-tasks; canary_rp playbook "${with[@]}" --list-hosts; canary_rp playbook "${with[@]}" --syntax-check

  on 2 'systemctl stop canary-trace'
  on 2 'cat /run/canary.trace' >"$dir.trace"
  grep -q seen-in-the-trace "$dir.trace"; grep -q 'canary.app' "$dir.trace"; grep -q 'bin/pip\|"-m", "pip"' "$dir.trace"
  on 2 'journalctl --no-pager --all -o json; cat /var/log/*log /var/log/apt/* 2>/dev/null; cat /root/.*history /home/*/.*history 2>/dev/null
    ls -laR /tmp /var/tmp /run/user; find /tmp /var/tmp /run/user /run/sudo /var/lib/sudo -type f -exec cat {} + 2>/dev/null
    cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\0" "\n"' >"$dir.kept"
  grep -q 'sudo' "$dir.kept"
  canary_clean "$dir.trace" "$dir.kept" "$dir.said" "$dir".started.*
  # The controller's files, without the sources: the play says `asked` on purpose.
  is "" "$(grep -raFl -f "$dir.traces" "$dir" || true)" "the controller's files with a secret"
  [ -s "$dir/log" ]; [ -n "$(ls "$dir/cache" "$dir/retry" "$dir/state")" ]
  # Results of jobs are their owner's alone.
  is "" "$(on 2 'find / -xdev -path "*/.ansible_async/*" -type f ! -perm 600')" "results of jobs that others can read"
  # It was no run of failures.
  [ "$(sed -n 's/^keeper *:.* ok=\([0-9]*\).*/\1/p' "$dir.said" | sort -n | tail -n 1)" -gt 60 ]
  grep -q '•••' "$dir.said"
  on 2 'test -d /srv/canary.app/.git && /srv/canary.venv/bin/python -c "import bird, canary_app" && dpkg -s canary-bird >/dev/null'
}
