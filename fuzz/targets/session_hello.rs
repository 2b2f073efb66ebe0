//! What a host says about itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| rprov::session::fuzz::hello(text));
