//! Sealed YAML of any kind, also behind a header that is right.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rprov_vault::fuzz::open(data));
