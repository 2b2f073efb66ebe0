//! Commands that print what Ansible's print: listings, inventories, one-off tasks.
//!
//! Each file of `tests/same` is a case: command lines (`playbook`, `inventory`, `run`, and `NAME=VALUE`
//! before them), the files they find (`NAME (executable)` is one to be run), and under `=== ansible` what ansible-core printed for each. Where rprov differs on purpose
//! there is `=== rprov REASON` with its own output. `tests/same/generate.sh` asks ansible-core again; `ONLY=CASE` looks at one case.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/same");
    let oracle = std::env::var_os("ORACLE").map(PathBuf::from);
    let mut wrong = vec![];
    let mut seen = 0;
    for entry in fs::read_dir(root).expect("tests/same") {
        let path = entry.expect("entry").path();
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        let only = std::env::var_os("ONLY");
        if only.is_some_and(|only| path.file_stem() != Some(&only)) {
            continue;
        }
        seen += 1;
        let text = fs::read_to_string(&path).expect("a readable case");
        let (rest, own) = match text.split_once("=== rprov ") {
            Some((rest, own)) => (rest, Some(own.split_once('\n').expect("a reason"))),
            None => (&*text, None),
        };
        let (given, recorded) = rest.split_once("=== ansible\n").unwrap_or((rest, ""));
        let recorded = match &oracle {
            Some(bin) => answer(given, Some(bin)),
            None => recorded.to_owned(),
        };
        let got = answer(given, None);
        let expected = own.map_or(&*recorded, |(_, own)| own);
        let accept = std::env::var_os("UPDATE").is_some() && own.is_some();
        if oracle.is_some() || accept {
            let own = own.map(|(reason, own)| {
                format!("=== rprov {reason}\n{}", if accept { &*got } else { own })
            });
            let new = format!("{given}=== ansible\n{recorded}{}", own.unwrap_or_default());
            fs::write(&path, new).expect("a writable case");
        }
        if got != expected && !accept {
            let diff = similar::TextDiff::from_lines(expected, &got).unified_diff().to_string();
            wrong.push(format!("{}\n{diff}", path.display()));
        }
    }
    assert!(seen > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What each command prints, and whether it succeeds.
fn answer(given: &str, oracle: Option<&Path>) -> String {
    let temporary = tempfile::tempdir().expect("a directory");
    let dir: PathBuf = temporary.path().canonicalize().expect("it exists");
    let mut parts = given.split("=== ");
    let commands = parts.next().expect("commands");
    for part in parts {
        let (name, text) = part.split_once('\n').expect("a file has a name");
        let (name, executable) = match name.trim().strip_suffix(" (executable)") {
            Some(name) => (name, true),
            None => (name.trim(), false),
        };
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(&path, text).expect("a file");
        if executable {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&path, mode).expect("a mode");
        }
    }
    let mut out = String::new();
    for line in commands.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let mut words = shlex::split(line).expect("a command line");
        let first = words.iter().position(|word| !word.contains('=')).expect("a verb");
        let variables: Vec<String> = words.drain(..first).collect();
        let verb = words.remove(0);
        let program = match (&*verb, oracle) {
            ("playbook", Some(bin)) => bin.join("ansible-playbook"),
            ("inventory", Some(bin)) => bin.join("ansible-inventory"),
            ("run", Some(bin)) => bin.join("ansible"),
            (_, Some(_)) => panic!("`{verb}` has no counterpart"),
            (_, None) => {
                words.insert(0, verb);
                env!("CARGO_BIN_EXE_rprov").into()
            }
        };
        let output = Command::new(program)
            .args(&words)
            .current_dir(&dir)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PYTHONPATH", std::env::var_os("PYTHONPATH").unwrap_or_default())
            .env("HOME", &dir)
            .env("LANG", "C.UTF-8")
            .env("COLUMNS", "80")
            .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3")
            .env("ANSIBLE_LOCALHOST_WARNING", "false")
            .env("ANSIBLE_DEPRECATION_WARNINGS", "false")
            .envs(variables.iter().filter_map(|variable| variable.split_once('=')))
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let text = match line.contains("--toml") && output.status.success() {
            // Two ways to write the same.
            true => {
                let table: serde_json::Value = toml::from_str(&text).expect("TOML");
                serde_json::to_string_pretty(&sorted(table)).expect("JSON")
            }
            false => text.replace(&*dir.to_string_lossy(), "DIR"),
        };
        let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
        let end = if output.status.success() { "success" } else { "failure" };
        let _ = writeln!(out, "$ {line}\n{}\n{end}", trimmed.join("\n").trim_matches('\n'));
    }
    out
}

fn sorted(mut value: serde_json::Value) -> serde_json::Value {
    value.sort_all_objects();
    value
}
