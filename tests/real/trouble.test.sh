# shellcheck shell=bash disable=SC2034,SC2154
# Hosts as they are: keys, passwords, locks, full disks, broken configurations. Hosts 2 and 3 are scratch.

scenario_host_key_wrong() {
  local home=$OUT/wrong-home i; i=$(inventory root 2); mkdir -p "$home/.ssh"; chmod 700 "$home/.ssh"
  # Host 3's key in the place of host 2's.
  grep "^$(tests/lab/lab.sh ip 3) " "$LAB/known_hosts" | sed "s/^[^ ]*/$(tests/lab/lab.sh ip 2)/" >"$home/.ssh/known_hosts"
  sed "s|UserKnownHostsFile=[^']*|UserKnownHostsFile=$home/.ssh/known_hosts|" "$i" >"$i.wrong"
  stamp 2
  RP_HOME=$home rp playbook $PLAYS/files.yml -i "$i.wrong"
  is 4 "$code" "the exit code"; [ "$(grep -oE 'SHA256:[A-Za-z0-9+/]{43}' "$LOG" | sort -u | wc -l)" -ge 2 ]
  is "" "$(touched 2)" "what was touched"
}

scenario_host_key_unknown() {
  local home=$OUT/empty-home i; i=$(inventory root 2); mkdir -p "$home/.ssh"; chmod 700 "$home/.ssh"; : >"$home/.ssh/known_hosts"
  sed "s|UserKnownHostsFile=[^']*|UserKnownHostsFile=$home/.ssh/known_hosts|" "$i" >"$i.unknown"
  RP_HOME=$home rp playbook $PLAYS/files.yml -i "$i.unknown"
  is 4 "$code" "the exit code"; says SHA256:
}

scenario_host_unreachable() {
  local i; i=$(inventory root 2); sed -i 's/^r2 .*/&\nnowhere ansible_host=10.78.0.99/' "$i"; fresh 2
  rp playbook $PLAYS/files.yml -i "$i"
  is 4 "$code" "the exit code"; is 1 "$(recap nowhere unreachable)" "unreachable"; is 0 "$(recap r2 failed)" "failed on the other host"
  on 2 test -f /srv/files/copied
}

scenario_key_refused() {
  local i; i=$(inventory root 2); rm -f "$OUT/stranger"*; ssh-keygen -q -t ed25519 -N '' -f "$OUT/stranger"
  sed -i "s|^ansible_ssh_private_key_file=.*|ansible_ssh_private_key_file=$OUT/stranger|" "$i"
  rp playbook $PLAYS/files.yml -i "$i"; is 4 "$code" "the exit code"; says_like 'let|denied|refused|authenticat'
}

scenario_sudo_without_password() {
  local i; i=$(inventory deploy 2)
  ok_rp playbook $PLAYS/whoami.yml -i "$i"; says '"login": "deploy"'; says '"becomes": "root"'; says '"third": "nobody"'
}

scenario_sudo_with_password() {
  local i; i=$(inventory carol 2)
  ok_rp playbook $PLAYS/whoami.yml -i "$i" -e "ansible_become_password=$(cat "$LAB/carol.password")"
  says '"login": "carol"'; says '"becomes": "root"'
  not grep -F "$(cat "$LAB/carol.password")" "$LOG"
}

scenario_sudo_password_missing() { rp playbook $PLAYS/whoami.yml -i "$(inventory carol 2)"; [ "$code" != 0 ]; says_like password; }
scenario_sudo_password_refused() { rp playbook $PLAYS/whoami.yml -i "$(inventory carol 2)" -e ansible_become_password=wrong-one; [ "$code" != 0 ]; says_like 'password'; not grep -F wrong-one "$LOG"; }

# The lock is held for 6 s: the run waits and says so; held for longer than it may wait, it fails and says why.
hold_lock() { # SECONDS
  on 2 "setsid python3 -c 'import fcntl,time; f=open(\"/var/lib/dpkg/lock-frontend\",\"a\"); fcntl.lockf(f,fcntl.LOCK_EX); open(\"/run/held\",\"w\"); time.sleep($1)' >/dev/null 2>&1 </dev/null & until test -e /run/held; do sleep .1; done; rm /run/held"
}
scenario_dpkg_lock_waits() {
  fresh 2; hold_lock 6
  ok_rp playbook $PLAYS/tree.yml -i "$(inventory root 2)" -e lock_timeout=60; on 2 test -x /usr/bin/tree
  says_like 'waiting up to 60 s for the lock'
}
scenario_dpkg_lock_fails() {
  fresh 2; hold_lock 60
  rp playbook $PLAYS/tree.yml -i "$(inventory root 2)" -e lock_timeout=3
  is 2 "$code" "the exit code"; says_like lock; on 2 '! test -x /usr/bin/tree'
}

