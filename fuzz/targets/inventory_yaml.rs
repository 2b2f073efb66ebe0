//! Inventories in YAML.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::inventory_yaml(data));
