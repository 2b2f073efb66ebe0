//! Templates: which names they use.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::template(data));
