# Builds the copy-on-write view and becomes its process 1. Run by `sh -c` in fresh mount, process,
# IPC and host name namespaces (and a user namespace: mode `user`), with the working directory in
# the view's state directory.
#
#   $1 mode: root | user      $2 host name      $3 keep | lease | probe     $4 what to hide
#
# Standard input is the lease: unless kept, the view ends when it does. Once everything is mounted,
# `ready PID` is written, with the process id as the machine sees it. On a failure the last line on
# standard error that begins with `step:` says what was being done.
set -eu
mode=$1 name=$2 lease=$3 hide=$4
step() { echo "step: $*" >&2; }

read -r pid _ </proc/self/stat
hosts=$PWD

# Everything the view changes goes to `store`: this directory, or memory where the directory cannot
# hold an upper layer (it is itself on an overlay, as in a container).
store=
options=
[ "$lease" != lease ] || options=,volatile # thrown away: there is no need to wait for the disk
over() { # lower, number, target
  mkdir -p "${store}upper$2" "${store}work$2"
  mount -t overlay overlay \
    -o "lowerdir=$1,upperdir=${store}upper$2,workdir=${store}work$2$options" "$3"
}
whole() {
  over / 0 root 2>overlay.err && return
  case $options in ,volatile) options= && over / 0 root 2>overlay.err && return ;; esac
  [ -z "$store" ] || return
  mount -t tmpfs -o mode=755 rprov memory && store=memory/ && whole
}
if [ "$mode" = root ]; then
  step "mounting an overlay over /"
  whole || { cat overlay.err >&2; exit 1; }
else
  mine
fi

step "mounting the machine's other file systems"
number=0 seen=" " files=0
while read -r _ _ _ _ point rest; do
  point=$(printf '%b' "$point")
  kind=${rest##* - } kind=${kind%% *}
  case $point in
  / | /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | /run | /run/* | /tmp | /tmp/*) continue ;;
  "$hosts" | "$hosts"/*) continue ;;
  esac
  case $seen in *" $point "*) continue ;; esac
  seen="$seen$point "
  case $kind in autofs | binfmt_misc | fuse.*) continue ;; esac
  if [ "$mode" = root ] && [ -d "$point" ] && [ -d "root$point" ]; then
    number=$((number + 1))
    case $kind:$point in
    *[,:\\]*[,:\\]*) false ;;
    ext[234]:* | xfs:* | btrfs:* | zfs:* | f2fs:* | bcachefs:* | overlay:* | tmpfs:*)
      over "$point" $number "root$point" 2>/dev/null
      ;;
    *) false ;;
    esac || { mount --bind "$point" "root$point" && mount -o remount,bind,ro "root$point"; } 2>/dev/null || :
  fi
done </proc/self/mountinfo

step "mounting /proc"
mkdir -p root/proc
mount -t proc -o nosuid,nodev,noexec proc root/proc
step "setting the host name"
hostname "$name" 2>/dev/null || echo "$name" >root/proc/sys/kernel/hostname
[ "$lease" != probe ] || exit 0

step "mounting /proc/sys and /sys read-only"
mount --bind root/proc/sys root/proc/sys
mount -o remount,bind,ro root/proc/sys
if [ "$mode" = root ]; then
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs root/sys
else
  mount --rbind /sys root/sys
fi

step "mounting /run, /tmp and /dev"
mount -t tmpfs -o mode=755,nosuid,nodev run root/run
mkdir -m 1777 root/run/lock
mount -t tmpfs -o mode=1777,nosuid,nodev tmp root/tmp
mount -t tmpfs -o mode=755,nosuid,noexec dev root/dev
for node in null zero full random urandom tty; do
  : >root/dev/$node
  mount --bind /dev/$node root/dev/$node
done
mkdir root/dev/pts root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,nosuid,noexec devpts root/dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev shm root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
ln -s /proc/self/fd/0 root/dev/stdin
ln -s /proc/self/fd/1 root/dev/stdout
ln -s /proc/self/fd/2 root/dev/stderr

# Single files that are mounts of their own (a container's hosts and resolv.conf) and what links
# into /run would be missing: they are carried over by content, from inside the view, where no link
# can lead out of it.
mkdir root/run/.rprov
carry() {
  files=$((files + 1))
  cat "$1" >root/run/.rprov/$files 2>/dev/null && printf '%s\n' "$1" >root/run/.rprov/$files.to
}
resolver=$(readlink -f /etc/resolv.conf || :)
[ ! -f "$resolver" ] || carry "$resolver"
for point in $seen; do
  [ ! -f "$point" ] || carry "$point" || :
done

step "hiding $hide"
[ ! -d "root$hide" ] || mount -t tmpfs -o ro,size=4k,mode=700 hidden "root$hide"

step "changing the root"
cd root
pivot_root . .
umount -l .
cd /

step "settling in"
for to in /run/.rprov/*.to; do
  [ -f "$to" ] || continue
  read -r path <"$to"
  mkdir -p "${path%/*}"
  cat "${to%.to}" >"$path" || :
done
rm -rf /run/.rprov
echo "$name" >/etc/hostname
grep -qs "[[:space:]]$name\$" /etc/hosts || printf '127.0.1.1\t%s\n' "$name" >>/etc/hosts
# A package that is installed does not start its services: the view shares the machine's network,
# and its ports may be taken. `service X start` starts them.
if [ ! -e /usr/sbin/policy-rc.d ] && [ -d /usr/sbin ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
echo "ready $pid"
exec >/dev/null 2>&1 3<&0 </dev/null

# Process 1, with a short command line of its own. `wait` reaps what daemons leave to it, too. The
# traps keep a signal from ending it, and unlike ignored ones are not inherited.
exec /bin/sh -c '
trap : HUP INT QUIT TERM
while :; do
  kill -0 "$child" || case $0 in
  keep) sleep 86400 & child=$! ;;
  *) cat <&3 & child=$! ;;
  esac
  ! wait "$child" || [ "$0" = keep ] || exit 0
done' "$lease"
