//! Inventories in JSON, as scripts print them too.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::inventory_json(data));
