"""Random playbooks: blocks, roles, includes, loops, handlers, batches, tags, delegation, variables of all places.

`write(seed, directory)` makes a project of three local hosts and gives the arguments to run it with. The
same seed makes the same project.
"""
import pathlib
import random

import yaml

NAMES = ["a", "b", "c"]
TAGS = ["ta", "tb", ["ta", "tc"], "always", "never", ["never", "ta"]]
HOSTS = """\
h1 n=1 a=inventory flag=yes
h2 n=2 b='{"k": 1}'
h3 n=3 c=[1,2]
[x]
h1
h2
[y]
h2
h3
[x:vars]
b=of_x
[all:vars]
ansible_connection=local
"""
# Nobody answers there.
UNREACHABLE = "h4 n=4 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=9\n"


class NoAliases(yaml.SafeDumper):
    """The same list twice is written twice."""

    def ignore_aliases(self, data):
        return True


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = self.depth = 0
        self.files = {}

    def chance(self, share):
        return self.random.random() < share

    def one(self, *choices):
        return self.random.choice(choices)

    def sometimes(self, into, share, key, value):
        if self.chance(share):
            into[key] = value() if callable(value) else value

    def title(self):
        self.count += 1
        return f"t{self.count}"

    # Values, conditions and what is shown.

    def value(self, place):
        name = self.one(*NAMES)
        return self.one(
            f"{place}-{self.random.randint(1, 9)}", self.random.randint(0, 99), True, None, "yes", "007", "",
            [1, f"{place}-list"], {"k": place}, "{{ n + 1 }}", "{{ inventory_hostname }}", "{{ [n, 's', none] }}",
            f"{{{{ {name} | default('{place}-default') }}}}" if name > place[0] else "{{ {'q': n} }}",
        )

    def variables(self, place, most=3):
        return {self.one(*NAMES): self.value(place) for _ in range(self.random.randint(1, most))}

    def condition(self):
        name, result = self.one(*NAMES), self.one("r0", "r1")
        return self.one(
            "n == 1", "n > 1", "n in [1, 3]", "'x' in group_names", "true", "false", "flag | default(false) | bool",
            f"{name} is defined", f"{name} is not defined", f"{name} is mapping", ["n > 1", "n < 3"], ["n == 5", "nosuch.x"],
            f"{result} is defined and {result} is {self.one('failed', 'changed', 'skipped', 'succeeded')}",
            "ansible_play_hosts | length == 3", "ansible_play_batch[0] == inventory_hostname",
        )

    def shown(self):
        name, result = self.one(*NAMES), self.one("r0", "r1")
        return self.one(
            f"{{{{ {name} | default('none') }}}}", f"{{{{ {name} | default('none') | type_debug }}}}",
            f"{{{{ hostvars.h1.{name} | default('none') }}}} {{{{ hostvars.h2.n }}}}", f"{{{{ vars['{name}'] is defined }}}}",
            f"{{{{ lookup('vars', '{name}', default='none') }}}}", f"{{{{ {result}.changed | default('-') }}}}",
            f"{{{{ {result}.results | default([]) | map(attribute='failed', default='-') | list }}}}",
            f"{{{{ {result}.attempts | default('-') }}}} {{{{ {result}.skipped | default('-') }}}}",
            "{{ ansible_play_hosts }} {{ ansible_play_batch }} {{ ansible_play_hosts_all }}", "{{ groups.all }} {{ groups.made | default('-') }}",
            "{{ ansible_failed_task.name | default('-') }}", "{{ role_name | default('-') }} {{ ansible_role_names | default([]) | sort }}",
            "{{ item | default('-') }} {{ it | default('-') }} {{ index | default('-') }} {{ ansible_loop.index | default('-') }}",
            "{{ ansible_run_tags }} {{ ansible_check_mode }}", "{{ parameter | default('-') }}", "{{ nosuch }}" if self.chance(0.1) else "{{ n }}",
        )

    # Tasks.

    def keywords(self, task, kind):
        """Of a `task`, an `include` or an `import`: each takes less than the one before."""
        self.sometimes(task, 0.3, "when", self.condition)
        self.sometimes(task, 0.12, "tags", lambda: self.one(*TAGS))
        self.sometimes(task, 0.2, "vars", lambda: self.variables("task", 2))
        self.sometimes(task, 0.08, "ignore_errors", lambda: self.one(True, "{{ n == 1 }}"))
        self.sometimes(task, 0.06, "run_once", True)
        self.sometimes(task, 0.04, "ignore_unreachable", True)
        self.sometimes(task, 0.04, "environment", {"E": "{{ n }}"})
        if kind == "import":
            return task
        if self.chance(0.22):
            task["loop"] = self.one([1, 2, 3], ["x"], [], "{{ [n, n + 1] }}", [[1, 2], [3]], "{{ {'k': n} | dict2items }}")
            if self.chance(0.25):
                task.update({self.one("with_items", "with_list"): task.pop("loop")})
            elif self.chance(0.2):
                task.pop("loop")
                task.update(self.one(
                    {"with_dict": {"k": 1, "l": "{{ n }}"}}, {"with_together": [[1, 2], ["a"]]}, {"with_sequence": "start=1 end={{ n }}"},
                    {"with_nested": [[1, 2], ["a", "b"]]}, {"with_indexed_items": ["p", "q"]}, {"with_subelements": [[{"k": 1, "l": [5, 6]}], "l"]},
                    {"with_inventory_hostnames": "x"}, {"with_first_found": ["none.yml", "more.yml"]}, {"with_random_choice": ["same"]},
                ))
            control = {}
            self.sometimes(control, 0.2, "loop_var", "it")
            self.sometimes(control, 0.2, "index_var", "index")
            self.sometimes(control, 0.2, "extended", True)
            self.sometimes(control, 0.1, "label", "L{{ item | default('?') }}")
            self.sometimes(control, 0.1, "break_when", lambda: self.one("n == 2", ["item == 2"]))
            self.sometimes(task, 1 if control else 0, "loop_control", control)
        if kind == "include":
            return task
        self.sometimes(task, 0.3, "register", lambda: self.one("r0", "r1"))
        self.sometimes(task, 0.2, "changed_when", lambda: self.one(True, False, "n == 1", ["n > 1", "n < 3"]))
        self.sometimes(task, 0.1, "failed_when", lambda: self.one("n == 2", False, True, ["n == 1", "true"]))
        self.sometimes(task, 0.2, "notify", lambda: self.one("H1", "H2", ["H1", "H3"], "topic"))
        if self.chance(0.06):
            task.update(until=self.one("n == 1", "false", "true"), retries=self.one(1, 2), delay=0)
        if self.chance(0.06):
            task["delegate_to"] = self.one("h1", "h2", "localhost", "{{ groups['all'][0] }}", "{{ item }}" if "loop" in task else "h3", "new9")
            self.sometimes(task, 0.4, "delegate_facts", True)
        for keyword, value in [("check_mode", True), ("any_errors_fatal", True), ("no_log", True), ("throttle", 1), ("check_mode", False), ("timeout", 20)]:
            self.sometimes(task, 0.03, keyword, value)
        if "command" in task:
            self.sometimes(task, 0.1, "async", 20)
            self.sometimes(task, 0.5 if "async" in task else 0, "poll", 1)
        return task

    def task(self, handler=False):
        task = {"name": self.title()}
        inner = not handler and self.depth < 2
        kind = self.random.choices(
            ["debug", "set_fact", "fail", "assert", "command", "meta", "group_by", "add_host", "include_vars", "tasks", "role", "block"],
            [35, 20, 7, 6, 9, 5, 2, 2, 4, 3 if handler else 6 * inner, 6 * inner, 9 * inner],
        )[0]
        if kind in ("tasks", "role"):
            how = self.one("include", "import")
            if how == "import":
                task["name"] = task["name"].split()[0]
            task[f"{how}_{kind}"] = self.part() if kind == "tasks" else self.use_of_role(how)
            return self.keywords(task, how)
        if kind == "block":
            return self.block()
        if kind == "meta":
            task["name"] = f"meta {task['name']}"
            task["meta"] = self.one("flush_handlers", "noop", "end_host", "end_play", "end_batch", "clear_facts", "clear_host_errors")
            self.sometimes(task, 0.5, "when", lambda: self.one("n == 1", "n > 1", "false"))
            return task
        task[kind] = {
            "debug": lambda: {"msg": self.shown()},
            "set_fact": lambda: self.variables("set", 2),
            "fail": lambda: {"msg": self.shown()},
            "assert": lambda: {"that": ["n > 0", self.one("n < 3", "n != 2")], "quiet": self.one(True, False)},
            "command": lambda: self.one("true", "false", "echo {{ n }}", "printenv E"),
            "group_by": lambda: {"key": self.one("made", "of_{{ n }}")},
            "add_host": lambda: {"name": "new{{ n }}", "groups": "made", "n": 8, "ansible_connection": "local"},
            "include_vars": lambda: self.one("more.yml", {"file": "more.yml", "name": "a"}),
        }[kind]()
        if kind in ("group_by", "add_host"):
            self.sometimes(task, 0.3, "when", self.condition)
            return task
        if kind == "fail":
            task["when"] = self.one("n == 1", "n == 2", "n > 1", "false")
            return task
        return self.keywords(task, "task")

    def tasks(self, most):
        return [self.task() for _ in range(self.random.randint(1, most))]

    def deeper(self, make):
        self.depth += 1
        made = make()
        self.depth -= 1
        return made

    def block(self):
        block = {"name": self.title(), "block": self.deeper(lambda: self.tasks(3))}
        self.sometimes(block, 0.6, "rescue", lambda: self.deeper(lambda: self.tasks(2)))
        self.sometimes(block, 0.4, "always", lambda: self.deeper(lambda: self.tasks(2)))
        self.sometimes(block, 0.3, "when", self.condition)
        self.sometimes(block, 0.2, "vars", lambda: self.variables("block", 2))
        self.sometimes(block, 0.1, "tags", lambda: self.one(*TAGS))
        for keyword, value in [("ignore_errors", True), ("any_errors_fatal", True), ("delegate_to", "h2"), ("notify", "H2"), ("run_once", True), ("ignore_unreachable", True), ("environment", {"E": "block"}), ("throttle", 1), ("check_mode", True)]:
            self.sometimes(block, 0.05, keyword, value)
        return block

    def part(self):
        """A file of tasks."""
        name = f"part{len(self.files)}.yml"
        self.files[name] = None
        self.files[name] = self.deeper(lambda: self.tasks(3))
        return name

    def use_of_role(self, how):
        use = {"name": self.role()}
        for part in ("tasks_from", "vars_from", "defaults_from"):
            self.sometimes(use, 0.2, part, "other")
        self.sometimes(use, 0.3, "public", lambda: self.one(True, False))
        if how == "include":
            self.sometimes(use, 0.2, "apply", lambda: self.one({"tags": ["ta"]}, {"vars": self.variables("apply", 2)}))
        return use

    def role(self):
        name = f"role{self.random.randint(1, 3)}"
        main = f"roles/{name}/tasks/main.yml"
        if main in self.files:
            return name
        self.files[main] = None
        for file in ("main", "other"):
            self.files[f"roles/{name}/defaults/{file}.yml"] = self.variables("default")
            self.files[f"roles/{name}/vars/{file}.yml"] = self.variables("role")
            depth, self.depth = self.depth, 2
            self.files[f"roles/{name}/tasks/{file}.yml"] = self.tasks(3)
            self.depth = depth
        if self.chance(0.4):
            handler = {"name": self.one("H1", "HR"), "debug": {"msg": f"of {name} {{{{ n }}}}"}}
            self.sometimes(handler, 0.4, "listen", "topic")
            self.files[f"roles/{name}/handlers/main.yml"] = [handler]
        below = f"role{self.random.randint(1, 3)}"
        if self.chance(0.2) and f"roles/{below}/tasks/main.yml" not in self.files:
            self.role_without_tasks(below)
            self.files[f"roles/{name}/meta/main.yml"] = {"dependencies": [{"role": below, "parameter": "of a dependency"}]}
        return name

    def role_without_tasks(self, name):
        for file in ("main", "other"):
            self.files[f"roles/{name}/tasks/{file}.yml"] = [{"name": self.title(), "debug": {"msg": self.shown()}}]
            self.files[f"roles/{name}/defaults/{file}.yml"] = self.variables("default")
            self.files[f"roles/{name}/vars/{file}.yml"] = self.variables("role")

    # Plays.

    def play(self, number):
        play = {"name": f"play{number}", "hosts": self.one("all", "all", "x", "y", "all:!h2", "h1", "made"), "gather_facts": False}
        for share, keyword, choices in [
            (0.2, "serial", [1, 2, [1, 2], "50%"]), (0.08, "any_errors_fatal", [True]), (0.1, "max_fail_percentage", [0, 30, 90]),
            (0.15, "force_handlers", [True]), (0.1, "order", ["reverse_inventory", "sorted", "reverse_sorted"]),
            (0.1, "tags", ["ta"]), (0.08, "ignore_errors", [True]), (0.2, "vars_files", [["more.yml"]]), (0.05, "run_once", [True]),
            (0.1, "ignore_unreachable", [True]), (0.1, "environment", [{"E": "play"}, [{"E": "{{ n }}"}]]), (0.05, "check_mode", [True]),
            (0.1, "module_defaults", [{"debug": {"msg": "by default"}}, {"command": {"chdir": "/"}}]), (0.05, "throttle", [1]),
        ]:
            self.sometimes(play, share, keyword, lambda choices=choices: self.one(*choices))
        self.sometimes(play, 0.4, "vars", lambda: self.variables("play"))
        self.sometimes(play, 0.2, "pre_tasks", lambda: self.tasks(2))
        if self.chance(0.4):
            entry = {"role": self.role()}
            self.sometimes(entry, 0.4, "parameter", lambda: self.one("given", "{{ n }}"))
            self.sometimes(entry, 0.2, "when", self.condition)
            self.sometimes(entry, 0.2, "vars", lambda: self.variables("entry", 2))
            play["roles"] = [entry, *([self.role()] if self.chance(0.4) else [])]
        play["tasks"] = self.tasks(7)
        self.sometimes(play, 0.2, "post_tasks", lambda: self.tasks(2))
        play["handlers"] = [self.handler(name) for name in ("H1", "H2", "H3")]
        return play

    def handler(self, name):
        handler = self.task(handler=True)
        if "meta" in handler:
            handler = {"debug": {"msg": "said"}}
        if self.chance(0.5):
            handler.pop("notify", None)
        handler["name"] = name
        self.sometimes(handler, 0.4, "listen", lambda: self.one("topic", ["topic", "other"]))
        return handler


