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
                    Some("ini_file") => found.message == expected.message,
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
        _ => None,
    }
}
