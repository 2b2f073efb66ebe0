//! The play that is measured: a hundred tasks of mixed kinds, and its own questions asked by hand.
//!
//! Both come from one list of names, so neither can ask for what the other does not.

use std::fmt::Write as _;

/// How many tasks the play has.
pub(crate) const TASKS: usize = 100;

/// Where everything goes on the host.
pub(crate) const ROOT: &str = "/opt/rprov-bench";

/// The template's file, beside the playbook.
pub(crate) const TEMPLATE: (&str, &str) = (
    "bench.conf.j2",
    "# {{ ansible_managed }}\nserver {{ greeting | upper }} {{ n }}\n{% for port in ports %}\nlisten {{ port }}\n{% endfor %}\n",
);

/// The copied file, beside the playbook.
pub(crate) const FILE: (&str, &str) = ("bench.txt", "one\ntwo\nthree\n");

/// In every Debian.
const PACKAGES: [&str; 10] =
    ["bash", "coreutils", "dpkg", "findutils", "grep", "gzip", "hostname", "login", "sed", "tar"];

const ACCOUNTS: [&str; 4] = ["bench-one", "bench-two", "bench-three", "bench-four"];
const GROUPS: [&str; 2] = ["bench-red", "bench-blue"];

/// Who starts the host's services, and some that are there.
#[derive(Clone, Copy)]
pub(crate) enum Services {
    Systemd(&'static [&'static str]),
    Scripts(&'static [&'static str]),
}

impl Services {
    fn names(self) -> &'static [&'static str] {
        match self {
            Services::Systemd(names) | Services::Scripts(names) => names,
        }
    }

    /// Said in the play, as Ansible believes in systemd wherever it is installed.
    fn manager(self) -> &'static str {
        match self {
            Services::Systemd(_) => "systemd",
            Services::Scripts(_) => "sysvinit",
        }
    }
}

/// The tasks of a kind: its share of the hundred, and one of them.
type Kind = (usize, Box<dyn Fn(usize) -> String>);

fn kinds(services: Services) -> Vec<Kind> {
    let (manager, services) = (services.manager(), services.names());
    vec![
        (
            12,
            Box::new(|n| {
                format!("file: {{path: '{ROOT}/dir{n}', state: directory, mode: '0750'}}")
            }),
        ),
        (
            12,
            Box::new(|n| {
                format!(
                    "copy: {{dest: '{ROOT}/text{n}', content: \"{{{{ greeting }}}} {n}\\n\", mode: '0640'}}"
                )
            }),
        ),
        (
            8,
            Box::new(|n| {
                format!(
                    "copy: {{src: {}, dest: '{ROOT}/copy{n}', owner: root, mode: '0644'}}",
                    FILE.0
                )
            }),
        ),
        (
            12,
            Box::new(|n| {
                format!(
                    "template: {{src: {}, dest: '{ROOT}/template{n}', mode: '0644'}}\n      vars: {{n: {n}}}",
                    TEMPLATE.0
                )
            }),
        ),
        (
            12,
            Box::new(|n| {
                format!(
                    "lineinfile: {{path: '{ROOT}/lines{}', line: 'option{n} = {n}', regexp: '^option{n} ', create: true}}",
                    n % 4
                )
            }),
        ),
        (
            8,
            Box::new(|n| {
                format!(
                    "blockinfile: {{path: '{ROOT}/block{n}', block: \"first {n}\\nsecond {n}\", create: true}}"
                )
            }),
        ),
        (
            10,
            Box::new(|n| {
                format!("apt: {{name: {}, state: present}}", PACKAGES[n % PACKAGES.len()])
            }),
        ),
        (
            5,
            Box::new(move |n| {
                format!(
                    "service: {{name: {}, state: started, use: {manager}}}",
                    services[n % services.len()]
                )
            }),
        ),
        (
            7,
            Box::new(|n| {
                format!("command: {{cmd: 'touch {ROOT}/made{n}', creates: '{ROOT}/made{n}'}}")
            }),
        ),
        (
            4,
            Box::new(|n| {
                format!(
                    "user: {{name: {}, system: true, shell: /usr/sbin/nologin, create_home: false}}",
                    ACCOUNTS[n]
                )
            }),
        ),
        (2, Box::new(|n| format!("group: {{name: {}, system: true}}", GROUPS[n]))),
        (7, Box::new(|n| format!("file: {{src: '{ROOT}', dest: '{ROOT}/link{n}', state: link}}"))),
    ]
}

