#!/bin/sh
# Asks ansible-core for its keywords and where each may stand: keywords.tsv; and which values they
# take: values.tsv; and which tasks tags choose: tags.tsv; and what
# may stand beside an include: includes.tsv. Recorded with 2.19.
set -eu
cd "$(dirname "$0")"
DOC=${DOC:-$(command -v ansible-doc || echo /opt/ansible/bin/ansible-doc)}
"$DOC" -t keyword -l --json 2>/dev/null | python3 -c '
import json, subprocess, sys
names = sorted(json.load(sys.stdin))
about = json.loads(subprocess.run([sys.argv[1], "-t", "keyword", "--json", *names],
                                  capture_output=True, check=True).stdout)
for name in names:
    # Those of a connection that is gone are documented, and stand nowhere.
    if about.get(name, {}).get("applies_to"):
        print(name, *about[name]["applies_to"], sep="\t")
' "$DOC" >keywords.tsv
"${PYTHON:-/opt/ansible/bin/python}" values.py 2>/dev/null >values.tsv
"${PYTHON:-/opt/ansible/bin/python}" tags.py "$(dirname "$DOC")/ansible-playbook" >tags.tsv
"${PYTHON:-/opt/ansible/bin/python}" includes.py 2>/dev/null >includes.tsv
