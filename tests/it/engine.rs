//! Plays mean what they mean to Ansible: order, results, handlers, counts and exit code.
//!
//! Each file of `tests/engine` is a case: the words after `playbook`, the files they are about, and
//! under `=== ansible` what ansible-core did with them, reduced to what both programs must agree on
//! (see [`reduce`]). A case in which rprov differs on purpose has `=== rprov REASON` as well, and
//! COMPATIBILITY.md says so. `tests/engine/generate.sh` asks ansible-core again.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine");
    let only = std::env::var("CASE").unwrap_or_default();
    let oracle = std::env::var("ORACLE").ok();
    let mut paths: Vec<_> = fs::read_dir(root)
        .expect("tests/engine")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .filter(|path| path.to_string_lossy().contains(&only))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(difference) = check(path, oracle.as_deref()) {
                        wrong.lock().expect("no panic").push(difference);
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("no panic");
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ\n{}",
        wrong.len(),
        paths.len(),
        wrong.join("\n")
    );
}

/// A case, taken apart.
struct Case<'a> {
    /// Everything but the answers.
    given: &'a str,
    ansible: Option<&'a str>,
    /// The reason to differ, and the answer.
    rprov: Option<(&'a str, &'a str)>,
}

fn read(text: &str) -> Case<'_> {
    let (rest, rprov) = match text.split_once("=== rprov ") {
        Some((rest, own)) => (rest, own.split_once('\n')),
        None => (text, None),
    };
    match rest.split_once("=== ansible\n") {
        Some((given, ansible)) => Case { given, ansible: Some(ansible), rprov },
        None => Case { given: rest, ansible: None, rprov },
    }
}

/// Compares rprov with what is recorded, or records Ansible's answer.
fn check(path: &Path, oracle: Option<&str>) -> Result<(), String> {
    let text = fs::read_to_string(path).expect("a readable case");
    let case = read(&text);
    if let Some(program) = oracle {
        let mut new =
            format!("{}\n=== ansible\n{}", case.given.trim_end(), run(program, &[], case.given));
        if let Some((reason, own)) = case.rprov {
            let _ = write!(new, "=== rprov {reason}\n{own}");
        }
        fs::write(path, new).expect("a writable case");
        return Ok(());
    }
    let expected = case.rprov.map(|(_, own)| own).or(case.ansible).unwrap_or_default();
    let got = run(env!("CARGO_BIN_EXE_rprov"), &["playbook"], case.given);
    if got == expected {
        return Ok(());
    }
    if let (Some((reason, _)), Some(ansible), true) =
        (case.rprov, case.ansible, std::env::var_os("UPDATE").is_some())
    {
        let given = case.given;
        fs::write(path, format!("{given}=== ansible\n{ansible}=== rprov {reason}\n{got}"))
            .expect("a writable case");
        return Ok(());
    }
    let difference = similar::TextDiff::from_lines(expected, &got).unified_diff().to_string();
    Err(format!("{}\n{difference}", path.display()))
}

/// Runs a program on the files of a case.
fn run(program: &str, verb: &[&str], given: &str) -> String {
    let (command, files) = given.split_once('\n').unwrap_or((given, ""));
    let temporary = tempfile::tempdir().expect("a directory");
    // Short, and the same for both: paths are part of some messages.
    let dir: PathBuf = temporary.path().canonicalize().expect("it exists");
    for file in files.split("=== ").skip(1) {
        let (name, text) = file.split_once('\n').expect("a file has a name");
        let path = dir.join(name.trim());
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("a file");
    }
    let words =
        shlex::split(command.strip_prefix("$ playbook").expect("a case begins with `$ playbook`"))
            .expect("a command line");
    let output = Command::new(program)
        .args(verb)
        .args(words)
        .current_dir(&dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &dir)
        .env("LANG", "C.UTF-8")
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3")
        .env("ANSIBLE_LOCALHOST_WARNING", "false")
        .env("ANSIBLE_DEPRECATION_WARNINGS", "false")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let shown =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*dir.to_string_lossy(), "DIR");
    let code = match output.status.code() {
        Some(0) => "ok",
        Some(2) if !output.stdout.is_empty() => "failed",
        Some(4) if output.stdout.windows(10).any(|w| w == b"PLAY RECAP") => "unreachable",
        Some(_) => "refused",
        None => "killed",
    };
    format!("{}{code}\n", reduce(&shown(&output.stdout)))
}

