//! Round trips, counted by the server: they must not grow with the number of tasks.

use std::{fmt::Write, fs, path::Path, process::Command, time::Duration};

use rprov::session::embedded::{Server, ServerOptions, new_key};
use russh::keys::ssh_key::LineEnding;

/// A host whose round trips take a while, so that they are counted exactly: what is written at once must leave within
/// one of them, also on a busy machine.
struct Lab {
    server: Server,
    dir: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Lab {
        let dir = tempfile::tempdir().expect("a directory");
        let key = new_key().expect("a key");
        let options = ServerOptions {
            authorised_keys: vec![key.public_key().clone()],
            user: "deploy".into(),
            home: dir.path().to_owned(),
            directory: dir.path().to_owned(),
            delay: Duration::from_millis(80),
            ..ServerOptions::default()
        };
        let server = Server::start(options).await.expect("a server");
        let address = server.address();
        fs::write(dir.path().join("key"), &*key.to_openssh(LineEnding::LF).expect("a key file"))
            .expect("written");
        fs::write(
            dir.path().join("known"),
            format!(
                "[{}]:{} {}\n",
                address.ip(),
                address.port(),
                server.host_key().to_openssh().expect("a key")
            ),
        )
        .expect("written");
        let hosts = format!(
            "h ansible_host={} ansible_port={} ansible_user=deploy ansible_ssh_private_key_file={dir}/key ansible_ssh_common_args='-F none -o UserKnownHostsFile={dir}/known'\n",
            address.ip(),
            address.port(),
            dir = dir.path().display()
        );
        fs::write(dir.path().join("hosts"), hosts).expect("written");
        Lab { server, dir }
    }

    /// Runs a play; its output and the flights it took.
    async fn run(&self, play: &str, flags: &[&str]) -> (String, u64) {
        let before = self.server.counters().flights();
        let path = self.dir.path().join("play.yml");
        fs::write(&path, play).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_rprov"));
        command.arg("playbook").arg(&path).arg("-i").arg(self.dir.path().join("hosts")).args(flags);
        command.env("HOME", self.dir.path()).env_remove("SSH_AUTH_SOCK");
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("joined")
            .expect("rprov runs");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{text}");
        (text, self.server.counters().flights() - before)
    }
}

