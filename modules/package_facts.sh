# what is installed? first|all MANAGER…
strategy=$1; shift
for manager in "$@"; do
    case $manager in
    apt)
        command -v dpkg-query >/dev/null || continue
        printf '@@ apt\n'
        dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${Section}\n' 2>/dev/null
        printf '@@ native\n'; dpkg --print-architecture
        if command -v apt-cache >/dev/null; then
            printf '@@ sources\n'; apt-cache policy 2>/dev/null
            printf '@@ policy\n'; dpkg-query -W -f '${binary:Package}\n' 2>/dev/null | xargs apt-cache policy 2>/dev/null
        fi ;;
    rpm)
        command -v rpm >/dev/null || continue
        printf '@@ rpm\n'; rpm -qa --qf '%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\n' ;;
    apk)
        command -v apk >/dev/null || continue
        printf '@@ apk\n'; apk info -v 2>/dev/null ;;
    pacman)
        command -v pacman >/dev/null || continue
        printf '@@ pacman\n'; pacman -Q ;;
    esac
    [ "$strategy" = all ] || exit 0
done
exit 0
