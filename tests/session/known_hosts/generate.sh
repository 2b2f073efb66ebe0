#!/bin/sh
# Writes the lines that OpenSSH finds for each name to `expected`. Needs `ssh-keygen`; the tests do not.
# `hashed` was made by `ssh-keygen -H` of one, [two]:2200, and three with 10.0.0.9.
set -eu
cd "$(dirname "$0")"
for name in h1 h2 H2 h2.example.org 10.0.0.2 '[h3]:2222' h3 '[10.0.0.3]:2222' a.prod x.prod prod h4 H4 h5 a.ca h6 h7 h10 \
  one two '[two]:2200' three 10.0.0.9 none; do
  for file in plain hashed; do
    ssh-keygen -F "$name" -f "$file" 2>/dev/null | sed -n "s/^# Host .* found: line \([0-9]*\).*/$file:\1/p" |
      while read -r place; do echo "$name $place"; done
  done
done >expected
