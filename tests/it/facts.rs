//! Facts: what each choice of `setup` gathers is what ansible-core gathers (tests/facts records it).

use std::{collections::BTreeMap, fmt::Write, fs, path::Path, process::Command};

use serde_json::Value;

fn here(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts").join(name)
}

fn recorded(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(here(name)).expect("readable")).expect("valid")
}

/// What `setup` finds on this machine with each of the arguments.
fn gather(arguments: &[String]) -> Vec<serde_json::Map<String, Value>> {
    let dir = tempfile::tempdir().expect("a directory");
    let mut play = String::from("- hosts: localhost\n  gather_facts: false\n  tasks:\n");
    for (index, given) in arguments.iter().enumerate() {
        let _ = write!(
            play,
            "    - setup: {given}\n      register: found\n\
             \x20   - copy: {{ content: \"{{{{ found.ansible_facts | to_json }}}}\", dest: {}/{index} }}\n",
            dir.path().display()
        );
    }
    fs::write(dir.path().join("play.yml"), play).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook", "play.yml", "-i", "localhost,", "--connection", "local", "--no-diff"])
        .current_dir(dir.path())
        .output()
        .expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let read = |index: usize| {
        let text = fs::read_to_string(dir.path().join(index.to_string())).expect("written");
        serde_json::from_str(&text).expect("a mapping")
    };
    (0..arguments.len()).map(read).collect()
}

#[test]
fn each_choice_gathers_what_ansible_gathers() {
    let keys: BTreeMap<String, Vec<String>> =
        serde_json::from_value(recorded("keys.json")).expect("lists of names");
    let choices: Vec<String> = keys.keys().cloned().collect();
    assert!(choices.len() > 20);
    let found = gather(&choices);
    // Depends on tools of the machine.
    let loose = [
        "systemd",
        "system_capabilities",
        "system_capabilities_enforced",
        "python",
        "python_version",
    ];
    let mut wrong = String::new();
    for (choice, facts) in choices.iter().zip(&found) {
        // Each choice reads on its own: interfaces of the machine may come and go in between.
        let interfaces: Vec<String> = facts
            .get("ansible_interfaces")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap_or_default().replace(['-', '.'], "_"))
            .collect();
        let mut names: Vec<&str> = facts
            .keys()
            .map(|key| key.strip_prefix("ansible_").unwrap_or(key))
            .filter(|name| !name.starts_with("ssh_host_key"))
            .filter(|name| !loose.contains(name) && !interfaces.iter().any(|own| own == name))
            .collect();
        names.sort_unstable();
        let expected = &keys[choice];
        let missing: Vec<_> =
            expected.iter().filter(|name| !names.contains(&name.as_str())).collect();
        let surplus: Vec<_> =
            names.iter().filter(|name| !expected.contains(&name.to_string())).collect();
        if !missing.is_empty() || !surplus.is_empty() {
            let _ = writeln!(wrong, "`{choice}`: missing {missing:?}, surplus {surplus:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn local_facts_are_read_as_ansible_reads_them() {
    let path = here("facts.d");
    let given = format!("gather_subset=!all,!min,local fact_path={}", path.display());
    let found = gather(&[given]).remove(0).remove("ansible_local").expect("local facts");
    let text = found.to_string().replace(&*here("").to_string_lossy(), "@/");
    let found: Value = serde_json::from_str(&text).expect("valid");
    assert_eq!(found, recorded("local.json"));
}

/// Runs a play on this machine with facts kept in `kept/`; what it prints.
fn keeping(dir: &Path, play: &str, flags: &[&str], gathering: &str) -> String {
    fs::write(dir.join("play.yml"), play).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook", "play.yml", "-i", "localhost,", "--connection", "local"])
        .args(flags)
        .current_dir(dir)
        .env("ANSIBLE_CACHE_PLUGIN", "jsonfile")
        .env("ANSIBLE_CACHE_PLUGIN_CONNECTION", dir.join("kept"))
        .env("ANSIBLE_GATHERING", gathering)
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}

const SHOW: &str = "- hosts: all\n  tasks:\n    - debug: msg=\"<{{ ansible_facts.pkg_mgr | default('none') }} \
    {{ mine.a | default('none') }} {{ number | default('none') }} {{ other | default('none') }}>\"\n";

#[test]
fn facts_that_ansible_has_kept_are_read() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("kept")).expect("made");
    fs::copy(here("kept/s1_localhost"), dir.path().join("kept/s1_localhost")).expect("copied");
    let text = keeping(dir.path(), SHOW, &[], "smart");
    assert!(
        text.contains("<apt [1, 'x'] 7 none>") || text.contains("<apt [1, \\\"x\\\"] 7 none>"),
        "{text}"
    );
    assert!(!text.contains("Gathering Facts"), "they are known: {text}");
    let text = keeping(dir.path(), SHOW, &[], "explicit");
    assert!(!text.contains("Gathering Facts") && text.contains("<apt "), "{text}");
    let text = keeping(dir.path(), SHOW, &["--flush-cache"], "explicit");
    assert!(text.contains("<none none none none>"), "{text}");
    assert!(!dir.path().join("kept/s1_localhost").exists());
}

#[test]
fn facts_are_kept_and_cleared() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("kept/s1_localhost");
    let play = "- hosts: all\n  gather_subset: ['!all', '!min', pkg_mgr]\n  tasks:\n\
        \x20   - set_fact: {mine: {a: 5}, number: 7, cacheable: true}\n    - set_fact: {other: 2}\n";
    let text = keeping(dir.path(), play, &[], "smart");
    assert!(text.contains("Gathering Facts"), "{text}");
    let text = keeping(dir.path(), SHOW, &[], "smart");
    assert!(text.contains(" 5 7 none>") && !text.contains("Gathering Facts"), "{text}");
    let clear = "- hosts: all\n  gather_facts: false\n  tasks:\n    - meta: clear_facts\n\
        \x20   - debug: msg=\"<{{ number | default('gone') }}>\"\n";
    let text = keeping(dir.path(), clear, &[], "smart");
    assert!(text.contains("<gone>") && !file.exists(), "{text}");
    // What is too old counts no more.
    keeping(dir.path(), play, &[], "smart");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(90_000);
    fs::File::options().write(true).open(&file).expect("there").set_modified(old).expect("aged");
    let text = keeping(dir.path(), SHOW, &[], "smart");
    assert!(text.contains("Gathering Facts") && text.contains(" none none none>"), "{text}");
}
