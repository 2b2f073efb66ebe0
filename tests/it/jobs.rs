//! Jobs (`async`) outlive rprov: what one run has started the next one asks about.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).expect("a file");
}

fn rprov(dir: &Path, playbook: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rprov"));
    command.args(["playbook", playbook, "-i", "one,", "-c", "local"]).current_dir(dir);
    command.args(["-e", &format!("ansible_async_dir={}/jobs", dir.display())]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Asks about the only job there is until it has ended.
const STATUS: &str = r#"
- hosts: all
  gather_facts: false
  tasks:
    - async_status: {jid: "{{ lookup('fileglob', ansible_async_dir ~ '/j*') | basename }}"}
      register: job
      until: job is finished
      retries: 60
      delay: 1
    - assert: {that: ["job.stdout == 'done'", "job.rc == 0", "job is changed"]}
"#;

fn ends_well(dir: &Path) {
    write(dir, "status.yml", STATUS);
    let output = rprov(dir, "status.yml").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_job_outlives_the_run_that_has_started_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let start = "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: sleep 2; echo done\n      async: 60\n      poll: 0\n";
    write(dir.path(), "start.yml", start);
    let output = rprov(dir.path(), "start.yml").output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    ends_well(dir.path());
}

#[test]
fn a_job_outlives_rprov_being_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let start = "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: sleep 3; echo done\n      async: 60\n      poll: 1\n";
    write(dir.path(), "start.yml", start);
    let mut run: Child = rprov(dir.path(), "start.yml").spawn().expect("it runs");
    for _ in 0..400 {
        if dir.path().join("jobs").read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    std::thread::sleep(Duration::from_millis(500));
    run.kill().expect("it was running");
    run.wait().expect("it ended");
    ends_well(dir.path());
}

/// As the `ansible` command does: what is known of the job is part of the result, which is shown whole.
#[test]
fn a_job_of_one_task_is_shown_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let jobs = format!("ansible_async_dir={}/jobs", dir.path().display());
    let words = ["run", "one", "-i", "one,", "-c", "local", "-a", "echo hi", "-B", "60", "-P", "1"];
    let output = Command::new(env!("CARGO_BIN_EXE_rprov")).args(words).args(["-e", &jobs]).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("one | CHANGED => {\n"), "{said}");
    for part in ["\"ansible_job_id\": \"j", "\"finished\": true", "\"stdout\": \"hi\""] {
        assert!(said.contains(part), "{said}");
    }
}
