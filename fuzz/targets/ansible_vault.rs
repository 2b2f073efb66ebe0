//! Ansible's envelopes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rprov_vault::fuzz::envelope(data));
