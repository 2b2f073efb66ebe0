//! known_hosts files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::known_hosts(data));
