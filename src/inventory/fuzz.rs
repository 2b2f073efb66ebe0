//! What the fuzz targets reach: inventories of every kind, from text. Built for them and tests only.

use std::path::Path;
use std::sync::Arc;

use super::{build::Build, sources};
use crate::source::SourceMap;
use crate::vars::files::Reader;

/// What `constructed` starts from.
const HOSTS: &str = "a n=1 s=text\nb l='[1, 2]'\n[g]\nb\n[g:vars]\nt='{{ s }}x'\n";

/// Inventories in INI.
pub fn ini(text: &str) {
    read(&[("hosts.ini", text)]);
}

/// Inventories in YAML.
pub fn inventory_yaml(text: &str) {
    read(&[("hosts.yml", text)]);
}

/// Inventories in JSON, as scripts print them too; or what only looks like it.
pub fn inventory_json(text: &str) {
    read(&[("hosts.json", text), ("hosts", text)]);
}

/// Inventories in TOML.
pub fn inventory_toml(text: &str) {
    read(&[("hosts.toml", text)]);
}

/// The entries of a `constructed` plugin, for a few hosts.
pub fn constructed(text: &str) {
    let settings = format!("plugin: constructed\n{text}");
    read(&[("hosts.ini", HOSTS), ("x.yml", &settings)]);
}

/// The settings of a `generator` plugin.
pub fn generator(text: &str) {
    read(&[("x.yml", &format!("plugin: generator\n{text}"))]);
}

fn read(files: &[(&str, &str)]) {
    let map = SourceMap::default();
    let reader = Reader::new(map.clone());
    let mut build = Build::new(Arc::default());
    for (name, text) in files {
        sources::text_file(Path::new(name), text, &reader, &Arc::default(), &mut build);
    }
    match build.finish() {
        Ok(inventory) => {
            crate::fuzz::tell(inventory.warnings(), &map);
            for group in inventory.groups() {
                let _ = inventory.members(group).len();
            }
            for host in inventory.hosts() {
                let _ = inventory.group_names(host).len();
            }
        }
        Err(diagnostics) => crate::fuzz::tell(&diagnostics, &map),
    }
}
