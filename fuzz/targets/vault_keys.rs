//! Key paths, recipients and private keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rprov_vault::fuzz::keys(data));
