//! Passwords in URLs: the task works, what it leaves is Ansible's, and no process has them as a word.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, thread};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::traced;

const USER: &str = "dépl oy";
const PASSWORD: &str = "Cx9/#?@:%\"'\\$word";
/// As a URL has it.
const USERINFO: &str = "d%C3%A9pl%20oy:Cx9%2F%23%3F%40%3A%25%22%27%5C%24word";
/// Of the password, however it is written.
const TRACES: [&str; 2] = ["Cx9", "Q3g5"];

/// Serves the files below a directory to those who know the password.
fn server(root: PathBuf) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let root = root.clone();
            thread::spawn(move || answer(stream, &root));
        }
    });
    port
}

fn answer(mut stream: TcpStream, root: &Path) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let path = lines.first()?.split(' ').nth(1)?.split('?').next()?.to_owned();
    let headers: HashMap<String, &str> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect();
    let wanted = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let allowed = headers.get("authorization").is_some_and(|given| *given == wanted);
    let mut body = Vec::new();
    let found = fs::File::open(root.join(path.trim_start_matches('/')))
        .and_then(|mut file| file.read_to_end(&mut body));
    let status = match (allowed, found) {
        (false, _) => "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"",
        (true, Ok(_)) => "200 OK",
        (true, Err(_)) => "404 Not Found",
    };
    let body = if status == "200 OK" { body } else { vec![] };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(&[head.into_bytes(), body].concat()).ok()
}

fn git(dir: &Path, words: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=x", "-c", "user.email=x@y", "-c", "init.defaultBranch=main"])
        .args(["-c", "protocol.file.allow=always"])
        .args(words)
        .current_dir(dir)
        .output()
        .expect("git");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository with a submodule named by a relative URL, for dumb servers.
fn repositories(root: &Path) {
    for (name, file) in [("sub", "one"), ("app", "two")] {
        let work = root.join(format!("{name}.work"));
        fs::create_dir(&work).expect("a directory");
        git(&work, &["init", "-q"]);
        fs::write(work.join(file), file).expect("a file");
        if name == "app" {
            git(&work, &["submodule", "--quiet", "add", "../sub.git", "sub"]);
        }
        git(&work, &["add", "."]);
        git(&work, &["commit", "-qm", "first"]);
        publish(root, name);
    }
}

fn publish(root: &Path, name: &str) {
    let (work, bare) = (format!("{name}.work"), format!("{name}.git"));
    if !root.join(&bare).exists() {
        git(root, &["clone", "-q", "--bare", &work, &bare]);
    }
    let work = root.join(work);
    git(&work, &["push", "-q", &format!("../{bare}"), "HEAD:main"]);
    git(&root.join(&bare), &["update-server-info"]);
}

fn play(dir: &Path, tasks: &str) -> String {
    fs::write(
        dir.join("play.yml"),
        format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"),
    )
    .expect("a play");
    fs::write(dir.join("hosts"), "here ansible_connection=local\n").expect("an inventory");
    let words = ["playbook", "-i", "hosts", "play.yml", "-v"];
    let (output, started) = traced::run(dir, env!("CARGO_BIN_EXE_rprov"), &words);
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for trace in TRACES {
        let seen: Vec<&String> = started.iter().filter(|line| line.contains(trace)).collect();
        assert!(seen.is_empty(), "{seen:#?}");
    }
    assert!(!traced::possible() || started.iter().any(|line| line.contains("git")), "{started:?}");
    text
}

#[test]
fn git_takes_a_login_out_of_its_url() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("server");
    fs::create_dir(&root).expect("a directory");
    repositories(&root);
    let port = server(root.clone());
    let url = format!("http://{USERINFO}@127.0.0.1:{port}/app.git");
    let dest = dir.path().join("checkout");
    let task = format!("    - git: {{repo: '{url}', dest: '{}'}}\n", dest.display());
    let text = play(dir.path(), &task);
    assert!(text.contains("changed=1") && text.contains("failed=0"), "{text}");
    assert!(!text.contains("unsettled"), "{text}");
    assert!(!text.contains(TRACES[0]), "{text}");
    assert_eq!(fs::read_to_string(dest.join("sub/one")).expect("the submodule"), "one");
    let remote = || {
        let words = ["config", "--get", "remote.origin.url"];
        let output = Command::new("git").args(words).current_dir(&dest).output().expect("git");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    };
    assert_eq!(remote(), url, "as Ansible leaves it");
    let text = play(dir.path(), &task);
    assert!(text.contains("changed=0"), "{text}");
    // Something newer; and the remote is not the wanted one.
    git(&dest, &["remote", "set-url", "origin", "http://me:old@127.0.0.1:1/app.git"]);
    fs::write(root.join("app.work/two"), "newer").expect("a file");
    git(&root.join("app.work"), &["commit", "-qam", "second"]);
    publish(&root, "app");
    let text = play(dir.path(), &task);
    assert!(text.contains("changed=1") && text.contains("failed=0"), "{text}");
    assert!(!text.contains("unsettled") && !text.contains("old@"), "{text}");
    assert_eq!(fs::read_to_string(dest.join("two")).expect("the file"), "newer");
    assert_eq!(remote(), url);
    // A wrong password is an error that does not tell it.
    let task = task.replace(USERINFO, "me:Cx9wrong");
    let text = play(dir.path(), &task);
    assert!(text.contains("failed=1") && text.contains("Authentication failed"), "{text}");
    assert!(!text.contains(TRACES[0]), "{text}");
    // Where it keeps its temporary files: see `traced::run`.
    let left: Vec<_> = fs::read_dir(dir.path())
        .expect("listed")
        .flatten()
        .filter(|entry| entry.path().join("logins").exists())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
