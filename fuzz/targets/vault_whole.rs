//! Files encrypted as a whole.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rprov_vault::fuzz::whole(data));
