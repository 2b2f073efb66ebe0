#!/usr/bin/env python3
"""What real Ansible makes of files of the system: writes system.json, the golden data of `system_files_are_ansibles`.

Run as root with the Python of an Ansible installation that has the collections ansible.posix and community.general:
PYTHONPATH=DIRECTORY_OF_ansible_collections python oracle_system.py
Each case: module, its args (PATH stands for the file), the file before (null: none), after, changed, msg, failed.
"""
from concurrent.futures import ThreadPoolExecutor
import json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
A, B, C = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAaaaa", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABbbbb", "ecdsa-sha2-nistp256 AAAAE2VjZHNhcccc"
KEYS = {
    "none": None, "empty": "", "one": f"{A} ann@laptop\n", "two": f"{A} ann@laptop\n{B} bob the builder\n",
    "comments": f"# staff\n{A} ann@laptop\n\n# guests\n{B} bob\n", "options": f'from="10.0.0.0/8,::1",no-pty {A} ann@laptop\n{B} bob\n',
    "cut": f"{A} ann@laptop", "twice": f"{A} old\n{B} bob\n{A} ann@laptop\n", "off": f"# {A} ann@laptop\n",
}
ADDED = [{"key": f"{A} ann@laptop"}, {"key": f"{B} bob"}, {"key": A}, {"key": f"{A} new comment"}, {"key": f"{C} c\n# a comment\n\n{A} ann@laptop\n"},
         {"key": f"{A} ann@laptop", "comment": "given"}, {"key": f"{A} ann@laptop", "key_options": 'no-pty,from="10.0.0.0/8,::1"'},
         {"key": f"no-pty {A} ann@laptop"}, {"key": f"{A} ann@laptop", "exclusive": True}, {"key": f"{C} c\n{A} ann@laptop", "exclusive": True},
         {"key": f"{A} any", "state": "absent"}, {"key": f"{C} c\n{B}", "state": "absent"}, {"key": "rubbish"}, {"key": f"ssh-foo {A[12:]}"}]
INIS = {
    "none": None, "empty": "", "plain": "[main]\na = 1\nb = 2\n\n[other]\na = 5\n", "loose": "top = 1\n; b = 2\n[main]\n  a=1\n# a = 7\nb\n\n",
    "multi": "[main]\nserver = x\nserver = y\nserver = x\n\n[main]\nkey = 2\n", "cut": "[main]\na = 1", "spaced": "[ main ]\na =1\n a= 1\n",
    "colons": "[main]\na: 1\na b = 2\n", "comments": "# head\n\n[main]\n# a = 0\n\n# tail\n[last]\n",
}
SET = [{"section": "main", "option": "a", "value": "1"}, {"section": "main", "option": "a", "value": "9"}, {"section": "main", "option": "c", "value": "3"},
       {"option": "top", "value": "1"}, {"option": "top", "value": "2"}, {"option": "b", "value": "2"}, {"section": "new", "option": "x", "value": "y"},
       {"section": "main", "option": "a", "value": "9", "no_extra_spaces": True}, {"section": "main", "option": "a", "value": "1", "ignore_spaces": True},
       {"section": "main", "option": "b", "allow_no_value": True}, {"section": "main", "option": "z", "allow_no_value": True}, {"section": "main", "allow_no_value": True},
       {"section": "new", "allow_no_value": True}, {"section": "main", "option": "b", "value": "4", "modify_inactive_option": False},
       {"section": "main", "option": "a", "value": "7", "modify_inactive_option": False}, {"section": "main", "option": "server", "values": ["x", "z"]},
       {"section": "main", "option": "server", "values": ["z", "x"], "exclusive": False}, {"section": "main", "option": "server", "values": ["y"]},
       {"section": "main", "option": "server", "value": "x", "state": "absent", "exclusive": False}, {"section": "main", "option": "a", "state": "absent"},
       {"section": "main", "state": "absent"}, {"section": "nope", "state": "absent"}, {"option": "top", "state": "absent"}, {"state": "absent"},
       {"section": "main", "option": "k", "value": "v", "section_has_values": [{"option": "key", "value": "2"}]},
       {"section": "main", "option": "k", "value": "v", "section_has_values": [{"option": "key", "value": "3"}]},
       {"section": "main", "option": "key", "values": ["2", "3"], "section_has_values": [{"option": "server"}]},
       {"section": "main", "option": "a", "value": ""}, {"section": "main", "option": "a", "value": "1", "create": False}, {"section": "main", "option": "x.y[0]*", "value": "(1)"},
       {"section": "main", "option": "a"}, {"section": "main", "option": "a", "value": "1", "values": ["1"]}]
