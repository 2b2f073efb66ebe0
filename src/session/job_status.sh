# directory id: the result of a job; status 3 if it ended without one, 4 if there is none
f=$1/$2
[ -f "$f" ] || exit 4
IFS= read -r l <"$f"
g=
case $l in
  'rprov-job 1 running '*)
    p=${l##* }
    kill -0 "$p" 2>/dev/null || [ -d "/proc/$p" ] || g=1
    # Ended, and nobody has waited for it.
    case $(cat "/proc/$p/stat" 2>/dev/null) in *') Z '*) g=1 ;; esac
    ;;
esac
# What it wrote before it ended is there now.
cat -- "$f" || exit 1
IFS= read -r l <"$f"
case $g$l in '1rprov-job 1 running '*) exit 3 ;; esac
