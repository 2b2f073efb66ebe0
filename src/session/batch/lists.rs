//! Packages, units and accounts: one query of the host's tool for all names.

use std::fmt::Write as _;

use rprov_modules::kit::{Answer, Ask, Group, PackageManager, Reply, Unit, User};

use super::{Given, Said, broken, words};
use crate::session::frame::Request;

/// Like asks, and where their answers stand.
#[derive(Debug)]
pub(super) enum List {
    Packages {
        manager: PackageManager,
        asks: Vec<(usize, String)>,
        frame: usize,
    },
    Units {
        asks: Vec<(usize, String)>,
        frame: usize,
    },
    /// Users and groups: two frames, the second being all groups if users are asked.
    Accounts {
        users: Vec<(usize, String)>,
        groups: Vec<(usize, String)>,
        frame: usize,
    },
}

impl List {
    pub(super) fn gather(asks: &[(usize, &Ask)]) -> Vec<List> {
        let mut packages: Vec<(PackageManager, Vec<(usize, String)>)> = Vec::new();
        let (mut units, mut users, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for &(i, ask) in asks {
            match ask {
                Ask::Package { manager, name } => {
                    let ask = (i, name.clone());
                    match packages.iter_mut().find(|(known, _)| known == manager) {
                        Some((_, asks)) => asks.push(ask),
                        None => packages.push((*manager, vec![ask])),
                    }
                }
                Ask::Unit { name } => units.push((i, unit_name(name))),
                Ask::User { name } => users.push((i, name.clone())),
                Ask::Group { name } => groups.push((i, name.clone())),
                _ => {}
            }
        }
        let mut lists = Vec::new();
        for (manager, asks) in packages {
            lists.push(List::Packages { manager, asks, frame: 0 });
        }
        if !units.is_empty() {
            lists.push(List::Units { asks: units, frame: 0 });
        }
        if !users.is_empty() || !groups.is_empty() {
            lists.push(List::Accounts { users, groups, frame: 0 });
        }
        lists
    }

    pub(super) fn write(&mut self, request: &mut Request) {
        match self {
            List::Packages { manager, asks, frame } => {
                *frame = request.frame();
                let names = words(asks.iter().map(|(_, name)| name));
                let _ = writeln!(request.text, "{}{names};__m {frame} $?", query(*manager));
            }
            List::Units { asks, frame } => {
                *frame = request.frame();
                let names = words(asks.iter().map(|(_, name)| name));
                let _ = writeln!(
                    request.text,
                    "[ ! -d /run/systemd/system ]||systemctl show --no-pager -p LoadState,ActiveState,SubState,UnitFileState,FragmentPath,NeedDaemonReload --{names};__m {frame} $?"
                );
            }
            List::Accounts { users, groups, frame } => {
                *frame = request.frame();
                let second = request.frame();
                // Who is in which group is told by the list of all groups only.
                let names = match users.is_empty() {
                    true => words(groups.iter().map(|(_, name)| name)),
                    false => String::new(),
                };
                let passwd = match users.is_empty() {
                    true => ":".to_owned(),
                    false => format!("getent passwd{}", words(users.iter().map(|(_, name)| name))),
                };
                let extra = match users.is_empty() || groups.is_empty() {
                    true => String::new(),
                    false => {
                        format!(";getent group{}", words(groups.iter().map(|(_, name)| name)))
                    }
                };
                let _ = writeln!(
                    request.text,
                    "if command -v getent >/dev/null;then {passwd};__m {frame} 0;getent group{names}{extra}\n\
                     else cat /etc/passwd;__m {frame} 0;cat /etc/group;fi;__m {second} 0"
                );
            }
        }
    }

    pub(super) fn read(&self, frames: Said<'_>, found: &mut Vec<(usize, Given)>) {
        match self {
            List::Packages { manager, asks, frame } => {
                let reply = frames.reply(*frame);
                let text = reply.out();
                for (ask, name) in asks {
                    let answer = match reply.status {
                        126 | 127 => Err(reply.clone()),
                        _ => Ok(Answer::Package(version(*manager, &text, name))),
                    };
                    found.push((*ask, answer));
                }
            }
            List::Units { asks, frame } => read_units(asks, frames.reply(*frame), found),
            List::Accounts { users, groups, frame } => {
                let passwd = frames.text(*frame);
                let known = frames.text(frame + 1);
                let known = known.lines().filter_map(group_line).collect::<Vec<_>>();
                for (ask, name) in users {
                    let mut all = passwd.lines().filter_map(user_line);
                    let user = all.find(|user| user.name == *name || user.uid.to_string() == *name);
                    found
                        .push((*ask, Ok(Answer::User(user.map(|user| with_groups(user, &known))))));
                }
                for (ask, name) in groups {
                    let named =
                        |group: &&Group| group.name == *name || group.gid.to_string() == *name;
                    found.push((*ask, Ok(Answer::Group(known.iter().find(named).cloned()))));
                }
            }
        }
    }
}

/// The command that lists the installed ones of the packages named after it.
fn query(manager: PackageManager) -> &'static str {
    match manager {
        PackageManager::Apt => {
            r"dpkg-query -W -f='${db:Status-Abbrev}|${Package}|${Architecture}|${Version}\n' --"
        }
        PackageManager::Dnf | PackageManager::Zypper => {
            r"rpm -q --qf '%{NAME}|%{ARCH}|%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n' --"
        }
        PackageManager::Apk => "apk info -ev",
        PackageManager::Pacman => "pacman -Q --",
    }
}

