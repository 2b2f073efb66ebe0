# wait until a path, a port or its connections are as wanted
# what state begin delay limit sleep regex seen sum idle, then PATH; HOST PORT CONNECT; or
# PORT STATES ADDRESSES EXCLUDED. Says `HOW SECONDS BEGIN [SIZE SUM]`, then what was read.
what=$1 state=$2 begin=$3 delay=$4 limit=$5 pause=$6 regex=$7 seen=$8 sum=$9 idle=${10}
shift 10
now() {
    if read -r now _ 2>/dev/null </proc/uptime; then now=${now%.*}${now#*.}; else now=$(date +%s)00; fi
}
say() {
    now
    echo "$1 $(((now - begin) / 100)) $begin${2+ $2}"
}
left() { now && [ "$now" -lt "$end" ]; }
now
if [ -z "$begin" ]; then begin=$now && sleep "$delay"; else sleep "$pause"; fi
end=$((begin + limit * 100))

# path: whether it is as wanted
path() {
    if [ "$state" = absent ]; then
        [ ! -e "$1" ] && say found
    elif [ ! -e "$1" ]; then
        said=$(stat -L -- "$1" 2>&1 >/dev/null)
        case $said in
            '' | *'No such file or directory') return 1 ;;
        esac
        say error && printf '%s\n' "${said##*: }"
    elif [ -z "$regex" ]; then
        say found
    else
        content "$1"
    fi
}

# path: its content, if it is another than the one known, or only what was added to that
content() {
    size=$(wc -c <"$1") && size=$((size)) && new=$(head -c "$size" -- "$1" | cksum) && new=${new% *} || return 1
    [ "$new $size" != "$sum $seen" ] || return 1
    if [ "$seen" -gt 0 ] && [ "$size" -gt "$seen" ] &&
        [ "$(head -c "$seen" -- "$1" | cksum)" = "$sum $seen" ]; then
        say more "$size $new"
        head -c "$size" -- "$1" | tail -c "+$((seen + 1))"
    else
        say whole "$size $new"
        head -c "$size" -- "$1"
    fi
}

# host port seconds
connect() {
    case $tool in
        bash) $within bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" ;;
        nc) nc -z -w "$3" "$1" "$2" ;;
        perl) perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => $ARGV[2])' "$@" ;;
    esac </dev/null >/dev/null 2>&1
}

# host port: what the other side says of its own accord
hear() {
    case $tool in
        bash) exec bash -c 'exec 3<>"/dev/tcp/$0/$1" && exec cat <&3' "$1" "$2" ;;
        nc) exec nc -w "$limit" "$1" "$2" ;;
        perl) exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1]) or exit 1; $| = 1; print $d while sysread $s, $d, 4096' "$@" ;;
    esac </dev/null 2>/dev/null
}

# host port seconds: whether it is as wanted
port() {
    if [ "$state" = stopped ]; then
        ! connect "$@" && say found
    elif [ -z "$regex" ]; then
        connect "$@" && say found
    else
        connect "$@" || return 1
        : >"$private/heard"
        hear "$1" "$2" >"$private/heard" &
        # Until it ends, is silent for a while after it has spoken, or the time is up.
        size=0 quiet=0
        while left && kill -0 $! 2>/dev/null && [ "$quiet" -lt "$idle" ]; do
            sleep 0.1 2>/dev/null || sleep 1
            new=$(wc -c <"$private/heard") && new=$((new))
            [ "$new" -eq "$size" ] && [ "$size" -gt 0 ] && quiet=$((quiet + 1)) || quiet=0
            size=$new
        done
        kill $! 2>/dev/null
        wait $! 2>/dev/null
        [ -s "$private/heard" ] || return 1
        say whole '0 0'
        cat "$private/heard"
    fi
}

# port states addresses excluded: whether no connection is left
drained() {
    for file in /proc/net/tcp /proc/net/tcp6; do
        [ ! -r "$file" ] || cat "$file"
    done | awk -v port="$1" -v states="$2" -v own="$3" -v not="$4" '
        $1 == "sl" { next }
        {
            split($2, local, ":")
            split($3, remote, ":")
            if (local[2] != port || !index(states, " " $4 " ") || index(not, " " remote[1] " ")) next
            any = length(local[1]) == 8 ? "00000000" : "00000000000000000000000000000000"
            mapped = substr(local[1], 1, 24) == "0000000000000000FFFF0000"
            if (index(own, " " local[1] " ") || index(own, " " any " ") ||
                mapped && index(own, " 0000000000000000FFFF000000000000 ")) left = 1
        }
        END { exit left }' && say found
}

case $what in
    pause)
        sleep "$limit"
        say found
        exit
        ;;
    port)
        for tool in bash nc perl none; do
            command -v "$tool" >/dev/null && break
        done
        [ "$tool" != none ] || { say none; exit; }
        within=
        ! command -v timeout >/dev/null || within="timeout $3"
        if [ -n "$regex" ]; then
            private=$(umask 077 && mktemp -d) || exit
            trap 'rm -rf -- "$private"' EXIT
            trap 'exit 129' HUP INT TERM
        fi
        ;;
esac
while left; do
    "$what" "$@" && exit
    sleep "$pause"
done
say late
