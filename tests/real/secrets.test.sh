# shellcheck shell=bash disable=SC2034,SC2154
# The secrets of a team on a real host: made in the editor, for an SSH key, opened in runs; nothing of them is shown.

# sec ARGUMENT…: rprov in the project; all that it says is kept in $dir.said.
sec() {
  (cd "$dir" && env -u SSH_AUTH_SOCK HOME="$dir/home" EDITOR="$dir.editor" timeout 300 "$RPROV" "$@" </dev/null) >"$LOG" 2>&1 || { cat "$LOG"; return 1; }
  cat "$LOG" >>"$dir.said"; cat "$LOG"
}

scenario_secrets() {
  local dir=$OUT/secrets word cert grouped name says_nothing
  word=Sw$(head -c 30 /dev/urandom | base64 | tr -dc A-Za-z0-9) cert=Sc$(head -c 3000 /dev/urandom | base64 -w 64) grouped=Sg$RANDOM$RANDOM$RANDOM
  rm -rf "$dir" "$dir".*; mkdir -p "$dir/home/.ssh" "$dir/playbooks/templates" "$dir/inventories/prod/group_vars" "$dir/inventories/prod/files"
  fresh 2
  ssh-keygen -q -t ed25519 -N '' -C alice@lab -f "$dir/home/.ssh/id_ed25519"
  ssh-keygen -q -t rsa -N '' -C bob@lab -f "$dir.bob"
  printf 'team password\n' >"$dir/vault-password"; chmod 600 "$dir/vault-password"
  echo "r2 ansible_host=$(tests/lab/lab.sh ip 2) ansible_user=root ansible_ssh_private_key_file=$LAB/key ansible_ssh_common_args='-o UserKnownHostsFile=$LAB/known_hosts'" >"$dir/inventories/prod/hosts"
  cat >"$dir/playbooks/provision.yml" <<-PLAY
	- hosts: all
	  tasks:
	    - copy: {src: ../inventories/prod/files/cert.pem, dest: /etc/canary.pem, mode: '0600'}
	    - template: {src: app.j2, dest: /etc/canary.conf, mode: '0600'}
	    - copy: {content: "{{ db.password }}\n", dest: /etc/canary.word, mode: '0600'}
	    - debug: {msg: "{{ db.password }} and {{ grouped }}"}
	PLAY

  # In the editor, a mistake first; then a key, and the passphrase goes.
  printf '#!/bin/sh\nif [ -e "%s" ]; then printf "db:\\n  user: me\\n  password: %s\\n" > "$1"; else touch "%s"; printf "db: [\\n" > "$1"; fi\n' "$dir.seen" "$word" "$dir.seen" >"$dir.editor"
  chmod +x "$dir.editor"
  sec secrets edit env=prod; says 'line 1, column 5'
  sec secrets recipients add "$dir/home/.ssh/id_ed25519.pub" env=prod
  sec secrets recipients add "$dir.bob.pub" env=prod
  sec secrets recipients remove passphrase env=prod
  rm "$dir/vault-password"
  echo "$cert" >"$dir/inventories/prod/files/cert.pem"
  printf 'password={{ db.password }}\ngrouped={{ grouped }}\n' >"$dir/playbooks/templates/app.j2"
  echo "grouped: $grouped" >"$dir/inventories/prod/group_vars/all.yml"
  sec secrets encrypt env=prod inventories/prod/files/cert.pem playbooks/templates/app.j2 inventories/prod/group_vars/all.yml
  sec secrets migrate --file inventories/prod/group_vars/all.yml
  sec secrets check
  for name in secrets files/cert.pem group_vars/all.yml; do
    sec secrets recipients list --file "inventories/prod/$name"
    is 2 "$(grep -c ' alice@lab$\| bob@lab$' "$LOG")" "the recipients of $name"
  done

  # What arrives is right, by either key; a second run changes nothing.
  sec provision env=prod --diff; is 3 "$(recap r2 changed)" "the number of changes"
  is "$cert" "$(on 2 cat /etc/canary.pem)" "the certificate"
  is "$word" "$(on 2 cat /etc/canary.word)" "the copied value"
  is "password=$word grouped=$grouped" "$(on 2 'paste -sd" " /etc/canary.conf')" "the rendered template"
  sec provision env=prod; is 0 "$(recap r2 changed)" "changed in the second run"
  rm "$dir/home/.ssh/id_ed25519"
  sec provision env=prod --identity "$dir.bob"; is 0 "$(recap r2 changed)" "changed with the other key"
  not sec provision env=prod; says 'nothing at hand opens it; it is for alice@lab'; cat "$LOG" >>"$dir.said"

  # Nothing in clear in what was said, nor in the project.
  says_nothing=$(printf '%s\n' "$word" "$grouped" "$cert" | LC_ALL=C grep -xE '.{8,}')
  not grep -aF -f <(echo "$says_nothing") "$dir.said"
  not grep -raF -f <(echo "$says_nothing") "$dir"
  is "" "$(ls -d /dev/shm/rprov-edit-* 2>/dev/null || true)" "what editing left in memory"
}
