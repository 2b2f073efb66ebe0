#!/usr/bin/env python3
"""Asks Jinja2 itself which variables each template of *.txt uses, and writes names.json.

Run with the Python of an installed ansible-core 2.19: `python tests/template/names.py`. A text that
Jinja2 cannot parse is left out. Names that every template sees are not counted.
"""
import json
import pathlib

from jinja2 import Environment, TemplateSyntaxError, meta

HERE = pathlib.Path(__file__).parent
GLOBAL = {"range", "dict", "lipsum", "cycler", "joiner", "namespace", "lookup", "query", "q", "now",
          "undef", "omit", "True", "False", "None", "environ"}

environment = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
found = {}
for file in sorted(HERE.glob("*.txt")):
    for line in file.read_text().splitlines():
        text = line.replace("⏎", "\n")
        if not line.strip() or line.startswith("#"):
            continue
        whole = "{{ " + text + " }}" if file.name == "conditions.txt" and "{{" not in text else text
        try:
            names = meta.find_undeclared_variables(environment.parse(whole)) - GLOBAL
        except TemplateSyntaxError:
            continue
        found[whole] = sorted(names)
out = json.dumps(found, indent=0, sort_keys=True, ensure_ascii=False)
(HERE / "names.json").write_text(out + "\n")
