//! Inventories in YAML.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rprov::inventory::Inventory;
use rprov::source::SourceMap;
use rprov::vars::files::Reader;

fuzz_target!(|data: &[u8]| {
    // In memory: a file for each process.
    let path = format!("/dev/shm/rprov-fuzz-{}.yml", std::process::id());
    std::fs::write(&path, data).expect("a file in memory");
    let map = SourceMap::default();
    match Inventory::load(&[path], &Reader::new(map.clone())) {
        Ok(inventory) => drop(inventory.hosts().map(|host| inventory.groups_of(host).len()).max()),
        Err(diagnostics) => diagnostics.iter().for_each(|one| drop(one.render(&map, false))),
    }
});
