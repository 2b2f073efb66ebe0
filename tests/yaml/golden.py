#!/usr/bin/env python3
"""Writes what PyYAML and Ansible do to `emit.json` and `resolve.json` beside this file.

Run it with a Python that has ansible-core and PyYAML with libyaml: `python3 tests/yaml/golden.py`.
The random part has a fixed seed, so that a second run gives the same files.
"""
import json
import os
import random

import yaml
from ansible.plugins.filter.core import to_nice_yaml, to_yaml

HERE = os.path.dirname(os.path.abspath(__file__))
RANDOM = random.Random(20)

TEXTS = [
    "", " ", "x", "a b", " a", "a ", "a  b", "\n", "\n\n", "a\n", "\na", "a\nb", "a\nb\n", "a\n\nb", "a\n b", "a \nb",
    "a\n\n\nb\n\n", "#!/bin/sh\nset -e\nif true; then\n  echo 'hi'\nfi\n", "a\tb", "\ta", "a\r\nb", "\r", "yes", "no", "on", "off", "Yes", "TRUE",
    "true", "True", "tRue", "y", "n", "Y", "N", "null", "Null", "~", "none", "None", "12:30", "1:30.5", "12:61", "2020-01-01", "2020-1-1",
    "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43", "2001-12-14 21:59:43.1 Z", "2001-12-14 21:59", "2001-1-14 1:59:43 +1",
    "0", "00", "0644", "0o644", "08", "0x1F", "0x", "0b1", "0b", "0b_", "1_000", "_1", "+1", "-1", "-", "--", "- a", "-a", "+", ".", "..", "...",
    "....", "---", "--- a", "---a", ".5", "-.5", "+.5", "1.", "1.e+3", "1e3", "1.0e3", "1.0e+3", ".inf", "-.inf", "+.INF", ".nan", "-.nan", ".NaN",
    "99999999999999999999999999999999999999999999", "1.2.3", "1.10", "3.10", "v1", "=", "==", "<<", "<", "!", "!a", "&", "&a", "*", "*a", "a*", "?",
    "? a", "?a", "a?", ":", ": a", ":a", "a:", "a: b", "a:b", "http://x.org/y?z=1&q=[2]", "#", "#a", "a#", "a #b", "a#b", "[", "]", "{", "}", "{{ x }}",
    "[a]", "a[0]", "{a: b}", "a,b", "a, b", ",", "|", ">", "|a", "a|b", "%", "%a", "@", "@a", "a@b", "`", "`a`", "'", "''", "it's", "'a'", "\"", "\"a\"",
    "say \"hi\"", "back\\slash", "C:\\path", "é", "ü ß", "日本語", "☃", "😀", "a😀b: c", "\xa0", "a\xa0b", "\u0085", "a\u2028b", "\ufeff", "a\ufeff",
    "\x00", "\x07\x1b[0m", "\x7f", "\x80", "\ufffd", "\ue000", "key: 'v' # c", "a\n# b\n", "- a\n- b\n", "a: 1\nb: 2\n", "  indented\n", "x" * 79, "x" * 200,
    "word " * 40, ("word " * 40).strip(), "'q' " * 40, ("ab: cd " * 30).strip(), ("a  b " * 30).strip(), ("tab\t " * 30), ("line of words " * 9 + "\n") * 3,
    ("line of words " * 9).strip() + "\n" + ("more of it " * 12).strip(), ("é" * 9 + " ") * 12 + "x", ("😀" * 3 + " ") * 30, "x" * 85 + " " + "y" * 85 + " z",
    " " + "word " * 30 + "x", ("a\\b " * 40).strip() + "\t", "a" * 78 + "  b", "a" * 81 + "  b  c", "\"" + "x " * 50 + "\"\t \t",
    "$ANSIBLE_VAULT;1.1;AES256\n3132\n", "user:pass@host", "*/5 * * * *", "0 3 * * 1", "{{ a }}-{{ b }}", "a; b && c || d > e 2>&1", "%d/%m", "~/.ssh", "~root",
    "x" * 128, "x" * 129, "é" * 64, "é" * 65, "k" * 100 + " " + "k" * 20, "a\nk",
]


