//! The text of a crontab, and what is done to it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov_modules::fuzz::cron_table(data));
