//! `rprov why` tells the values that ansible-core has, and keeps secrets to itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/why/project")
}

/// Asks in the project of `tests/why`; what is printed, with an exit code of 0.
fn why(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["why", "-i", "inventory", "--vault-password-file", "../vault-password"])
        .args(words)
        .current_dir(root())
        .env_clear()
        .output()
        .expect("rprov runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn values_are_ansibles() {
    let answers = std::fs::read_to_string(root().join("../answers.tsv")).expect("answers.tsv");
    let root = root().to_string_lossy().into_owned();
    let mut wrong = Vec::new();
    for row in answers.lines() {
        let [playbook, extra, host, name, value] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("five columns: {row}")
        };
        let mut words = vec![host, name, "--show"];
        if playbook != "-" {
            words.extend(["--playbook", playbook]);
        }
        if extra != "-" {
            words.extend(["-e", "base_port=1", "-e", r#"{"app_user": "extra"}"#]);
        }
        let shown = why(&words);
        let (yaml, _) = shown.split_once("\n\n").expect("the value, then where it is from");
        let document: Value = serde_yaml::from_str(yaml).expect("YAML");
        let wanted: Value =
            serde_json::from_str(&value.replace("ROOT", &root)).expect("recorded as JSON");
        if document[name] != wanted {
            wrong.push(format!("{row}\n{yaml}"));
        }
    }
    assert!(answers.lines().count() > 90, "{}", answers.lines().count());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn secrets_are_masked_unless_asked_for() {
    // A text with a secret too short to be found in it is hidden as a whole.
    let asked = [
        ("inline_secret", "inline_secret: •••", "inline_secret: a-hidden-word"),
        ("short", "short: •••", "short: abc"),
        ("token", "token: •••", "token: x-a-hidden-word-abc"),
        ("url", "url: https://app:•••@db1/shop", "url: https://app:hunter2-of-the-test@db1/shop"),
        ("db", "db:\n  port: •••\n  key: •••", "db:\n  port: 5432\n  key: hunter2-of-the-test!"),
    ];
    for (name, masked, open) in asked {
        let shown = why(&["web1", name]);
        assert!(shown.starts_with(&format!("{masked}\n\n")), "{shown}");
        for secret in ["hidden-word", "abc", "hunter2", "5432"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let shown = why(&["web1", name, "--show"]);
        assert!(shown.starts_with(&format!("{open}\n\n")), "{shown}");
    }
}
