#!/bin/sh
# Runs targets: sh fuzz/run.sh RUNS TARGET…  Needs a nightly compiler and g++, but not cargo-fuzz.
# A finding is left as fuzz/crash-… and ends the run with an error.
set -eu
cd "$(dirname "$0")"
runs=$1; shift
export RUSTC_WRAPPER="$PWD/rustc.sh" RUSTFLAGS="--cfg fuzzing"
for target; do
  cargo +nightly build --release --quiet --target "$(rustc -vV | sed -n 's/host: //p')" ${FEATURES:-} --bin "$target"
  found=$(mktemp -d)
  target/*/release/"$target" -runs="$runs" -max_len=512 -timeout=10 -rss_limit_mb=2048 "$found" "corpus/$target" 2>&1 |
    tee "$found/log" | tail -n 3
  grep -q "^Done $runs runs" "$found/log"
done
