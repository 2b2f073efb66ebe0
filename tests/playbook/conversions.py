#!/usr/bin/env python3
"""Asks ansible-core what values become for parameters of each type, and writes `conversions.tsv`.

Run with the Python of an installed ansible-core 2.19: `python tests/playbook/conversions.py`. A row is a type, a
value as YAML, and what the parameter is as JSON, or `refused`.
"""
import json
import pathlib

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

TYPES = {
    "str": {"type": "str"}, "path": {"type": "path"}, "int": {"type": "int"}, "float": {"type": "float"}, "bool": {"type": "bool"},
    "list of str": {"type": "list", "elements": "str"}, "list of int": {"type": "list", "elements": "int"},
    "dict": {"type": "dict"}, "raw": {"type": "raw"}, "choice": {"type": "str", "choices": ["a", "yes", "no", "5"]},
}
VALUES = [
    "5", "'5'", "-5", "0", "1", "2", "1.0", "1.5", "3.10", "'1.0'", "'1.5'", "-0.0", "1.0e+20", "2.5e-7", "1e3", "0644", "'0644'", "0x1f", "'0x10'", "12:30", "1_000",
    "'1_000'", "' 5 '", "99999999999999999999", "true", "yes", "no", "'yes'", "'True'", "'on'", "'maybe'", "''", "' '", "null", "a", "'a,b'", "'a, b'", "'a b'",
    "[]", "[a]", "[a, b]", "[1, 2]", "[1.5, true]", "[null]", "[[a], {b: 1}]", "[true]", "['a,b', c]", "[\"it's\", 'q\"q']", "{}", "{a: 1}", "{a: [x, true, null], 1: 1.0e+20}",
    "{a: null}", "'k=v'", "'k=v, l=w'", "'k=\"v w\" l=1'", "'k=a\\=b'", "'k'", "'{\"a\": 1}'", "'{\"a\": [true, null]}'", "'[1, 2]'", "\"{'a': 1}\"", "\"a\\nb\"", "[\"a\\nb\\\\\"]",
]

with open(pathlib.Path(__file__).parent / "conversions.tsv", "w", encoding="utf-8") as out:
    for name, spec in TYPES.items():
        for value in VALUES:
            found = ArgumentSpecValidator({"p": spec}).validate({"p": yaml.safe_load(value)})
            shown = "refused" if found.error_messages else json.dumps(found.validated_parameters["p"])
            out.write("%s\t%s\t%s\n" % (name, value, shown))
