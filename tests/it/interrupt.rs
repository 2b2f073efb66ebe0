//! Ctrl-C ends every wait of a run at once.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(8);

/// What a playbook says that is interrupted when `sign` has been said.
fn interrupted(tasks: &str, sign: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let play = format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}");
    fs::write(dir.path().join("play.yml"), play).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook", "play.yml", "-i", "a,", "-c", "local"])
        .current_dir(dir.path())
        .env("HOME", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rprov runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output"));
    let mut said = String::new();
    while !said.contains(sign) {
        assert!(lines.read_line(&mut said).expect("text") > 0, "it has ended: {said}");
    }
    // The wait begins right behind what was said.
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    lines.read_to_string(&mut said).expect("text");
    let mut errors = child.stderr.take().expect("its errors");
    errors.read_to_string(&mut said).expect("text");
    let status = child.wait().expect("it ends");
    assert!(begun.elapsed() < LONG, "it took {:?}\n{said}", begun.elapsed());
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("interrupted: hosts keep what was done"), "{said}");
    assert!(!said.contains("not reached"), "{said}");
    said
}

#[test]
fn while_a_job_is_polled() {
    let said = interrupted(
        "    - command: sleep 20\n      async: 60\n      poll: 15\n    - debug: {msg: not reached}\n",
        "TASK [command]",
    );
    assert!(said.contains("goes on on the host"), "{said}");
}

#[test]
fn between_attempts() {
    interrupted(
        "    - command: 'false'\n      until: false\n      delay: 30\n    - debug: {msg: not reached}\n",
        "FAILED - RETRYING",
    );
}

#[test]
fn in_a_pause() {
    let tasks = "    - pause: {seconds: 30}\n    - debug: {msg: not reached}\n";
    interrupted(tasks, "TASK [pause]");
    let tasks = "    - debug: {msg: 'item {{ item }}'}\n      loop: [1, not reached]\n      loop_control: {pause: 30}\n";
    interrupted(tasks, "item 1");
}
