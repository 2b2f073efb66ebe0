//! What a host answers to questions about files, packages, units and accounts.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rprov::fuzz::answers(data));
