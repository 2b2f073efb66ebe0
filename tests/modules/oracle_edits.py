#!/usr/bin/env python3
"""What real Ansible makes of a file: writes edits.json, the golden data of the test `edits_are_ansibles`.

Run with the Python of an Ansible installation: python oracle_edits.py
Each case: module, its args (without path), the file before (null: none), after, changed, msg, failed.
"""
import itertools, json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = {
    "three": "alpha=1\n# beta=2\ngamma=3\n",
    "cut": "alpha=1\nlast",
    "twice": "x\nend\nx\nend\n",
    "none": None,
    "empty": "",
    "crlf": "alpha=1\r\nbeta=2\r\n",
    "block": "a\n# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\nb\n",
    "cut_block": "a\n# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK",
    "half": "a\n# BEGIN ANSIBLE MANAGED BLOCK\nold\n",
    "turned": "# END ANSIBLE MANAGED BLOCK\nold\n# BEGIN ANSIBLE MANAGED BLOCK\nz\n",
    "two_blocks": "# BEGIN ANSIBLE MANAGED BLOCK\n1\n# END ANSIBLE MANAGED BLOCK\nm\n# BEGIN ANSIBLE MANAGED BLOCK\n2\n# END ANSIBLE MANAGED BLOCK\n",
    "blank": "a\n\nb\n",
}
LINES = [
    ("three", {"line": "new"}), ("three", {"line": "alpha=1"}), ("three", {"line": "gamma=3"}),
    ("three", {"regexp": "^alpha=", "line": "alpha=9"}), ("three", {"regexp": "^#? ?beta=", "line": "beta=5"}),
    ("three", {"regexp": "^nope", "line": "new"}), ("three", {"regexp": "^nope", "line": "alpha=1"}),
    ("three", {"regexp": "^(alpha)=(.*)$", "line": "\\1 = \\2", "backrefs": True}),
    ("three", {"regexp": "^(?P<k>alpha)=", "line": "\\g<k>!", "backrefs": True}),
    ("three", {"regexp": "^nope(.)", "line": "\\1", "backrefs": True}),
    ("three", {"regexp": "=", "line": "last"}), ("three", {"regexp": "=", "line": "first", "firstmatch": True}),
    ("three", {"search_string": "beta", "line": "beta=5"}), ("three", {"search_string": "nope", "line": "new"}),
    ("three", {"line": "new", "insertafter": "^alpha"}), ("three", {"line": "new", "insertbefore": "^gamma"}),
    ("three", {"line": "new", "insertafter": "BOF"}), ("three", {"line": "new", "insertbefore": "BOF"}),
    ("three", {"line": "new", "insertafter": "EOF"}), ("three", {"line": "new", "insertafter": "^gamma"}),
    ("three", {"line": "new", "insertafter": "^nope"}), ("three", {"line": "new", "insertbefore": "^nope"}),
    ("three", {"line": "gamma=3", "insertafter": "alpha"}), ("three", {"line": "# beta=2", "insertafter": "alpha"}),
    ("three", {"line": "alpha=1", "insertbefore": "gamma", "regexp": "^nope"}),
    ("twice", {"line": "new", "insertafter": "^x"}), ("twice", {"line": "new", "insertafter": "^x", "firstmatch": True}),
    ("twice", {"line": "new", "insertbefore": "^x"}), ("twice", {"line": "new", "insertbefore": "^x", "firstmatch": True}),
    ("twice", {"line": "end"}), ("twice", {"regexp": "^x$", "line": "y"}), ("twice", {"regexp": "^x$", "line": "y", "firstmatch": True}),
    ("twice", {"regexp": "^x$", "line": "end"}), ("twice", {"line": "new", "insertafter": "end"}),
    ("cut", {"line": "new"}), ("cut", {"line": "last"}), ("cut", {"regexp": "^last", "line": "LAST"}),
    ("cut", {"line": "new", "insertafter": "^last"}), ("cut", {"line": "new", "insertbefore": "^last"}),
    ("cut", {"line": "new", "insertafter": "^alpha"}), ("cut", {"line": "last", "state": "absent"}),
    ("none", {"line": "new"}), ("none", {"line": "new", "create": True}), ("none", {"line": "new", "state": "absent"}),
    ("none", {"line": "\\1", "regexp": "(a)", "backrefs": True, "create": True}),
    ("none", {"line": "new", "insertbefore": "BOF", "create": True}), ("none", {"line": "new", "insertafter": "x", "create": True}),
    ("empty", {"line": "new"}), ("empty", {"line": "new", "insertafter": "x"}), ("empty", {"line": "", "regexp": "x"}),
    ("three", {"line": ""}), ("three", {"line": "", "regexp": "alpha"}), ("three", {"line": "a\nb"}), ("three", {"line": "a\n"}),
    ("three", {"line": "a\n", "regexp": "alpha"}), ("blank", {"line": ""}),
    ("crlf", {"line": "beta=2"}), ("crlf", {"regexp": "^beta=2$", "line": "beta=3"}), ("crlf", {"regexp": "^beta", "line": "beta=3"}),
    ("crlf", {"line": "new"}), ("crlf", {"line": "beta=2", "state": "absent"}),
    ("three", {"regexp": "=", "state": "absent"}), ("three", {"line": "alpha=1", "state": "absent"}),
    ("three", {"line": "alpha", "state": "absent"}), ("three", {"search_string": "a=", "state": "absent"}),
    ("three", {"regexp": "^nope", "state": "absent"}), ("three", {"regexp": "alpha", "line": "gamma=3", "state": "absent"}),
    ("three", {"state": "absent"}), ("three", {"regexp": "x"}), ("three", {"line": "x", "backrefs": True}),
    ("three", {"line": "x", "regexp": "a", "search_string": "a"}), ("three", {"line": "x", "insertafter": "a", "insertbefore": "a"}),
    ("three", {"line": "(a$1\\2", "regexp": "alpha"}), ("three", {"line": "{x}", "regexp": "^alpha={?1"}),
    ("three", {"line": "new", "regexp": "alpha=1\\n"}), ("three", {"line": "new", "regexp": "1$"}), ("three", {"line": "new", "regexp": "1\\Z"}),
]
BLOCKS = [(f, dict(a, **b)) for f, a, b in itertools.product(
    ["three", "cut", "none", "empty", "block", "cut_block", "half", "turned", "two_blocks", "blank", "crlf"],
    [{"block": "one\ntwo\n"}, {"block": "one\ntwo", "create": True}, {"state": "absent", "block": "x"}, {"block": "", "create": True}],
    [{}])]
