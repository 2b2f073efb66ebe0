//! ssh_config files; commands of `Match exec` are not run.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::config(data));
