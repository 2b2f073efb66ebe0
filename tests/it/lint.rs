//! Every check of `rprov lint` finds what is bad and leaves alone what is good.
//!
//! Each directory of `tests/lint` is a check: what is found in `bad/` is in `expected.txt`, and in
//! `good/` nothing is. `UPDATE=1 cargo test` rewrites the expectation.

use std::path::{Path, PathBuf};
use std::process::Command;

use rprov::lint::CHECKS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

/// What is printed for a copy of a directory that is in no project, and the exit code.
fn lint(from: &Path, words: &[String]) -> (String, i32) {
    let home = tempfile::tempdir().expect("a directory");
    let dir = &home.path().join("project");
    copy(from, dir);
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .arg("lint")
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("HOME", home.path())
        .output()
        .expect("rprov runs");
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes)
            .replace(&*dir.to_string_lossy(), "DIR")
            .replace(&*home.path().to_string_lossy(), "HOME");
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>()
    };
    (text(&output.stdout) + &text(&output.stderr), output.status.code().expect("an exit code"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory of a case") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(&path, &to).expect("a copy")),
        }
    }
}

#[test]
fn every_check_finds_what_is_bad_and_nothing_else() {
    let mut wrong = Vec::new();
    for check in CHECKS {
        let dir = root().join(check.id);
        let words = |file: &str| -> Vec<String> {
            let words = std::fs::read_to_string(dir.join(file)).unwrap_or_default();
            words.split_whitespace().map(str::to_owned).collect()
        };
        let (found, exit) = lint(&dir.join("bad"), &words("bad.args"));
        let titles: Vec<&str> = found.lines().filter(|line| line.ends_with(']')).collect();
        let own = format!(" [{}]", check.id);
        if exit != 2 || !titles.iter().any(|title| title.ends_with(&own)) {
            wrong.push(format!("{}: exit {exit}, nothing found in bad/:\n{found}", check.id));
        }
        let path = dir.join("expected.txt");
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if found != expected {
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&path, &found).expect("a writable expectation");
            } else {
                let diff = similar::TextDiff::from_lines(&expected, &found);
                wrong.push(format!("{}\n{}", path.display(), diff.unified_diff()));
            }
        }
        let (found, exit) = lint(&dir.join("good"), &words("good.args"));
        let end = found.lines().last().unwrap_or_default();
        if exit != 0 || !end.starts_with("nothing found in ") {
            wrong.push(format!("{}: exit {exit}, found in good/:\n{found}", check.id));
        }
    }
    assert!(wrong.is_empty(), "{}\nrun with UPDATE=1 to accept", wrong.join("\n"));
}

#[test]
fn every_directory_is_a_check() {
    let mut ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    let mut dirs: Vec<String> = std::fs::read_dir(root())
        .expect("tests/lint")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    dirs.sort();
    assert!(ids.is_sorted(), "{ids:?}");
    ids.sort_unstable();
    assert_eq!(ids, dirs);
}

#[test]
fn the_manual_lists_the_checks() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let manual = std::fs::read_to_string(&path).expect("README.md");
    let (start, end) = ("<!-- checks -->\n", "<!-- end of checks -->");
    let from = manual.find(start).expect("the table's begin") + start.len();
    let to = manual.find(end).expect("the table's end");
    let rows = CHECKS.iter().map(|check| format!("| `{}` | {} |\n", check.id, check.finds));
    let table = format!("| id | finds |\n| --- | --- |\n{}", rows.collect::<String>());
    if manual[from..to] == table {
        return;
    }
    assert!(std::env::var_os("UPDATE").is_some(), "the table of checks is old; UPDATE=1 renews it");
    std::fs::write(&path, format!("{}{table}{}", &manual[..from], &manual[to..])).expect("README");
}

/// Lints a directory below `root`, or the working directory; how many files were read.
fn files_read(home: &Path, dir: &Path, words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .arg("lint")
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("HOME", home)
        .output()
        .expect("rprov runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A project ends where a repository or a directory with settings does, and never is in one that
/// everybody may write to.
#[test]
fn a_project_ends_below_what_is_others() {
    use std::os::unix::fs::PermissionsExt;

    let home = tempfile::tempdir().expect("a directory");
    let play = "- hosts: all\n  gather_facts: false\n  tasks: [{ping: }]\n";
    let write = |path: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, play).expect("a file");
    };
    for path in ["work/roles/x/y.yml", "work/shop/plays/web.yml", "work/shop/roles/z/other.yml"] {
        write(path);
    }
    let read = |below: &str, words: &[&str]| {
        files_read(home.path(), &home.path().join("work").join(below), words)
    };
    // What has marks may be a part of something larger.
    assert_eq!(read("shop", &[]), "nothing found in 3 files");
    assert_eq!(read("shop/plays", &["web.yml"]), "nothing found in 3 files");
    let shop = home.path().join("work/shop");
    for top in [".git", "ansible.cfg"] {
        std::fs::write(shop.join(top), "").expect("a file");
        assert_eq!(read("shop", &[]), "nothing found in 2 files", "{top}");
        assert_eq!(read("shop/plays", &["web.yml"]), "nothing found in 2 files", "{top}");
        std::fs::remove_file(shop.join(top)).expect("no file");
    }
    let work = home.path().join("work");
    std::fs::set_permissions(&work, PermissionsExt::from_mode(0o1777)).expect("a mode");
    assert_eq!(read("shop", &[]), "nothing found in 2 files");
    // Asked for by name it is read.
    assert_eq!(read("", &["."]), "nothing found in 3 files");
}
