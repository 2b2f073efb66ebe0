"""Asks ansible-core what may stand beside an include or an import: prints `action part name verdict`, tab-separated.

Part is `keyword` (beside the action), `parameter` (below it) or `apply` (below that). Only whether a
name may stand there is asked, so each has a value that is right.
"""
import os
import tempfile

os.environ["ANSIBLE_LOCALHOST_WARNING"] = "0"
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.manager import VariableManager

VALUES = {
    "args": "{}", "collections": "[]", "environment": "{}", "loop_control": "{}", "module_defaults": "{}",
    "vars": "{}", "register": "x", "debugger": "never", "delay": "1", "poll": "1", "port": "1", "retries": "1", "throttle": "1",
    "timeout": "1", "async": "1", "when": "true", "loop": "[1]", "until": "true", "tags": "[a]", "with_items": "[1]",
}
PARAMETERS = ["name", "role", "file", "tasks_from", "vars_from", "defaults_from", "handlers_from", "public",
              "allow_duplicates", "rolespec_validate", "apply", "other"]
ACTIONS = ["include_tasks", "import_tasks", "include_role", "import_role"]


def verdict(place, text, loader, variables):
    path = os.path.join(loader.get_basedir(), "site.yml")
    with open(path, "w") as file:
        file.write(text)
    try:
        data = loader.load_from_file(path, cache="none", trusted_as_template=True)[0]
        play = Play.load({"hosts": "localhost", place: [data]}, variable_manager=variables, loader=loader)
        for item in play.tasks if place == "tasks" else []:
            for task in item.block:
                # What `apply` holds is only looked at when the include runs.
                if hasattr(task, "build_parent_block"):
                    task.build_parent_block()
        return "taken"
    except AnsibleError:
        return "refused"


def main():
    init_plugin_loader()
    names = [line.split("\t")[0] for line in open("keywords.tsv")]
    inner = [line.split("\t")[0] for line in open("keywords.tsv") if {"Task", "Block"} & set(line.split())]
    with tempfile.TemporaryDirectory() as directory:
        os.makedirs(directory + "/roles/r/tasks")
        for path in ("t.yml", "roles/r/tasks/main.yml"):
            with open(os.path.join(directory, path), "w") as file:
                file.write("- debug:\n")
        loader = DataLoader()
        loader.set_basedir(directory)
        os.chdir(directory)
        variables = VariableManager(loader=loader, inventory=InventoryManager(loader=loader, sources=["localhost,"]))
        for action in ACTIONS:
            own = "file: t.yml" if action.endswith("tasks") else "name: r"
            for name in sorted({*inner, "with_items", "listen", "hosts"} - {"action", "local_action", "name", "block", "rescue", "always"}):
                value = VALUES.get(name, "x" if name not in inner or name.startswith("become_") else "false")
                text = f"- {action}: {{{own}}}\n  {name}: {value}\n"
                print(action, "keyword", name, value, verdict("tasks", text, loader, variables), sep="\t")
                text = f"- name: h\n  {action}: {{{own}}}\n  {name}: {value}\n"
                print(action, "handler", name, value, verdict("handlers", text, loader, variables), sep="\t")
            for name in PARAMETERS:
                if own.startswith(name + ":") or name == "role":
                    continue
                value = {"apply": "{tags: [a]}", "name": "t.yml", "file": "t.yml"}.get(name, "main" if name.endswith("_from") else "true")
                text = f"- {action}: {{{own}, {name}: {value}}}\n"
                print(action, "parameter", name, value, verdict("tasks", text, loader, variables), sep="\t")
            for name in sorted({*names} - {"name"}) if action.startswith("include") else []:
                value = VALUES.get(name, "false")
                text = f"- {action}: {{{own}, apply: {{{name}: {value}}}}}\n"
                print(action, "apply", name, value, verdict("tasks", text, loader, variables), sep="\t")


main()
