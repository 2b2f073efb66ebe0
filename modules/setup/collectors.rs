//! What can be gathered apart from the rest, and what `gather_subset` chooses of it.

use std::collections::BTreeSet;

use crate::kit::{Refusal, Result};

/// Something that is gathered as one.
struct Collector {
    name: &'static str,
    /// Other names in `gather_subset`.
    also: &'static [&'static str],
    /// It is gathered with these.
    needs: &'static [&'static str],
    /// Always gathered, unless there is `!min`.
    minimal: bool,
}

const fn minimal(
    name: &'static str,
    also: &'static [&'static str],
    needs: &'static [&'static str],
) -> Collector {
    Collector { name, also, needs, minimal: true }
}

const fn further(
    name: &'static str,
    also: &'static [&'static str],
    needs: &'static [&'static str],
) -> Collector {
    Collector { name, also, needs, minimal: false }
}

const COLLECTORS: [Collector; 28] = [
    minimal("distribution", DISTRIBUTION, &[]),
    minimal("platform", PLATFORM, &[]),
    minimal("apparmor", &[], &[]),
    minimal("caps", &["system_capabilities", "system_capabilities_enforced"], &[]),
    minimal("cmdline", &[], &[]),
    minimal("date_time", &[], &[]),
    minimal("dns", &[], &[]),
    minimal("env", &[], &[]),
    minimal("fips", &[], &[]),
    minimal("local", &[], &[]),
    minimal("lsb", &[], &[]),
    minimal("pkg_mgr", &[], &["distribution"]),
    minimal("python", &[], &[]),
    minimal("selinux", &[], &[]),
    minimal("service_mgr", &[], &["distribution", "platform"]),
    minimal("ssh_pub_keys", SSH_KEYS, &[]),
    minimal("user", USER, &[]),
    further("chroot", &["is_chroot"], &[]),
    further("facter", &[], &[]),
    further("fibre_channel_wwn", &[], &[]),
    further(
        "hardware",
        &["devices", "mounts", "processor", "processor_cores", "processor_count"],
        &["platform"],
    ),
    further("iscsi", &[], &[]),
    further("loadavg", &[], &[]),
    further("network", NETWORK, &["distribution", "platform"]),
    further("nvme", &[], &[]),
    further("ohai", &[], &[]),
    further("systemd", &[], &[]),
    further("virtual", VIRTUAL, &[]),
];

const DISTRIBUTION: &[&str] =
    &["distribution_version", "distribution_release", "distribution_major_version", "os_family"];
const PLATFORM: &[&str] = &[
    "system",
    "kernel",
    "kernel_version",
    "machine",
    "python_version",
    "architecture",
    "machine_id",
];
const SSH_KEYS: &[&str] = &[
    "ssh_host_pub_keys",
    "ssh_host_key_dsa_public",
    "ssh_host_key_rsa_public",
    "ssh_host_key_ecdsa_public",
    "ssh_host_key_ed25519_public",
];
const USER: &[&str] = &[
    "user_id",
    "user_uid",
    "user_gid",
    "user_gecos",
    "user_dir",
    "user_shell",
    "real_user_id",
    "effective_user_id",
    "effective_group_ids",
];
const NETWORK: &[&str] =
    &["interfaces", "default_ipv4", "default_ipv6", "all_ipv4_addresses", "all_ipv6_addresses"];
const VIRTUAL: &[&str] = &[
    "virtualization_type",
    "virtualization_role",
    "virtualization_tech_guest",
    "virtualization_tech_host",
];

/// The names of the collectors that `gather_subset` wants, in a fixed order.
///
/// What is named without `!` is wanted in any case; `min` belongs to every choice that does not
/// say `!min`; without any name everything is wanted.
pub(super) fn chosen(given: &[String]) -> Result<Vec<&'static str>> {
    let minimal = || COLLECTORS.iter().filter(|c| c.minimal).map(|c| c.name);
    let all =
        || COLLECTORS.iter().flat_map(|c| std::iter::once(c.name).chain(c.also.iter().copied()));
    let mut wanted: BTreeSet<&str> = minimal().collect();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut unwanted: BTreeSet<&str> = BTreeSet::new();
    if given.is_empty() {
        wanted.extend(all());
    }
    for word in given {
        match (word.strip_prefix('!'), word.as_str()) {
            (Some("min"), _) => unwanted.extend(minimal()),
            (Some("all"), _) => {
                let least: BTreeSet<&str> = minimal().collect();
                unwanted.extend(all().filter(|name| !least.contains(name)));
            }
            (Some(name), _) => {
                unwanted.insert(name);
                for collector in COLLECTORS.iter().filter(|c| c.name == name) {
                    unwanted.extend(collector.also);
                }
            }
            (None, "min") => wanted.extend(minimal()),
            (None, "all") => wanted.extend(all()),
            (None, name) if all().any(|known| known == name) => {
                named.insert(name);
                wanted.insert(name);
            }
            (None, name) => {
                let known: BTreeSet<&str> = all().chain(["all"]).collect();
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                return Err(Refusal::new(format!(
                    "Bad subset '{name}' given to Ansible. gather_subset options allowed: {known}"
                )));
            }
        }
    }
    let wanted: BTreeSet<&str> = wanted
        .into_iter()
        .filter(|name| named.contains(name) || !unwanted.contains(name))
        .collect();
    let asked =
        |c: &&Collector| wanted.contains(c.name) || c.also.iter().any(|name| wanted.contains(name));
    let needed: BTreeSet<&str> =
        COLLECTORS.iter().filter(asked).flat_map(|c| c.needs.iter().copied()).collect();
    let all = COLLECTORS.iter();
    Ok(all.filter(|c| asked(c) || needed.contains(c.name)).map(|c| c.name).collect())
}
