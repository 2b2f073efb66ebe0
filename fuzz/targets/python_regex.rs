//! Python's regular expressions, and replacements with them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov_modules::fuzz::regex(data));
