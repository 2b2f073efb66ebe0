#!/usr/bin/env python3
"""What `ansible-playbook --list-tasks` lists under each choice of tags: `only, skip, tags of the task, runs or not`.

usage: tags.py ANSIBLE_PLAYBOOK > tags.tsv
"""

import itertools
import pathlib
import subprocess
import sys
import tempfile

OWN = ["always", "never", "a", "tagged", "untagged", "all"]
ASKED = ["", "all", "a", "b", "tagged", "untagged", "never", "always", "never,a", "untagged,a"]


def main():
    sets = [s for n in range(3) for s in itertools.combinations(OWN, n)]
    with tempfile.TemporaryDirectory() as directory:
        play = pathlib.Path(directory, "site.yml")
        tasks = "".join(
            f"    - name: <{','.join(s)}>\n      debug:\n      tags: [{', '.join(s)}]\n" for s in sets
        )
        play.write_text(f"- hosts: h\n  gather_facts: false\n  tasks:\n{tasks}")
        for only, skip in itertools.product(ASKED, ["", "all", "a", "tagged", "untagged", "never", "always"]):
            words = [sys.argv[1], "-i", "h,", str(play), "--list-tasks"]
            words += ["--tags", only] if only else []
            words += ["--skip-tags", skip] if skip else []
            listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            for tags in sets:
                name = ",".join(tags)
                print(only, skip, name, "runs" if f"<{name}>" in listed else "not", sep="\t")


main()
