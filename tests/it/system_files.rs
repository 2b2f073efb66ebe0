//! Modules that edit files of the system against real Ansible: `tests/modules/system.json` holds what it made
//! of each file (`oracle_system.py` beside it asked). Nothing here needs Ansible.

use std::{fmt::Write, fs, path::Path};

use serde_json::Value;

use super::edits::{Outcome, edit};

#[test]
fn system_files_are_ansibles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules/system.json");
    let cases: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut wrong = String::new();
    for case in &cases {
        let (found, expected) = (edit(case), Outcome::recorded(case));
        let text = |outcome: &Outcome| match case["module"].as_str() {
            // Ansible leaves a blank where a key has no comment.
            Some("authorized_key") => outcome.after.as_ref().map(|text| text.replace(" \n", "\n")),
            _ => outcome.after.clone(),
        };
        let same = match expected.failed {
            true => found.failed,
            false => {
                let message = match case["module"].as_str() {
                    Some("ini_file" | "pam_limits") => found.message == expected.message,
                    _ => true,
                };
                message && (text(&found), found.changed) == (text(&expected), expected.changed)
            }
        };
        if same == differs_on_purpose(case).is_some() {
            writeln!(
                wrong,
                "{} {}\n  before   {}\n  expected {expected:?}\n  found    {found:?}",
                case["module"], case["args"], case["before"]
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Where Ansible does harm, or touches what it was not asked to: why.
fn differs_on_purpose(case: &Value) -> Option<&'static str> {
    let args = &case["args"];
    let given = |name: &str| args.get(name).is_some();
    match case["module"].as_str()? {
        "authorized_key" => {
            let twice = case["before"].as_str().is_some_and(|text| text.contains(" old\n"));
            let other = args["key"].as_str().is_some_and(|key| key.starts_with("ecdsa"));
            (twice && other && !given("exclusive")).then_some("another key's lines stay")
        }
        "ini_file" => {
            let nothing = args["state"] == "absent" && !given("section") && !given("option");
            nothing.then_some("nothing is named, and the first section loses its name")
        }
        "sysctl" => {
            let before = case["before"].as_str()?;
            let changed = case["changed"] == true;
            let twice = before.starts_with("net.a=1\nnet.a=3") && args["name"] == "net.c";
            (changed && (before.contains(" = ") || twice)).then_some("other lines stay as they are")
        }
        "pam_limits" => {
            let after = case["after"].as_str()?;
            after.ends_with("\n\n").then_some("no empty line is added")
        }
        "known_hosts" => {
            let before = case["before"].as_str()?;
            let cut = !before.is_empty() && !before.ends_with('\n') && case["changed"] == true;
            let authority = before.starts_with('@') && !given("key") && case["changed"] == true;
            (cut || authority).then_some("lines are not glued; nothing to remove is no change")
        }
        "mount" => {
            let before = case["before"].as_str()?;
            let seen = before.starts_with("UUID") || before.contains("# data");
            let removed = args["state"] == "absent_from_fstab" && args["path"] == "/srv/data";
            (seen && removed).then_some("a line may have four fields, or a comment behind it")
        }
        _ => None,
    }
}
