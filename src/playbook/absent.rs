//! Modules that exist, but not in rprov: those for systems and services rprov does not know.
//!
//! A role for several systems names them behind conditions (`when: ansible_os_family == "RedHat"`)
//! that never hold on the hosts at hand, so a task with one of them is an error only if a host
//! reaches it. Without a condition it is an error before the first connection, like any other
//! unknown module.

use std::path::{Path, PathBuf};

use rprov_modules::kit::{Node, nearest};

use super::collections::Named;
use super::load::Load;
use super::{Chain, keywords, task};
use crate::source::Diagnostic;

/// What the names of modules for other systems and services begin with.
const FAMILIES: &[&str] = &[
    "aws_",
    "azure_rm_",
    "bigip_",
    "cloudformation",
    "cloudfront_",
    "consul_",
    "digital_ocean",
    "docker_",
    "ec2_",
    "ecs_",
    "eos_",
    "foreman_",
    "gce_",
    "gcp_",
    "gitlab_",
    "grafana_",
    "hcloud_",
    "iam_",
    "influxdb_",
    "ios_",
    "ipa_",
    "junos_",
    "k8s_",
    "keycloak_",
    "ldap_",
    "lxd_",
    "mongodb_",
    "mysql_",
    "nxos_",
    "openssl_",
    "os_",
    "ovirt_",
    "postgresql_",
    "proxmox",
    "proxysql_",
    "rabbitmq_",
    "rax",
    "rds_",
    "route53",
    "s3_",
    "vmware_",
    "vyos_",
    "win_",
    "x509_",
    "zabbix_",
];

/// How far above a playbook its project may keep modules of its own.
const ABOVE: usize = 3;

/// Short names. With a collection before it (`community.general.pacman`) any name may exist.
const KNOWN: &[&str] = &[
    "aix_inittab",
    "apk",
    "apt_rpm",
    "apt_rpm_repository",
    "archive",
    "beadm",
    "bower",
    "bundler",
    "campfire",
    "chocolatey",
    "composer",
    "consul",
    "copr",
    "cpanm",
    "cronvar",
    "datadog_event",
    "dconf",
    "dnf",
    "dnf5",
    "dnf_versionlock",
    "docker_container",
    "docker_image",
    "docker_login",
    "docker_network",
    "docker_volume",
    "ec2",
    "ec2_instance",
    "elasticsearch_plugin",
    "expect",
    "facter",
    "filesystem",
    "firewalld",
    "flatpak",
    "gconftool2",
    "gem",
    "github_release",
    "gluster_volume",
    "grafana_dashboard",
    "haproxy",
    "helm",
    "hg",
    "hipchat",
    "homebrew",
    "homebrew_cask",
    "htpasswd",
    "installp",
    "interfaces_file",
    "ipify_facts",
    "ipinfoio_facts",
    "iptables",
    "irc",
    "java_cert",
    "jboss",
    "jenkins_plugin",
    "jira",
    "k8s",
    "kernel_blacklist",
    "kibana_plugin",
    "launchd",
    "librato_annotation",
    "logentries",
    "lvg",
    "lvol",
    "lxc_container",
    "macports",
    "mail",
    "make",
    "matrix",
    "mattermost",
    "maven_artifact",
    "memset_zone",
    "mongodb_user",
    "monit",
    "mssql_db",
    "mysql_db",
    "mysql_user",
    "nagios",
    "netplan",
    "newrelic_deployment",
    "nmcli",
    "nosh",
    "ohai",
    "openbsd_pkg",
    "openssl_certificate",
    "openssl_csr",
    "openssl_dhparam",
    "openssl_privatekey",
    "opkg",
    "osx_defaults",
    "pacman",
    "pacman_key",
    "pagerduty",
    "parted",
    "patch",
    "pear",
    "pkg5",
    "pkgin",
    "pkgng",
    "pkgutil",
    "portage",
    "portinstall",
    "rabbitmq_user",
    "redhat_subscription",
    "rhn_channel",
    "rhn_register",
    "rhsm_release",
    "rhsm_repository",
    "rollbar_deployment",
    "rpm_key",
    "runit",
    "seboolean",
    "sefcontext",
    "selinux",
    "selinux_permissive",
    "sensu_check",
    "seport",
    "slack",
    "snap",
    "snap_alias",
    "sorcery",
    "statusio_maintenance",
    "subversion",
    "svc",
    "svr4pkg",
    "swdepot",
    "swupd",
    "synchronize",
    "sysrc",
    "telegram",
    "terraform",
    "ufw",
    "urpmi",
    "virt",
    "virt_net",
    "virt_pool",
    "vmware_guest",
    "vsphere_guest",
    "xattr",
    "xbps",
    "xfs_quota",
    "xml",
    "yarn",
    "yum",
    "yum_repository",
    "yum_versionlock",
    "zabbix_host",
    "zfs",
    "zfs_facts",
    "zypper",
    "zypper_repository",
];

