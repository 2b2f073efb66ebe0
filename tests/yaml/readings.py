#!/usr/bin/env python3
"""Writes what Ansible's YAML loader makes of the texts below to `readings.json`: a value, or that it refuses.

Run it with the Python of an ansible-core: `python3 tests/yaml/readings.py`.
"""
import json
import os

from ansible.parsing.yaml.loader import AnsibleLoader

TEXTS = [
    # Tabs: refused where a token may begin, blanks elsewhere.
    "\ta: 1\n", "a:\n\tb: 1\n", "a:\n\t- b\n", "a: 1\n\tb: 2\n", "a: b\n\t\nc: d\n", "a: 'b'\n\t\nc: d\n",
    "a:\n  - b\n\t# c\n", "a: b # c\n\t# d\n", "\n\t\na: 1\n", "# c\n\t# d\na: 1\n", "a: 1\n\t", "a: 'b'\n\t",
    "a:\n  b: c\n  \t\n  d: e\n", "a:\n  b: c\n   \t\n  d: e\n", "- \ta\n", "-\ta: 1\n", "- -\ta\n", "- a\n-\tb\n",
    "a:\tb\n", "a: \tb\n", "a: b\t\n", "a: b\t# c\n", "a\t: b\n", "'k'\t: v\n", "- a:\t1\n  b: 2\n",
    "a: x\n  \ty\n", "a: b\n\tc\n", "a: 'b\n\tc'\n", "a: \"b\n \t c\"\n", "a: [1,\n\t2]\n", "a: {\n\t  b: 1,\n\tc: 2\n}\n",
    "a: [\n\t[1],\n\t'x']\nb:\n  - {c:\n\td}\n", "12:30\n\t",
    # Tabs in block scalars: none in front of the text, where the indentation is counted.
    "a: |\n  \tx\n", "a: |\n\tx\n", "a: >\n\n\tb\n", "a: |\n  x\n  \ty\n", "a: |\n  x\n\ty: 1\n", "a: |\n  x\n\t\nb: 1\n",
    "a: |\n  x\n\n \t\nb: 1\n", "a: |1\n \tx\n", "a: |2-\n  \tx\n", "a:\t|\n  \tx\n", "a: | # 1\n  \tx\n",
    # A `:` without a key.
    ": a\n", "a: 1\n: b\n", "a: {: b}\n", "a: [: b]\n", "a: [:b]\n", "a: {:b: c}\n", "? \n: b\n", "?\n: b\n", "a: {b: }\n",
    "a: {b, c: }\n", "a: {b: , c}\n", "a:\nb:\n", "- :\n", "? a\n", ":a: b\n", "a: ::b\n",
    # Keys over several lines, and `:` without a blank in brackets.
    "a: {b\n  c: 1}\n", "a: {b\n  : 1}\n", "a: {\"b\"\n  : 1}\n", "a: {b: 1,\n  c: 2}\n", "a: {? b\n  c : 1}\n",
    "a: {b:[1]}\n", "a: [b:]\n", "a: {b: c:}\n", "a: {b:{c: d}}\n", "a: {\"b\":[1]}\n", "a: [b:c]\n", "a: {b: c:d}\n",
    "a: {u: http://x:80/y, v: 1}\n", "a: b:[c]\n", "a: ['b':, c]\n",
    # Anchors: one name for one value.
    "a: &x 1\nb: &x 2\n", "a: &x 1\nb: *x\n", "a: &x 1\nb: &y 2\nc: [*x, *y]\n", "a: &x\n  b: 1\nc: &x [1]\n",
    "a: &x {b: 1}\nc:\n  <<: *x\nd: &z [*x]\n", "&x a: 1\nb: &x 2\n", "- &x a\n- &x2 b\n- [*x, *x2]\n",
    "a: &x 1 # &x\nb: *x\n",
    # Comments close behind a value.
    "a: 'q'# c\n", "a: \"q\"# c\nb: 'r'#d\n", "a: [1]# c\n", "a: {b: 1}#c\nd: 2\n", "a: b#c\n", "a: b #c\n", "a: [1,# c\n 2]\n",
    # Quoted texts behind a tag or an anchor that go on further left.
    "a: !unsafe '{{ b }\n}'\nc: 1\n", "a: &x \"b\nc\"\nd: *x\n",
]


def plain(value):
    if isinstance(value, dict):
        return {"" if key is None else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    return int(value) if isinstance(value, int) else float(value) if isinstance(value, float) else str(value)


def read(text):
    try:
        return {"value": plain(AnsibleLoader(text).get_single_data())}
    except Exception:
        return {"refused": True}


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "readings.json"), "w") as out:
    rows = [json.dumps([text, read(text)]) for text in TEXTS]
    out.write("[\n" + ",\n".join(rows) + "\n]\n")