def text():
    kind = RANDOM.random()
    if kind < 0.35:
        return RANDOM.choice(TEXTS)
    if kind < 0.7:
        return " ".join(RANDOM.choice(["a", "word", "longer-word", "x:y", "it's", "#", "-", "é", "1", "b:", "", "\"q\"", "{", "yes"]) for _ in range(RANDOM.randint(1, 40)))
    return "".join(RANDOM.choice("ab01 :#-,[]{}'\"\\\n\t.é😀?!&*%@`|>=~_+eE") for _ in range(RANDOM.randint(1, 30)))


def value(depth):
    kind = RANDOM.random()
    if depth == 0 or kind < 0.5:
        return RANDOM.choice([text, text, text, lambda: RANDOM.randint(-1000, 10**12), lambda: RANDOM.choice([True, False, None]), number])()
    if kind < 0.72:
        return [value(depth - 1) for _ in range(RANDOM.choice([0, 1, 2, 3, 30]) if depth == 1 else RANDOM.randint(0, 4))]
    return {text(): value(depth - 1) for _ in range(RANDOM.randint(0, 5))}


def number():
    return RANDOM.choice([0.0, -0.0, 1.0, 0.1, 1.5, 1e15, 1e16, 123456789012345680.0, 1e17, 1.5e300, 1e-4, 1e-5, 1.25e-7, 5e-324, round(RANDOM.random(), 9), float("%.9e" % RANDOM.uniform(-1e20, 1e20))])


FIXED = [
    None, True, False, 0, -5, 2**63, 1.0, [], {}, [[]], [{}], {"a": []}, {"a": {}}, [[1, 2], [3]], [[[1]]], {"a": [1, 2]}, {"a": [[1], 2]}, {"a": {"b": {"c": 1}}},
    [{"a": 1}, {"b": [1, {"c": 2}]}], {"b": 1, "a": 2, "B": 3, "é": 4, "_": 5, "10": 6, "9": 7}, {"services": {"web": {"image": "nginx:1", "ports": ["80:80", "443:443"], "environment": {"A": "yes"}}}},
    list(range(60)), {"k%d" % i: i for i in range(30)}, ["word"] * 40, [["x" * 40] * 5], {"x" * 90: {"y" * 90: ["z" * 90]}}, {"": ""}, {"a\nb": [1]}, {"x" * 129: {"a": 1}}, [{"x" * 200: 1, "b": 2}],
]
LAYOUTS = [
    dict(indent=2), dict(width=1337), dict(width=40), dict(sort_keys=False), dict(default_flow_style=True), dict(explicit_start=True), dict(explicit_start=True, explicit_end=True),
    dict(indent=3, width=20), dict(indent=8), dict(indent=1), dict(width=5), dict(default_flow_style=None, indent=4),
]


def emitted():
    values = FIXED + TEXTS + [{t: [t]} for t in TEXTS] + [value(RANDOM.randint(1, 4)) for _ in range(250)]
    for i, item in enumerate(values):
        # One object written twice would come out as an anchor.
        item = json.loads(json.dumps(item))
        case = {"value": item, "terse": to_yaml(item), "nice": to_nice_yaml(item)}
        layout = LAYOUTS[i % len(LAYOUTS)]
        case["layout"] = layout
        case["laid_out"] = to_nice_yaml(item, **layout)
        yield case


def resolved(scalar):
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, scalar, (True, False)).rsplit(":", 1)[1]
    if tag in ("str", "timestamp", "merge", "value"):
        return tag, ""
    try:
        found = yaml.load(scalar, yaml.SafeLoader)
    except ValueError:
        return "raises", ""
    if tag == "float":
        return tag, repr(float(found))
    return tag, {None: "", True: "true", False: "false"}.get(found, str(found)) if tag in ("bool", "null") else str(found)


