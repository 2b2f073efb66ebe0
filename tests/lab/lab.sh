#!/bin/bash
# Throw-away Debian hosts for the real-host tests: real systemd, sshd, sudo, cron and apt, each with its own address.
#
# Every host is systemd-nspawn over an overlay: one root file system is built once and shared, what a host writes
# is its own and goes with it. Needs root on Debian; installs what it needs with apt.
#   lab.sh check              can a lab run here? says why not, exit 3
#   lab.sh up [N]             N hosts running (those already up stay as they are)
#   lab.sh reset I            host I as new (same address, same host keys)
#   lab.sh down               no hosts, no bridge, no firewall rules (the built root file system stays)
#   lab.sh purge              down, and the state directory is gone as well
#   lab.sh inventory [USER]   the running hosts as an Ansible inventory (default root)
#   lab.sh ssh I [CMD…]       a command on host I as root      lab.sh ip I       its address
# Users: root and deploy (sudo without a password) and carol (sudo with the password in $LAB/carol.password);
# all three accept $LAB/key. Host keys are in $LAB/known_hosts. State: $LAB, default ${TMPDIR:-/tmp}/rprov-lab.
set -euo pipefail
export LC_ALL=C.UTF-8
LAB=${LAB:-${TMPDIR:-/tmp}/rprov-lab}
BRIDGE=rplab0
NET=10.78.0
# In the hosts from the start. python3 is there for Ansible, the oracle; rprov does not need it.
INCLUDE=systemd,systemd-sysv,dbus,openssh-server,sudo,cron,iproute2,procps,ca-certificates,curl,git,python3,python3-apt,python3-venv
# Downloaded once into the root file system, so that installing them in a host needs no network.
PREFETCH="nginx supervisor certbot openssl rsync tree postgresql xz-utils"

die() { echo "lab: $*" >&2; exit 1; }
host() { echo "r$1"; }
address() { echo "$NET.$((10 + $1))"; }
running() { [ -f "$LAB/$1/pid" ] && kill -0 "$(cat "$LAB/$1/pid")" 2>/dev/null; }
hosts() { for d in "$LAB"/r[0-9]*/; do d=${d%/}; [ -d "$d" ] && running "${d##*/}" && echo "${d##*/r}"; done; true; }
ssh_options() { printf '%s\n' -q -i "$LAB/key" -o BatchMode=yes -o IdentitiesOnly=yes -o ConnectTimeout=5 -o UserKnownHostsFile="$LAB/known_hosts"; }
on() { local i=$1 o; shift; mapfile -t o < <(ssh_options); ssh "${o[@]}" "root@$(address "$i")" "$@"; }

# within SECONDS COMMAND…: repeats it until it succeeds; false when the time is over.
within() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep .1; done; }

reason() { # why a lab cannot run here; nothing when it can
  [ "$(id -u)" = 0 ] || { echo "needs root"; return; }
  [ "$(. /etc/os-release 2>/dev/null && echo "${ID:-}")" = debian ] || { echo "needs Debian (its apt, its mmdebstrap, its packages)"; return; }
  local t; t=$(mktemp -d -p "$(dirname "$LAB")" rprov-lab.XXXXXX)
  mkdir "$t/lower" "$t/upper" "$t/work" "$t/at"
  unshare -m mount -t overlay overlay -o "lowerdir=$t/lower,upperdir=$t/upper,workdir=$t/work" "$t/at" 2>/dev/null || echo "this machine does not let root mount an overlay (a container without privileges?)"
  rm -rf "$t"
  unshare -n true 2>/dev/null || echo "this machine does not let root make a network namespace"
  [ -w /sys/fs/cgroup ] && ! findmnt -rno OPTIONS /sys/fs/cgroup | grep -qw ro || echo "control groups cannot be written here"
}
can() { local why; why=$(reason | paste -sd';'); [ -z "$why" ] || { echo "lab: cannot run here: $why" >&2; exit 3; }; }

needs() {
  local missing=() pair
  for pair in systemd-nspawn:systemd-container mmdebstrap:mmdebstrap ssh-keygen:openssh-client ip:iproute2 nft:nftables git:git openssl:openssl; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} = 0 ] && return
  echo "lab: installing ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$LAB/apt.log" 2>&1 </dev/null || { tail -n 20 "$LAB/apt.log" >&2; die "apt could not install ${missing[*]}"; }
}