/// What both programs must agree on, in order: plays, tasks and handlers by name, each host's
/// status and item, what `debug` shows, what is included, attempts, counts.
///
/// Hosts of one task are put in order of their names: they run side by side. What a failure says is
/// each program's own.
fn reduce(output: &str) -> String {
    let mut out = String::new();
    let mut task: Vec<(String, String)> = Vec::new();
    // How many of these stood before each `...ignoring`.
    let mut ignored: Vec<usize> = Vec::new();
    let mut lines = output.lines();
    // rprov says nothing of `meta`.
    let mut quiet = false;
    let flush = |task: &mut Vec<(String, String)>, ignored: &mut Vec<usize>, out: &mut String| {
        place_ignored(task, ignored);
        task.sort_by(|a, b| a.0.cmp(&b.0));
        task.drain(..).for_each(|(_, text)| out.push_str(&text));
    };
    while let Some(line) = lines.next() {
        let banner = line.trim_end_matches('*').trim_end();
        let banner = banner.strip_suffix(']').map(|text| format!("{text}]"));
        if let Some(banner) = banner.filter(|_| line.ends_with("***")) {
            flush(&mut task, &mut ignored, &mut out);
            quiet = banner == "TASK [meta]" || banner.ends_with(" : meta]");
            if quiet {
                continue;
            }
            let _ = writeln!(out, "{banner}");
            continue;
        }
        if let Some((host, counts)) = line.split_once(" : ok=") {
            flush(&mut task, &mut ignored, &mut out);
            let counts: Vec<&str> = counts.split_whitespace().collect();
            let _ = writeln!(out, "{} ok={}", host.trim(), counts.join(" "));
            continue;
        }
        let status = ["ok: [", "changed: [", "skipping: [", "failed: [", "fatal: ["]
            .iter()
            .find_map(|status| Some((status.trim_end_matches(": ["), line.strip_prefix(status)?)));
        if let Some((status, rest)) = status {
            let (host, rest) = rest.split_once(']').unwrap_or((rest, ""));
            let mut text = format!("{status}: {host}");
            if rest.contains("UNREACHABLE!") {
                text = format!("unreachable: {host}");
            }
            let (item, value) =
                match rest.strip_prefix(" => (item=").or(rest.strip_prefix(" (item=")) {
                    Some(rest) => match rest.split_once(") => ") {
                        Some((item, value)) => (Some(item), value),
                        None => (Some(rest.trim_end().trim_end_matches(')')), ""),
                    },
                    None => (None, rest.strip_prefix(" => ").unwrap_or("")),
                };
            if let Some(item) = item {
                let _ = write!(text, " ({item})");
            }
            let mut shown = value.trim_end().to_owned();
            if shown.ends_with('{') {
                for line in lines.by_ref() {
                    shown.push_str(line.trim());
                    if line == "}" {
                        break;
                    }
                }
            }
            let values = matches!(status, "ok" | "changed");
            for changed in [r#""changed": false,"#, r#""changed": true,"#] {
                shown = shown.replace(changed, "");
            }
            if values && !shown.is_empty() {
                let _ = write!(text, " {shown}");
            }
            text.push('\n');
            if !quiet {
                task.push((host.to_owned(), text));
            }
        } else if line == "...ignoring" {
            ignored.push(task.len());
        } else if let Some(rest) = line.strip_prefix("included: ") {
            let (path, hosts) = rest.rsplit_once(" for ").unwrap_or((rest, ""));
            let path = path.strip_prefix("DIR/").unwrap_or(path);
            task.push((hosts.to_owned(), format!("included: {path} for {hosts}\n")));
        } else if let Some(rest) = line.strip_prefix("FAILED - RETRYING: [") {
            let host = rest.split(']').next().unwrap_or_default().to_owned();
            task.push((host, format!("retrying: [{rest}\n")));
        } else if line == "skipping: no hosts matched" {
            let _ = writeln!(out, "{line}");
        }
    }
    flush(&mut task, &mut ignored, &mut out);
    out
}

/// Writes `...ignoring` behind the last result of the host it is about, which the line does not tell: hosts that run
/// side by side may have told theirs before either is ignored.
fn place_ignored(task: &mut [(String, String)], ignored: &mut Vec<usize>) {
    let mut hosts: Vec<String> = task
        .iter()
        .filter(|(_, text)| {
            ["failed: ", "fatal: ", "unreachable: "].iter().any(|status| text.starts_with(status))
        })
        .map(|(host, _)| host.clone())
        .collect();
    hosts.sort();
    hosts.dedup();
    if hosts.len() == ignored.len() {
        ignored.clear();
        for host in hosts {
            if let Some((_, text)) = task.iter_mut().rev().find(|(name, _)| *name == host) {
                text.push_str("...ignoring\n");
            }
        }
    }
    // Some failed and were not ignored: what stood right before it is meant.
    for before in ignored.drain(..) {
        let done = |host: &str| {
            task.iter().any(|(name, text)| name == host && text.ends_with("ignoring\n"))
        };
        let at = task[..before].iter().rposition(|(host, _)| !done(host)).unwrap_or_default();
        if let Some((_, text)) = task.get_mut(at) {
            text.push_str("...ignoring\n");
        }
    }
}
