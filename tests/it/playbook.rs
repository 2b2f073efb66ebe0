//! Every keyword of ansible-core stands where it may stand there, and nowhere else.
//!
//! `tests/playbook/keywords.tsv` is ansible-core's own list, `values.tsv` has its verdicts on values
//! of keywords, `includes.tsv` on what stands beside includes and imports (`tests/playbook/generate.sh`).

use std::{path::Path, sync::Arc};

use rprov::{
    playbook::{Loader, Settings},
    source::SourceMap,
    template::Templar,
    vars::{Layer, files::Reader},
};

/// Keywords that rprov refuses, and says so.
const NOT_YET: &[&str] = &["delegate_facts"];
const LEVELS: [&str; 5] = ["Play", "Role", "Block", "Task", "Handler"];

#[test]
fn keywords_stand_where_ansible_takes_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbook/keywords.tsv");
    let table = std::fs::read_to_string(path).expect("keywords.tsv");
    assert!(table.lines().count() > 50);
    let mut wrong = Vec::new();
    for line in table.lines() {
        let mut fields = line.split('\t');
        let keyword = fields.next().unwrap_or_default();
        let allowed: Vec<&str> = fields.collect();
        for level in LEVELS {
            let errors = load(&playbook(keyword, level));
            let taken = errors.is_empty() || when_reached(keyword, &errors);
            let wanted = allowed.contains(&level);
            // What is no keyword of a role is a parameter for it.
            if level == "Role" && !wanted {
                continue;
            }
            if taken != wanted && !NOT_YET.contains(&keyword) {
                wrong.push(format!("{keyword} on {level}: expected {wanted}, found {errors:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Levels, keywords and values on which rprov decides otherwise, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("play order:", "ansible-core finds an unknown order in the run"),
    ("play strategy:", "ansible-core finds an unknown strategy in the run"),
    ("play serial:", "ansible-core finds that it is no number in the run"),
    ("play vars_files:", "files that are not there are told at once"),
    ("play vars: [{a: 1}]", "a list of mappings, as older versions took it"),
    ("task vars: [{a: 1}]", "a list of mappings, as older versions took it"),
    ("block vars: [{a: 1}]", "a list of mappings, as older versions took it"),
    ("loop_control index_var:", "no template could read a variable of such a name"),
    ("loop_control loop_var:", "no template could read a variable of such a name"),
    ("task args: {a: 1}", "`ping` has no such parameter"),
    ("play hosts: ''", "a pattern that matches nothing, told with those"),
];

#[test]
fn keywords_take_the_values_ansible_takes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbook/values.tsv");
    let table = std::fs::read_to_string(path).expect("values.tsv");
    assert!(table.lines().count() > 700);
    let mut wrong = Vec::new();
    for line in table.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [level, keyword, value, verdict] = fields[..] else { panic!("{line}") };
        let errors = load(&with_value(level, keyword, value));
        let case = format!("{level} {keyword}: {value}");
        if errors.is_empty() != (verdict == "taken")
            && !OTHERWISE.iter().any(|(known, _)| case.starts_with(known))
            && !when_reached(keyword, &errors)
        {
            wrong.push(format!("{case} is {verdict}, found {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a condition is refused for what it says: ansible-core does so when it gets there.
fn when_reached(keyword: &str, errors: &[String]) -> bool {
    let about = |error: &String| {
        ["expected a condition", "syntax error in template"].iter().any(|of| error.starts_with(of))
    };
    ["when", "changed_when", "failed_when", "until", "break_when"].contains(&keyword)
        && errors.iter().all(about)
}

/// What may stand beside an include or an import on which rprov decides otherwise, and why.
const INCLUDES_OTHERWISE: &[(&str, &str)] = &[
    ("include_role handler", "a role is included where a handler runs, too"),
    ("import_role handler", "its tasks are handlers"),
    ("include_tasks apply block", "ansible-core puts its own in its place"),
    ("include_role apply block", "ansible-core puts its own in its place"),
];

#[test]
fn includes_and_imports_take_what_ansible_takes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbook/includes.tsv");
    let table = std::fs::read_to_string(path).expect("includes.tsv");
    assert!(table.lines().count() > 400);
    let mut wrong = Vec::new();
    for line in table.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [action, part, name, value, verdict] = fields[..] else { panic!("{line}") };
        let own = if action.ends_with("tasks") { "file: t.yml" } else { "name: r" };
        let entry = format!("{name}: {value}");
        let (section, task) = match part {
            "parameter" => ("tasks", format!("{action}: {{{own}, {entry}}}")),
            "apply" => ("tasks", format!("{action}: {{{own}, apply: {{{entry}}}}}")),
            "handler" => ("handlers", format!("{action}: {{{own}}}\n      {entry}")),
            _ => ("tasks", format!("{action}: {{{own}}}\n      {entry}")),
        };
        let errors = load(&format!("- hosts: a\n  {section}:\n    - name: h\n      {task}\n"));
        let case = format!("{action} {part} {entry}");
        if errors.is_empty() != (verdict == "taken")
            && !INCLUDES_OTHERWISE.iter().any(|(known, _)| case.starts_with(known))
        {
            wrong.push(format!("{case} is {verdict}, found {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A playbook with one keyword of a value, as `tests/playbook/values.py` writes it.
fn with_value(level: &str, keyword: &str, value: &str) -> String {
    let line = format!("{keyword}: {value}");
    let play = |keyword: &str, tasks: &str| format!("- hosts: a\n  {keyword}:\n    - {tasks}\n");
    match (level, keyword) {
        ("play", "hosts") => format!("- {line}\n"),
        ("play", _) => format!("- {line}\n  hosts: a\n"),
        ("loop_control", _) => {
            play("tasks", &format!("ping:\n      loop: [1]\n      loop_control: {{{line}}}"))
        }
        ("block", _) => play("tasks", &format!("{line}\n      block: [{{ping: }}]")),
        ("handler", _) => play("handlers", &format!("ping:\n      {line}")),
        (_, "poll") => play("tasks", &format!("ping:\n      async: 5\n      {line}")),
        _ => play("tasks", &format!("ping:\n      {line}")),
    }
}

/// A play with the keyword at one level.
fn playbook(keyword: &str, level: &str) -> String {
    let value = match keyword {
        "hosts" => "a",
        "action" => "ping",
        "args" | "vars" | "environment" | "module_defaults" | "loop_control" => "{}",
        "block" | "rescue" | "always" | "tasks" | "pre_tasks" | "post_tasks" | "handlers" => {
            "[{ping: }]"
        }
        "roles" | "vars_files" | "vars_prompt" | "collections" | "loop" | "tags" | "notify"
        | "gather_subset" => "[]",
        "order" => "sorted",
        "strategy" => "free",
        "name" | "register" => "x",
        _ => "1",
    };
    let at = |here: &str| match here == level {
        true => format!("{keyword}: {value}"),
        false => String::new(),
    };
    let lines = |indent: usize, fixed: &[&str], own: String| {
        let own_key = own.split(':').next().unwrap_or_default().to_owned();
        let fixed = fixed.iter().filter(|line| line.split(':').next() != Some(&own_key));
        let all: Vec<String> = fixed
            .map(|line| (*line).to_owned())
            .chain([own].into_iter().filter(|l| !l.is_empty()))
            .collect();
        let pad = " ".repeat(indent);
        all.join(&format!("\n{pad}"))
    };
    let task = |own: String| match own.starts_with("action:") {
        true => own,
        false => lines(6, &["ping:"], own),
    };
    let play =
        lines(2, &["hosts: a", "roles: [ROLE]", "tasks: TASKS", "handlers: HANDLERS"], at("Play"));
    let role = match at("Role") {
        own if own.is_empty() => "{role: r}".to_owned(),
        own => format!("{{role: r, {own}}}"),
    };
    let block = lines(6, &["block: [{ping: }]"], at("Block"));
    format!("- {play}\n")
        .replace("ROLE", &role)
        .replace("TASKS", &format!("\n    - {}\n    - {block}", task(at("Task"))))
        .replace("HANDLERS", &format!("\n    - {}", task(at("Handler"))))
}

fn load(text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a directory");
    for (part, text) in [("tasks", "- ping:\n"), ("vars", ""), ("defaults", ""), ("handlers", "")] {
        let part = dir.path().join("roles/r").join(part);
        std::fs::create_dir_all(&part).expect("a part of the role");
        std::fs::write(part.join("main.yml"), text).expect("a file of the role");
    }
    std::fs::write(dir.path().join("t.yml"), "- ping:\n").expect("a file of tasks");
    let path = dir.path().join("site.yml");
    std::fs::write(&path, text).expect("a playbook");
    let map = SourceMap::default();
    let loader = Loader::new(Settings {
        map: map.clone(),
        templar: Templar::new(map.clone()),
        keywords: vec![],
        extra: Arc::new(Layer::default()),
        lenient: false,
        private_roles: false,
        roles_path: vec![],
        collections_path: vec![],
        reader: Reader::new(map),
        decrypt: None,
    });
    match loader.playbook(&path) {
        Ok(_) => vec![],
        Err(errors) => errors.iter().map(|error| error.message().to_owned()).collect(),
    }
}

#[test]
fn includes_without_end_are_ended_and_their_circle_is_shown() {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in [
        ("site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - include_tasks: a.yml\n"),
        ("a.yml", "- include_tasks: b.yml\n"),
        ("b.yml", "- include_tasks: a.yml\n"),
    ] {
        std::fs::write(dir.path().join(name), text).expect("a file");
    }
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook", "site.yml", "-i", "one,", "-c", "local"])
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.matches("included: ").count(), 200, "{said}");
    assert!(said.contains("error: `a.yml` is included 200 levels deep"), "{said}");
    assert!(said.contains("`a.yml` → `b.yml` → `a.yml`"), "{said}");
}
