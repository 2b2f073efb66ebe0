//! Patterns of hosts, against a small inventory.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::host_pattern(data));
