//! What the engine promises, kept against an SSH server in this process: check mode sends nothing,
//! a change that does not hold is told, answers do not outlive a step, a lost host stops nobody.

use std::{
    collections::BTreeMap, fmt::Write, fs, os::unix::fs::PermissionsExt, path::Path,
    process::Command, time::Duration,
};

use rprov::session::embedded::{Cut, Server, ServerOptions, new_key};
use russh::keys::ssh_key::LineEnding;

/// Hosts `h0`, `h1`, … and a directory they share.
pub(crate) struct Lab {
    pub(crate) servers: Vec<Server>,
    pub(crate) dir: tempfile::TempDir,
}

impl Lab {
    pub(crate) async fn new(options: Vec<ServerOptions>) -> Lab {
        let dir = tempfile::tempdir().expect("a directory");
        let key = new_key().expect("a key");
        fs::write(dir.path().join("key"), &*key.to_openssh(LineEnding::LF).expect("a key file"))
            .expect("written");
        fs::create_dir(dir.path().join("host")).expect("a directory");
        let (mut servers, mut hosts, mut known) = (Vec::new(), String::new(), String::new());
        for (number, options) in options.into_iter().enumerate() {
            let server = Server::start(ServerOptions {
                authorised_keys: vec![key.public_key().clone()],
                user: "deploy".into(),
                home: dir.path().join("host"),
                directory: dir.path().join("host"),
                ..options
            })
            .await
            .expect("a server");
            let (ip, port) = (server.address().ip(), server.address().port());
            let _ =
                writeln!(known, "[{ip}]:{port} {}", server.host_key().to_openssh().expect("a key"));
            let _ = writeln!(
                hosts,
                "h{number} ansible_host={ip} ansible_port={port} ansible_user=deploy ansible_ssh_private_key_file={dir}/key ansible_ssh_common_args='-F none -o UserKnownHostsFile={dir}/known'",
                dir = dir.path().display()
            );
            servers.push(server);
        }
        fs::write(dir.path().join("hosts"), hosts).expect("written");
        fs::write(dir.path().join("known"), known).expect("written");
        Lab { servers, dir }
    }

    /// Runs tasks on all hosts; the output and the exit code.
    pub(crate) async fn run(&self, tasks: &str, flags: &[&str]) -> (String, i32) {
        let play = format!(
            "- hosts: all\n  gather_facts: false\n  vars: {{d: '{}/host'}}\n  tasks:\n{tasks}",
            self.dir.path().display()
        );
        fs::write(self.dir.path().join("play.yml"), play).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_rprov"));
        command.args(["playbook", "play.yml", "-i", "hosts"]).args(flags);
        command
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path())
            .env_remove("SSH_AUTH_SOCK");
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("joined")
            .expect("rprov runs");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (text, output.status.code().expect("an exit code"))
    }

    /// Every file of the hosts, with its mode and content.
    pub(crate) fn tree(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        fn walk(dir: &Path, tree: &mut BTreeMap<String, (u32, Vec<u8>)>) {
            for entry in fs::read_dir(dir).expect("a directory").flatten() {
                let mode = entry.metadata().expect("about it").permissions().mode();
                let content = fs::read(entry.path()).unwrap_or_default();
                tree.insert(entry.path().display().to_string(), (mode, content));
                if entry.path().is_dir() {
                    walk(&entry.path(), tree);
                }
            }
        }
        let mut tree = BTreeMap::new();
        walk(&self.dir.path().join("host"), &mut tree);
        tree
    }
}

