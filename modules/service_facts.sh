# which services are there?
if command -v service >/dev/null; then printf '@@ sysv\n'; service --status-all 2>/dev/null; fi
command -v systemctl >/dev/null && [ -d /run/systemd/system ] || exit 0
printf '@@ units\n'
units=$(systemctl list-units --no-pager --no-legend --plain --type service --all 2>/dev/null)
printf '%s\n' "$units"
printf '@@ files\n'
files=$(systemctl list-unit-files --no-pager --no-legend --type service --all 2>/dev/null)
printf '%s\n' "$files"
# The states of those that are not loaded; a template has none.
set --
while read -r name rest; do
    case $name in '' | *@.service) continue ;; esac
    case "
$units" in *"
$name "*) ;; *) set -- "$@" "$name" ;; esac
done <<END
$files
END
[ $# -gt 0 ] || exit 0
printf '@@ states\n'
states=$(systemctl show --property=ActiveState --value -- "$@" 2>/dev/null)
for name in "$@"; do
    while :; do
        state=${states%%"
"*}
        rest=${states#"$state"}
        states=${rest#"
"}
        [ -z "$state" ] && [ -n "$states" ] || break
    done
    printf '%s %s\n' "$name" "$state"
done
exit 0
