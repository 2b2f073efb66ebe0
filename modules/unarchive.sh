# compare an archive with a directory, or unpack it there
# what: look, unpack or own; kind: here (standard input), path or url
# dest owner group mode keep list; src; lengths of configurations of curl and wget on standard input;
# numbers of patterns to leave out and to take, then these, then options for the tool
# look says HANDLER, a line for each difference, then the files, each part ended by an empty line.
what=$1 kind=$2 dest=$3 owner=$4 group=$5 mode=$6 keep=$7 list=$8 src=$9 curl=${10} wget=${11} out=${12} in=${13}
shift 13
t=$(umask 077 && mktemp -d) || exit
trap 'rm -rf -- "$t"' EXIT
trap 'exit 129' HUP INT TERM
fail() {
    printf '%s\n' "$1" >&2
    exit 1
}
first() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
case $kind in
    here) src=/dev/stdin ;;
    path)
        [ -e "$src" ] || fail "Source '$src' does not exist"
        [ -r "$src" ] || fail "Source '$src' not readable"
        ;;
    url)
        first "$curl" >"$t/curl" && first "$wget" >"$t/wget" || exit
        if command -v curl >/dev/null; then
            printf 'fail\noutput = "%s/src"\n' "$t" >>"$t/curl"
            curl -q -K "$t/curl" 2>"$t/said" || fail "Failure downloading: $(cat "$t/said")"
        elif wget --version 2>/dev/null | grep -q '^GNU Wget'; then
            head -n 1 "$t/wget" >"$t/url"
            { sed '1d;/^content_on_error/d' "$t/wget"; echo "input = $t/url"; echo "output_document = $t/src"; } >"$t/rc"
            wget --config="$t/rc" 2>"$t/said" || fail "Failure downloading: $(tail -n 1 "$t/said")"
        else
            fail 'the host has nothing to download with: install curl or wget'
        fi
        src=$t/src
        ;;
esac
[ -d "$dest" ] || fail "dest '$dest' must be an existing dir"
magic=$(dd if="$src" bs=6 count=1 2>/dev/null | od -An -tx1 | tr -d ' \n')
[ -n "$magic" ] || fail "Invalid archive, the file is 0 bytes"
case $magic in
    504b*) handler=ZipArchive ;;
    1f8b*) handler=TgzArchive ;;
    425a68*) handler=TarBzipArchive ;;
    fd377a585a*) handler=TarXzArchive ;;
    28b52ffd*) handler=TarZstdArchive ;;
    *) handler=TarArchive ;;
esac
if [ "$handler" = ZipArchive ]; then
    command -v unzip >/dev/null || fail 'the host cannot unpack zip files: install unzip'
    # It looks for its end first, and wants a name.
    [ "$kind" != here ] || { cat >"$t/src.zip" && src=$t/src.zip; }
else
    tar=tar
    ! command -v gtar >/dev/null || tar=gtar
    "$tar" --version 2>/dev/null | grep -q 'GNU tar' || fail "expected GNU tar on the host: install tar"
fi

# The words of the tool: options, then what to leave out, then what to take.
n=0
while [ "$n" -lt "$out" ]; do
    n=$((n + 1))
    if [ "$handler" = ZipArchive ]; then printf '%s\n' "$1" >>"$t/out"; else set -- "$@" "--exclude=${1%/}"; fi
    shift
done
n=0
while [ "$n" -lt "$in" ]; do
    n=$((n + 1))
    printf '%s\n' "$1" >>"$t/in"
    shift
