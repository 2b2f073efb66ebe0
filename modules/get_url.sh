# look at a URL, or download it
# what: digest, text or file; curl wget: lengths of configurations on standard input; for a file also
# path tmp_dest algorithm checksum owner group mode backup gzip
# digest and text say `STATUS SECONDS DIGEST HEAD BODY SAID`, the last three being lengths of what follows.
what=$1 curl=$2 wget=$3 path=$4 where=$5 algorithm=$6 checksum=$7 owner=$8 group=$9 mode=${10} backup=${11}
now() { read -r now _ 2>/dev/null </proc/uptime && now=${now%.*} || now=$(date +%s); }
now
begin=$now
t=$(umask 077 && mktemp -d) || exit
n=
trap 'rm -rf -- "$t" ${n:+"$n"}' EXIT
trap 'exit 129' HUP INT TERM
first() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
first "$curl" >"$t/curl" && first "$wget" >"$t/wget" || exit
: >"$t/head" && : >"$t/body" && : >"$t/said"

# file: the content goes there; `-` is standard output
get() {
    if command -v curl >/dev/null; then
        printf 'output = "%s"\ndump-header = "%s/head"\n' "$1" "$t" >>"$t/curl"
        curl -q -K "$t/curl" 2>"$t/said"
        echo "$?" >"$t/status"
    elif wget --version 2>/dev/null | grep -q '^GNU Wget'; then
        head -n 1 "$t/wget" >"$t/url"
        { sed 1d "$t/wget"; echo "input = $t/url"; echo "output_document = $1"; } >"$t/rc"
        wget --config="$t/rc" 2>"$t/said"
        status=$?
        sed -n 's/^  //p' "$t/said" >"$t/head"
        sed -i '/^  /d' "$t/said"
        # An answer that is no success is one all the same.
        case $status in 6 | 8) status=0 ;; esac
        echo "$status" >"$t/status"
    elif [ -x /usr/lib/apt/apt-helper ] && helper; then
        # It shows its words to all: only what is plain may be given to it, and it tells no header.
        [ "$1" != - ] || set -- "$t/body"
        /usr/lib/apt/apt-helper download-file "$(head -n 1 "$t/wget")" "$1" >"$t/said" 2>&1
        status=$?
        echo "$status" >"$t/status"
        [ "$status" != 0 ] || echo 'HTTP/1.1 200 OK' >"$t/head"
        [ "$1" != "$t/body" ] || cat "$t/body"
    else
        echo 127 >"$t/status"
        echo 'the host has nothing to download with: install curl or wget' >"$t/said"
    fi
}
# whether nothing is lost or shown by it
helper() {
    ! grep '^header = ' "$t/wget" | grep -qvE '^header = (Accept-Encoding|If-Modified-Since|Cache-Control):' &&
        ! grep -qE '^(user|certificate) = |^(check_certificate|use_proxy) = off' "$t/wget" &&
        ! head -n 1 "$t/wget" | grep -qF '?'
}
code() { sed -n 's/^HTTP\/[0-9.]* \([0-9][0-9]*\).*/\1/p' "$t/head" | tail -n 1; }
size() { echo $(($(wc -c <"$1"))); }
sum() { set -- "$("${1}sum" <"$2")" && echo "${1%% *}"; }

case $what in
    digest | text)
        digest=
        if [ "$what" = text ]; then
            get - | head -c 1048576 >"$t/body"
        else
            digest=$(get - | sha1sum)
            digest=${digest%% *}
        fi
        now
        [ "$what" = text ] || : >"$t/body"
        echo "$(cat "$t/status") $((now - begin)) ${digest:-none} $(size "$t/head") $(size "$t/body") $(size "$t/said")"
        cat "$t/head" "$t/body" "$t/said"
        exit
        ;;
esac

text() { printf %s "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'; }
fail() {
    printf '%s\n' "$1" >&2
    exit 1
}
case $path in
    */*) directory=${path%/*}/ ;;
    *) directory=./ ;;
esac
[ -d "$directory" ] || fail "Destination $directory does not exist"
if [ -n "$where" ]; then
    [ -e "$where" ] || fail "$where directory does not exist."
    [ -d "$where" ] || fail "$where is a file but should be a directory."
fi
n=$(umask 077 && mktemp "${where:-${directory%/}}/.rprov.XXXXXXXXXX") || exit
get "$n"
code=$(code)
[ "$(cat "$t/status")" = 0 ] || fail "Request failed: $(cat "$t/said")"
if [ "$code" != 200 ] && [ -n "$code" ]; then
    reason=$(sed -n 's/^HTTP\/[0-9.]* [0-9]* *//p' "$t/head" | tail -n 1)
    printf '{"status_code": %s, "response": "HTTP Error %s: %s"}\n' "$code" "$code" "$(text "$reason")"
    fail "Request failed: HTTP Error $code: $(text "$reason")"
fi
if [ -n "$checksum" ]; then
    found=$(sum "$algorithm" "$n")
    [ "$found" = "$checksum" ] || fail "The checksum for the download did not match $checksum; it was $found."
fi
source=$(sum sha1 "$n") || exit
before=
[ ! -e "$path" ] || before=$(sum sha1 "$path")
if [ -n "$where" ]; then
    # From another file system it would not be moved at once.
    o=$(umask 077 && mktemp "${directory%/}/.rprov.XXXXXXXXXX") || exit
    cat "$n" >"$o" || { rm -f -- "$o"; exit 1; }
    rm -f -- "$n"
    n=$o
fi
if [ -e "$path" ]; then
    like=$(stat -L -c %a:%u:%g -- "$path") || exit
    chown "${like#*:}" "$n" 2>/dev/null
    chmod "${mode:-${like%%:*}}" "$n" || exit
else
    chmod "${mode:-=rw}" "$n" || exit
fi
if [ -n "$owner$group" ]; then
    chown "$owner${group:+:$group}" "$n" || exit
    [ -z "$mode" ] || chmod "$mode" "$n" || exit
fi
kept=
if [ -n "$backup" ] && [ -e "$path" ]; then
    kept=$path.$$.$(date +%Y-%m-%d@%H:%M:%S)~
    cp -pf -- "$path" "$kept" || exit
fi
mv -f -- "$n" "$path" || exit
n=
now
length=$(size "$path")
[ -n "$before" ] && before="\"$before\"" || before=null
stat -L -c "{\"uid\": %u, \"gid\": %g, \"owner\": \"%U\", \"group\": \"%G\", \"mode\": \"%04a\", \"size\": %s," -- "$path" | sed 's/"mode": "0*\(....\)"/"mode": "\1"/'
printf '"state": "file", "status_code": 200, "msg": "OK (%s bytes)", "elapsed": %s, "checksum_src": "%s", "checksum_dest": %s, "md5sum": "%s"%s}\n' \
    "$length" "$((now - begin))" "$source" "$before" "$(sum md5 "$path")" "${kept:+, \"backup_file\": \"$(text "$kept")\"}"
