//! `ansible.cfg`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::ansible_cfg(data));
