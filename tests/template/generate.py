#!/usr/bin/env python3
"""Asks ansible-core's own Templar for the value of every template in *.txt and writes *.json.

Run with the Python of an installed ansible-core 2.19: `python tests/template/generate.py`.
A line is one template; `⏎` stands for a line break; `#` begins a comment. In conditions.txt a line is
a condition.
"""
import json
import math
import pathlib
import sys

import yaml

from ansible.errors import AnsibleTemplateError, AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

try:
    from ansible._internal._templating._errors import AnsibleTemplateSyntaxError
except ImportError:
    from ansible.errors import AnsibleTemplateSyntaxError

HERE = pathlib.Path(__file__).parent


class Unsafe(str):
    pass


class Loader(yaml.SafeLoader):
    pass


Loader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))


def trust(value):
    if isinstance(value, Unsafe):
        return str(value)
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trust(item) for item in value]
    if isinstance(value, dict):
        return {key: trust(item) for key, item in value.items()}
    return value


def plain(value):
    if isinstance(value, bytes):
        return {"bytes": value.decode()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    return str(value).encode(errors='surrogateescape').decode(errors='replace')


def answer(run):
    try:
        return {"value": plain(run())}
    except Exception as error:
        if isinstance(error, AnsibleTemplateSyntaxError):
            kind = "syntax"
        elif isinstance(error, AnsibleUndefinedVariable):
            kind = "undefined"
        else:
            kind = "failed"
        return {"error": kind, "message": str(error).split("\n")[0][:200]}


def main():
    init_plugin_loader(sys.argv[1:])
    loader = DataLoader()
    loader.set_basedir(str(HERE / "search"))
    loader.set_vault_secrets([("default", VaultSecret(b"secretpw"))])
    variables = trust(yaml.load((HERE / "vars.yml").read_text(), Loader))
    for source in sorted(HERE.glob("*.txt")):
        lines = [line for line in source.read_text().splitlines() if line and not line.startswith("#")]
        answers = {}
        for line in lines:
            text = trust_as_template(line.replace("⏎", "\n"))
            templar = Templar(loader=loader, variables=variables)
            if source.stem == "conditions":
                answers[line] = answer(lambda: templar.evaluate_conditional(text))
            else:
                answers[line] = answer(lambda: templar.template(text))
        rows = ",\n".join(f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}" for k, v in answers.items())
        source.with_suffix(".json").write_text("{\n" + rows + "\n}\n")
        print(source.name, len(answers))


main()
