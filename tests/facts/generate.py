#!/usr/bin/env python3
"""Asks ansible-core's `setup` on this machine which facts each choice gathers, and writes keys.json
and local.json. Run with the Python of an installed ansible-core 2.19.

What belongs to this machine only (interfaces, host keys, tools that may be missing) is left out.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CHOICES = [
    "", "gather_subset=min", "gather_subset=!all", "gather_subset=!all,!min",
    "gather_subset=!min", "gather_subset=!hardware,!virtual", "gather_subset=all,!hardware",
    "gather_subset=network", "gather_subset=network,!network", "gather_subset=!distribution",
    "gather_subset=!all,!min,network", "gather_subset=!all,!min,!platform,network",
    "gather_subset=!all,!min,pkg_mgr", "gather_subset=!all,!min,service_mgr",
    "gather_subset=!all,!min,mounts", "gather_subset=!all,!min,virtual",
    "gather_subset=!all,!min,loadavg,iscsi,chroot,nvme,fibre_channel_wwn",
    "gather_subset=!all,!min,effective_user_id,machine", "gather_subset=all,!min",
    "filter=ansible_distribution*", "filter=distribution", "filter=nothing", "filter=gather_subset",
    "filter=ansible_distribution,ansible_os_family", "filter=ansible_[dm]*major*",
    "gather_subset=!all,!min,hardware filter=ansible_mem*",
]
# Depends on tools of the machine: capsh, systemd, Python.
LOOSE = {"systemd", "system_capabilities", "system_capabilities_enforced", "python", "python_version"}


def setup(arguments):
    command = [pathlib.Path(sys.executable).parent / "ansible", "-i", "localhost,", "-c", "local",
               "localhost", "-m", "setup", "-e", f"ansible_python_interpreter={sys.executable}",
               "-a", arguments]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(out[out.index("{"):])["ansible_facts"]


interfaces = {name.replace("-", "_").replace(".", "_")
              for name in setup("filter=ansible_interfaces")["ansible_interfaces"]}
keys = {}
for choice in CHOICES:
    names = {key.removeprefix("ansible_") for key in setup(choice)}
    keys[choice] = sorted(name for name in names - LOOSE - interfaces
                          if not name.startswith("ssh_host_key"))
(HERE / "keys.json").write_text(json.dumps(keys, indent=1) + "\n")
local = setup(f"gather_subset=!all,!min,local fact_path={HERE}/facts.d")["ansible_local"]
text = json.dumps(local, indent=1, sort_keys=True).replace(str(HERE), "@")
(HERE / "local.json").write_text(text + "\n")

# A file of Ansible's own fact cache: facts, and a variable that a play keeps.
with tempfile.TemporaryDirectory() as scratch:
    play = pathlib.Path(scratch, "play.yml")
    play.write_text("""
- hosts: localhost
  gather_subset: ['!all', '!min', pkg_mgr]
  tasks:
    - set_fact: {mine: {a: [1, x]}, number: 7, cacheable: true}
    - set_fact: {other: 2}
""")
    environment = os.environ | {"ANSIBLE_CACHE_PLUGIN": "jsonfile",
                                "ANSIBLE_CACHE_PLUGIN_CONNECTION": scratch + "/kept"}
    subprocess.run([pathlib.Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-c", "local",
                    "-e", f"ansible_python_interpreter={sys.executable}", play],
                   env=environment, check=True, capture_output=True)
    (kept,) = pathlib.Path(scratch, "kept").iterdir()
    (HERE / "kept").mkdir(exist_ok=True)
    (HERE / "kept" / kept.name).write_text(kept.read_text().replace(scratch, "@"))
