//! YAML that is sealed, opened and changed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov_vault::fuzz::seal(data));
