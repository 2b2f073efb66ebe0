//! Words of a command line, versions of packages, modes of files, plain scalars.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &str| rprov_modules::fuzz::words(data));