CASES = [("ansible.posix.authorized_key", before, dict(args, user="root", manage_dir=False, path="PATH")) for before in KEYS.values() for args in ADDED]
CASES += [("community.general.ini_file", before, dict(args, path="PATH")) for before in INIS.values() for args in SET]

SYSCTLS = {"none": None, "empty": "", "plain": "# kernel\nnet.a=1\nnet.b=2\n", "twice": "net.a=1\nnet.a=3\n", "cut": "net.a=1", "off": "#net.a=1\n;net.a=2\n",
           "loose": "net.b = 2\n  net.a = 1  \n"}
SET = [{"name": "net.a", "value": "1"}, {"name": "net.a", "value": "9"}, {"name": "net.a", "value": "3"}, {"name": "net.c", "value": "yes"}, {"name": " net.a ", "value": "off"},
       {"name": "net.a", "value": "4096 87380"}, {"name": "net.a", "state": "absent"}, {"name": "net.z", "state": "absent"}, {"name": "net.a", "value": ""}, {"name": "net.a"}]
CASES += [("ansible.posix.sysctl", before, dict(args, sysctl_file="PATH", reload=False)) for before in SYSCTLS.values() for args in SET]
LIMITS = {"none": None, "empty": "", "plain": "# comment\n*\tsoft\tnofile\t1024\n@staff hard  nproc 20\n", "unlimited": "app\t-\tmemlock\tunlimited\n", "comment": "@staff hard nproc 20 # few\n"}
SET = [dict(zip(("domain", "limit_type", "limit_item", "value"), words.split()), **more) for words, more in [
    ("* soft nofile 1024", {}), ("* soft nofile 2048", {}), ("* soft nofile 512", {"use_max": True}), ("* soft nofile 2048", {"use_max": True}), ("* soft nofile 512", {"use_min": True}),
    ("* soft nofile unlimited", {"use_max": True}), ("* soft nofile unlimited", {"use_min": True}), ("@staff hard nproc 30", {}), ("@staff hard nproc 20", {}), ("app - memlock 64", {"use_max": True}),
    ("app - memlock 64", {"use_min": True}), ("app - memlock -1", {"use_min": True}), ("app soft nofile 1", {"comment": "why"}), ("@staff hard nproc 30", {"comment": "why"}), ("app soft nofile abc", {}),
    ("app soft nofile -5", {}), ("app soft nice 25", {}), ("app soft nice -5", {}), ("app soft nofile 1", {"use_min": True, "use_max": True})]]
# Where another line has a comment, Ansible takes it for that of the new line.
CASES += [("community.general.pam_limits", before, dict(args, dest="PATH")) for name, before in LIMITS.items() for args in SET if name != "comment" or args["domain"] == "@staff"]
KA, KB, KE = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGOrsZhVamyuz5MZJGw7IbeMqmb27C1BNtkXBt3KGKOG', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPP2LtyU6WhiEJ8jQ6MDwEA4zGjLnYbyzaIqtZY8/jIZ', 'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJmh1PQCvy+TNAxGnY0Hhx7VhJM9H+N17NrRiVN9NtXJWXVKlmrA2XRrtIb6hfuR/+fa3OikUoNLvlp+WrcpiSk='
HOSTS = {"none": None, "empty": "", "one": f"a.example.org {KA}\n", "more": f"# hosts\na.example.org,10.0.0.1 {KE} boot\nb.example.org {KB}\na.example.org {KA}\n", "cut": f"b.example.org {KB}",
         "pattern": f"*.example.org,!b.example.org {KA}\n[a.example.org]:2222 {KB}\n", "marked": f"@cert-authority *.example.org {KA}\n"}
