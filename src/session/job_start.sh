# directory id limit loop: standard input holds a line about the job, then what its shell reads
d=$1 j=$2 m=$(umask)
umask 077
mkdir -p -- "$d" || exit 1
IFS= read -r l || exit 1
printf '%s\n' "$l" >"$d/.$j.about" && cat >"$d/.$j.in" || exit 1
: >"$d/.$j.out" && : >"$d/.$j.err" && echo 'rprov-job 1 starting' >"$d/$j" || exit 1
printf 'results_file=%s\n' "$d/$j"
umask "$m"
__u
t='
trap "" HUP
d=$1 j=$2 m=$(umask)
say() {
  umask 077
  { printf "rprov-job 1 %s\n" "$1"; [ $# = 1 ] || cat -- "$d/.$j.about" "$d/.$j.out" "$d/.$j.err"; } >"$d/.$j.new" &&
    mv -f -- "$d/.$j.new" "$d/$j"
  umask "$m"
}
end() { kill -s "$1" -- "-$2" || kill -s "$1" "$2"; } 2>/dev/null
own=; command -v setsid >/dev/null && own=setsid
s=$(date +%s.%N)
say "running $$"
$own /bin/sh -c "$4" <"$d/.$j.in" >>"$d/.$j.out" 2>>"$d/.$j.err" &
w=$!
$own /bin/sh -c "end() { kill -s \$1 -- -\$w || kill -s \$1 \$w; }
  w=\$1; sleep \$2; echo >\"\$3\"; end TERM; sleep 3; end KILL" sh "$w" "$3" "$d/.$j.late" 2>/dev/null &
k=$!
wait "$w"
r=$?
[ -e "$d/.$j.late" ] && h=late || h=done
end TERM "$k"
n() { echo $(($(wc -c <"$d/.$j.$1"))); }
say "$h $r $s $(date +%s.%N) $(n about) $(n out) $(n err)" all
rm -f -- "$d/.$j.about" "$d/.$j.in" "$d/.$j.out" "$d/.$j.err" "$d/.$j.late"
'
own=; command -v setsid >/dev/null && own=setsid
$own /bin/sh -c "$t" sh "$1" "$2" "$3" "$4" </dev/null >/dev/null 2>&1 &
