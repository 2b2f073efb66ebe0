//! Filters, tests and lookups of collections that playbooks commonly use.
//!
//! Each has its full name; where ansible-core leads a short name to it, it has that one too.

mod address;
mod hardware;
mod keys;
mod lists;
mod network;
mod path;
mod query;
mod table;
mod text;
mod units;

use std::sync::LazyLock;

use super::call::Body;

/// Rows of names and bodies, each under all of the prefixes.
type Rows = &'static [(&'static [&'static str], &'static [(&'static str, Body)])];

/// The full name, the plain one, and what it does.
pub(super) type Named = (String, &'static str, Body);

const GENERAL: &[&str] = &["community.general."];
const UTILS: &[&str] = &["ansible.utils."];
/// With a short name, from the time when they were part of Ansible itself.
const MOVED: &[&str] = &["community.general.", ""];
const NETWORK: &[&str] = &["ansible.utils.", "ansible.netcommon.", ""];

const FILTER_ROWS: Rows = &[
    (MOVED, query::FILTERS),
    (MOVED, hardware::MOVED),
    (GENERAL, keys::GENERAL),
    (GENERAL, lists::FILTERS),
    (GENERAL, table::FILTERS),
    (GENERAL, text::FILTERS),
    (GENERAL, units::FILTERS),
    (NETWORK, network::FILTERS),
    (NETWORK, hardware::FILTERS),
    (UTILS, keys::UTILS),
    (UTILS, path::FILTERS),
];

const TEST_ROWS: Rows = &[(UTILS, network::TESTS), (UTILS, hardware::TESTS)];

fn expanded(rows: Rows) -> Vec<Named> {
    let mut all = Vec::new();
    for (prefixes, list) in rows {
        for prefix in *prefixes {
            all.extend(list.iter().map(|(name, body)| (format!("{prefix}{name}"), *name, *body)));
        }
    }
    all
}

pub(super) static FILTERS: LazyLock<Vec<Named>> = LazyLock::new(|| expanded(FILTER_ROWS));
pub(super) static TESTS: LazyLock<Vec<Named>> = LazyLock::new(|| expanded(TEST_ROWS));

/// Lookups of collections that ask something which rprov cannot reach.
pub(super) const UNREACHABLE: &[(&str, &str)] = &[
    ("bitwarden", "needs the program `bw`; call it with the lookup `pipe`"),
    ("consul_kv", "needs a Consul server; ask it with the lookup `url`"),
    ("dig", "needs a name server; call `dig` or `getent` with the lookup `pipe`"),
    ("dnstxt", "needs a name server; call `dig` with the lookup `pipe`"),
    ("etcd", "needs an etcd server; ask it with the lookup `url`"),
    ("etcd3", "needs an etcd server; ask it with the lookup `url`"),
    ("hiera", "needs the program `hiera`; call it with the lookup `pipe`"),
    ("keyring", "needs a desktop's key ring; keep the secret in a vault"),
    ("lastpass", "needs the program `lpass`; call it with the lookup `pipe`"),
    ("onepassword", "needs the program `op`; call it with the lookup `pipe`"),
    ("passwordstore", "needs the program `pass`; call it with the lookup `pipe`"),
    ("redis", "needs a Redis server; call `redis-cli` with the lookup `pipe`"),
];
