//! Inventories in INI.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::ini(data));