BLOCKS += [("three", dict({"block": "one\n"}, **b)) for b in [
    {"insertafter": "^alpha"}, {"insertbefore": "^alpha"}, {"insertbefore": "BOF"}, {"insertafter": "EOF"}, {"insertafter": "nope"},
    {"insertbefore": "nope"}, {"insertafter": "="}, {"insertbefore": "="}, {"insertafter": "gamma"}, {"insertafter": "BOF"}, {"insertbefore": "EOF"},
    {"insertafter": "^alpha", "append_newline": True, "prepend_newline": True}, {"append_newline": True, "prepend_newline": True},
    {"insertbefore": "BOF", "append_newline": True, "prepend_newline": True}, {"marker": "<!-- {mark} x -->"}, {"marker": "#x"},
    {"marker_begin": "S", "marker_end": "E"}, {"insertafter": "a", "insertbefore": "a"}, {"marker": "a {mark} {mark}\\1"}]]
BLOCKS += [("blank", {"block": "one\n", "insertafter": "^a", "append_newline": True, "prepend_newline": True}),
           ("block", {"block": "one\n", "append_newline": True, "prepend_newline": True}), ("block", {"block": "old\n"}), ("cut_block", {"block": "old"}),
           ("block", {"block": "\n"}), ("block", {"block": "a\n\n\n"})]

REPLACES = [
    ("three", {"regexp": "a", "replace": "A"}), ("three", {"regexp": "^", "replace": "> "}), ("three", {"regexp": "$", "replace": ";"}),
    ("three", {"regexp": "^# (.*)$", "replace": r"\1"}), ("three", {"regexp": "nope", "replace": "x"}), ("three", {"regexp": "alpha", "replace": "alpha"}),
    ("three", {"regexp": "=\\d\n"}), ("three", {"regexp": "(?P<k>beta)=(\\d)", "replace": r"\g<k>:\g<2>0"}), ("three", {"regexp": "x*", "replace": "-"}),
    ("three", {"after": "alpha=1", "regexp": "^", "replace": "+"}), ("three", {"before": "gamma", "regexp": "=", "replace": ":"}),
    ("three", {"after": "alpha", "before": "gamma", "regexp": "=", "replace": ":"}), ("three", {"after": "nope", "regexp": "=", "replace": ":"}),
    ("three", {"after": "gamma", "before": "alpha", "regexp": "=", "replace": ":"}), ("twice", {"after": "x\n", "before": "x", "regexp": "end", "replace": "END"}),
    ("twice", {"before": "end", "regexp": "x", "replace": "y"}), ("twice", {"regexp": "x\nend", "replace": "one"}), ("twice", {"regexp": "x.end", "replace": "one"}),
    ("twice", {"regexp": "(?s)x.end", "replace": "one"}), ("twice", {"regexp": "(?i)X", "replace": "y"}), ("twice", {"regexp": r"\Ax", "replace": "y"}),
    ("twice", {"regexp": r"end\Z", "replace": "y"}), ("twice", {"regexp": r"\bend\b", "replace": r"a\nb"}), ("crlf", {"regexp": "1$", "replace": "2"}),
    ("crlf", {"regexp": "\r", "replace": ""}), ("cut", {"regexp": "$", "replace": "!"}), ("empty", {"regexp": "^", "replace": "x"}), ("empty", {"regexp": "a", "replace": "x"}),
    ("none", {"regexp": "a", "replace": "x"}), ("three", {"regexp": "(", "replace": "x"}), ("three", {"regexp": "a", "replace": r"\3"}),
    ("three", {"regexp": "a", "replace": "é"}), ("blank", {"regexp": "\n\n", "replace": "\n"}), ("blank", {"regexp": "^\n", "replace": ""}), ("blank", {"regexp": "^$", "replace": "x"}),
]


def run(module, before, args):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "f")
        if before is not None:
            with open(path, "w", newline="") as file:
                file.write(before)
        given = json.dumps({"ANSIBLE_MODULE_ARGS": dict(args, path=path)})
        out = subprocess.run([sys.executable, "-m", f"ansible.modules.{module}"], input=given, capture_output=True, text=True)
        result = json.loads(out.stdout or '{"failed": true}')
        after = None
        if os.path.exists(path):
            with open(path, newline="") as file:
                after = file.read()
        message = result.get("msg", "").replace(path, "PATH")
        return {"module": module, "args": args, "before": before, "after": after, "changed": result.get("changed", False),
                "failed": result.get("failed", False), "msg": message, "found": result.get("found")}


cases = [run("lineinfile", FILES[f], a) for f, a in LINES] + [run("blockinfile", FILES[f], a) for f, a in BLOCKS]
cases += [run("replace", FILES[f], a) for f, a in REPLACES]
with open(os.path.join(HERE, "edits.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
