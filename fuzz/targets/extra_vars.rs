//! Extra variables as `-e` takes them, but for files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::extra_vars(data));
