//! Sealed YAML that was altered.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rprov_vault::fuzz::alter(data));
