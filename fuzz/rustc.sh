#!/bin/sh
# Called by cargo in place of the compiler, as `rustc.sh rustc ARGUMENTS`: counts coverage in the crates
# that read text, and checks every sum there. Ciphers and the like would only make each run slower.
case " $* " in
  *" --target "*) ;;
  *) exec "$@" ;; # a build script or a macro
esac
case " $* " in
  *" --crate-name rprov"* | *" --crate-name granit_parser "* | \
    *" --crate-name toml"* | *" --crate-name serde_json "* | *" --crate-name minijinja "* | \
    *" --crate-name fancy_regex "* | *" --crate-name shlex "* | *" --crate-name ipnet "*) ;;
  *) exec "$@" ;;
esac
exec "$@" -Cdebug-assertions -Coverflow-checks -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
