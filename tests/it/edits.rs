//! `lineinfile`, `blockinfile` and `replace` against real Ansible: `tests/modules/edits.json` holds what it
//! made of each file (`oracle_edits.py` beside it asked). Nothing here needs Ansible.

use std::{fmt::Write, fs, path::Path};

use rprov_modules::kit::*;
use serde_json::Value;

use super::modules::{facts, parse};

#[test]
fn edits_are_ansibles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules/edits.json");
    let cases: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut wrong = String::new();
    for case in &cases {
        let found = edit(case);
        let expected = Outcome::recorded(case);
        if differs_on_purpose(case) {
            assert_ne!(found, expected, "{case}");
            continue;
        }
        let same = match expected.failed {
            true => found.failed,
            false => found == expected,
        };
        if !same {
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

/// What Ansible does here harms the file, or is of no use.
fn differs_on_purpose(case: &Value) -> bool {
    let before = case["before"].as_str();
    match case["module"].as_str() {
        // A line added after a last line without a newline is glued to it.
        Some("lineinfile") => {
            before.is_some_and(|text| text.ends_with("last"))
                && case["args"]["insertafter"] == "^last"
        }
        // An end marker without a newline is not seen: the block is there twice.
        _ if before.is_some_and(|text| text.ends_with("BLOCK")) => true,
        // Nothing to remove from no file is an error.
        _ => before.is_none() && case["args"]["state"] == "absent",
    }
}

#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) after: Option<String>,
    pub(crate) changed: bool,
    pub(crate) message: String,
    pub(crate) failed: bool,
}

impl Outcome {
    /// What Ansible said and did.
    pub(crate) fn recorded(case: &Value) -> Outcome {
        Outcome {
            after: case["after"].as_str().map(str::to_owned),
            changed: case["changed"].as_bool().unwrap(),
            message: case["msg"].as_str().unwrap().to_owned(),
            failed: case["failed"].as_bool().unwrap(),
        }
    }
}

pub(crate) fn edit(case: &Value) -> Outcome {
    let before = case["before"].as_str();
    let mut args = case["args"].clone();
    if !args.to_string().contains("\"PATH\"") {
        args["path"] = "PATH".into();
    }
    let spec = rprov_modules::find(case["module"].as_str().unwrap()).unwrap();
    let goal = (spec.bind)(&parse(Path::new("case"), &args.to_string())).unwrap();
    let facts = facts(&[].into());
    let plan = goal.probe_plan(&facts).resolve(|ask| {
        let stat = |kind| Stat {
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
            owner: "root".into(),
            group: "root".into(),
            size: 0,
            atime: 0,
            mtime: 0,
            ctime: 0,
            inode: 1,
            device: 1,
            links: 1,
            target: None,
        };
        Some(match ask {
            Ask::Stat { path, .. } if path == "." => Answer::Stat(Some(stat(FileKind::Directory))),
            Ask::Stat { .. } => Answer::Stat(before.map(|_| stat(FileKind::File))),
            Ask::Read { .. } => Answer::Content(match before {
                Some(text) => Content::Bytes(text.as_bytes().into()),
                None => Content::Absent,
            }),
            Ask::User { name } if name == "root" => Answer::User(Some(User {
                name: "root".into(),
                uid: 0,
                gid: 0,
                comment: String::new(),
                home: "/root".into(),
                shell: "/bin/sh".into(),
                groups: vec![],
            })),
            Ask::Sh { .. } => Answer::Sh(Reply::default()),
            _ => panic!("{ask:?}"),
        })
    });
    let plan = match plan.expect("every ask has an answer") {
        Ok(plan) => plan,
        Err(why) => {
            let after = before.map(str::to_owned);
            return Outcome { after, changed: false, message: why.message, failed: true };
        }
    };
    let put = plan.changes.iter().find_map(|change| match &change.step {
        Step::Put(put) => Some(String::from_utf8(put.content.to_vec()).unwrap()),
        _ => None,
    });
    let mut values = plan.values.clone();
    if !plan.is_empty() {
        values.extend(plan.on_change.clone());
    }
    if case["found"].is_number() {
        assert_eq!(values["found"], case["found"], "{case}");
    }
    Outcome {
        after: put.or(before.map(str::to_owned)),
        changed: !plan.is_empty(),
        message: values.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned(),
        failed: false,
    }
}
