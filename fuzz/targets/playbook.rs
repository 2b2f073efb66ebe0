//! Playbooks: plays, tasks, keywords, arguments.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov::fuzz::playbook(data));
