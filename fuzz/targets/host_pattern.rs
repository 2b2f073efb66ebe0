//! Patterns of hosts, against a small inventory.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rprov::inventory::{Inventory, pattern};
use rprov::source::SourceMap;
use rprov::vars::files::Reader;

static HOSTS: LazyLock<Inventory> = LazyLock::new(|| {
    let hosts = "web[01:12].example.org,db1,db2,::1,10.0.0.[1:3],";
    let reader = Reader::new(SourceMap::default());
    Inventory::load(&[hosts.to_owned()], &reader).expect("a list of hosts")
});

fuzz_target!(|text: &str| {
    let _ = pattern::split(text);
    let limit =
        text.split_once('\n').and_then(|(_, limit)| pattern::Limit::new(&HOSTS, limit).ok());
    let pattern = text.split('\n').next().unwrap_or_default();
    let _ = pattern::select(&HOSTS, pattern, Default::default(), limit.as_ref());
});