const CHANGES: &str = "    - file: {path: '{{ d }}/dir', state: directory}
    - copy: {dest: '{{ d }}/copied', content: \"x\\n\"}
    - lineinfile: {path: '{{ d }}/lines', line: one, create: true}
    - blockinfile: {path: '{{ d }}/there', block: two}
    - command: touch {{ d }}/touched
    - shell: echo x > {{ d }}/shelled
    - file: {path: '{{ d }}/there', mode: '0600'}
    - file: {path: '{{ d }}/link', src: there, state: link}
    - {file: {path: '{{ d }}/never', state: touch}, check_mode: true}
";

#[tokio::test(flavor = "multi_thread")]
async fn check_mode_changes_nothing_on_a_host() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    fs::write(lab.dir.path().join("host/there"), "there\n").expect("written");
    let before = lab.tree();
    let (text, code) = lab.run(CHANGES, &["--check"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("changed=7 ") && text.contains("skipped=2 "), "{text}");
    assert_eq!(lab.tree(), before, "{text}");

    // The same without --check does all but what a task's own check_mode keeps it from.
    let (text, code) = lab.run(CHANGES, &[]).await;
    assert_eq!(code, 0, "{text}");
    let after = lab.tree();
    assert_eq!(after.len(), before.len() + 6, "{after:?}\n{text}");
    assert!(!after.keys().any(|path| path.ends_with("never")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_does_not_hold_is_told() {
    let stand_ins = tempfile::tempdir().expect("a directory");
    let chmod = stand_ins.path().join("chmod");
    fs::write(&chmod, "#!/bin/sh\nexit 0\n").expect("written");
    fs::set_permissions(&chmod, fs::Permissions::from_mode(0o755)).expect("executable");
    let options = ServerOptions {
        path_prefix: Some(stand_ins.path().to_owned()),
        ..ServerOptions::default()
    };
    let lab = Lab::new(vec![options]).await;
    fs::write(lab.dir.path().join("host/f"), "x").expect("written");
    let (text, _) = lab.run("    - file: {path: '{{ d }}/f', mode: '0600'}\n", &[]).await;
    assert!(text.contains("unsettled: [h0]"), "{text}");
    assert!(text.contains("mode 0644 → 0600"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_outlives_a_step() {
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    // All of this is asked ahead in one flight, before the first change.
    let tasks = "    - {stat: {path: '{{ d }}/f'}, register: before}
    - command: touch {{ d }}/f
    - {stat: {path: '{{ d }}/f'}, register: after}
    - copy: {dest: '{{ d }}/f', content: \"one\\n\"}
    - lineinfile: {path: '{{ d }}/f', line: two}
    - file: {path: '{{ d }}/f', mode: '0640'}
    - {stat: {path: '{{ d }}/f'}, register: last}
    - assert: {that: [not before.stat.exists, after.stat.exists, after.stat.size == 0, last.stat.size == 8, last.stat.mode == '0640']}
    - command: rm {{ d }}/f
    - copy: {dest: '{{ d }}/f', content: \"one\\n\"}
";
    let (text, code) = lab.run(tasks, &[]).await;
    assert_eq!(code, 0, "{text}");
    assert_eq!(fs::read_to_string(lab.dir.path().join("host/f")).expect("written"), "one\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_lost_in_a_step_is_told_and_the_others_go_on() {
    let cut = ServerOptions { cut: Some(Cut::BeforeAnswer(4)), ..ServerOptions::default() };
    let lab = Lab::new(vec![cut, ServerOptions::default()]).await;
    let tasks = "    - command: touch {{ d }}/{{ inventory_hostname }}
    - file: {path: '{{ d }}/second.{{ inventory_hostname }}', state: directory}
";
    let (text, code) = lab.run(tasks, &[]).await;
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("fatal: [h0]: UNREACHABLE!"), "{text}");
    assert!(text.contains("took place is unknown"), "{text}");
    let there: Vec<_> = lab.tree().into_keys().collect();
    assert!(there.iter().any(|path| path.ends_with("second.h1")), "{there:?}");
    assert!(!there.iter().any(|path| path.ends_with("second.h0")), "{there:?}");
    // What was lost is not tried again behind the user's back.
    assert!(lab.servers[0].counters().commands() >= 1);
}

/// Runs tasks and presses Ctrl-C when these files are there, and once more if asked to when the run
/// says that it waits. What was said, the exit code, and how long it took to end.
async fn interrupted(
    lab: &Lab,
    tasks: &str,
    ready: &[&str],
    again: bool,
) -> (String, Option<i32>, Duration) {
    let play = format!(
        "- hosts: all\n  gather_facts: false\n  vars: {{d: '{}/host'}}\n  tasks:\n{tasks}",
        lab.dir.path().display()
    );
    fs::write(lab.dir.path().join("play.yml"), play).expect("written");
    let said = lab.dir.path().join("said");
    let out = fs::File::create(&said).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook", "play.yml", "-i", "hosts"])
        .current_dir(lab.dir.path())
        .env("HOME", lab.dir.path())
        .env_remove("SSH_AUTH_SOCK")
        .stdout(out.try_clone().expect("a file"))
        .stderr(out)
        .spawn()
        .expect("rprov runs");
    let text = || fs::read_to_string(&said).unwrap_or_default();
    let until = async |there: &dyn Fn() -> bool| {
        for _ in 0..600 {
            if there() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it does not begin: {}", text());
    };
    let press = || {
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    };
    until(&|| {
        let filled = |name: &&str| {
            let file = fs::read_to_string(lab.dir.path().join("host").join(name));
            file.is_ok_and(|text| text.ends_with('\n'))
        };
        ready.iter().all(filled)
    })
    .await;
    press();
    let begun = std::time::Instant::now();
    if again {
        until(&|| text().contains("waiting for the step under way on 1 host")).await;
        press();
    }
    let status = tokio::task::spawn_blocking(move || child.wait()).await;
    let status = status.expect("joined").expect("ended");
    (text(), status.code(), begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_commands_on_hosts() {
    let lab = Lab::new(vec![ServerOptions::default(), ServerOptions::default()]).await;
    let tasks = "    - shell: echo $$ > {{ d }}/pid.{{ inventory_hostname }}; sleep 600 & sleep 600
    - command: touch {{ d }}/next
";
    let (text, code, _) = interrupted(&lab, tasks, &["pid.h0", "pid.h1"], false).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("interrupted"), "{text}");
    for host in ["h0", "h1"] {
        let pid = fs::read_to_string(lab.dir.path().join(format!("host/pid.{host}")));
        let pid = pid.expect("it has begun");
        let process = format!("/proc/{}", pid.trim());
        assert!(!Path::new(&process).exists(), "{process} still runs\n{text}");
    }
    assert!(!lab.dir.path().join("host/next").exists(), "no further task is begun");
}

/// A module's step is not left half done.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_waits_for_a_step_of_a_module() {
    let step = |seconds: u32| {
        format!(
            "    - copy: {{dest: '{{{{ d }}}}/file', content: done, validate: \"sh -c 'echo > {{{{ d }}}}/begun; sleep {seconds}; test -f $0' %s\"}}
    - command: touch {{{{ d }}}}/next
"
        )
    };
    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let (text, code, _) = interrupted(&lab, &step(2), &["begun"], false).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("waiting for the step under way on 1 host"), "{text}");
    assert!(text.contains("changed: [h0]"), "it is told how the step ended: {text}");
    assert_eq!(fs::read_to_string(lab.dir.path().join("host/file")).expect("there"), "done");
    assert!(!lab.dir.path().join("host/next").exists(), "no further task is begun");

    let lab = Lab::new(vec![ServerOptions::default()]).await;
    let (text, code, taken) = interrupted(&lab, &step(60), &["begun"], true).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(taken < Duration::from_secs(30), "{taken:?}: {text}");
    assert!(!lab.dir.path().join("host/file").exists(), "{text}");
}
