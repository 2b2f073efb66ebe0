//! Templates: which names they use, which reads and compiles all of it and runs nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov::source::SourceMap;
use rprov::template::FileOptions;
use rprov::template::names::Names;

fuzz_target!(|text: &str| {
    let map = SourceMap::default();
    let _ = Names::of_file(text, &FileOptions::default(), &map);
});
