#!/usr/bin/env python3
"""Asks Jinja which texts it can read and writes them with its verdicts to `syntax.tsv`.

Run with the Python of an installed ansible-core 2.19: `python tests/template/syntax.py`. The texts are
random expressions, whole and broken, with a fixed seed. Names of filters and tests do not count.
"""
import pathlib
import random

import jinja2

HERE = pathlib.Path(__file__).parent
RANDOM = random.Random(19)
JINJA = jinja2.Environment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"])

NAMES = ["a", "b", "c.d", "a.b.c", "x[0]", "x['k']", "item", "true", "none", "x.0.y", "a[1:2]", "a[::-1]"]
VALUES = ["1", "2.5", "'s'", '"t"', "[1, 2]", "{'a': 1}", "(1, 2)", "()", "[]", "{}", "1e3", "0x1f", "1_0", "''", "08", "1a", "'s' 't'"]
SIGNS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"]
WRONG = ["&&", "||", "&", "=", "===", "<>", "^", "?", ":", "!", "in not", "xor", "$", ";", "@", "<<", "->", " ", "\\", "equals", "not", "and or"]
FILTERS = ["default", "map('upper')", "default('x', true)", "default(a=1, 2)", "f(*a)", "f(**k)", "f(*a, **k)", "f(**k, *a)", "f(,)", "f(1,)", "f(1 2)", "'x'", "1", "f(a=)", "f(a, b=c, d)",
           "ansible.builtin.default", "f['x']", "f(a)['b']", "f(", "(f)", "f(a=b, *c)", ""]
TESTS = ["defined", "not defined", "divisibleby 3", "match('x')", "none", "in [1]", "sameas none", "foo bar", "x.y.z", "match 'x'", "not not defined", "eq [1]", "eq -1", "defined(", "eq a.b", "eq {'a': 1}", "eq (1)", "defined is true", "'x'", ""]


def expression(depth):
    kind = RANDOM.random()
    if depth <= 0 or kind < 0.25:
        return RANDOM.choice(NAMES)
    if kind < 0.4:
        return RANDOM.choice(VALUES)
    if kind < 0.62:
        return "%s %s %s" % (expression(depth - 1), RANDOM.choice(SIGNS if RANDOM.random() < 0.85 else WRONG), expression(depth - 1))
    if kind < 0.74:
        return expression(depth - 1) + RANDOM.choice([" | ", "|"]) + RANDOM.choice(FILTERS)
    if kind < 0.82:
        return expression(depth - 1) + " is " + RANDOM.choice(TESTS)
    if kind < 0.88:
        return "(" + expression(depth - 1) + ")"
    if kind < 0.92:
        return RANDOM.choice(["not ", "-", "+", "not not ", "~", "!", "*"]) + expression(depth - 1)
    if kind < 0.96:
        return expression(depth - 1) + " if " + expression(depth - 1) + RANDOM.choice([" else " + expression(depth - 1), "", " else if b else c"])
    return RANDOM.choice(NAMES) + RANDOM.choice("([{") + RANDOM.choice([expression(depth - 1), "%s, %s" % (expression(depth - 1), expression(depth - 1)), "k=1", "1:2", "::2", "1:", "*a", "1:2:3:4", "a b", "a=1, 2"]) + RANDOM.choice(")])")


def text():
    whole = RANDOM.choice(["{{ @ }}"] * 6 + ["a {{ @ }} b", "{% if @ %}x{% endif %}", "{% for i in @ %}x{% endfor %}", "{% for i, j in @ recursive %}x{% endfor %}", "{% for i in a if @ %}x{% endfor %}",
                           "{% set x = @ %}", "{% set x, y = @ %}", "{% do @ %}", "{{ @, a }}", "{{ (@,) }}", "{% if a %}x{% elif @ %}y{% endif %}", "{% include @ %}", "{% macro m(a, b=1) %}{{ @ }}{% endmacro %}"])
    return whole.replace("@", expression(RANDOM.randint(0, 3)))


def verdict(source, condition):
    try:
        if condition:
            JINJA.compile_expression(source)
        else:
            JINJA.compile(source)
    except jinja2.TemplateAssertionError as error:
        return "ok" if str(error).startswith(("No filter", "No test")) else "refused"
    except jinja2.TemplateError:
        return "refused"
    return "ok"


FIXED = ["{{ x && y }}", "{{ x || y }}", "{{ a + }}", "{{ a +}}", "{{ 1, 2 }}", "{{ a, }}", "{{ +a }}", "{{ a == +1 }}", "{% do a %}", "{% do a.b(1) if c %}", "{{\u00a0a\u00a0|\u00a0f }}", "{% from 'x' import %}",
         "{% from 'x' import y %}", "{% if a if b else c %}{% endif %}", "{{ 2. }}", "{{ a is defined if b }}", "{{ a is b is c }}", "{{ a in not b }}", "{{ a -> b }}", "{% set x = 1, 2 %}"]
CONDITIONS = ["a && b", "a, b", "a if b else c", "a == ", "= a", "a = b", "a\u00a0==\u00a0b", "+1 == a", "a b", "not", "a is not", "a or or b", "a.b[", "a ! b", "(a", "a)", "'a", "a == 'b'", "a|", "a is defined and b|length > 0"]
rows = [("template", text) for text in FIXED] + [("condition", text) for text in CONDITIONS]
rows += [("template", text()) for _ in range(900)] + [("condition", expression(RANDOM.randint(1, 3))) for _ in range(400)]
seen = dict.fromkeys(row for row in rows)
with open(HERE / "syntax.tsv", "w", encoding="utf-8") as out:
    for kind, source in seen:
        out.write("%s\t%s\t%s\n" % (verdict(source, kind == "condition"), kind, source))
