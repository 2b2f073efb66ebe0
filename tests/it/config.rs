//! Settings: what files and variables give, beside what `ansible-config dump` says of them.
//!
//! Each directory-like file of `tests/config` is a case: files and an environment; then the settings
//! rprov finds given, and Ansible's recorded answer for the names that both have. `ORACLE=PATH` asks
//! that `ansible-config` again (`tests/config/generate.sh`); `UPDATE=1` rewrites rprov's part.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path, process::Command};

use rprov::config::{Config, IDLE, Idle, Origin, Reason, SETTINGS, Setting, Surroundings};
use rprov::source::{SourceMap, render_all};
use serde_json::Value;

/// Whether a setting is a plugin's: `ansible-config dump` does not show it without the plugin's kind.
fn of_plugin(setting: &Setting) -> bool {
    setting.name.starts_with(|c: char| c.is_ascii_lowercase())
}

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut wrong = vec![];
    let mut seen = 0;
    for entry in fs::read_dir(root).expect("tests/config") {
        let path = entry.expect("entry").path();
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        seen += 1;
        let old = fs::read_to_string(&path).expect("a readable case");
        let new = replay(&old);
        if old == new {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() || std::env::var_os("ORACLE").is_some() {
            fs::write(&path, new).expect("a writable case");
        } else {
            let diff = similar::TextDiff::from_lines(&old, &new).unified_diff().to_string();
            wrong.push(format!("{}\n{diff}", path.display()));
        }
    }
    assert!(seen > 0);
    assert!(wrong.is_empty(), "{}\nrun with UPDATE=1 to accept", wrong.join("\n"));
}

fn replay(case: &str) -> String {
    let (given, rest) = case.split_once("=== rprov\n").unwrap_or((case, ""));
    let recorded = rest.split_once("=== ansible\n").map_or("", |(_, recorded)| recorded);
    let dir = tempfile::tempdir().expect("a directory");
    let here = dir.path().canonicalize().expect("a real path").join("here");
    fs::create_dir_all(&here).expect("a directory");
    let mut variables = BTreeMap::new();
    for part in given.split("=== ").skip(1) {
        let (name, text) = part.split_once('\n').expect("a part has a name");
        if name == "environment" {
            let lines = text.lines().filter_map(|line| line.split_once('='));
            variables.extend(lines.map(|(name, value)| (name.to_owned(), value.to_owned())));
        } else {
            fs::write(here.join(name), text).expect("a file");
        }
    }
    let home = here.with_file_name("home");
    fs::create_dir_all(&home).expect("a directory");
    variables.insert("HOME".to_owned(), home.display().to_string());
    let recorded = match std::env::var_os("ORACLE") {
        Some(oracle) => ask(Path::new(&oracle), &here, &variables),
        None => recorded.to_owned(),
    };
    let around = Surroundings { directory: here.clone(), home: Some(home), variables };
    let map = SourceMap::default();
    let mut ours = String::new();
    let config = Config::load(&map, &around);
    match &config {
        Ok(config) => {
            for setting in SETTINGS {
                let place = match config.origin(setting) {
                    Origin::Default => continue,
                    Origin::Variable(name) => name.to_owned(),
                    Origin::File(span) => {
                        map.line_col(span).map_or(String::new(), |(path, line, _)| {
                            format!("{}:{line}", path.file_name().unwrap_or_default().display())
                        })
                    }
                };
                let _ = writeln!(ours, "{}({place}) = {}", setting.name, config.value(setting));
            }
            for one in &config.unused {
                let _ = writeln!(ours, "unused: {} {:?}", one.name, one.reason);
            }
            ours += &render_all(&config.warnings, &map, false);
        }
        Err(errors) => ours += &render_all(errors, &map, false),
    }
    let clean =
        |text: String| text.replace(&*dir.path().canonicalize().unwrap().to_string_lossy(), "DIR");
    let (ours, recorded) = (clean(ours), clean(recorded));
    if let (Ok(config), false) = (&config, recorded.starts_with("error")) {
        for line in recorded.lines() {
            let (name, value) = line.split_once(" = ").expect("a recorded value");
            let setting = Config::find(name).expect("a setting of both");
            // What nobody gives may have another default here; rprov.toml is ours alone.
            let ours = match config.origin(setting) {
                Origin::Default => true,
                Origin::File(span) => {
                    map.path(span.file).is_some_and(|p| p.ends_with("rprov.toml"))
                }
                Origin::Variable(_) => false,
            };
            if ours {
                continue;
            }
            let value: Value = serde_json::from_str(value).expect("recorded JSON");
            let own: Value =
                serde_json::from_str(&clean(config.value(setting).to_string())).unwrap();
            assert_eq!(own, value, "{name}, in\n{given}");
        }
    }
    format!("{given}=== rprov\n{}\n=== ansible\n{recorded}", ours.trim_end())
}

