//! The command line from outside: what it is given, what it prints, how it ends.
//!
//! Each file of `tests/cli` is a case: a command line, the files it finds, and the expected exit
//! code and output. A file may be `NAME (executable)`, `NAME (latin-1)`, `NAME (directory)` or
//! `NAME (link TARGET)`. `UPDATE=1 cargo test` rewrites the expectation.

use std::{fs, path::Path, process::Command};

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut paths: Vec<_> =
        fs::read_dir(root).expect("tests/cli").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    let mut wrong = Vec::new();
    for path in paths {
        let old = fs::read_to_string(&path).expect("a readable case");
        let new = replay(&old);
        if old == new {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, new).expect("a writable case");
        } else {
            let diff = similar::TextDiff::from_lines(&old, &new).unified_diff().to_string();
            wrong.push(format!("{}\n{diff}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nrun with UPDATE=1 to accept", wrong.join("\n"));
}

/// Runs a case and writes it anew.
fn replay(case: &str) -> String {
    let (given, _) = case.split_once("=== exit").unwrap_or((case, ""));
    let given = given.trim_end();
    let (command, files) = given.split_once('\n').unwrap_or((given, ""));
    let dir = tempfile::tempdir().expect("a directory");
    for file in files.split("=== ").skip(1) {
        let (name, text) = file.split_once('\n').unwrap_or((file, ""));
        let (name, how) = name.trim().trim_end_matches(')').split_once(" (").unwrap_or((name, ""));
        let path = dir.path().join(name.trim());
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        put(&path, how, text);
    }
    let words =
        shlex::split(command.strip_prefix("$ rprov").expect("a case begins with `$ rprov`"))
            .expect("a command line");
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(words)
        .current_dir(dir.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir.path())
        .env("COLUMNS", "80")
        .output()
        .expect("rprov runs");
    let clean = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(&*dir.path().to_string_lossy(), "DIR");
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>()
    };
    let code = output.status.code().expect("an exit code");
    format!(
        "{given}\n=== exit {code}\n{}=== stderr\n{}",
        clean(&output.stdout),
        clean(&output.stderr)
    )
}

/// Makes a file as its heading in the case says: `NAME`, or `NAME (HOW)`.
fn put(path: &Path, how: &str, text: &str) {
    match how.split_once(' ') {
        Some(("link", target)) => std::os::unix::fs::symlink(target, path).expect("a link"),
        _ if how == "directory" => fs::create_dir(path).expect("a directory"),
        _ if how == "latin-1" => {
            let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).expect("latin-1")).collect();
            fs::write(path, bytes).expect("a file");
        }
        _ => {
            fs::write(path, text).expect("a file");
            if how == "executable" {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                fs::set_permissions(path, mode).expect("a mode");
            }
        }
    }
}
