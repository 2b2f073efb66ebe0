#!/bin/sh
# Asks ansible-core for the golden answers of tests/it/inventory.rs; run it where it is installed.
set -eu
cd "$(dirname "$0")"
export ANSIBLE_NOCOLOR=1 PATH="${ANSIBLE:-/opt/ansible/bin}:$PATH"

# Each directory is a case: its `arguments`, or the only file `hosts*` in it.
for case in */; do
    case=${case%/}
    [ "$case" = faults ] && continue
    arguments=$(cat "$case/arguments" 2>/dev/null || echo "-i $(ls "$case"/hosts*)")
    # shellcheck disable=SC2086 # the arguments are words
    ansible-inventory $arguments --list 2>/dev/null >"$case/expected.json"
done

# pattern <TAB> hosts, in order
while IFS= read -r pattern; do
    hosts=$(ansible "$pattern" -i patterns.hosts --list-hosts 2>/dev/null | sed '/hosts (/d; s/^ *//' | tr '\n' ' ')
    printf '%s\t%s\n' "$pattern" "${hosts% }"
done <patterns.txt >patterns.tsv
