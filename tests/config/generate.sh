#!/bin/sh
# Asks ansible-core for the answers recorded beside this script: what `ansible-config dump` says in
# each case, and the names of all its keys, variables and flags. Recorded with ansible-core 2.19.
set -eu
cd "$(dirname "$0")/../.."
BIN=${BIN:-/opt/ansible/bin}
python3 - "$BIN" <<'END'
import json, re, subprocess, sys
bin = sys.argv[1]
def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, check=True, text=True, cwd="/").stdout
options = list(json.loads(run(f"{bin}/ansible-config", "list", "--format", "json")).values())
for kind, name in [("connection", "ssh"), ("connection", "local"), ("callback", "default"), ("callback", "minimal"),
                   ("become", "sudo"), ("become", "su"), ("shell", "sh"), ("inventory", "yaml"), ("inventory", "script"),
                   ("inventory", "constructed"), ("vars", "host_group_vars")]:
    doc = json.loads(run(f"{bin}/ansible-doc", "-t", kind, name, "--json"))
    options += list(doc.values())[0]["doc"]["options"].values()
keys = {f"{i['section']}.{i['key']}" for o in options for i in o.get("ini") or []}
variables = {e["name"] for o in options for e in o.get("env") or [] if e["name"].startswith("ANSIBLE_")}
with open("tests/config/known.list", "w") as out:
    out.write("".join(f"{name}\n" for name in sorted(keys) + sorted(variables)))
with open("tests/config/flags.list", "w") as out:
    for command in ["ansible-playbook", "ansible", "ansible-inventory"]:
        text = run(f"{bin}/{command}", "--help").split("options:", 1)[1]
        flags = set()
        for line in text.splitlines():
            if re.match(r"  -", line):
                flags.update(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", line.split("   ")[0]))
        out.write(f"{command} {' '.join(sorted(flags))}\n")
END
ORACLE="$BIN/ansible-config" cargo test --test it config::cases
