//! YAML to nodes and back, with the messages for what is wrong.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rprov::source::{SourceMap, yaml};

fuzz_target!(|data: &[u8]| {
    let map = SourceMap::default();
    if let Err(diagnostic) = yaml::parse_bytes(&map, Path::new("x.yml"), data) {
        diagnostic.render(&map, false);
    }
});
