//! What the fuzz targets reach: files of settings, from text. Built for them and tests only.

use std::path::Path;

use super::{Config, Surroundings, ours};
use crate::source::{Diagnostic, SourceMap};

/// `ansible.cfg`
pub fn ansible_cfg(text: &str) {
    read(|config, map, around, errors| {
        config.ansible_cfg(text, Path::new("/nonexistent/ansible.cfg"), map, around, errors);
    });
}

/// `rprov.toml`
pub fn rprov_toml(text: &str) {
    read(|config, map, _, errors| {
        ours::read(config, text, Path::new("/nonexistent/rprov.toml"), map, errors);
    });
}

fn read(into: impl FnOnce(&mut Config, &SourceMap, &Surroundings, &mut Vec<Diagnostic>)) {
    let around = Surroundings {
        directory: "/nonexistent".into(),
        home: Some("/nonexistent/home".into()),
        variables: [("HOME".to_owned(), "/nonexistent/home".to_owned())].into(),
    };
    let (map, mut config, mut errors) = (SourceMap::default(), Config::default(), vec![]);
    config.defaults(&around);
    into(&mut config, &map, &around, &mut errors);
    crate::fuzz::tell(&errors, &map);
    crate::fuzz::tell(&config.warnings, &map);
}
