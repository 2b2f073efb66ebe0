//! Output that goes elsewhere than lines on the terminal: one JSON document, a log, retry files, the
//! answers of `--step`.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

const SITE: &str = "
- name: both
  hosts: all
  gather_facts: false
  tasks:
    - name: secret
      debug: {msg: \"the password is {{ password }}\"}
    - name: loop
      command: echo {{ item }}
      loop: [1, 2]
    - name: fails
      fail: {msg: no}
      when: inventory_hostname == 'b'
    - name: hidden
      debug: {msg: x}
      no_log: true
";

/// Runs the playbook above on two hosts that are this machine.
fn run(dir: &Path, flags: &[&str], settings: &[(&str, &str)], answers: &str) -> Output {
    play(dir, SITE, flags, settings, answers)
}

fn play(
    dir: &Path,
    site: &str,
    flags: &[&str],
    settings: &[(&str, &str)],
    answers: &str,
) -> Output {
    fs::write(dir.join("site.yml"), site).expect("a file");
    let hosts = "a ansible_connection=local\nb ansible_connection=local\n";
    fs::write(dir.join("hosts"), hosts).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook", "site.yml", "-i", "hosts"])
        .args(flags)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .env("ANSIBLE_BECOME_PASS", "correct-horse-42")
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rprov runs");
    child.stdin.take().expect("an input").write_all(answers.as_bytes()).expect("answers");
    child.wait_with_output().expect("it ends")
}

const SECRET: &[&str] = &["-e", "password=correct-horse-42"];

#[test]
fn json_is_one_document_in_the_shape_of_ansibles_callback() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = run(dir.path(), SECRET, &[("ANSIBLE_STDOUT_CALLBACK", "ansible.posix.json")], "");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains("correct-horse-42"), "{text}");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let stats = &document["stats"];
    assert_eq!(stats["a"]["failures"], 0);
    assert_eq!(stats["b"]["failures"], 1);
    assert_eq!(stats["a"]["changed"], 1);
    let play = &document["plays"][0];
    assert_eq!(play["play"]["name"], "both");
    assert!(play["play"]["duration"]["start"].as_str().is_some_and(|time| time.ends_with('Z')));
    let tasks = play["tasks"].as_array().expect("tasks");
    let names: Vec<_> = tasks.iter().map(|task| &task["task"]["name"]).collect();
    assert_eq!(names, ["secret", "loop", "fails", "hidden"]);
    assert_eq!(tasks[0]["hosts"]["a"]["action"], "debug");
    assert_eq!(tasks[0]["hosts"]["a"]["msg"], "the password is •••");
    assert_eq!(tasks[1]["hosts"]["b"]["results"][1]["stdout"], "2");
    assert_eq!(tasks[1]["hosts"]["b"]["changed"], true);
    assert_eq!(tasks[2]["hosts"]["a"]["skipped"], true);
    assert_eq!(tasks[2]["hosts"]["b"]["failed"], true);
    assert_eq!(tasks[2]["hosts"]["b"]["msg"], "no");
    assert!(tasks[3]["hosts"]["a"]["censored"].is_string());
    assert!(tasks[3]["hosts"]["a"]["msg"].is_null());
}

#[test]
fn the_log_has_all_that_is_shown_without_secrets_and_colours() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("run.log");
    let settings = [("ANSIBLE_LOG_PATH", "run.log"), ("ANSIBLE_FORCE_COLOR", "1")];
    let output = run(dir.path(), SECRET, &settings, "");
    assert!(output.stdout.contains(&b'\x1b'));
    let text = fs::read_to_string(&log).expect("a log");
    assert!(!text.contains('\x1b') && !text.contains("correct-horse-42"), "{text}");
    for expected in ["TASK [secret]", "the password is •••", "fatal: [b]: FAILED!", "PLAY RECAP"]
    {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    let stamp = |line: &str| line.len() > 30 && line.starts_with("20") && line.contains("| ");
    assert!(text.lines().all(stamp), "{text}");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(log.metadata().expect("a log").permissions().mode() & 0o777, 0o600);
    run(dir.path(), SECRET, &settings, "");
    let longer = fs::read_to_string(&log).expect("a log");
    assert!(longer.starts_with(&text) && longer.len() > text.len(), "it is appended to");
}

#[test]
fn a_retry_file_names_the_hosts_that_failed() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = [("ANSIBLE_RETRY_FILES_ENABLED", "yes")];
    run(dir.path(), SECRET, &settings, "");
    let file = dir.path().join("site.retry");
    assert_eq!(fs::read_to_string(&file).expect("a retry file"), "b\n");
    let output = run(dir.path(), &[SECRET, &["--limit", "@site.retry"]].concat(), &settings, "");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains("[a]") && text.contains("fatal: [b]"), "{text}");
}

#[test]
fn a_step_is_taken_when_the_answer_is_yes() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = run(dir.path(), &[SECRET, &["--step"]].concat(), &[], "n\ny\nc\n");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains("TASK [secret]") && text.contains("TASK [loop]"), "{text}");
    assert!(text.contains("TASK [fails]") && text.contains("TASK [hidden]"), "{text}");
    let asked = String::from_utf8(output.stderr).expect("text");
    assert_eq!(asked.matches("(N)o/(y)es/(c)ontinue").count(), 3, "{asked}");
    assert!(asked.contains("Perform task: TASK: secret"), "{asked}");
}

#[test]
fn json_keeps_hosts_that_do_not_wait_for_each_other_apart_and_has_differences() {
    let dir = tempfile::tempdir().expect("a directory");
    let site = "
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - name: wait
      command: sleep {{ 0.6 if inventory_hostname == 'a' else 0.1 }}
    - name: write
      copy: {content: \"own of {{ inventory_hostname }}\\n\", dest: \"{{ playbook_dir }}/{{ inventory_hostname }}\"}
    - name: say
      debug: {msg: \"{{ inventory_hostname }}\"}
";
    let output = play(dir.path(), site, &[], &[("ANSIBLE_STDOUT_CALLBACK", "json")], "");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let tasks = document["plays"][0]["tasks"].as_array().expect("tasks");
    assert_eq!(tasks.len(), 6, "each host has its own tasks");
    for task in tasks {
        let hosts = task["hosts"].as_object().expect("hosts");
        assert_eq!(hosts.len(), 1, "{task}");
        let (host, result) = hosts.iter().next().expect("one");
        match task["task"]["name"].as_str() {
            Some("wait") => assert_eq!(result["cmd"][0], "sleep"),
            Some("write") => {
                let diff = &result["diff"][0];
                assert_eq!(diff["before"], "");
                assert_eq!(diff["after"], format!("own of {host}\n"));
                let path = diff["after_header"].as_str().expect("a path");
                assert!(path.ends_with(&format!("/{host}")), "{path}");
            }
            Some("say") => assert_eq!(result["msg"], **host),
            other => panic!("{other:?}"),
        }
    }
}