fn version(manager: PackageManager, text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines();
    match manager {
        PackageManager::Apt => {
            let (name, wanted) = name.split_once(':').map_or((name, None), |(n, a)| (n, Some(a)));
            lines.find_map(|line| {
                let mut fields = line.splitn(4, '|');
                let installed = fields.next()?.get(1..2) == Some("i");
                let named = fields.next()? == name;
                let architecture = fields.next()?;
                let fits = wanted.is_none_or(|wanted| wanted == architecture || wanted == "any");
                (installed && named && fits).then(|| fields.next().map(str::to_owned))?
            })
        }
        PackageManager::Dnf | PackageManager::Zypper => {
            let (base, wanted) = name.rsplit_once('.').map_or((name, None), |(n, a)| (n, Some(a)));
            lines.find_map(|line| {
                let (found, rest) = line.split_once('|')?;
                let (architecture, version) = rest.split_once('|')?;
                let fits = found == name || found == base && wanted == Some(architecture);
                fits.then(|| version.to_owned())
            })
        }
        PackageManager::Apk => lines.find_map(|line| {
            let version = line.strip_prefix(name)?.strip_prefix('-')?;
            version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
        }),
        PackageManager::Pacman => {
            lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(' ')?.to_owned()))
        }
    }
}

/// `nginx` is `nginx.service`.
fn unit_name(name: &str) -> String {
    const KINDS: [&str; 11] = [
        "service",
        "socket",
        "target",
        "timer",
        "path",
        "mount",
        "automount",
        "slice",
        "scope",
        "device",
        "swap",
    ];
    match name.rsplit_once('.') {
        Some((_, kind)) if KINDS.contains(&kind) => name.to_owned(),
        _ => format!("{name}.service"),
    }
}

fn read_units(asks: &[(usize, String)], reply: &Reply, found: &mut Vec<(usize, Given)>) {
    let text = reply.out();
    if text.trim().is_empty() {
        let answer = match reply.status {
            0 => Ok(Answer::Unit(Unit::default())),
            _ => Err(reply.clone()),
        };
        found.extend(asks.iter().map(|(ask, _)| (*ask, answer.clone())));
        return;
    }
    let blocks = text.trim_end().split("\n\n").collect::<Vec<_>>();
    // A name that systemd refuses has no block: ask one by one.
    if blocks.len() != asks.len() {
        if asks.len() == 1 {
            found.push((asks[0].0, Err(broken(&reply.err()))));
        }
        return;
    }
    for ((ask, _), block) in asks.iter().zip(blocks) {
        let field = |name: &str| {
            let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_default().to_owned()
        };
        found.push((
            *ask,
            Ok(Answer::Unit(Unit {
                load: field("LoadState"),
                active: field("ActiveState"),
                sub: field("SubState"),
                file_state: field("UnitFileState"),
                fragment: field("FragmentPath"),
                needs_reload: field("NeedDaemonReload") == "yes",
            })),
        ));
    }
}

