//! YAML to nodes and back.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rprov::fuzz::yaml(data));
