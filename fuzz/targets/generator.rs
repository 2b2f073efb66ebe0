//! The settings of a `generator` inventory.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::generator(data));