/// The playbook: the kinds take turns, as in a real one.
pub(crate) fn playbook(services: Services) -> String {
    let mut play = format!(
        "- hosts: all\n  gather_facts: false\n  vars: {{greeting: hello, ports: [80, 443]}}\n  tasks:\n    - file: {{path: '{ROOT}', state: directory, mode: '0755'}}\n"
    );
    let kinds = kinds(services);
    let mut tasks = 1;
    for n in 0..TASKS {
        for (_, task) in kinds.iter().filter(|(share, _)| n < *share) {
            let _ = writeln!(play, "    - {}", task(n));
            tasks += 1;
        }
    }
    assert_eq!(tasks, TASKS, "the shares and the first task make a hundred");
    play
}

/// One task, the cheapest that needs the host.
pub(crate) const EMPTY: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n";

/// The same questions by hand, in as few processes as a person would write: what every tool that
/// asks a host by a shell has to pay.
pub(crate) fn script(services: Services) -> String {
    let all = |share: usize, name: &dyn Fn(usize) -> String| {
        (0..share).map(name).collect::<Vec<_>>().join(" ")
    };
    let texts = all(12, &|n| format!("text{n}"));
    let copies = all(8, &|n| format!("copy{n}"));
    let templates = all(12, &|n| format!("template{n}"));
    let lines = all(4, &|n| format!("lines{n}"));
    let blocks = all(8, &|n| format!("block{n}"));
    let others = [
        all(12, &|n| format!("dir{n}")),
        all(7, &|n| format!("made{n}")),
        all(7, &|n| format!("link{n}")),
    ];
    let services = match services {
        Services::Systemd(names) => format!(
            "systemctl show --no-pager -p LoadState,ActiveState,SubState,UnitFileState -- {}",
            names.join(" ")
        ),
        // As `service NAME status` runs it.
        Services::Scripts(names) => format!(
            "for s in {}; do (cd / && env -i PATH=\"$PATH\" TERM=dumb /etc/init.d/$s status); done",
            names.join(" ")
        ),
    };
    format!(
        "cd {ROOT} || exit\n\
         stat -c '%f %u %g %U %G %s %Y %N' . {texts} {copies} {templates} {lines} {blocks} {} || exit\n\
         sha256sum {texts} {copies} {templates} || exit\n\
         cat {lines} {blocks} || exit\n\
         dpkg-query -W -f '${{db:Status-Abbrev}} ${{Package}} ${{Version}}\\n' {} || exit\n\
         {services} || exit\n\
         getent passwd {} || exit\n\
         getent group || exit\n",
        others.join(" "),
        PACKAGES.join(" "),
        ACCOUNTS.join(" "),
    )
}

/// Puts the stand-ins for services into place.
pub(crate) fn set_up(services: Services) -> String {
    let Services::Scripts(names) = services else { return "true\n".to_owned() };
    format!(
        "for s in {}; do cat >/etc/init.d/$s <<'E'\n\
         #!/bin/sh\n\
         here=/run/${{0##*/}}\n\
         case $1 in\n\
         start) : >$here ;;\n\
         stop) rm -f $here ;;\n\
         status) if [ -e $here ]; then echo \"${{0##*/}} is running\"; else exit 3; fi ;;\n\
         esac\nE\n\
         chmod 755 /etc/init.d/$s; done\n",
        names.join(" ")
    )
}

/// Takes away what the play has made.
pub(crate) fn undo() -> String {
    format!(
        "rm -rf {ROOT}; for u in {}; do userdel $u; done; for g in {}; do groupdel $g; done",
        ACCOUNTS.join(" "),
        GROUPS.join(" ")
    )
}
