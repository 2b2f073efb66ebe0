//! Facts about the system: distribution, names, user, time, virtualization, local facts.

use serde_json::{Map, Value, json};

use super::sections::{Sections, set};
use crate::kit::{Facts, PackageManager, ServiceManager};

pub(super) fn gather(sections: &Sections<'_>, facts: &Facts, found: &mut Map<String, Value>) {
    distribution(sections, found);
    platform(sections, facts, found);
    user(sections, facts, found);
    date_time(sections, found);
    let words = sections.text("cmdline").split_whitespace();
    let cmdline: Map<String, Value> = words
        .map(|word| match word.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.into()),
            None => (word.to_owned(), true.into()),
        })
        .collect();
    set(found, "cmdline", cmdline.clone());
    set(found, "proc_cmdline", cmdline);
    set(found, "dns", dns(sections.text("resolv.conf")));
    set(found, "env", environment(sections.text("env")));
    for (kind, line) in sections.pairs("ssh") {
        let mut words = line.split(' ');
        if let (Some(keytype), Some(key)) = (words.next(), words.next()) {
            set(found, &format!("ssh_host_key_{kind}_public"), key);
            set(found, &format!("ssh_host_key_{kind}_public_keytype"), keytype);
        }
    }
    set(found, "lsb", lsb(sections));
    let local: Map<String, Value> = sections
        .starting("fact ")
        .map(|(name, text)| (name.to_owned(), local_fact(name, text.trim())))
        .collect();
    set(found, "local", local);
}

