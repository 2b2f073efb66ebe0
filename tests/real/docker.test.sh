# shellcheck shell=bash disable=SC2034,SC2154
# Containers of a Docker daemon of the scenario's own, made of the lab's root file system: no registry, no network.
# And the same playbook in a tree of directories, by nspawn and by chroot.

DOCKERD=$LAB/docker
dk() { docker -H "unix://$DOCKERD/socket" "$@"; }

# Installs what is missing and starts the daemon; skips, and says why, where none can run.
docker_up() {
  [ "$(id -u)" = 0 ] || skip "docker: needs root to start a daemon"
  if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io >"$OUT/docker.apt" 2>&1 </dev/null ||
      skip "docker: apt cannot install docker.io: $(tail -n 1 "$OUT/docker.apt")"
  fi
  mkdir -p "$DOCKERD"
  dockerd --data-root "$DOCKERD/data" --exec-root "$DOCKERD/exec" --pidfile "$DOCKERD/pid" -H "unix://$DOCKERD/socket" \
    --storage-driver vfs --bridge none --iptables=false --ip-forward=false >"$OUT/dockerd.log" 2>&1 </dev/null &
  DOCKERD_PID=$!; trap docker_down EXIT
  for _ in $(seq 300); do
    dk info >/dev/null 2>&1 && break
    kill -0 $DOCKERD_PID 2>/dev/null || break
    sleep .2
  done
  dk info >/dev/null 2>&1 || skip "docker: dockerd does not start here: $(tail -n 1 "$OUT/dockerd.log")"
  tar -C "$LAB/base" -c . | dk import - rprov-base >/dev/null
  dk run --rm --network none rprov-base true 2>"$OUT/docker.run" || skip "docker: no container starts here: $(tail -n 1 "$OUT/docker.run")"
  for c in "$@"; do dk run -d --network none --name "$c" rprov-base sleep infinity >/dev/null; done
}
docker_down() {
  dk rm -f $(dk ps -aq) >/dev/null 2>&1 || true
  kill $DOCKERD_PID 2>/dev/null || true; wait $DOCKERD_PID 2>/dev/null || true
  umount -l "$DOCKERD"/exec/netns/* 2>/dev/null || true; rm -rf "$DOCKERD"
}

scenario_docker() {
  docker_up c1 c2 c3; dk stop -t 0 c3 >/dev/null
  local i=$OUT/docker.hosts
  cat >"$i" <<-HOSTS
	c1 ansible_connection=docker
	user ansible_connection=community.docker.docker ansible_host=c2 ansible_user=deploy ansible_docker_extra_env="{'EXTRA': 'an extra'}"
	stopped ansible_connection=docker ansible_host=c3
	missing ansible_connection=docker
	[all:vars]
	ansible_docker_extra_args="-H unix://$DOCKERD/socket"
	HOSTS
  rp playbook $PLAYS/contained.yml -i "$i"
  is 4 "$code" "the exit code"; says 'root hello none on Debian'; says 'deploy hello an extra on Debian'
  says 'No such container: missing'; says 'is not running'
  for h in c1 user; do is 0 "$(recap $h failed)" "failed on $h"; is 0 "$(recap $h unreachable)" "unreachable: $h"; done
  for h in stopped missing; do is 1 "$(recap $h unreachable)" "unreachable: $h"; done
  is "app 600 user" "$(dk exec c2 sh -c 'stat -c "%U %a" /srv/app/greeting; cat /srv/app/greeting' | grep -oE 'app 600|user' | paste -sd' ')" "the rendered file"
  dk exec c1 test -e /srv/app/greeted
  ok_rp playbook $PLAYS/contained.yml -i "$i" -l c1,user
  for h in c1 user; do is 0 "$(recap $h changed)" "changed on $h in the second run"; done
  is "" "$(dk exec c1 sh -c 'ls -A /tmp /var/tmp | grep rprov' || true)" "what is left in the container"

  ( sleep 5; dk kill c1 >/dev/null ) &
  rp playbook $PLAYS/ending.yml -i "$i" -l c1
  is 4 "$code" "the exit code when a container ends"; is 1 "$(recap c1 unreachable)" "unreachable"; says 'lost the connection to `c1`'
}

# inside DIRECTORY: what runs with its root or its directory there.
inside() { local p; for p in /proc/[0-9]*; do case $(readlink "$p/root" "$p/cwd" 2>/dev/null || true) in *"$1"*) tr '\0' ' ' <"$p/cmdline"; echo ;; esac; done; }

# A tree that no machine runs: the lab's root file system with a layer of its own for what is written.
scenario_tree() {
  local t=$OUT/tree i=$OUT/tree.hosts way
  for way in chroot nspawn; do
    mkdir -p "$t/upper" "$t/work" "$t/root"
    mount -t overlay overlay -o "lowerdir=$LAB/base,upperdir=$t/upper,workdir=$t/work" "$t/root"
    # shellcheck disable=SC2064
    trap "umount -l '$t/root'; rm -rf '$t'" EXIT
    echo "$way ansible_connection=$way ansible_host=$t/root" >"$i"
    ok_rp playbook $PLAYS/contained.yml -i "$i"; says 'root hello none on Debian'
    is "app 600" "$(chroot "$t/root" stat -c '%U %a' /srv/app/greeting)" "the rendered file by $way"; test -e "$t/root/srv/app/greeted"
    ok_rp playbook $PLAYS/contained.yml -i "$i"; is 0 "$(recap $way changed)" "changed by $way in the second run"
    is "" "$(inside "$t/root")" "the processes left in the tree"; umount -l "$t/root"; rm -rf "$t"; trap - EXIT
  done
}