# The hosts reach Debian's mirror as this machine does: its sources, its proxy, its certificate authorities.
sources() {
  local codename; codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then cp /etc/apt/sources.list.d/debian.sources "$LAB/apt.sources"; echo "$LAB/apt.sources"
  elif grep -qsE '^deb .*debian' /etc/apt/sources.list; then grep -E '^deb .*debian' /etc/apt/sources.list >"$LAB/apt.list"; echo "$LAB/apt.list"
  else echo "deb http://deb.debian.org/debian $codename main" >"$LAB/apt.list"; echo "$LAB/apt.list"; fi
}
proxy() {
  apt-config dump | grep -iE '^Acquire::(http|https)::Proxy ' || true
  [ -z "${http_proxy:-}" ] || echo "Acquire::http::Proxy \"$http_proxy\";"
  [ -z "${https_proxy:-}" ] || echo "Acquire::https::Proxy \"$https_proxy\";"
}

base() { # one root file system, built when this script or the sources change
  local want; want=$({ sed -n '/^base()/,/^}/p;/^INCLUDE/p;/^PREFETCH/p' "$0"; cat "$(sources)"; proxy; } | sha256sum)
  [ "$(cat "$LAB/base.id" 2>/dev/null)" = "$want" ] && return
  [ -z "$(hosts)" ] || die "the root file system is out of date and hosts are running on it: lab.sh down first"
  echo "lab: building the root file system (about a minute)"
  rm -rf "$LAB/base" "$LAB/base.new"
  mmdebstrap --quiet --variant=minbase --include=$INCLUDE "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$LAB/base.new" "$(sources)" >"$LAB/base.log" 2>&1 </dev/null ||
    { tail -n 20 "$LAB/base.log" >&2; die "mmdebstrap failed, see $LAB/base.log"; }
  local b=$LAB/base.new
  proxy >"$b/etc/apt/apt.conf.d/00lab-proxy"
  cp /usr/local/share/ca-certificates/*.crt "$b/usr/local/share/ca-certificates/" 2>/dev/null || true
  cp -L /etc/resolv.conf "$b/etc/resolv.conf"
  # Timers that take the dpkg lock or the processor at a time of their own have no place in a test.
  ln -sf /dev/null "$b/etc/systemd/system/apt-daily.timer"; ln -sf /dev/null "$b/etc/systemd/system/apt-daily-upgrade.timer"
  ln -sf /dev/null "$b/etc/systemd/system/e2scrub_all.timer"; ln -sf /dev/null "$b/etc/systemd/system/getty.target"
  cat >"$b/etc/systemd/system/lab-network.service" <<-UNIT
	[Unit]
	DefaultDependencies=no
	Before=network.target ssh.service
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/sh -c 'ip link set lo up; ip link set host0 up; ip addr add \$(cat /etc/lab-address)/24 dev host0; ip route add default via $NET.1'
	[Install]
	WantedBy=sysinit.target
	UNIT
  chroot "$b" /bin/sh -eu >>"$LAB/base.log" 2>&1 <<-SETUP || { tail -n 20 "$LAB/base.log" >&2; die "preparing the root file system failed"; }
	export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
	update-ca-certificates
	systemctl enable lab-network.service ssh.service cron.service
	useradd -m -s /bin/bash deploy; echo 'deploy ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/deploy
	useradd -m -s /bin/bash carol;  echo 'carol ALL=(ALL) ALL' >/etc/sudoers.d/carol
	chmod 440 /etc/sudoers.d/*
	apt-get update; apt-get install -y --no-install-recommends --download-only $PREFETCH
	rm -f /etc/ssh/ssh_host_*; : >/etc/machine-id
	SETUP
  mv "$b" "$LAB/base"; echo "$want" >"$LAB/base.id"
}

secrets() { # of this lab: a key, and carol's password
  [ -f "$LAB/key" ] || ssh-keygen -q -t ed25519 -N '' -C rprov-lab -f "$LAB/key"
  [ -f "$LAB/carol.password" ] || (umask 077; openssl rand -hex 8 >"$LAB/carol.password")
}

network() {
  ip link show $BRIDGE >/dev/null 2>&1 || { ip link add $BRIDGE type bridge; ip addr add $NET.1/24 dev $BRIDGE; ip link set $BRIDGE up; }
  [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || echo 1 >/proc/sys/net/ipv4/ip_forward
  nft list table ip $BRIDGE >/dev/null 2>&1 || nft -f - <<-RULES
	table ip $BRIDGE { chain post { type nat hook postrouting priority srcnat; ip saddr $NET.0/24 ip daddr != $NET.0/24 masquerade; }; }
	RULES
}

start() {
  local h root keys; h=$(host "$1"); root=$LAB/$h/root; keys=$LAB/hostkeys/$h
  mkdir -p "$LAB/$h/upper" "$LAB/$h/work" "$root" "$keys/etc/ssh"
  mount -t overlay overlay -o "lowerdir=$LAB/base,upperdir=$LAB/$h/upper,workdir=$LAB/$h/work" "$root"
  for t in ed25519 ecdsa; do [ -f "$keys/$t" ] || ssh-keygen -q -t $t -N '' -C "$h" -f "$keys/$t"; cp "$keys/$t" "$root/etc/ssh/ssh_host_${t}_key"; cp "$keys/$t.pub" "$root/etc/ssh/ssh_host_${t}_key.pub"; done
  echo "$h" >"$root/etc/hostname"; address "$1" >"$root/etc/lab-address"
  printf '127.0.0.1 localhost %s\n%s.1 lab\n' "$h" $NET >"$root/etc/hosts"
  if grep -q '^nameserver 127\.' /etc/resolv.conf && [ -f /run/systemd/resolve/resolv.conf ]; then cp /run/systemd/resolve/resolv.conf "$root/etc/resolv.conf"; else cp -L /etc/resolv.conf "$root/etc/resolv.conf"; fi
  for home in root home/deploy home/carol; do
    install -d -m 700 "$root/$home/.ssh"; install -m 600 "$LAB/key.pub" "$root/$home/.ssh/authorized_keys"; chown -R --reference="$root/$home" "$root/$home/.ssh"
  done
  echo "carol:$(openssl passwd -6 -stdin <"$LAB/carol.password")" | chroot "$root" chpasswd -e
  # Under systemd a host gets a scope of its own; elsewhere it stays in the caller's control group.
  local scope=--keep-unit; [ -d /run/systemd/system ] && scope=
  setsid systemd-nspawn --quiet --boot --directory="$root" --machine="rplab-$h" --hostname="$h" --register=no $scope --resolv-conf=off \
    --network-bridge=$BRIDGE --console=passive </dev/null >"$LAB/$h/console" 2>&1 &
  echo $! >"$LAB/$h/pid"
}

ready() { # a started host answers, and its boot is over
  local h a; h=$(host "$1"); a=$(address "$1")
  within 30 on "$1" true || { tail -n 20 "$LAB/$h/console" >&2; stop "$1"; die "$h ($a) does not answer over SSH within 30 s, see above"; }
  on "$1" 'timeout 30 systemctl is-system-running --wait' >"$LAB/$h/boot" 2>&1 || [ "$(cat "$LAB/$h/boot")" = degraded ] || die "$h did not finish its boot: $(cat "$LAB/$h/boot")"
}

stop() {
  local h pid init; h=$(host "$1"); [ -d "$LAB/$h" ] || return 0
  pid=$(cat "$LAB/$h/pid" 2>/dev/null || true)
  if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
    init=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)
    # shellcheck disable=SC2086 # the children, one word each
    [ -z "$init" ] || kill -KILL $init 2>/dev/null || true
    within 5 sh -c "! kill -0 $pid" || kill -KILL "$pid" 2>/dev/null || true
  fi
  within 5 sh -c "! mountpoint -q '$LAB/$h/root' || umount '$LAB/$h/root'" || umount -l "$LAB/$h/root" 2>/dev/null || true
  rm -rf "${LAB:?}/$h"
}

known_hosts() {
  local i; : >"$LAB/known_hosts.new"
  for i in $(hosts); do sed "s/^/$(address "$i") /;s/ r[0-9]*\$//" "$LAB/hostkeys/$(host "$i")"/*.pub >>"$LAB/known_hosts.new"; done
  mv "$LAB/known_hosts.new" "$LAB/known_hosts"
}

up() {
  local i new=()
  can; mkdir -p "$LAB"; chmod 711 "$LAB"; needs; base; secrets; network
  for i in $(seq "$1"); do running "$(host "$i")" || { stop "$i"; start "$i"; new+=("$i"); }; done
  known_hosts
  for i in "${new[@]}"; do ready "$i"; done
}

down() {
  local d
  for d in "$LAB"/r[0-9]*/; do d=${d%/}; [ -d "$d" ] && stop "${d##*/r}"; done
  nft delete table ip $BRIDGE 2>/dev/null || true
  ip link delete $BRIDGE 2>/dev/null || true
}

inventory() {
  local i; echo "[web]"
  for i in $(hosts); do echo "$(host "$i") ansible_host=$(address "$i")"; done
  printf '[web:vars]\nansible_user=%s\nansible_ssh_private_key_file=%s/key\n' "${1:-root}" "$LAB"
  printf "ansible_ssh_common_args='-o UserKnownHostsFile=%s/known_hosts'\nansible_python_interpreter=/usr/bin/python3\n" "$LAB"
}

case ${1:-} in
  check) can ;;
  up) up "${2:-1}" ;;
  reset) can; [ -d "$LAB/base" ] || die "no lab here: lab.sh up first"; stop "$2"; network; start "$2"; known_hosts; ready "$2" ;;
  down) down ;;
  purge) down; rm -rf "${LAB:?}" ;;
  inventory) inventory "${2:-root}" ;;
  ssh) i=$2; shift 2; on "$i" "$@" ;;
  ip) address "$2" ;;
  *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