/// `count` tasks of mixed kinds below `dir`. Each depends on what was there before it only.
fn mixed(dir: &Path, count: usize) -> String {
    let dir = dir.join("out");
    let mut play = format!(
        "- hosts: all\n  gather_facts: false\n  vars: {{d: '{}', greeting: hello}}\n  tasks:\n    - file: {{path: '{{{{ d }}}}', state: directory}}\n",
        dir.display()
    );
    for n in 1..count {
        let task = match n % 8 {
            0 => format!("file: {{path: '{{{{ d }}}}/dir{n}', state: directory, mode: '0750'}}"),
            1 => format!(
                "copy: {{dest: '{{{{ d }}}}/copy{n}', content: \"{{{{ greeting }}}} {n}\\n\", mode: '0640'}}"
            ),
            2 => format!(
                "copy: {{dest: '{{{{ d }}}}/template{n}', content: \"{{{{ greeting | upper }}}} {n}\\n\"}}"
            ),
            3 => {
                format!("lineinfile: {{path: '{{{{ d }}}}/lines', line: 'line {n}', create: true}}")
            }
            4 => format!(
                "command: {{cmd: 'touch {{{{ d }}}}/made{n}', creates: '{{{{ d }}}}/made{n}'}}"
            ),
            5 => format!(
                "file: {{path: '{{{{ d }}}}/link{n}', src: made4, state: link, force: true}}"
            ),
            6 => format!(
                "blockinfile: {{path: '{{{{ d }}}}/block{n}', block: 'block {n}', create: true}}"
            ),
            _ => format!(
                "file: {{path: '{{{{ d }}}}/touched{n}', state: touch, access_time: preserve, modification_time: preserve}}"
            ),
        };
        let _ = writeln!(play, "    - {task}");
    }
    play
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converged_play_takes_the_same_few_round_trips_whatever_its_length() {
    let lab = Lab::new().await;
    let play = mixed(lab.dir.path(), 100);
    let (text, changing) = lab.run(&play, &[]).await;
    assert!(text.contains("ok=100  changed=100"), "{text}");
    assert!(changing <= 100 + 4, "100 changing tasks took {changing} round trips");

    let (text, converged) = lab.run(&play, &[]).await;
    assert!(text.contains("ok=100  changed=0"), "{text}");
    assert!(converged <= 4, "100 converged tasks took {converged} round trips");

    let (text, checked) = lab.run(&play, &["--check"]).await;
    assert!(text.contains("ok=100  changed=0"), "{text}");
    assert!(checked <= 4, "a check of 100 converged tasks took {checked} round trips");

    let (_, short) = lab.run(&mixed(lab.dir.path(), 10), &[]).await;
    assert_eq!(short, converged, "ten tasks take as many as a hundred");
}

/// What a module asks in its second stage is asked ahead as soon as the first is known.
#[tokio::test(flavor = "multi_thread")]
async fn probes_in_two_stages_take_two_round_trips_for_all_tasks() {
    let lab = Lab::new().await;
    let mut play = "- hosts: all\n  gather_facts: false\n  tasks:\n".to_owned();
    let user = Command::new("id").arg("-un").output().expect("id runs").stdout;
    let user = String::from_utf8_lossy(&user);
    for n in 0..20 {
        let path = lab.dir.path().join(format!("keys{n}"));
        let _ = writeln!(
            play,
            "    - authorized_key: {{user: {}, path: '{}', manage_dir: false, key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZpcnN0IGtleSBvZiBtYW55IGluIGEgdGVzdCBvZiBvdXJz}}",
            user.trim(),
            path.display()
        );
    }
    let (text, _) = lab.run(&play, &[]).await;
    assert!(text.contains("ok=20   changed=20"), "{text}");
    let (text, flights) = lab.run(&play, &[]).await;
    assert!(text.contains("ok=20   changed=0 "), "{text}");
    assert!(flights <= 5, "{flights} round trips");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_change_among_many_tasks_costs_few_round_trips() {
    let lab = Lab::new().await;
    let play = mixed(lab.dir.path(), 100);
    lab.run(&play, &[]).await;
    fs::write(lab.dir.path().join("out/copy49"), "tampered\n").expect("written");
    let (text, flights) = lab.run(&play, &[]).await;
    assert!(text.contains("ok=100  changed=1 "), "{text}");
    // The window opens again by doubling: 2, 4, 8, …
    assert!(flights <= 4 + 1 + 6, "one change among 100 tasks took {flights} round trips");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_value_costs_one_round_trip_where_it_is_made() {
    let lab = Lab::new().await;
    let play = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: echo 7\n      register: n\n      changed_when: false\n    - stat: {path: '/tmp/nothing{{ n.stdout }}'}\n      register: s\n    - assert: {that: not s.stat.exists}\n    - stat: {path: /etc/passwd}\n";
    let (text, flights) = lab.run(play, &[]).await;
    assert!(text.contains("ok=4  "), "{text}");
    assert!(flights <= 5, "{flights} round trips");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_nothing_refers_to_take_no_round_trip() {
    let lab = Lab::new().await;
    let dir = lab.dir.path();
    fs::create_dir_all(dir.join("templates")).expect("made");
    fs::write(dir.join("templates/plain.j2"), "{{ greeting }}\n").expect("written");
    fs::write(dir.join("templates/facts.j2"), "{% set x = ansible_facts.system %}{{ x }}\n")
        .expect("written");
    fs::write(dir.join("included.yml"), "- debug: msg={{ ansible_system }}\n").expect("written");
    fs::write(dir.join("harmless.yml"), "- debug: msg={{ greeting }}\n").expect("written");
    let several = "- debug: msg=x\n  when: greeting is defined\n".repeat(3);
    fs::write(dir.join("several.yml"), several).expect("written");
    let last = "- debug: msg=x\n  when: ansible_system == 'Linux'\n";
    fs::write(dir.join("last.yml"), last).expect("written");
    let play = |rest: &str| {
        format!(
            "- hosts: all\n  vars: {{greeting: hello, unused: '{{{{ ansible_system }}}}', kind: '{{{{ os }}}}', os: '{{{{ ansible_os_family }}}}', file: harmless.yml}}\n  tasks:\n{rest}"
        )
    };
    let gathers = async |rest: &str| {
        let (text, _) = lab.run(&play(rest), &["-vvv"]).await;
        assert!(text.contains("TASK [Gathering Facts]") && text.contains("ok: [h]"), "{text}");
        let (_, flights) = lab.run(&play(rest), &[]).await;
        flights > 0
    };
    for (rest, expected) in [
        ("    - debug: msg={{ greeting }}\n", false),
        ("    - debug: msg={{ ansible_play_hosts | length ~ ansible_user }}\n", false),
        ("    - debug: msg={{ lookup('template', 'plain.j2') }}\n", false),
        ("    - include_tasks: harmless.yml\n", false),
        (
            "    - set_fact: {a: 1}\n    - debug: var=a\n      when: a == 1 and greeting is defined\n",
            false,
        ),
        ("    - debug: msg={{ ansible_facts.system }}\n", true),
        ("    - debug: msg={{ kind }}\n", true),
        ("    - debug: msg=x\n      when: ansible_os_family is defined\n", true),
        ("    - debug: var=ansible_system\n", true),
        ("    - debug: msg={{ lookup('template', 'facts.j2') }}\n", true),
        ("    - debug: msg={{ hostvars[inventory_hostname].inventory_hostname }}\n", true),
        ("    - debug: msg={{ lookup('vars', 'ansible_' ~ 'system') }}\n", true),
        ("    - include_tasks: included.yml\n", true),
        ("    - include_tasks: several.yml\n    - include_tasks: last.yml\n", true),
        ("    - include_tasks: '{{ file }}'\n", true),
        ("    - assert: {that: [ansible_system is defined]}\n", true),
        ("    - debug: msg=x\n      loop: '{{ ansible_interfaces }}'\n      when: false\n", true),
    ] {
        assert_eq!(gathers(rest).await, expected, "{rest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn skipped_tasks_take_no_round_trip_and_render_no_arguments() {
    let lab = Lab::new().await;
    let hosts = fs::read_to_string(lab.dir.path().join("hosts")).expect("written");
    let many: String = (0..100).map(|n| hosts.replacen("h ", &format!("h{n} "), 1)).collect();
    fs::write(lab.dir.path().join("hosts"), many).expect("written");
    let mut play =
        "- hosts: all\n  gather_facts: false\n  vars: {go: false}\n  tasks:\n".to_owned();
    for n in 0..10 {
        // Rendered, the arguments would fail the task.
        let _ = write!(
            play,
            "    - name: task {n} on {{{{ inventory_hostname }}}}\n      copy: {{dest: /x, content: \"{{{{ lookup('file', '/nowhere') }}}}\"}}\n      when: go | bool\n"
        );
    }
    let (text, flights) = lab.run(&play, &[]).await;
    assert_eq!(flights, 0, "{text}");
    assert_eq!(text.matches("skipping: [h").count(), 1000, "{text}");
    // Ansible renders the name for the first host.
    assert_eq!(text.matches(" on h0] *").count(), 10, "{text}");
}