def write(seed, directory):
    maker = Maker(seed)
    plays = [maker.play(number) for number in range(maker.random.randint(1, 3))]
    files = {"site.yml": plays, "more.yml": maker.variables("more"), **maker.files}
    for name in ("group_vars/all.yml", "group_vars/x.yml", "group_vars/y/one.yml", "host_vars/h1.yml"):
        maker.sometimes(files, 0.5, name, lambda: maker.variables("group"))
    for name, content in files.items():
        path = pathlib.Path(directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.dump(content, Dumper=NoAliases, sort_keys=False))
    lost = maker.chance(0.25)
    hosts = HOSTS.replace("[x]", f"{UNREACHABLE}[x]", 1).replace("h2\nh3\n", "h2\nh4\nh3\n") if lost else HOSTS
    pathlib.Path(directory, "hosts").write_text(hosts)
    arguments = []
    for share, words in [
        (0.15, ["--tags", maker.one("ta", "tb", "ta,tc", "all", "tagged", "untagged", "never")]), (0.1, ["--skip-tags", maker.one("ta", "tagged")]),
        (0.08, ["--limit", maker.one("h1", "x", "!h1", "all[0:1]")]), (0.06, ["--check"]), (0.05, ["--force-handlers"]), (0.05, ["--start-at-task", f"t{maker.random.randint(1, 9)}"]), (0.05, ["--forks", "1"]),
        (0.1, ["--extra-vars", maker.one("a=extra", '{"b": {"k": 1}}', "@more.yml")]),
    ]:
        arguments += words if maker.chance(share) else []
    return arguments
