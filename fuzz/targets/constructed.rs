//! The entries of a `constructed` inventory, for a few hosts: templates are evaluated.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::constructed(data));
