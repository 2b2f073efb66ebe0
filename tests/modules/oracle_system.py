#!/usr/bin/env python3
"""What real Ansible makes of files of the system: writes system.json, the golden data of `system_files_are_ansibles`.

Run as root with the Python of an Ansible installation that has the collections ansible.posix and community.general:
PYTHONPATH=DIRECTORY_OF_ansible_collections python oracle_system.py
Each case: module, its args (PATH stands for the file), the file before (null: none), after, changed, msg, failed.
"""
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


def run(module, before, args):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "f")
        if before is not None:
            with open(path, "w", newline="") as file:
                file.write(before)
        given = json.loads(json.dumps(args).replace("PATH", path))
        collection, name = module.rsplit(".", 1)
        place = f"ansible_collections.{collection}.plugins.modules.{name}"
        out = subprocess.run([sys.executable, "-m", place], input=json.dumps({"ANSIBLE_MODULE_ARGS": given}), capture_output=True, text=True)
        lines = [line for line in out.stdout.splitlines() if line.startswith("{")]
        result = json.loads(lines[-1] if lines else '{"failed": true}')
        after = None
        if os.path.exists(path):
            with open(path, newline="") as file:
                after = file.read()
        return {"module": name, "args": args, "before": before, "after": after, "changed": result.get("changed", False),
                "failed": result.get("failed", False), "msg": str(result.get("msg", "")).replace(path, "PATH")}


from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    cases = list(pool.map(lambda case: run(*case), CASES))
with open(os.path.join(HERE, "system.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