# The login gets no shell, or is not let in for a reason that the host tells: it is unreachable, and the reason is said.
scenario_login_without_shell() {
  local i; fresh 2; i=$(inventory lee 2)
  on 2 'useradd -m -s /usr/sbin/nologin lee; mkdir /home/lee/.ssh; cp /root/.ssh/authorized_keys /home/lee/.ssh; chown -R lee: /home/lee'
  rp playbook $PLAYS/whoami.yml -i "$i"; is 4 "$code" "the exit code"; says 'This account is currently not available'
  on 2 'usermod -s /bin/bash lee; chage -E 0 lee'
  rp playbook $PLAYS/whoami.yml -i "$i"; is 4 "$code" "the exit code"; says 'it says: Your account has expired'
}

# `sudo -i` and `-s` hand the command to a login shell, which expands what it can.
scenario_sudo_by_a_login_shell() {
  local i flags; i=$(inventory carol 2)
  for flags in -i '-H -S -i' -s; do
    ok_rp run web -i "$i" -b -a 'id -un' -e "ansible_become_password=$(cat "$LAB/carol.password")" -e "ansible_become_flags='$flags'"
    says_like '^root$'
  done
}

# Temporary files go where there is room.
scenario_tmp_full() {
  on 2 'mount -t tmpfs -o size=4k tmpfs /tmp; head -c 8192 /dev/zero >/tmp/full || true'
  ok_rp playbook $PLAYS/whoami.yml -i "$(inventory root 2)"; says '"login": "root"'
  on 2 'umount /tmp; ls -A /var/tmp | grep rprov || true' | { not grep rprov; }
}

scenario_disk_full() {
  on 2 'mkdir -p /mnt/small; mountpoint -q /mnt/small || mount -t tmpfs -o size=1m tmpfs /mnt/small; echo old >/mnt/small/big'
  head -c 3000000 /dev/urandom >"$OUT/big"
  rp playbook $PLAYS/big.yml -i "$(inventory root 2)" -e "source=$OUT/big"
  is 2 "$code" "the exit code"; says_like 'no space left'
  is old "$(on 2 cat /mnt/small/big)" "the file"; is big "$(on 2 ls -A /mnt/small)" "the directory"
}

# A configuration that nginx refuses never takes the place of one that works.
scenario_nginx_broken() {
  local i; i=$(inventory root 2); fresh 2
  ok_rp playbook $PLAYS/nginx.yml -i "$i" -e page=works
  is works "$(on 2 curl -fsS http://127.0.0.1:8181/)" "the page"
  stamp 2
  rp playbook $PLAYS/nginx.yml -i "$i" -e '{"page": "broken\" nonsense on"}'
  is 2 "$code" "the exit code"; says '[emerg]'
  is works "$(on 2 curl -fsS http://127.0.0.1:8181/)" "the page after the broken template"; on 2 'nginx -t'
  is "" "$(touched 2 | grep -v '^/var/lib/nginx' || true)" "what is left of the attempt"
  ok_rp playbook $PLAYS/nginx.yml -i "$i" -e page=works; is 0 "$(recap r2 changed)" "changed with the good template again"
}

# `systemctl start` is content with a service that dies at once; the verification is not.
scenario_service_dies() {
  fresh 2
  rp playbook $PLAYS/dying.yml -i "$(inventory root 2)"
  is 2 "$code" "the exit code"; says dying
}

scenario_command_not_found() {
  rp playbook $PLAYS/nocommand.yml -i "$(inventory root 2)"; is 2 "$code" "the exit code"; says 'there is no program `this-command-does-not-exist`'
}

# A failed task stops its host, other hosts go on, handlers of the failed host do not run.
scenario_failure_stops_one_host() {
  rp playbook $PLAYS/half.yml -i "$(inventory root 2 3)"
  is 2 "$code" "the exit code"; is 1 "$(recap r2 failed)" "failed on r2"; is 0 "$(recap r3 failed)" "failed on r3"
  on 2 '! test -e /srv/handled'; on 3 test -e /srv/handled
}
