#!/bin/sh
# Asks ansible-core for what is recorded in the cases beside this script. Recorded with ansible-core
# 2.19; its TOML output needs the Python library tomli-w (name its directory in PYTHONPATH).
set -eu
cd "$(dirname "$0")/../.."
ORACLE=${ORACLE:-/opt/ansible/bin} cargo test --test it same::