fn user_line(line: &str) -> Option<User> {
    let mut fields = line.splitn(7, ':');
    Some(User {
        name: fields.next()?.to_owned(),
        uid: fields.nth(1)?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
        comment: fields.next()?.to_owned(),
        home: fields.next()?.to_owned(),
        shell: fields.next()?.to_owned(),
        groups: Vec::new(),
    })
}

fn group_line(line: &str) -> Option<Group> {
    let mut fields = line.splitn(4, ':');
    let name = fields.next()?.to_owned();
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next()?.split(',').filter(|name| !name.is_empty());
    Some(Group { name, gid, members: members.map(str::to_owned).collect() })
}

/// The primary group first.
fn with_groups(mut user: User, groups: &[Group]) -> User {
    let primary = groups.iter().find(|group| group.gid == user.gid);
    user.groups.push(primary.map_or_else(|| user.gid.to_string(), |group| group.name.clone()));
    for group in groups {
        if group.members.contains(&user.name) && !user.groups.contains(&group.name) {
            user.groups.push(group.name.clone());
        }
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_each_manager_tells_them() {
        use PackageManager::{Apk, Apt, Dnf, Pacman};
        let apt =
            "ii |libc6|amd64|2.36-9\nrc |old|all|1\nii |libc6|i386|2.36-8\nhi |held|all|3:1.2\n";
        let rpm = "package none is not installed\nbash|x86_64|5.2.26-3.el10\nvim|x86_64|2:9.1-1\nglibc|i686|2.39-1\n";
        let apk = "musl-1.2.5-r0\nmusl-utils-1.2.5-r1\n";
        for (manager, text, name, want) in [
            (Apt, apt, "libc6", Some("2.36-9")),
            (Apt, apt, "libc6:i386", Some("2.36-8")),
            (Apt, apt, "held", Some("3:1.2")),
            (Apt, apt, "old", None),
            (Apt, apt, "libc", None),
            (Dnf, rpm, "bash", Some("5.2.26-3.el10")),
            (Dnf, rpm, "vim", Some("2:9.1-1")),
            (Dnf, rpm, "glibc.i686", Some("2.39-1")),
            (Dnf, rpm, "glibc.x86_64", None),
            (Dnf, rpm, "none", None),
            (Apk, apk, "musl", Some("1.2.5-r0")),
            (Apk, apk, "musl-utils", Some("1.2.5-r1")),
            (Pacman, "bash 5.2-1\nbash-completion 2\n", "bash", Some("5.2-1")),
        ] {
            assert_eq!(version(manager, text, name).as_deref(), want, "{manager:?} {name}");
        }
    }

    #[test]
    fn a_name_that_systemd_refuses_leaves_the_others_open() {
        let text = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n\
            FragmentPath=/x\nNeedDaemonReload=no\n";
        let reply = Reply { status: 1, stdout: text.into(), stderr: b"invalid name".to_vec() };
        let asks = |n| (0..n).map(|i| (i, format!("u{i}.service"))).collect::<Vec<_>>();
        let mut found = Vec::new();
        read_units(&asks(2), &reply, &mut found);
        assert_eq!(found, [], "to be asked alone");
        read_units(&asks(1), &reply, &mut found);
        let [(0, Ok(Answer::Unit(unit)))] = found.as_slice() else { panic!("{found:?}") };
        assert!(unit.is_active() && unit.is_enabled() && unit.exists() && !unit.needs_reload);
        assert_eq!(unit_name("nginx"), "nginx.service");
        assert_eq!(unit_name("a.b"), "a.b.service");
        assert_eq!(unit_name("x.timer"), "x.timer");
    }
}