/// Whether a module of this name exists somewhere else. Ansible's own collections are known
/// entirely; a name in another one cannot be told from a typing error.
pub(crate) fn exists_elsewhere(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [short] | ["ansible", "builtin" | "legacy", short] => {
            KNOWN.contains(short)
                || (FAMILIES.iter().any(|family| short.starts_with(family))
                    && near(short).is_none())
        }
        [_, _, ..] => parts.len() >= 3 && parts.iter().all(|part| !part.is_empty()),
        [] => false,
    }
}

/// A module of ours that may have been meant.
fn near(short: &str) -> Option<&'static str> {
    nearest(short, task::known_actions())
}

impl Load<'_> {
    /// The file of a module that the project brings along: in `library/` of the role or of one before it,
    /// beside the playbook or a little above.
    pub(super) fn library(&self, name: &str, chain: &Chain) -> Option<PathBuf> {
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.is_empty() {
            return None;
        }
        let playbook_dir = std::path::absolute(self.playbook_dir.join(".")).ok()?;
        let roles = chain.role.iter().chain(&self.roles).map(|role| role.path.as_path());
        roles.chain(playbook_dir.ancestors().take(ABOVE)).find_map(|dir| {
            let file = dir.join("library").join(name);
            [file.with_extension("py"), file].into_iter().find(|file| file.is_file())
        })
    }

    /// What to say of a key of a task that is neither a keyword nor a module of ours.
    pub(super) fn unknown(&self, name: &str, key: &Node, place: u8, chain: &Chain) -> Diagnostic {
        let short = name.rsplit('.').next().unwrap_or(name);
        let ours =
            |name: &Named<'_>| matches!(name.collection, "ansible.builtin" | "ansible.legacy");
        let of_collection = Named::new(name).is_some_and(|named| !ours(&named));
        let brought = self.library(name, chain);
        if of_collection || brought.is_some() || exists_elsewhere(name) {
            let error = Diagnostic::error(format!("rprov has no module `{name}`"))
                .kind("unsupported")
                .at(key.span, "not one of rprov's");
            let error = match brought.as_deref().map(plain) {
                Some(path) => error.note(format!("`{}` is not run here", path.display())),
                None if of_collection => error.note("rprov runs no modules of collections"),
                None => error,
            };
            let known = KNOWN.contains(&short);
            return match near(short).filter(|near| *near != short && !known) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(
                    "README lists the modules there are; behind a `when` it concerns only hosts that reach it",
                ),
            };
        }
        let error = Diagnostic::error(format!("there is no module or keyword `{name}`"))
            .kind("unknown-module")
            .at(key.span, "unknown");
        match near(short).or_else(|| keywords::suggestion(short, place)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help("README lists the modules there are"),
        }
    }
}

/// A path from the working directory.
fn plain(path: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::exists_elsewhere;

    #[test]
    fn typing_errors_are_not_modules_of_elsewhere() {
        assert!(exists_elsewhere("yum") && exists_elsewhere("ansible.builtin.dnf"));
        assert!(exists_elsewhere("community.general.pacman") && exists_elsewhere("win_copy"));
        assert!(!exists_elsewhere("cpoy") && !exists_elsewhere("ansible.builtin.cpoy"));
        assert!(exists_elsewhere("ec2_group") && exists_elsewhere("openssl_publickey"));
        assert!(!exists_elsewhere("postgresql_uesr") && !exists_elsewhere("mysqldb"));
        assert!(!exists_elsewhere("yum.") && !exists_elsewhere("a..b") && !exists_elsewhere(""));
    }
}
