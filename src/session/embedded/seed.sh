# What an ordinary user's view needs before its overlay is of use. Files of the machine's root
# belong to an id that does not exist in the user namespace, so that nobody may change them: the
# upper layer gets every directory and copies of what is changed in place (/etc and the records
# under /var), all owned by the view's root. Programs and libraries stay in the lower layer; they
# can be added to, but not be replaced.

# seed UPPER LISTS HIDDEN: fills UPPER, and writes to LISTS what the user may not read.
seed() (
  cd /
  find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp \
    -o -path ".$3" \) -prune -o -type d -printf '%m %p\n' 2>/dev/null >"$2/directories" || :
  cd "$1"
  cut -d' ' -f2- "$2/directories" | tr '\n' '\0' | xargs -0 mkdir -p
  grep -v '^755 ' "$2/directories" | while read -r bits path; do
    chmod "$bits" "$path"
  done
  cd /
  find ./etc ./var -xdev \( -path './var/lib/apt/lists/*_*' -o -path './var/cache/apt/*' \
    -o -path ./var/lib/docker -o -path ./var/lib/containerd \) -prune \
    -o -type f -size -16384k -readable -print0 2>/dev/null |
    tar -c --null -T - -f - 2>/dev/null | tar -xp --no-same-owner -C "$1" -f -
  cut -d: -f1 etc/passwd | sed 's/$/:*:19000:0:99999:7:::/' >"$1/etc/shadow"
  cut -d: -f1 etc/group | sed 's/$/:*::/' >"$1/etc/gshadow"
  chmod 640 "$1/etc/shadow" "$1/etc/gshadow"
  find ./etc ./usr ./root ./var ./home ./opt ./srv -xdev -type d ! \( -readable -executable \) \
    >"$2/closed" 2>/dev/null || :
  find ./etc -xdev -type f ! -readable ! -name shadow ! -name gshadow >"$2/secret" 2>/dev/null || :
)

# unlock CLOSED LISTS: in the mounted view, puts an empty directory of its own in the place of each
# the user may not enter, and takes away the files that cannot be read.
unlock() {
  count=0
  while read -r path; do
    count=$((count + 1))
    mkdir -p "$1/$count"
    mount --bind "$1/$count" "root/$path"
  done <"$2/closed"
  while read -r path; do
    rm -f "root/$path"
  done <"$2/secret"
}