/// What `ansible-config dump` says of the settings that rprov has, too.
fn ask(oracle: &Path, here: &Path, variables: &BTreeMap<String, String>) -> String {
    let output = Command::new(oracle)
        .args(["dump", "--format", "json"])
        .current_dir(here)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(variables)
        .output()
        .expect("ansible-config runs");
    let Ok(Value::Array(all)) = serde_json::from_slice(&output.stdout) else {
        return "error\n".to_owned();
    };
    let mut out = String::new();
    for setting in SETTINGS.iter().filter(|setting| !of_plugin(setting)) {
        let found = all.iter().find(|one| one["name"] == setting.name);
        let found = found.unwrap_or_else(|| panic!("Ansible has no setting {}", setting.name));
        if found["origin"] != "default" {
            let _ = writeln!(out, "{} = {}", setting.name, found["value"]);
        }
    }
    out
}

/// `tests/config/known.list`: every key and variable that Ansible has.
#[test]
fn no_key_of_ansible_is_unknown() {
    let known = include_str!("../config/known.list");
    let dir = tempfile::tempdir().expect("a directory");
    let (mut text, mut variables) = (String::new(), BTreeMap::new());
    let mut section = "";
    for line in known.lines() {
        match line.split_once('.') {
            Some((of, key)) => {
                if of != section {
                    let _ = writeln!(text, "[{of}]");
                    section = of;
                }
                let _ = writeln!(text, "{key} =");
            }
            None => drop(variables.insert(line.to_owned(), String::new())),
        }
    }
    let errors = |text: &str, variables: &BTreeMap<String, String>| {
        fs::write(dir.path().join("ansible.cfg"), text).expect("a file");
        let around = Surroundings {
            directory: dir.path().to_owned(),
            home: None,
            variables: variables.clone(),
        };
        let map = SourceMap::default();
        Config::load(&map, &around).map_err(|errors| render_all(&errors, &map, false))
    };
    // Booleans and numbers without a value are errors, and told all at once.
    let shown = errors(&text, &variables).expect_err("values are missing");
    assert!(shown.matches("error: expected").count() > 10, "{shown}");
    // With their defaults they are fine, and nothing is unknown.
    let text: String = text
        .lines()
        .map(|line| {
            let of =
                text[..text.find(line).unwrap_or(0)].rfind('[').map_or("", |at| &text[at + 1..]);
            let of = of.split(']').next().unwrap_or_default();
            let name = format!("{of}.{}", line.trim_end_matches(" ="));
            let setting = SETTINGS.iter().find(|setting| setting.keys.contains(&&*name));
            let default = setting.and_then(|setting| setting.default).unwrap_or_default();
            let number = setting.is_some_and(|one| one.kind == rprov::config::Kind::Number);
            let default = if number && default.is_empty() { "1" } else { default };
            format!("{line}{default}\n")
        })
        .collect();
    let config = errors(&text, &variables).expect("nothing is wrong");
    let unknown: Vec<_> = config
        .unused
        .iter()
        .filter(|one| matches!(one.reason, Reason::Unknown(_)))
        .map(|one| &one.name)
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(config.unused.len() > 100);
}

/// The table in COMPATIBILITY.md is that of the settings without effect. `UPDATE=1` writes it anew.
#[test]
fn what_has_no_effect_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("COMPATIBILITY.md");
    let text = fs::read_to_string(&path).expect("a readable file");
    let mut table =
        String::from("| keys of `ansible.cfg` | variables | why |\n| --- | --- | --- |\n");
    for Idle { why, keys, variables } in IDLE {
        let listed = |names: &[&str]| {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(table, "| {} | {} | {why} |", listed(keys), listed(variables));
    }
    let (begin, end) = ("<!-- settings without effect -->\n", "<!-- end of settings -->\n");
    let from = text.find(begin).expect("the beginning of the table") + begin.len();
    let to = from + text[from..].find(end).expect("the end of the table");
    if std::env::var_os("UPDATE").is_some() {
        let new = format!("{}{table}{}", &text[..from], &text[to..]);
        fs::write(path, new).expect("a writable file");
    } else {
        assert_eq!(&text[from..to], table, "UPDATE=1 rewrites it");
    }
}

/// What has an effect is in one table, what has none in the other.
#[test]
fn no_setting_is_in_both_tables() {
    for Idle { keys, variables, .. } in IDLE {
        for setting in SETTINGS {
            assert!(!setting.keys.iter().any(|key| keys.contains(key)), "{}", setting.name);
            let names = setting.variables;
            assert!(!names.iter().any(|name| variables.contains(name)), "{}", setting.name);
        }
    }
}

/// Every flag of Ansible's command is one of ours.
#[test]
fn every_flag_of_ansible_is_taken() {
    let commands =
        [("ansible-playbook", "playbook"), ("ansible", "run"), ("ansible-inventory", "inventory")];
    for (theirs, ours) in commands {
        let recorded = include_str!("../config/flags.list");
        let line = recorded.lines().find_map(|line| line.strip_prefix(&format!("{theirs} ")));
        let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
            .args([ours, "--help"])
            .env("COLUMNS", "200")
            .output()
            .expect("rprov runs");
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> =
            help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
        let flags = line.expect("a recorded command").split(' ');
        let missing: Vec<&str> = flags.filter(|flag| !words.contains(flag)).collect();
        assert!(missing.is_empty(), "{ours} does not take {missing:?}");
    }
}
