//! Modules that exist, but not in rprov: those for systems and services rprov does not know.
//!
//! A role for several systems names them behind conditions (`when: ansible_os_family == "RedHat"`)
//! that never hold on the hosts at hand, so a task with one of them is an error only if a host
//! reaches it. Without a condition it is an error before the first connection, like any other
//! unknown module.

/// Short names. With a collection before it (`community.general.pacman`) any name may exist.
const KNOWN: &[&str] = &[
    "apk",
    "apt_rpm",
    "apt_rpm_repository",
    "aix_inittab",
    "bower",
    "bundler",
    "chocolatey",
    "composer",
    "consul",
    "copr",
    "cpanm",
    "dconf",
    "dnf",
    "dnf5",
    "docker_container",
    "docker_image",
    "docker_login",
    "docker_network",
    "docker_volume",
    "ec2",
    "ec2_instance",
    "firewalld",
    "flatpak",
    "gem",
    "grafana_dashboard",
    "homebrew",
    "homebrew_cask",
    "htpasswd",
    "installp",
    "iptables",
    "java_cert",
    "jenkins_plugin",
    "k8s",
    "kernel_blacklist",
    "launchd",
    "lvg",
    "lvol",
    "macports",
    "make",
    "maven_artifact",
    "mongodb_user",
    "monit",
    "mysql_db",
    "mysql_user",
    "netplan",
    "nmcli",
    "openbsd_pkg",
    "openssl_certificate",
    "openssl_csr",
    "openssl_dhparam",
    "openssl_privatekey",
    "opkg",
    "pacman",
    "pacman_key",
    "parted",
    "pear",
    "pkg5",
    "pkgin",
    "pkgng",
    "pkgutil",
    "portage",
    "portinstall",
    "rabbitmq_user",
    "redhat_subscription",
    "rhn_register",
    "rhsm_release",
    "rhsm_repository",
    "rpm_key",
    "runit",
    "seboolean",
    "sefcontext",
    "selinux",
    "selinux_permissive",
    "seport",
    "snap",
    "snap_alias",
    "sorcery",
    "subversion",
    "svc",
    "svr4pkg",
    "swdepot",
    "swupd",
    "sysrc",
    "telegram",
    "ufw",
    "urpmi",
    "vmware_guest",
    "xattr",
    "xbps",
    "xfs_quota",
    "yarn",
    "yum",
    "yum_repository",
    "yum_versionlock",
    "zabbix_host",
    "zfs",
    "zypper",
    "zypper_repository",
];

/// Whether a module of this name exists somewhere else. Ansible's own collections are known
/// entirely; a name in another one cannot be told from a typing error.
pub(super) fn exists_elsewhere(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [short] | ["ansible", "builtin" | "legacy", short] => {
            KNOWN.contains(short) || short.starts_with("win_")
        }
        [_, _, ..] => parts.len() >= 3 && parts.iter().all(|part| !part.is_empty()),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::exists_elsewhere;

    #[test]
    fn typing_errors_are_not_modules_of_elsewhere() {
        assert!(exists_elsewhere("yum") && exists_elsewhere("ansible.builtin.dnf"));
        assert!(exists_elsewhere("community.general.pacman") && exists_elsewhere("win_copy"));
        assert!(!exists_elsewhere("cpoy") && !exists_elsewhere("ansible.builtin.cpoy"));
        assert!(!exists_elsewhere("yum.") && !exists_elsewhere("a..b") && !exists_elsewhere(""));
    }
}
