#!/usr/bin/env python3
"""Records the values that ansible-core gives variables in tests/why/project.

Writes answers.tsv: with which playbook (`-` for none), host, variable, value as JSON. What is undefined is left out. Run it where
ansible and ansible-playbook are installed.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
BIN = os.environ.get("ANSIBLE", "/opt/ansible/bin")
HOSTS = ["web1", "web2", "db1"]
ALONE = """
port color numbers base_port app app.port app.paths[1] app['name'] mode version enabled nothing url where listed
greeting override inventory_hostname group_names inventory_file playbook_dir db.port db.key db_password numbers[-1]
short groups.web ansible_version.major ansible_check_mode
""".split()
PLAYED = "color workers limits.files nested.a[0].b from_file app.name ansible_play_name port threads".split()
EXTRA = ["-e", "base_port=1", "-e", '{"app_user": "extra"}']


def environment():
    return dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_CALLBACK_RESULT_FORMAT="json",
                ANSIBLE_VAULT_PASSWORD_FILE=str(HERE / "vault-password"),)


def ask(root, playbook, names, extra):
    """The values of variables on every host."""
    play = (root / "site.yml").read_text() if playbook else "- hosts: all\n  gather_facts: false\n"
    tasks = "".join(f"    - name: {json.dumps(name)}\n      ansible.builtin.debug: {{var: {json.dumps(name)}}}\n"
                    for name in names)
    (root / "asked.yml").write_text(play.replace("  roles:", "  pre_tasks:\n" + tasks + "  roles:") if playbook
                                    else play + "  tasks:\n" + tasks)
    run = subprocess.run([f"{BIN}/ansible-playbook", "-i", "inventory", "asked.yml", *extra],
                         cwd=root, env=environment(), capture_output=True, text=True)
    if "PLAY RECAP" not in run.stdout:
        raise SystemExit(run.stdout + run.stderr)
    for found in re.finditer(r"^ok: \[(.+?)\] => ", run.stdout, re.M):
        result = json.JSONDecoder().raw_decode(run.stdout[found.end():])[0]
        yield from ((found[1], name, value) for name, value in result.items()
                    if name in names and not str(value).startswith("<<"))


rows = []
with tempfile.TemporaryDirectory() as scratch:
    root = pathlib.Path(scratch) / "project"
    shutil.copytree(HERE / "project", root)
    real = str(root.resolve())
    for playbook, names, extra in [("-", ALONE, []), ("-", ["app", "app_user"], EXTRA), ("site.yml", PLAYED, [])]:
        for host, name, value in ask(root, playbook != "-", names, extra):
            text = json.dumps(value).replace(real, "ROOT")
            rows.append("\t".join([playbook, "extra" if extra else "-", host, name, text]))
(HERE / "answers.tsv").write_text("\n".join(rows) + "\n")
