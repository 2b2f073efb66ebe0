#!/bin/sh
# Records what a real ansible-vault says and makes, then lets the two work on each other's files:
# tests/vault/generate.sh [ANSIBLE_VAULT]. Recorded with ansible-core 2.19; needs a built rprov.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
vault=$(command -v "${1:-/opt/ansible/bin/ansible-vault}")
rprov=${RPROV:-$here/../../target/debug/rprov}
export ANSIBLE_NOCOLOR=1 COLUMNS=80
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export HOME="$work" ANSIBLE_HOME="$work/.ansible"

for verb in create decrypt edit view encrypt encrypt_string rekey; do
    "$vault" "$verb" --help > "$here/help/$verb.txt"
done

echo 'correct horse battery staple' > one
echo 'another password' > two
printf 'db_password: "hunter2 é"\nlist: [1, 2]\n' > plain.yml
head -c 5000 /dev/urandom > binary
echo 'mdp!des?caractères' > text

# What ansible-vault makes, for the tests of cargo.
"$vault" encrypt_string --vault-id one -n db_password 'hunter2 é' > "$here/string.yml"
"$vault" encrypt_string --vault-id prod@two --stdin-name key < text >> "$here/string.yml" 2>/dev/null
"$vault" encrypt --vault-id prod@two --output "$here/labelled.vault" plain.yml
"$vault" encrypt --vault-id one --output rekeyed plain.yml
"$vault" rekey --vault-id one --new-vault-id dev@two rekeyed >/dev/null
cp rekeyed "$here/rekeyed.vault"
chmod 644 "$here"/*.vault

# What its settings do: `tests/vault/settings.txt` has the cases and its answers.
case_of() {
    words= env=
    rm -f ansible.cfg sealed
    for word in $1; do
        case $word in
            cfg:*) [ -e ansible.cfg ] || echo '[defaults]' > ansible.cfg; echo "${word#cfg:}" >> ansible.cfg ;;
            *=*) env="$env $word" ;;
            *) words="$words $word" ;;
        esac
    done
    set -- $words
    case $1 in
        encrypt) set -- "$@" --output sealed plain.yml ;;
        view | rekey) cp "$2.vault" sealed; verb=$1; shift 2; set -- "$verb" "$@" sealed ;;
    esac
    if ! env $env "$vault" "$@" > said 2>&1; then echo refused
    elif [ "$1" = view ]; then echo opened
    else head -1 sealed; fi
}
"$vault" encrypt --vault-id a@one --output a.vault plain.yml
"$vault" encrypt --vault-id one --output none.vault plain.yml
while read -r line; do
    case $line in *", rprov: "*) own=", rprov: ${line##*, rprov: }" ;; *) own= ;; esac
    echo "${line%% => *} => $(case_of "${line%% => *}")$own"
done < "$here/settings.txt" > settings
cp settings "$here/settings.txt"
rm -f ansible.cfg sealed

same() { cmp "$1" "$2" || { echo "FAIL $3" >&2; exit 1; }; count=$((count + 1)); }
count=0
for file in plain.yml binary text; do
    for id in one prod@two; do
        # Each writes, the other reads: a copy, in place, standard input and output.
        "$rprov" vault encrypt --vault-id $id --output sealed $file
        "$vault" view --vault-id $id sealed > opened
        [ $file = binary ] || same $file opened "ansible-vault view $file $id"
        "$vault" decrypt --vault-id $id --output opened sealed
        same $file opened "ansible-vault decrypt $file $id"
        "$vault" encrypt --vault-id $id --output sealed2 $file
        "$rprov" vault view --vault-id $id sealed2 > opened
        same $file opened "rprov vault view $file $id"
        "$rprov" vault decrypt --vault-id $id < sealed2 > opened
        same $file opened "rprov vault decrypt $file $id"
        [ "$(head -1 sealed)" = "$(head -1 sealed2)" ] && [ "$(wc -c < sealed)" = "$(wc -c < sealed2)" ] \
            || { echo "FAIL the shape of $file $id" >&2; exit 1; }
        "$rprov" vault rekey --vault-id $id --new-vault-id next@one sealed2 >/dev/null
        "$vault" rekey --vault-id next@one --new-vault-password-file two sealed2 >/dev/null
        "$rprov" vault decrypt --vault-id two sealed2
        same $file sealed2 "rekeyed by both: $file $id"
        rm -f sealed sealed2 opened
    done
done
# An editor that appends a line.
printf '#!/bin/sh\necho "more: 1" >> "$1"\n' > editor
chmod +x editor
cp plain.yml edited
"$vault" encrypt --vault-id prod@two edited
EDITOR=$work/editor "$rprov" vault edit --vault-id prod@two edited
EDITOR=$work/editor "$vault" edit --vault-id prod@two edited
[ "$(head -1 edited)" = '$ANSIBLE_VAULT;1.2;AES256;prod' ]
{ cat plain.yml; echo 'more: 1'; echo 'more: 1'; } > expected
"$vault" view --vault-id prod@two edited > opened
same expected opened "edited by both"
# Strings: rprov's are read by ansible, and look like ansible's.
printf 'mdp!des?caract' | "$rprov" vault encrypt_string --vault-id one --stdin-name secret > vars.yml
printf 'mdp!des?caract' | "$vault" encrypt_string --vault-id one --stdin-name secret > vars2.yml 2>/dev/null
sed 's/[0-9a-f]\{80\}$/(digits)/; s/^ *[0-9a-f]*$/(last)/' vars.yml > shape
sed 's/[0-9a-f]\{80\}$/(digits)/; s/^ *[0-9a-f]*$/(last)/' vars2.yml > shape2
same shape shape2 "the shape of encrypt_string"
printf -- '- hosts: localhost\n  gather_facts: false\n  tasks:\n    - copy: {content: "{{ secret }}", dest: "%s/said"}\n' "$work" > play.yml
"$(dirname "$vault")/ansible-playbook" -i localhost, -c local \
    -e "ansible_python_interpreter=$(dirname "$vault")/python" --vault-id one -e @vars.yml play.yml > log 2>&1 || { cat log; exit 1; }
printf 'mdp!des?caract' > expected
same expected said "ansible-playbook reads encrypt_string"
echo "$count files compared: the same"
