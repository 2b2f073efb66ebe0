//! `rprov.toml`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::rprov_toml(data));
