//! What a shell says about itself and its host in the flight that starts it. No I/O.

use std::{collections::BTreeMap, sync::Arc};

use rprov_modules::kit::{Facts, PackageManager, ServiceManager, System};

/// What the greeting asks; about the host too, unless that is known.
pub(crate) fn script(system_known: bool) -> String {
    let system = if system_known { "" } else { include_str!("system.sh") };
    format!("{}{system}__m H", include_str!("hello.sh"))
}

/// Reads the answer. `None` if it makes no sense.
pub(crate) fn read(text: &str, known: Option<&Arc<System>>) -> Option<Facts> {
    let mut facts = Facts::default();
    let (answers, files) = text.split_once("\nrelease\n").unwrap_or((text, ""));
    let mut system = System::default();
    for line in answers.lines() {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        match name {
            "home" => facts.home = value.to_owned(),
            "id" => read_id(value, &mut facts)?,
            "uname" => {
                // In this order, whatever the order of the options.
                let mut words = value.split(' ').map(str::to_owned);
                system.hostname = words.next().unwrap_or_default();
                system.kernel = words.next().unwrap_or_default();
                system.architecture = words.next().unwrap_or_default();
            }
            "packages" => {
                system.package_manager = match value {
                    "apt-get" => Some(PackageManager::Apt),
                    "dnf" | "yum" => Some(PackageManager::Dnf),
                    "zypper" => Some(PackageManager::Zypper),
                    "apk" => Some(PackageManager::Apk),
                    "pacman" => Some(PackageManager::Pacman),
                    _ => None,
                };
            }
            "services" => {
                system.service_manager = match value {
                    "systemd" => ServiceManager::Systemd,
                    _ => ServiceManager::OpenRc,
                };
            }
            _ => {}
        }
    }
    let (release, passwd) = files.split_once("\npasswd\n").unwrap_or((files, ""));
    read_release(release, &mut system);
    system.homes = homes(passwd);
    facts.system = known.cloned().unwrap_or_else(|| Arc::new(system));
    if facts.user.is_empty() {
        facts.user = facts.uid.to_string();
    }
    if facts.home.is_empty() {
        facts.home = facts.system.homes.get(&facts.user).cloned().unwrap_or_else(|| "/".into());
    }
    Some(facts)
}

/// `uid=0(root) gid=0(root) groups=…`
fn read_id(line: &str, facts: &mut Facts) -> Option<()> {
    for field in line.split(' ') {
        let (key, value) = field.split_once('=')?;
        let (number, name) = value.split_once('(').unwrap_or((value, ""));
        match key {
            "uid" => {
                facts.uid = number.parse().ok()?;
                facts.user = name.trim_end_matches(')').to_owned();
            }
            "gid" => {
                facts.gid = number.parse().ok()?;
                return Some(());
            }
            _ => {}
        }
    }
    None
}

fn read_release(text: &str, system: &mut System) {
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        // Quoted as for a shell.
        let value = shlex::split(value).unwrap_or_default().join(" ");
        match key.trim() {
            "ID" => system.id = value,
            "ID_LIKE" => system.id_like = value.split_whitespace().map(str::to_owned).collect(),
            "VERSION_ID" => system.version = value,
            "VERSION_CODENAME" => system.codename = value,
            _ => {}
        }
    }
}

fn homes(passwd: &str) -> BTreeMap<String, String> {
    let home = |line: &str| {
        let fields = line.split(':').collect::<Vec<_>>();
        Some((fields.first()?.to_string(), fields.get(5)?.to_string()))
    };
    passwd.lines().filter_map(home).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_debian_and_alpine() {
        let text = "home /root\nid uid=0(root) gid=0(root) groups=0(root)\nuname h1 6.1.0 x86_64\n\
            packages apt-get\nservices systemd\nrelease\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n\
            VERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n\npasswd\n\
            root:x:0:0:root:/root:/bin/bash\nweb:x:33:33::/srv/web:/bin/sh\n";
        let facts = read(text, None).expect("facts");
        assert_eq!((facts.user.as_str(), facts.uid, facts.home.as_str()), ("root", 0, "/root"));
        assert_eq!(facts.system.id, "debian");
        assert_eq!(facts.system.version, "12");
        assert_eq!(facts.system.hostname, "h1");
        assert_eq!(facts.system.package_manager, Some(PackageManager::Apt));
        assert_eq!(facts.system.service_manager, ServiceManager::Systemd);
        assert_eq!(facts.expand("~web/x"), "/srv/web/x");
        assert!(read("home /\nid nonsense", None).is_none());
    }
}
