//! Facts about the distribution, from its release files.

use serde_json::{Map, Value};

use super::sections::{Sections, set};

pub(super) fn gather(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let release = sections.pairs("os-release");
    let get = |key: &str| release.get(key).copied().unwrap_or_default();
    let (id, like) = (get("ID"), get("ID_LIKE"));
    let (name, family) = match id {
        "debian" => ("Debian", "Debian"),
        "ubuntu" => ("Ubuntu", "Debian"),
        "raspbian" => ("Debian", "Debian"),
        "linuxmint" => ("Linux Mint", "Debian"),
        "kali" => ("Kali", "Debian"),
        "devuan" => ("Devuan", "Debian"),
        "alpine" => ("Alpine", "Alpine"),
        "arch" => ("Archlinux", "Archlinux"),
        "manjaro" => ("Manjaro", "Archlinux"),
        "fedora" => ("Fedora", "RedHat"),
        "rhel" => ("RedHat", "RedHat"),
        "centos" => ("CentOS", "RedHat"),
        "rocky" => ("Rocky", "RedHat"),
        "almalinux" => ("AlmaLinux", "RedHat"),
        "amzn" => ("Amazon", "RedHat"),
        "ol" => ("OracleLinux", "RedHat"),
        "opensuse-leap" => ("openSUSE Leap", "Suse"),
        "opensuse-tumbleweed" => ("openSUSE Tumbleweed", "Suse"),
        "sles" => ("SLES", "Suse"),
        "gentoo" => ("Gentoo", "Gentoo"),
        _ => (
            get("NAME"),
            match like {
                like if like.contains("debian") || like.contains("ubuntu") => "Debian",
                like if like.contains("rhel") || like.contains("fedora") => "RedHat",
                like if like.contains("suse") => "Suse",
                like if like.contains("arch") => "Archlinux",
                _ => get("NAME"),
            },
        ),
    };
    // Debian's os-release has no point release.
    let exact = match id {
        "debian" => sections.text("debian_version").trim(),
        "alpine" => sections.text("alpine-release").trim(),
        _ => "",
    };
    let version = match exact.starts_with(|c: char| c.is_ascii_digit()) {
        true => exact,
        false => get("VERSION_ID"),
    };
    let mut numbers = version.split('.');
    let major = numbers.next().unwrap_or_default();
    let codename = match (get("VERSION_CODENAME"), id) {
        ("", "ubuntu") => get("UBUNTU_CODENAME"),
        ("", _) => {
            get("VERSION").split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'))
        }
        (codename, _) => codename,
    };
    set(found, "distribution", name);
    set(found, "distribution_version", if version.is_empty() { "NA" } else { version });
    set(found, "distribution_major_version", if major.is_empty() { "NA" } else { major });
    if let Some(minor) = numbers.next() {
        set(found, "distribution_minor_version", minor);
    }
    set(found, "distribution_release", if codename.is_empty() { "NA" } else { codename });
    set(found, "distribution_file_path", "/etc/os-release");
    set(found, "distribution_file_variety", family);
    set(found, "distribution_file_parsed", true);
    set(found, "os_family", family);
}
