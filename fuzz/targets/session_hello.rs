//! What a host says about itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::hello(data));
