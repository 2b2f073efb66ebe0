#!/bin/sh
# Asks ansible-core for the answers recorded in the cases beside this script (CASE=part of a name:
# only those). Recorded with ansible-core 2.19.
set -eu
cd "$(dirname "$0")/../.."
ORACLE=${ORACLE:-$(command -v ansible-playbook || echo /opt/ansible/bin/ansible-playbook)} \
    cargo test --test it engine::cases
