//! Arguments in one line: words of `k=v`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::words(data));
