#!/usr/bin/env python3
"""Measures ansible-core's precedence of variables, every level against every other.

Writes precedence.tsv (lower level, higher level, which of them won) and special.tsv (special
variable, whether `-e` overrides it). Run it where ansible-playbook is installed.
"""

import itertools
import json
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
BIN = os.environ.get("ANSIBLE", "/opt/ansible/bin")

LEVELS = """
RoleDefaults InventoryAll InventoryGroup InventoryGroupVarsAll PlaybookGroupVarsAll InventoryGroupVars
PlaybookGroupVars InventoryHost InventoryHostVars PlaybookHostVars Facts Play Prompt PlayFiles Role Block
Task IncludeVars SetFact RoleParams IncludeParams Extra
""".split()

SPECIAL = """
inventory_hostname inventory_hostname_short inventory_dir inventory_file group_names playbook_dir groups hostvars
ansible_play_hosts ansible_play_hosts_all ansible_play_batch play_hosts ansible_play_name ansible_check_mode
ansible_diff_mode ansible_verbosity ansible_version ansible_run_tags ansible_skip_tags ansible_forks ansible_managed
ansible_playbook_python ansible_config_file ansible_inventory_sources role_name role_path ansible_role_name
""".split()

PAIRS = list(itertools.combinations(LEVELS, 2))


def name(pair):
    return f"x_{pair[0]}_{pair[1]}"


def values(level):
    """A variable for every pair the level takes part in; its value is the level's name."""
    return {name(pair): level for pair in PAIRS if level in pair}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text, indent=1))


def run(root, *arguments):
    command = [f"{BIN}/ansible-playbook", "-i", root / "inv/hosts", root / "pb/play.yml", *arguments]
    environment = dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    start = done.stdout.index("=> {", done.stdout.index("TASK [r : result]")) + 3
    return json.JSONDecoder().raw_decode(done.stdout[start:])[0]["msg"]


def ini(level):
    return "".join(f"{key}={value}\n" for key, value in values(level).items())


def precedence(root):
    inline = " ".join(f"{key}={value}" for key, value in values("InventoryHost").items())
    hosts = f"[web]\nh ansible_connection=local {inline}\n[web:vars]\n{ini('InventoryGroup')}[all:vars]\n{ini('InventoryAll')}"
    write(root / "inv/hosts", hosts)
    for place, prefix in (("inv", "Inventory"), ("pb", "Playbook")):
        write(root / place / "group_vars/all.yml", values(f"{prefix}GroupVarsAll"))
        write(root / place / "group_vars/web.yml", values(f"{prefix}GroupVars"))
        write(root / place / "host_vars/h.yml", values(f"{prefix}HostVars"))
    write(root / "pb/library/facts_level", "#!/bin/sh\ncat <<'E'\n" + json.dumps({"ansible_facts": values("Facts")}) + "\nE\n")
    (root / "pb/library/facts_level").chmod(0o755)
    write(root / "pb/file.yml", values("PlayFiles"))
    write(root / "extra.yml", values("Extra"))
    role = root / "pb/roles/r"
    write(role / "defaults/main.yml", values("RoleDefaults"))
    write(role / "vars/main.yml", values("Role"))
    write(root / "pb/included.yml", values("IncludeVars"))
    write(role / "tasks/main.yml", [
        {"include_vars": str(root / "pb/included.yml")},
        {"set_fact": values("SetFact")},
        {"include_tasks": "inner.yml", "vars": values("IncludeParams")},
    ])
    task = {"name": "result", "vars": values("Task"), "debug": {"msg": {name(pair): f"{{{{ {name(pair)} }}}}" for pair in PAIRS}}}
    write(role / "tasks/inner.yml", [{"vars": values("Block"), "block": [task]}])
    write(root / "pb/play.yml", [{
        "hosts": "h",
        "gather_facts": False,
        "vars": values("Play"),
        "vars_prompt": [{"name": key, "default": value, "private": False} for key, value in values("Prompt").items()],
        "vars_files": ["file.yml"],
        "pre_tasks": [{"facts_level": {}}],
        "roles": [{"role": "r", **values("RoleParams")}],
    }])
    won = run(root, "-e", f"@{root}/extra.yml")
    return [(*pair, won[name(pair)]) for pair in PAIRS]


def special(root):
    write(root / "inv/hosts", "[web]\nh ansible_connection=local\n")
    task = {"name": "result", "debug": {"msg": {key: "{{ %s is defined and %s == 'mine' }}" % (key, key) for key in SPECIAL}}}
    write(root / "pb/roles/r/tasks/main.yml", [task])
    write(root / "pb/play.yml", [{"hosts": "h", "gather_facts": False, "roles": ["r"]}])
    overridden = run(root, "-e", json.dumps({key: "mine" for key in SPECIAL}))
    return [(key, "overridden" if overridden[key] else "kept") for key in SPECIAL]


for file, measure in (("precedence.tsv", precedence), ("special.tsv", special)):
    with tempfile.TemporaryDirectory() as directory:
        rows = measure(pathlib.Path(directory))
    (HERE / file).write_text("".join("\t".join(row) + "\n" for row in rows))
