//! Secrets in a text, as they are and encoded.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::redactor(data));
