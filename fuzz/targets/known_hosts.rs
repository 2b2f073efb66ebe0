//! known_hosts files.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| rprov::session::fuzz::known_hosts(text));
