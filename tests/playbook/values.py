"""Asks ansible-core which values its keywords take: prints `level keyword value verdict`, tab-separated.

Each value is written as YAML, read by ansible-core's own loader and put through what it does with
the keywords of a play or a task before it uses them.
"""
import os
import sys
import tempfile

os.environ["ANSIBLE_LOCALHOST_WARNING"] = "0"
from ansible._internal._templating._engine import TemplateEngine
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.block import Block
from ansible.playbook.handler import Handler
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.manager import VariableManager

BOOL = ["any_errors_fatal", "become", "check_mode", "diff", "ignore_errors", "ignore_unreachable", "no_log", "run_once"]
INT = ["port", "throttle", "timeout"]
TEXT = ["become_exe", "become_flags", "become_method", "become_user", "connection", "remote_user"]
KEYWORDS = {
    "play": ["become", "port", "connection"] + ["force_handlers", "gather_facts", "gather_subset", "gather_timeout", "fact_path",
            "max_fail_percentage", "order", "serial", "strategy", "tags", "vars", "environment",
            "module_defaults", "collections", "vars_files", "name", "hosts"],
    "task": BOOL + INT + ["become_user"] + ["async", "poll", "retries", "delay", "delegate_to", "delegate_facts", "register",
            "tags", "notify", "vars", "environment", "loop_control", "when", "changed_when", "failed_when",
            "until", "args", "module_defaults", "collections", "name", "loop"],
    "handler": ["listen"],
    "block": ["become", "when", "tags", "vars", "name", "notify"],
    "loop_control": ["loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when"],
}
VALUES = [
    "true", "off", "'Yes '", "1", "'1'", "-1", "1.0", "2.5", "' 3 '", "'3.0'", "1e2", "0x10", "'0x10'", "10%",
    "'50.5 %'", "maybe", "''", "null", "[1]", "[a, b]", "[[a]]", "{a: 1}", "[{a: 1}]", "1_000",
]


def written(level, keyword, value):
    line = f"{keyword}: {value}"
    if level == "play":
        hosts = "" if keyword == "hosts" else "  hosts: localhost\n"
        return f"- {line}\n{hosts}  gather_facts: false\n" if keyword != "gather_facts" else f"- {line}\n{hosts}"
    task = "- ping:\n"
    if keyword == "loop":
        return f"{task}  {line}\n"
    if level == "loop_control":
        return f"{task}  loop: [1]\n  loop_control: {{{line}}}\n"
    if level == "block":
        return f"- {line}\n  block:\n    - ping:\n"
    if keyword == "poll":
        return f"{task}  async: 5\n  {line}\n"
    return f"{task}  {line}\n"


def verdict(level, keyword, value, loader, variables):
    path = tempfile.mktemp(suffix=".yml")
    with open(path, "w") as file:
        file.write(written(level, keyword, value))
    try:
        data = loader.load_from_file(path, cache="none", trusted_as_template=True)[0]
        templar = TemplateEngine(loader=loader, variables={})
        if level == "play":
            play = Play.load(data, variable_manager=variables, loader=loader)
            play.post_validate(templar)
            # What the play's tasks inherit is looked at in a task.
            task = Task.load(dict(loader.load("- ping:")[0]), block=None, loader=loader, variable_manager=variables)
            task._parent = Block(play=play)
            task.post_validate(templar)
        else:
            kind = {"handler": Handler, "block": Block}.get(level, Task)
            play = Play.load({"hosts": "localhost"}, variable_manager=variables, loader=loader)
            if kind is Block:
                item = Block.load(data, play=play, loader=loader, variable_manager=variables)
                item = item.block[0]
            else:
                item = kind.load(data, block=Block(play=play), loader=loader, variable_manager=variables)
            item.post_validate(templar)
        return "taken"
    except AnsibleError:
        return "refused"
    finally:
        os.unlink(path)


def main():
    init_plugin_loader()
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=["localhost,"])
    variables = VariableManager(loader=loader, inventory=inventory)
    for level, keywords in KEYWORDS.items():
        for keyword in keywords:
            for value in VALUES:
                try:
                    found = verdict(level, keyword, value, loader, variables)
                except Exception as error:
                    found = "refused"
                    print(level, keyword, value, repr(error)[:100], file=sys.stderr)
                print(level, keyword, value, found, sep="\t")


main()