done
# how options…
tool() {
    how=$1
    shift
    if [ "$handler" = ZipArchive ]; then
        [ "$how" = unpack ] || set --
        set -- "$@" "$src"
        if [ -s "$t/in" ]; then
            while IFS= read -r line; do set -- "$@" "$line"; done <"$t/in"
        fi
        if [ -s "$t/out" ]; then
            set -- "$@" -x
            while IFS= read -r line; do set -- "$@" "$line"; done <"$t/out"
        fi
        case $how in
            list) unzip -Z1 "$@" ;;
            print) unzip -p "$@" ;;
            unpack) unzip -o -q "$@" -d "$dest" ;;
        esac
        return
    fi
    set -- --force-local -C "$dest" "$@" -f "$src"
    if [ -s "$t/in" ]; then
        set -- "$@" --
        while IFS= read -r line; do set -- "$@" "$line"; done <"$t/in"
    fi
    case $how in
        list) "$tar" --list --quoting-style=literal --show-transformed-names "$@" ;;
        diff) "$tar" --diff "$@" ;;
        unpack) "$tar" --extract "$@" ;;
    esac
}

# What differs, a line each.
differences() {
    if [ "$handler" = ZipArchive ]; then
        while IFS= read -r name; do
            case $name in
                */) [ -d "$dest/$name" ] || echo "$name: is missing" ;;
                *) [ -e "$dest/$name" ] || echo "$name: is missing" ;;
            esac
        done <"$t/names" >"$t/missing"
        if [ -s "$t/missing" ]; then
            cat "$t/missing"
        else
            # All that is in it, one after the other, and the same of what is there.
            packed=$(tool print "$@" 2>/dev/null | cksum)
            there=$(grep -v '/$' "$t/names" | while IFS= read -r name; do
                if [ -h "$dest/$name" ]; then readlink -n -- "$dest/$name"; else cat -- "$dest/$name"; fi
            done | cksum)
            [ "$packed" = "$there" ] || echo 'contents differ'
        fi
        return
    fi
    tool diff "$@" >"$t/diff" 2>&1
    kinds='Mod time differs|Symlink differs|Contents differ|Size differs|File type differs|Not linked to .*'
    [ "$(id -u)" != 0 ] || [ -n "$owner" ] || kinds="$kinds|Uid differs"
    [ "$(id -u)" != 0 ] || [ -n "$group" ] || kinds="$kinds|Gid differs"
    [ -n "$mode" ] || kinds="$kinds|Mode differs"
    grep -vE ': : Warning: Cannot stat' "$t/diff" |
        grep -E ": ($kinds)\$|: Warning: Cannot (stat|readlink): No such file or directory\$|: Invalid (owner|group)" |
        sed 's/^[^ ]*tar: //; s/: Warning: Cannot [a-z]*: No such file or directory$/: is missing/'
}

tool list "$@" >"$t/names" 2>"$t/said" || fail "Unable to list files in the archive: $(cat "$t/said")"
[ -s "$t/names" ] || fail 'found no files in archive. Empty archive files are not supported.'
case $what in
    look)
        echo "$handler"
        echo
        differences "$@"
        echo
        [ -z "$list" ] || sed 's/^\/*//' "$t/names"
        echo
        # name, then mode, owner and group, of what is there
        if [ -n "$owner$group$mode" ]; then
            sed 's/^\/*//' "$t/names" | while IFS= read -r name; do
                [ ! -e "$dest/$name" ] || stat -c '%a %u %U %g %G %F' -- "$dest/$name"
            done | sort -u
        fi
        ;;
    unpack)
        [ -z "$keep" ] || [ "$handler" = ZipArchive ] || set -- --keep-newer-files "$@"
        tool unpack "$@" >"$t/said" 2>&1 || fail "failed to unpack: $(tail -n 5 "$t/said")"
        ;;
esac
if [ "$what" != look ]; then
    sed 's/^\/*//' "$t/names" | while IFS= read -r name; do
        [ -e "$dest/$name" ] || [ -h "$dest/$name" ] || continue
        [ -z "$owner$group" ] || chown -h "$owner${group:+:$group}" "$dest/$name" || exit
        [ -z "$mode" ] || [ -h "$dest/$name" ] || chmod "$mode" "$dest/$name" || exit
    done || exit
    left=$(differences "$@" | head -n 3)
    [ -z "$left" ] || [ -n "$keep" ] || { echo "note: still different: $left" >&2; }
fi
exit 0
