//! Extra variables as `-e` takes them, but for files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov::source::SourceMap;
use rprov::vars::extra;
use rprov::vars::files::Reader;

fuzz_target!(|text: &str| {
    if text.trim_start().starts_with('@') {
        return;
    }
    let map = SourceMap::default();
    let reader = Reader::new(map.clone());
    if let Err(diagnostics) = extra::parse(&[text.to_owned()], &reader) {
        diagnostics.iter().for_each(|one| drop(one.render(&map, false)));
    }
    let _ = extra::word(text, &reader);
});
