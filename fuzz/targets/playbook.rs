//! Playbooks: plays, tasks, keywords, words of `k=v`. Files they import are not there.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use rprov::playbook::{Loader, Settings};
use rprov::source::SourceMap;
use rprov::template::Templar;
use rprov::vars::Layer;
use rprov::vars::files::Reader;

fuzz_target!(|text: &str| {
    // What could be imported are devices that never end.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let map = SourceMap::default();
    let loader = Loader::new(Settings {
        map: map.clone(),
        templar: Templar::new(map.clone()),
        extra: Arc::new(Layer::default()),
        roles_path: vec![],
        collections_path: vec![],
        reader: Reader::new(map.clone()),
        decrypt: None,
    });
    if let Err(diagnostics) = loader.text_playbook("/nonexistent/site.yml", text) {
        diagnostics.iter().for_each(|one| drop(one.render(&map, false)));
    }
});
