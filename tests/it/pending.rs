//! Notified handlers of a failed run: kept, run by the next run of that play on that host, forgotten.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

const PLAY: &str = "\
- name: site
  hosts: all
  gather_facts: false
  tasks:
    - command: 'true'
      when: change | default(true)
      notify: restart
    - fail:
      when: broken | default(false) and inventory_hostname in broken_on | default(groups.all)
  handlers:
    - name: restart
      command: 'echo restarted {{ inventory_hostname }}'
      failed_when: handler_fails | default(false)
";

struct Project(tempfile::TempDir);

impl Project {
    fn new(play: &str) -> Project {
        let project = Project(tempfile::tempdir().expect("a directory"));
        project.play(play);
        project
    }

    fn play(&self, play: &str) {
        fs::write(self.0.path().join("site.yml"), play).expect("written");
    }

    /// The output and the exit code.
    fn run(&self, flags: &[&str]) -> (String, i32) {
        let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
            .args(["playbook", "site.yml", "-i", "a,b,", "-c", "local", "--forks", "1"])
            .args(flags)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.0.path())
            .env("RPROV_STATE_DIR", self.0.path().join("state"))
            .output()
            .expect("runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (text, output.status.code().unwrap_or(-1))
    }

    fn kept(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.0.path().join("state/pending")).into_iter().flatten();
        files.map(|entry| entry.expect("readable").path()).collect()
    }
}

const FAIL: [&str; 4] = ["-e", "broken=true", "-e", "{\"broken_on\": [\"a\"]}"];
const QUIET: [&str; 2] = ["-e", "{\"change\": false}"];

#[test]
fn a_handler_of_a_failed_run_runs_in_the_next() {
    let project = Project::new(PLAY);
    let (text, code) = project.run(&FAIL);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("a: kept for the next run of this play: restart"), "{text}");
    assert!(!text.contains("b: kept"), "{text}");
    let kept = project.kept();
    assert_eq!(kept.len(), 1, "only that of a");
    let mode = fs::metadata(&kept[0]).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let content: serde_json::Value =
        serde_json::from_slice(&fs::read(&kept[0]).expect("readable")).expect("JSON");
    assert_eq!(content["handlers"], serde_json::json!(["restart"]));
    assert_eq!(content["host"], "a");

    // Neither of these runs it or forgets it.
    for flags in [&["--check"][..], &["--no-pending-handlers"], &["--limit", "b"]] {
        let flags: Vec<&str> = flags.iter().chain(&QUIET).copied().collect();
        let (text, code) = project.run(&flags);
        assert_eq!(code, 0, "{text}");
        assert!(!text.contains("earlier run") && !text.contains("RUNNING HANDLER"), "{text}");
        assert_eq!(project.kept().len(), 1, "{flags:?}");
    }

    let (text, code) = project.run(&QUIET);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("a: notified in an earlier run that failed: restart"), "{text}");
    assert!(text.contains("RUNNING HANDLER [restart]") && text.contains("changed: [a]"), "{text}");
    assert!(!text.contains("changed: [b]"), "{text}");
    assert!(project.kept().is_empty());

    let (text, _) = project.run(&QUIET);
    assert!(!text.contains("RUNNING HANDLER"), "{text}");
}

#[test]
fn a_handler_that_fails_is_kept() {
    let project = Project::new(PLAY);
    let (text, code) = project.run(&["--limit", "a", "-e", "handler_fails=true"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("a: kept for the next run of this play: restart"), "{text}");
    let fails = ["--limit", "a", "-e", "{\"change\": false, \"handler_fails\": true}"];
    let (text, code) = project.run(&fails);
    assert_eq!(code, 2, "{text}");
    assert_eq!(project.kept().len(), 1, "it failed again: {text}");
    let (text, code) = project.run(&QUIET);
    assert_eq!((code, project.kept().len()), (0, 0), "{text}");
}

#[test]
fn a_handler_that_is_gone_is_dropped() {
    let project = Project::new(PLAY);
    project.run(&FAIL);
    project.play(&PLAY.replace("restart", "reload"));
    let (text, code) = project.run(&QUIET);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("notified in an earlier run, and not there any more: restart"), "{text}");
    assert!(project.kept().is_empty());
}

#[test]
fn another_play_does_not_run_it() {
    let project = Project::new(PLAY);
    project.run(&FAIL);
    project.play(&PLAY.replace("name: site", "name: other"));
    let (text, _) = project.run(&QUIET);
    assert!(!text.contains("RUNNING HANDLER"), "{text}");
    assert_eq!(project.kept().len(), 1);
    // The second of two plays of one name is not the first.
    project.play(&format!("- {{name: site, hosts: all, gather_facts: false}}\n{PLAY}"));
    let (text, _) = project.run(&QUIET);
    assert!(!text.contains("RUNNING HANDLER"), "{text}");
}

#[test]
fn a_failure_before_the_flush_keeps_it_once_more() {
    let project = Project::new(PLAY);
    project.run(&FAIL);
    let fails = ["-e", "{\"change\": false, \"broken\": true}"];
    let (text, _) = project.run(&fails);
    assert!(text.contains("a: kept for the next run of this play: restart"), "{text}");
    assert!(!text.contains("b: kept"), "{text}");
    let (text, _) = project.run(&QUIET);
    assert!(text.contains("RUNNING HANDLER [restart]"), "{text}");
}
