//! The two streams of a shell, cut at any place.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rprov::fuzz::frames(data));
