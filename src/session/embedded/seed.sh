# An ordinary user's view. In a user namespace the kernel refuses an overlay over a directory that
# has mounts below it, such as `/`, so every directory of `/` gets an overlay of its own. And the
# files of the machine's root belong to an id that does not exist there, so that nobody may change
# them: the upper layers get every directory, and copies of what is changed in place (/etc and the
# records under /var), all owned by the view's root. Programs and libraries stay in the lower layers:
# there can be new ones, but none can be replaced.

# seed UPPER LISTS HIDDEN: fills UPPER, and writes to LISTS which directories the user may not enter.
seed() (
  cd /
  {
    find . -xdev -mindepth 1 -maxdepth 1 -type d -printf '%m %p\n'
    find ./etc ./opt ./srv ./usr ./var -xdev -path ".$3" -prune -o -type d -printf '%m %p\n'
  } 2>/dev/null >"$2/directories" || :
  cd "$1"
  cut -d' ' -f2- "$2/directories" | tr '\n' '\0' | xargs -0 mkdir -p
  grep -v '^755 ' "$2/directories" | while read -r bits path; do
    chmod "$bits" "$path"
  done
  cd /
  find ./etc ./var -xdev \( -path './var/cache/apt/*' -o -path ./var/lib/docker \
    -o -path ./var/lib/containerd \) -prune \
    -o \( -type l -o -type f -size -16384k -readable \) -print0 2>/dev/null |
    tar -c --null -T - -f - 2>/dev/null | tar -xp --no-same-owner -C "$1" -f -
  cut -d: -f1 etc/passwd | sed 's/$/:*:19000:0:99999:7:::/' >"$1/etc/shadow"
  cut -d: -f1 etc/group | sed 's/$/:*::/' >"$1/etc/gshadow"
  chmod 640 "$1/etc/shadow" "$1/etc/gshadow"
  # Locks, logs and the like that only root may read: empty ones.
  find ./var -xdev -type f ! -readable 2>/dev/null | while read -r path; do
    (umask 027 && : >"$1/$path") 2>/dev/null || :
  done
  find ./usr ./root ./var ./home ./opt ./srv -xdev \( -path ./var/lib/apt -o -path ./var/cache/apt \) \
    -prune -o -type d ! \( -readable -executable \) -print \
    >"$2/closed" 2>/dev/null || :
)

# assemble: mounts everything below `root`, out of `$store`.
assemble() {
  mkdir -p "${store}base"
  mount --bind "${store}base" root
  for entry in /*; do
    if [ -L "$entry" ]; then
      ln -sfn "$(readlink "$entry")" "root$entry"
    elif [ -d "$entry" ]; then
      step "mounting an overlay over $entry"
      mkdir -p "root$entry" "${store}work0$entry"
      case $entry in
      /proc | /sys | /dev | /run | /tmp | /lost+found) ;;
      /etc) mount --bind "${store}upper0/etc" root/etc ;;
      /usr | /var) cover "$entry" ;;
      *) cover "$entry" 2>/dev/null || mount --rbind "$entry" "root$entry" ;;
      esac
    fi
  done
  # apt renames files out of directories that only root may enter.
  for path in var/lib/apt var/cache/apt; do
    [ ! -d "${store}upper0/$path" ] || mount --bind "${store}upper0/$path" "root/$path"
  done
  step "replacing directories that are closed to the user"
  count=0
  while read -r path; do
    count=$((count + 1))
    mkdir -p "${store}closed/$count"
    mount --bind "${store}closed/$count" "root/$path"
  done <lists/closed
}

# cover ENTRY: one overlay. ENTRY begins with a slash.
cover() {
  mount -t overlay overlay -o \
    "lowerdir=$1,upperdir=${store}upper0$1,workdir=${store}work0$1,userxattr" "root$1"
}

# fits STORE: whether an upper layer can be there.
fits() {
  store=$1
  [ -z "$store" ] || mount -t tmpfs -o mode=755 rprov memory
  mkdir -p root/usr "${store}upper0/usr" "${store}work0/usr"
  cover /usr 2>overlay.err
}

# mine: makes a whole ordinary user's view.
mine() {
  step "mounting an overlay"
  # What is thrown away is best held in memory; before Linux 6.6 that cannot be an upper layer.
  case $lease in
  keep) fits "" || fits memory/ ;;
  *) fits memory/ || fits "" ;;
  esac || { cat overlay.err >&2; exit 1; }
  [ "$lease" != probe ] || return 0
  umount root/usr
  if [ ! -e "${store}upper0/etc" ]; then
    step "copying what belongs to the machine's root"
    mkdir -p lists
    seed "$PWD/${store}upper0" "$PWD/lists" "$hide"
  fi
  assemble
}
