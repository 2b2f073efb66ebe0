# make one HTTP request
# curl wget: lengths of their configurations, which stand on standard input with the body behind them
# data: whether there is one; codes: those of success; want: when its content is wanted;
# dest: a file or directory for it; name: of the file in a directory; unzip: whether to
# Says `TOOL STATUS CHANGED SECONDS DEST HEAD BODY SAID`, the last four being lengths of what follows.
curl=$1 wget=$2 data=$3 codes=$4 want=$5 dest=$6 name=$7 unzip=$8
now() { read -r now _ 2>/dev/null </proc/uptime && now=${now%.*} || now=$(date +%s); }
now
begin=$now
t=$(umask 077 && mktemp -d) || exit
n=
trap 'rm -rf -- "$t" ${n:+"$n"}' EXIT
trap 'exit 129' HUP INT TERM
first() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
first "$curl" >"$t/curl" && first "$wget" >"$t/wget" && cat >"$t/data" || exit
: >"$t/head" && : >"$t/body" && : >"$t/said"
if command -v curl >/dev/null; then
    tool=curl
    [ -z "$data" ] || echo "data-binary = \"@$t/data\"" >>"$t/curl"
    printf 'output = "%s/body"\ndump-header = "%s/head"\n' "$t" "$t" >>"$t/curl"
    curl -q -K "$t/curl" 2>"$t/said"
    status=$?
elif wget --version 2>/dev/null | grep -q '^GNU Wget'; then
    tool=wget
    head -n 1 "$t/wget" >"$t/url"
    {
        sed 1d "$t/wget"
        [ -z "$data" ] || echo "body_file = $t/data"
        echo "input = $t/url"
        echo "output_document = $t/body"
    } >"$t/rc"
    wget --config="$t/rc" 2>"$t/said"
    status=$?
    sed -n 's/^  //p' "$t/said" >"$t/head"
    # An answer that is no success is one all the same.
    case $status in 6 | 8) status=0 ;; esac
    sed -i '/^  /d' "$t/said"
else
    echo none 127 '' 0 0 0 0 0
    exit
fi
code=$(sed -n 's/^HTTP\/[0-9.]* \([0-9][0-9]*\).*/\1/p' "$t/head" | tail -n 1)
if [ -n "$unzip" ] && grep -qi '^content-encoding: *gzip' "$t/head"; then
    gzip -dc <"$t/body" >"$t/plain" 2>/dev/null && mv -f "$t/plain" "$t/body"
fi
case " $codes " in
    *" $code "*) good=$code ;;
    *) good= ;;
esac

# Puts the body in its place, atomically.
put() {
    [ ! -d "$dest" ] || return 0
    cmp -s "$t/body" "$dest" && return
    case $dest in
        */*) n=$(mktemp "${dest%/*}/.rprov.XXXXXXXXXX") ;;
        *) n=$(mktemp "./.rprov.XXXXXXXXXX") ;;
    esac
    [ -n "$n" ] && cat "$t/body" >"$n" || return
    if [ -e "$dest" ]; then
        like=$(stat -L -c %a:%u:%g -- "$dest") || return
        chown "${like#*:}" "$n" 2>/dev/null
        chmod "${like%%:*}" "$n" || return
    else
        chmod =rw "$n" || return
    fi
    mv -f -- "$n" "$dest" || return
    n=
    changed=changed
}
changed=same
if [ -z "$dest" ] || [ -z "$good" ] || [ "$good" = 304 ] || [ "$status" != 0 ]; then
    changed=same
else
    if [ -d "$dest" ]; then
        said=$(sed -n 's/^[Cc]ontent-[Dd]isposition:.*filename="\{0,1\}\([^";]*\).*/\1/p' "$t/head" | tail -n 1 | tr -d '\r')
        said=${said##*/}
        dest=${dest%/}/${said:-$name}
    fi
    put 2>"$t/said" || changed=failed
fi
[ "$want" = always ] || { [ "$want" = json ] && grep -qiE '^content-type:.*[/+](json|javascript)' "$t/head"; } ||
    : >"$t/body"
size() { echo $(($(wc -c <"$t/$1"))); }
printf %s "$dest" >"$t/dest"
now
echo "$tool $status $changed $((now - begin)) $(size dest) $(size head) $(size body) $(size said)"
cat "$t/dest" "$t/head" "$t/body" "$t/said"
