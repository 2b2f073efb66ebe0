//! Facts about the system that are gathered one by one: user, time, managers, security.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::platform;
use super::sections::{Sections, set};
use crate::kit::{Facts, PackageManager};

/// What one collector finds.
pub(super) fn gather(
    collector: &str,
    sections: &Sections<'_>,
    facts: &Facts,
    found: &mut Map<String, Value>,
) {
    let misc = sections.pairs("misc");
    let get = |key: &str| misc.get(key).copied().unwrap_or_default();
    match collector {
        "apparmor" => {
            let status = if get("apparmor").is_empty() { "disabled" } else { "enabled" };
            set(found, "apparmor", json!({ "status": status }));
        }
        "caps" => capabilities(get("caps"), found),
        "chroot" => set(found, "is_chroot", get("chroot") == "yes"),
        "cmdline" => kernel_line(sections.text("cmdline"), found),
        "date_time" => date_time(sections, found),
        "dns" => set(found, "dns", dns(sections.text("resolv.conf"))),
        "env" => set(found, "env", environment(sections.text("env"))),
        "fibre_channel_wwn" => {
            let ports = sections.text("fibre").lines().filter_map(|line| line.strip_prefix("wwn="));
            let names: Vec<&str> = ports.map(|name| name.trim_start_matches("0x")).collect();
            set(found, "fibre_channel_wwn", names);
        }
        "fips" => set(found, "fips", get("fips") == "1"),
        "iscsi" => {
            set(found, "iscsi_iqn", get("iscsi").trim_start_matches("InitiatorName="));
        }
        "loadavg" => {
            let loads: Vec<f64> =
                get("loadavg").split(' ').take(3).filter_map(|n| n.parse().ok()).collect();
            if let [one, five, fifteen] = loads[..] {
                set(found, "loadavg", json!({ "1m": one, "5m": five, "15m": fifteen }));
            }
        }
        "lsb" => set(found, "lsb", lsb(sections)),
        "nvme" => set(found, "hostnqn", get("nvme")),
        "pkg_mgr" => set(
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
        ),
        "python" => python(sections, found),
        "selinux" => selinux(&misc, found),
        "service_mgr" => set(found, "service_mgr", service_manager(sections, get("init"))),
        "ssh_pub_keys" => {
            for (kind, line) in sections.pairs("ssh") {
                let mut words = line.split(' ');
                if let (Some(keytype), Some(key)) = (words.next(), words.next()) {
                    set(found, &format!("ssh_host_key_{kind}_public"), key);
                    set(found, &format!("ssh_host_key_{kind}_public_keytype"), keytype);
                }
            }
        }
        "systemd" => systemd(get("systemd"), found),
        "user" => user(sections, facts, found),
        // `facter` and `ohai` are programs of their own.
        _ => {}
    }
}

/// `=ep cap_x,cap_y-ep`, as capsh prints what is in force.
fn capabilities(current: &str, found: &mut Map<String, Value>) {
    if current.is_empty() {
        return;
    }
    let enforced = if current == "=ep" { "False" } else { "True" };
    let list = current.split_once('=').map_or("", |(_, list)| list);
    let list: Vec<&str> = list.split(',').map(str::trim).collect();
    set(found, "system_capabilities", if enforced == "True" { list } else { Vec::new() });
    set(found, "system_capabilities_enforced", enforced);
}

/// The kernel's command line; in the second form words that are repeated are a list.
fn kernel_line(text: &str, found: &mut Map<String, Value>) {
    let (mut last, mut every) = (Map::new(), Map::new());
    for word in text.split_whitespace() {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Value::from(value.trim_matches('"'))),
            None => (word, Value::from(true)),
        };
        last.insert(key.to_owned(), value.clone());
        match every.get_mut(key) {
            None => drop(every.insert(key.to_owned(), value)),
            Some(Value::Array(list)) => list.push(value),
            Some(one) => *one = json!([one.clone(), value]),
        }
    }
    set(found, "cmdline", last);
    set(found, "proc_cmdline", every);
}

fn selinux(misc: &BTreeMap<&str, &str>, found: &mut Map<String, Value>) {
    let mode = match misc.get("selinux").copied() {
        Some("1") => Some("enforcing"),
        Some("0") => Some("permissive"),
        _ => None,
    };
    let mut selinux = Map::new();
    set(&mut selinux, "status", if mode.is_some() { "enabled" } else { "disabled" });
    if let Some(mode) = mode {
        set(&mut selinux, "mode", mode);
        for (name, key) in [
            ("policyvers", "selinux_policy"),
            ("config_mode", "config_SELINUX"),
            ("type", "config_SELINUXTYPE"),
        ] {
            let value = misc.get(key).copied().unwrap_or("unknown");
            match value.parse::<u64>() {
                Ok(number) => set(&mut selinux, name, number),
                Err(_) => set(&mut selinux, name, value),
            }
        }
    }
    set(found, "selinux", selinux);
    set(found, "selinux_python_present", misc.contains_key("libselinux"));
}

/// The first process where it is a service manager, or else what stands on the disk.
fn service_manager(sections: &Sections<'_>, init: &str) -> String {
    let first = init.rsplit('/').next().unwrap_or_default();
    match first {
        "procd" => return "openwrt_init".into(),
        "runit-init" => return "runit".into(),
        "svscan" => return "svc".into(),
        "openrc-init" => return "openrc".into(),
        "" | "init" => {}
        shell if shell.ends_with("sh") => {}
        other => return other.into(),
    }
    let has = |path: &str| sections.text("misc").lines().any(|line| line == format!("has={path}"));
    match () {
        () if has("/sbin/openrc") => "openrc",
        () if has("/etc/init.d") => "sysvinit",
        () => "service",
    }
    .into()
}

fn systemd(said: &str, found: &mut Map<String, Value>) {
    let mut words = said.split_whitespace();
    if let (Some("systemd"), Some(version)) = (words.next(), words.next()) {
        let features = said.split_once(") ").map_or("", |(_, features)| features.trim());
        let version: u64 = version.parse().unwrap_or_default();
        set(found, "systemd", json!({ "version": version, "features": features }));
    }
}

fn python(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let words = platform::python(sections);
    let [executable, major, minor, micro, level, serial, kind] = words[..] else { return };
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    let (a, b, c, s) = (number(major), number(minor), number(micro), number(serial));
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
    // What the session itself sets is not the user's.
    let own = |name: &str| name.starts_with("__") || matches!(name, "LC_ALL" | "OLDPWD");
    let all = all.into_iter().filter(|(name, _)| !own(name));
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
