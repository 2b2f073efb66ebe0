#!/usr/bin/env python3
"""Runs random playbooks with rprov and with real Ansible, and shows where results, counts or exit codes differ.

usage: compare.py RPROV ANSIBLE_PLAYBOOK FIRST LAST [--keep DIRECTORY]

Seeds FIRST to LAST, about two seconds each. Results of a task are compared without regard to their order.
What COMPATIBILITY.md lists (`run_once` and `any_errors_fatal` with `rescue`, `clear_host_errors`) shows up as
a difference, and so does the order in which Ansible runs includes that differ by host: it is that of their
arrival. `--keep` leaves the project of the last difference there.
"""
import argparse
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import plays

ENVIRONMENT = {
    "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_LOCALHOST_WARNING": "0",
    "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "1", "ANSIBLE_RETRY_FILES_ENABLED": "0",
}
HEADLINE = re.compile(r"(PLAY|TASK|RUNNING HANDLER|PLAY RECAP)( \[.*?\])? \*+$")
RESULT = re.compile(r"(ok|changed|skipping|fatal|failed|included): ")


def results(output, directory):
    """The headlines of a run, each with its results in the order of the alphabet."""
    found, said = [], False
    for line in output.replace(f"{directory}/", "").splitlines():
        if HEADLINE.match(line):
            found.append((line.rstrip("* "), []))
            said = False
        elif not found:
            continue
        elif "FAILED - RETRYING" in line:
            # Ansible shows what a `debug` said at each attempt.
            said = False
        elif line == "...ignoring":
            found[-1][1].append("ignored")
        elif RESULT.match(line):
            said = line.startswith(("ok", "changed"))
            text = re.sub(r"( =>.*|: FAILED!.*)", "", line).rstrip()
            if " for " in text and text.startswith("included"):
                path, hosts = text.split(" for ", 1)
                text = f"{path} for {', '.join(sorted(hosts.split(', ')))}"
            found[-1][1].append(text)
        elif re.match(r"\w+ +: ok=", line):
            found[-1][1].append(re.sub(" +", " ", line.strip()))
        elif said and (message := re.match(r' +"msg": (.*?),?$', line)):
            found[-1][1].append(f"  {message[1]}")
    lines = []
    for headline, below in found:
        items = {line.split("]")[0] for line in below if line.startswith("failed: ")}
        # Of a loop Ansible sometimes tells the whole, too.
        below = [line for line in below if line.replace("fatal", "failed").split("]")[0] not in items or line.startswith("failed: ")]
        # rprov does not show what `meta` passes over.
        if below and " meta t" not in headline.replace("[meta", " meta") or headline.startswith("PLAY"):
            lines += [headline, *(f"  {line}" for line in sorted(below))]
    return [line for line in lines if "[ERROR]" not in line]


def run(command, seed, home, environment):
    directory = tempfile.mkdtemp(dir=home)
    arguments = plays.write(seed, directory)
    done = subprocess.run(
        [*command, "-i", "hosts", "site.yml", *arguments], cwd=directory, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=600, env={**os.environ, **ENVIRONMENT, **environment},
    )
    shown = results(done.stdout, directory) or [done.stderr[:800]]
    shutil.rmtree(directory)
    return [*shown, f"exit {done.returncode}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rprov", type=pathlib.Path)
    parser.add_argument("ansible_playbook", type=pathlib.Path)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--keep", type=pathlib.Path)
    asked = parser.parse_args()
    different = 0
    with tempfile.TemporaryDirectory() as home:
        for seed in range(asked.first, asked.last + 1):
            environment = {"HOME": home, "ANSIBLE_ASYNC_DIR": f"{home}/jobs", "ANSIBLE_PYTHON_INTERPRETER": str(asked.ansible_playbook.with_name("python3"))}
            theirs = run([asked.ansible_playbook.absolute()], seed, home, environment)
            ours = run([asked.rprov.absolute(), "playbook", "--no-pending-handlers"], seed, home, environment)
            # Ansible ends with 1 or 250 where it meets a fault of its own. A run without any host is no
            # error there.
            idle = not any("TASK" in line for line in theirs + ours)
            if theirs == ours or theirs[-1] in ("exit 1", "exit 250") or idle:
                continue
            different += 1
            print(f"== seed {seed}", *difflib.unified_diff(theirs, ours, "ansible", "rprov", lineterm=""), sep="\n", flush=True)
            if asked.keep:
                shutil.rmtree(asked.keep, ignore_errors=True)
                print("arguments:", *plays.write(seed, asked.keep))
    print(f"{different} of {asked.last - asked.first + 1} differ")


main()