SET = [{"name": "a.example.org", "key": f"a.example.org {key}"} for key in (KA, KB, KE)] + [{"name": "a.example.org", "key": f"a.example.org {key}", "state": "absent"} for key in (KA, KB, KE)]
SET += [{"name": "A.example.org", "state": "absent"}, {"name": "[a.example.org]:2222", "key": f"[a.example.org]:2222 {KA}"}, {"name": "[a.example.org]:2222", "state": "absent"}, {"name": "a.example.org"},
        {"name": "a.example.org", "key": f"b.example.org {KA}"}, {"name": "a.example.org,b.example.org", "key": f"a.example.org,b.example.org {KA}"}, {"name": "10.0.0.1", "key": f"a.example.org,10.0.0.1 {KE}"}]
CASES += [("ansible.builtin.known_hosts", before, dict(args, path="PATH")) for before in HOSTS.values() for args in SET]
FSTABS = {"plain": "# fstab\n/dev/sda1 / ext4 defaults 0 1\n\n/dev/sdb1 /srv/data ext4 noatime 0 2 # data\n/dev/sdc1 none swap sw 0 0\n", "loose": "UUID=1\t/srv/data\txfs\tdefaults\n",
          "escaped": "/dev/sdb1 /srv/my\\040data ext4 defaults 0 0\nrubbish here\n", "cut": "/dev/sdb1   /srv/data ext4 noatime 0 2"}
DATA = {"path": "/srv/data", "src": "/dev/sdb1", "fstype": "ext4", "opts": "noatime", "passno": "2"}
SET = [dict(DATA, state="present"), dict(DATA, opts="rw", state="present"), dict(DATA, boot=False, state="present"), dict(DATA, state="absent_from_fstab"), {"path": "/srv/my data", "state": "absent_from_fstab"},
       {"path": "/srv/my data", "src": "/dev/sdb1", "fstype": "ext4", "state": "present"}, {"path": "/srv/my data", "src": "//nas/a b", "fstype": "cifs", "state": "present"}, {"path": "/srv/data", "state": "present"},
       {"path": "none", "src": "/dev/sdc1", "fstype": "swap", "opts": "sw", "state": "present"}, {"path": "none", "src": "/dev/sdd1", "fstype": "swap", "opts": "sw", "state": "present"}, {"path": "/nope", "state": "absent_from_fstab"}]
CASES += [("ansible.posix.mount", before, dict(args, fstab="PATH")) for before in FSTABS.values() for args in SET]


def run(module, before, args):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "f")
        if before is not None:
            with open(path, "w", newline="") as file:
                file.write(before)
        given = json.loads(json.dumps(args).replace("PATH", path))
        collection, name = module.rsplit(".", 1)
        place = f"ansible.modules.{name}" if collection == "ansible.builtin" else f"ansible_collections.{collection}.plugins.modules.{name}"
        out = subprocess.run([sys.executable, "-m", place], input=json.dumps({"ANSIBLE_MODULE_ARGS": given}), capture_output=True, text=True)
        lines = [line for line in out.stdout.splitlines() if line.startswith("{")]
        result = json.loads(lines[-1] if lines else '{"failed": true}')
        after = None
        if os.path.exists(path):
            with open(path, newline="") as file:
                after = file.read()
        return {"module": name, "args": args, "before": before, "after": after, "changed": result.get("changed", False),
                "failed": result.get("failed", False), "msg": str(result.get("msg", "")).replace(path, "PATH")}


with ThreadPoolExecutor(3) as pool:
    cases = list(pool.map(lambda case: run(*case), CASES))
with open(os.path.join(HERE, "system.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