fn distribution(sections: &Sections<'_>, found: &mut Map<String, Value>) {
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

fn platform(sections: &Sections<'_>, facts: &Facts, found: &mut Map<String, Value>) {
    let mut lines = sections.text("uname").lines();
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [system, node, kernel, machine] = words[..] else { return };
    let misc = sections.pairs("misc");
    let get = |key: &str| misc.get(key).copied().unwrap_or_default();
    let short = node.split('.').next().unwrap_or(node);
    let fqdn = if get("fqdn").is_empty() { node } else { get("fqdn") };
    let architecture = match machine {
        "i486" | "i586" | "i686" => "i386",
        other => other,
    };
    let bits = match machine {
        m if m.contains("64") || m == "s390x" => "64",
        _ => "32",
    };
    set(found, "system", system);
    set(found, "kernel", kernel);
    set(found, "kernel_version", lines.next().unwrap_or_default());
    set(found, "machine", machine);
    set(found, "architecture", architecture);
    set(found, "userspace_architecture", architecture);
    set(found, "userspace_bits", bits);
    set(found, "nodename", node);
    set(found, "hostname", short);
    set(found, "fqdn", fqdn);
    set(found, "domain", fqdn.split_once('.').map_or("", |(_, domain)| domain));
    set(found, "machine_id", get("machine_id"));
    set(found, "fips", get("fips") == "1");
    set(found, "is_chroot", get("chroot") == "yes");
    set(
        found,
        "apparmor",
        json!({
            "status": if get("apparmor").is_empty() { "disabled" } else { "enabled" },
        }),
    );
    set(
        found,
        "selinux",
        match get("selinux") {
            "1" => json!({ "status": "enabled", "mode": "enforcing" }),
            "0" => json!({ "status": "enabled", "mode": "permissive" }),
            _ => json!({ "status": "disabled" }),
        },
    );
    set(
        found,
        "pkg_mgr",
        match facts.system.package_manager {
            Some(PackageManager::Apt) => "apt",
            Some(PackageManager::Dnf) => "dnf",
            Some(PackageManager::Apk) => "apk",
            Some(PackageManager::Zypper) => "zypper",
            Some(PackageManager::Pacman) => "pacman",
            None => "unknown",
        },
    );
    set(
        found,
        "service_mgr",
        match (facts.system.service_manager, get("init")) {
            (ServiceManager::Systemd, _) => "systemd",
            (ServiceManager::OpenRc, _) => "openrc",
            (ServiceManager::SysV, "runit-init" | "runit") => "runit",
            (ServiceManager::SysV, _) => "sysvinit",
        },
    );
    let mut words = get("systemd").split_whitespace();
    if let (Some("systemd"), Some(version)) = (words.next(), words.next()) {
        let features = get("systemd").split_once(") ").map_or("", |(_, features)| features.trim());
        let version: u64 = version.parse().unwrap_or_default();
        set(found, "systemd", json!({ "version": version, "features": features }));
    }
    let words: Vec<&str> = get("python").split(' ').collect();
    if let [executable, major, minor, micro, level, serial, kind] = words[..] {
        let number = |text: &str| text.parse::<u64>().unwrap_or_default();
        let (a, b, c, s) = (number(major), number(minor), number(micro), number(serial));
        set(found, "python_version", format!("{major}.{minor}.{micro}"));
        set(
            found,
            "python",
            json!({
                "executable": executable,
                "type": kind,
                "version": { "major": a, "minor": b, "micro": c, "releaselevel": level, "serial": s },
                "version_info": [a, b, c, level, s],
                "has_sslcontext": true,
            }),
        );
    }
}

fn user(sections: &Sections<'_>, facts: &Facts, found: &mut Map<String, Value>) {
    let misc = sections.pairs("misc");
    let get = |key: &str| misc.get(key).copied().unwrap_or_default();
    let fields: Vec<&str> = get("passwd").split(':').collect();
    let field =
        |index: usize, default: &str| fields.get(index).copied().unwrap_or(default).to_owned();
    set(found, "user_id", field(0, &facts.user));
    set(found, "user_uid", facts.uid);
    set(found, "user_gid", facts.gid);
    set(found, "user_gecos", field(4, ""));
    set(found, "user_dir", field(5, &facts.home));
    set(found, "user_shell", field(6, ""));
    let names = ["effective_user_id", "real_user_id", "effective_group_id", "real_group_id"];
    for (name, id) in names.into_iter().zip(get("ids").split(' ')) {
        set(found, name, id.parse::<u64>().unwrap_or_default());
    }
}

fn date_time(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let mut lines = sections.text("date").lines();
    let local: Vec<&str> = lines.next().unwrap_or_default().split('|').collect();
    let [year, month, day, hour, minute, second, epoch, weekday, number, week, tz, offset] =
        local[..]
    else {
        return;
    };
    let (utc, nanos) = lines.next().and_then(|line| line.split_once('|')).unwrap_or_default();
    // Busybox knows no `%N`.
    let micros =
        nanos.get(..6).filter(|n| n.bytes().all(|b| b.is_ascii_digit())).unwrap_or("000000");
    set(
        found,
        "date_time",
        json!({
            "year": year, "month": month, "day": day, "hour": hour, "minute": minute, "second": second,
            "weekday": weekday, "weekday_number": number, "weeknumber": week,
            "date": format!("{year}-{month}-{day}"), "time": format!("{hour}:{minute}:{second}"),
            "epoch": epoch, "epoch_int": epoch, "tz": tz, "tz_dst": tz, "tz_offset": offset,
            "iso8601": format!("{utc}Z"), "iso8601_micro": format!("{utc}.{micros}Z"),
            "iso8601_basic": format!("{year}{month}{day}T{hour}{minute}{second}{micros}"),
            "iso8601_basic_short": format!("{year}{month}{day}T{hour}{minute}{second}"),
        }),
    );
}

fn dns(text: &str) -> Value {
    let mut dns = Map::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let key = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        match key {
            "nameserver" => {
                let list = dns.entry("nameservers").or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.extend(rest.iter().map(|server| Value::from(*server)));
                }
            }
            "domain" => set(&mut dns, "domain", rest.first().copied().unwrap_or_default()),
            "search" | "sortlist" => set(&mut dns, key, rest),
            "options" => {
                let option = |word: &&str| match word.split_once(':') {
                    Some((key, value)) => (key.to_owned(), value.into()),
                    None => (word.to_string(), true.into()),
                };
                set(&mut dns, "options", rest.iter().map(option).collect::<Map<String, Value>>());
            }
            _ => {}
        }
    }
    dns.into()
}