def scalars():
    plain = set()
    for item in TEXTS:
        plain.add(item)
    for sign in ["", "+", "-"]:
        for body in ["0", "1", "9", "00", "01", "07", "08", "09", "0_", "0__", "0_7", "0_8", "_0", "1_", "1_000", "1__0", "0b0", "0b1", "0b2", "0b10_01", "0B1", "0x0", "0xF", "0xfF_0", "0xg", "0X1",
                     "0o7", "1:0", "1:5", "1:59", "1:60", "1:05", "1:005", "01:30", "0:30", "1:30:45", "1_0:30", "1:3_0", "12:30:45:10", ":30", "1:", "190:20:30", "190:20:30.15", "1:30.", "1:30.5_5", "0:0.5",
                     "1:60.5", "1:30.5e+3", ".", "._", "._5", ".5", ".5_", ".5e+3", ".5e3", ".5e", ".5e+", "1.", "1._", "1.5", "1_0.5", "1.5_0", "_1.5", "1.5e3", "1.5e+3", "1.5E-3", "1.5e+", "1.5e+3_0",
                     "1e3", "1e+3", "1.e+3", "1.e3", "0.0", "00.5", "08.5", "0x1.5", ".inf", ".Inf", ".INF", ".iNf", ".nan", ".NaN", ".NAN", ".Nan", "inf", "nan", "1.7976931348623159e+308", "1.0e+400", "1.0e-400",
                     "170141183460469231731687303715884105727", "0.1", "3.14159265358979323846", "123456789012345678", "4.9e-324", "1.2.3", "1..2", "1.2e+3.4"]:
            plain.add(sign + body)
    for word in ["yes", "no", "true", "false", "on", "off", "null", "y", "n"]:
        plain |= {word, word.capitalize(), word.upper(), word + "x", word[0].upper() + word[1:].upper() + "_"}
    for date in ["2001-12-14", "2001-1-1", "2001-12-1", "201-12-14", "2001-12-14 1:00:00", "2001-12-14T21:59:43", "2001-12-14t21:59:43.", "2001-12-14 21:59:43.5  +01:30", "2001-12-14 21:59:43 -1", "2001-12-14 21:59:4",
                 "2001-12-14 21:59:43Z", "2001-12-14 21:59:43 Z", "2001-12-14 21:59:43 ZZ", "2001-12-14T21:59:43+1:3", "2001-12-14T21:59:43+100", "2001-12-14T"]:
        plain.add(date)
    for _ in range(1500):
        plain.add("".join(RANDOM.choice("0123456789____::..eE++--xbafonINy") for _ in range(RANDOM.randint(1, 8))))
        plain.add("".join(RANDOM.choice("0123456789:._") for _ in range(RANDOM.randint(1, 7))))
        plain.add("20%02d-%s-%s%s" % (RANDOM.randint(0, 99), RANDOM.choice(["1", "02", "123"]), RANDOM.choice(["1", "02", ""]), RANDOM.choice(["", " 1:02:03", "T01:02:03.4", "t1:2:3", "\t01:02:03 +1", " 01:02:03-01:00", "  1:02:03Z"])))
    for scalar in sorted(plain):
        # Only what can stand as a plain scalar by itself.
        try:
            events = list(yaml.parse(scalar, yaml.SafeLoader))
        except (yaml.YAMLError, ValueError):
            continue
        if len(events) == 5 and isinstance(events[2], yaml.ScalarEvent) and events[2].implicit[0] and events[2].value == scalar:
            yield (scalar,) + resolved(scalar)


def write(name, rows):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as out:
        out.write("[\n" + ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows) + "\n]\n")


write("emit.json", emitted())
write("resolve.json", scalars())
