#!/bin/sh
# Makes the envelopes beside this file anew, with a real ansible-vault: `./make.sh path/to/ansible-vault`.
# The password of all of them is "correct horse battery staple".
set -eu
vault=$(command -v "${1:-ansible-vault}")
cd "$(dirname "$0")"
password=$(mktemp)
trap 'rm -f "$password"' EXIT
echo 'correct horse battery staple' > "$password"
for name in vars empty binary; do
    "$vault" encrypt --vault-password-file "$password" --output "$name-1.1.vault" "$name.plain"
done
"$vault" encrypt --vault-id "prod@$password" --output vars-1.2.vault vars.plain
chmod 644 ./*.vault