/// `NAME=VALUE` lines; what is no such line belongs to the value before.
fn environment(text: &str) -> Value {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let name = line.split_once('=').filter(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        match (name, all.last_mut()) {
            (Some((name, value)), _) => all.push((name.into(), value.into())),
            (None, Some((_, value))) => *value += &format!("\n{line}"),
            (None, None) => {}
        }
    }
    if let Some((_, value)) = all.last_mut() {
        value.truncate(value.trim_end_matches('\n').len());
    }
    let all = all.into_iter().filter(|(name, _)| !name.starts_with("__"));
    all.map(|(name, value)| (name, value.into())).collect::<Map<String, Value>>().into()
}

fn lsb(sections: &Sections<'_>) -> Value {
    let mut lsb = Map::new();
    let names = [
        ("Distributor ID", "DISTRIB_ID", "id"),
        ("Description", "DISTRIB_DESCRIPTION", "description"),
        ("Release", "DISTRIB_RELEASE", "release"),
        ("Codename", "DISTRIB_CODENAME", "codename"),
    ];
    let file = sections.pairs("lsb-release");
    for (printed, written, name) in names {
        let said = sections.text("lsb").lines().find_map(|line| {
            Some(line.strip_prefix(printed)?.trim_start().strip_prefix(':')?.trim())
        });
        if let Some(value) = said.or_else(|| file.get(written).copied()) {
            set(&mut lsb, name, value);
        }
    }
    if let Some(release) = lsb.get("release").and_then(Value::as_str) {
        let major = release.split('.').next().unwrap_or_default().to_owned();
        set(&mut lsb, "major_release", major);
    }
    lsb.into()
}

fn local_fact(name: &str, text: &str) -> Value {
    if text.contains("@@failed ") {
        return format!("Failure executing fact script ({name}.fact)").into();
    }
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    let mut sections: Map<String, Value> = Map::new();
    let mut current = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.entry(section).or_insert_with(|| json!({}));
            current = Some(section);
            continue;
        }
        let pair = line.split_once(['=', ':']);
        match (pair, current.and_then(|section: &str| sections.get_mut(section))) {
            (Some((key, value)), Some(Value::Object(section))) => {
                section.insert(key.trim().to_lowercase(), value.trim().into());
            }
            _ => {
                let why = "error loading facts as JSON or ini - please check content";
                return format!("{why}: {name}.fact").into();
            }
        }
    }
    sections.into()
}

pub(super) fn gather_virtual(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let said = sections.pairs("virtual");
    let get = |key: &str| said.get(key).copied().unwrap_or_default();
    let detected = match get("detected") {
        "" | "none" if !get("container").is_empty() => get("container"),
        "" | "none" if !get("dockerenv").is_empty() => "docker",
        "" | "none" if !get("containerenv").is_empty() => "podman",
        "" if get("product").contains("VirtualBox") => "oracle",
        "" if get("product").contains("VMware") => "vmware",
        "" if get("vendor").contains("Microsoft") => "microsoft",
        "" if get("vendor").contains("QEMU") || get("product").contains("KVM") => "kvm",
        "" if get("vendor").contains("Amazon") => "amazon",
        "" if !get("xen").is_empty() => "xen",
        "" if !get("hypervisor").is_empty() => "kvm",
        detected => detected,
    };
    let (kind, role) = match detected {
        "" | "none" if !get("kvm").is_empty() => ("kvm", "host"),
        "" | "none" => ("NA", "NA"),
        "systemd-nspawn" | "container-other" => ("container", "guest"),
        "lxc-libvirt" => ("lxc", "guest"),
        "oracle" => ("virtualbox", "guest"),
        "vmware" => ("VMware", "guest"),
        "microsoft" => ("VirtualPC", "guest"),
        "qemu" | "amazon" | "google" => ("kvm", "guest"),
        other => (other, "guest"),
    };
    set(found, "virtualization_type", kind);
    set(found, "virtualization_role", role);
    let guest = match (role, detected) {
        ("guest", "systemd-nspawn") => vec!["systemd-nspawn", "container"],
        ("guest", "docker" | "podman" | "lxc") => vec![kind, "container"],
        ("guest", _) => vec![kind],
        _ => vec![],
    };
    set(found, "virtualization_tech_guest", guest);
    let host = if get("kvm").is_empty() { vec![] } else { vec!["kvm"] };
    set(found, "virtualization_tech_host", host);
}
