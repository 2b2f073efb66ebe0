#!/bin/sh
# Runs targets: sh fuzz/run.sh RUNS TARGET…  Needs a nightly compiler and g++, but not cargo-fuzz.
# A finding is left as fuzz/crash-… and ends the run with an error.
set -eu
cd "$(dirname "$0")"
runs=$1; shift
# What `cargo fuzz build --sanitizer none` passes: there is no unsafe code to sanitize.
export RUSTFLAGS="--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
for target; do
  cargo +nightly build --release --quiet --target "$(rustc -vV | sed -n 's/host: //p')" ${FEATURES:-} --bin "$target"
  found=$(mktemp -d)
  target/*/release/"$target" -runs="$runs" -max_len=2048 -timeout=10 -rss_limit_mb=2048 "$found" "corpus/$target" 2>&1 |
    tee "$found/log" | tail -n 3
  grep -q "^Done $runs runs" "$found/log"
done
