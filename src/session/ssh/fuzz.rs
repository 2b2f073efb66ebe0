//! What the fuzz targets reach: OpenSSH's files. Built for them and tests only.

use std::path::Path;

use super::config::{self, Options, Subject};
use super::known_hosts::KnownHosts;

/// A known_hosts file.
pub fn known_hosts(text: &str) {
    let mut known = KnownHosts::default();
    known.add("known_hosts", text);
    for (host, port) in [("example.org", 22), ("10.0.0.1", 2222), ("web1", 22)] {
        drop(known.check(host, port, b"key"));
        drop(known.authorities(host, port));
        drop(known.algorithms(host, port));
    }
}

/// An ssh_config file.
pub fn config(text: &str) {
    let home = Path::new("/nonexistent");
    let subject = Subject { host: "web1.example.org", local_user: "me", home };
    let mut options = Options::default();
    drop(config::read_text(&mut options, &subject, text));
}
