//! The copy-on-write view: nothing gets out of it, and nothing of it remains.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rprov::session::embedded::{Mode, Origin, Sandbox, Support};

/// True if no view can be made here; says why.
fn skipped(test: &str) -> bool {
    match Sandbox::probe() {
        Support::Yes(_) => false,
        Support::No(error) => {
            eprintln!("skipped: {test}: {error}; {}", error.help());
            true
        }
    }
}

fn run(sandbox: &Sandbox, script: &str) -> Output {
    let mut words = sandbox.shell().into_iter();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(script).stdin(Stdio::null()).env("HOME", "/root").output().unwrap()
}

fn stdout(sandbox: &Sandbox, script: &str) -> String {
    let output = run(sandbox, script);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{script}`: {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// Where views live; as the documentation of `Sandbox` says.
fn hosts() -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    state
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".local/state"))
        .join("rprov/hosts")
}

fn directories(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(hosts()).unwrap().map(|entry| entry.unwrap().path());
    let ours = |path: &PathBuf| {
        path.file_name().unwrap().to_str().unwrap().split('.').next() == Some(name)
    };
    entries.filter(ours).collect()
}

/// Processes of the machine whose command line has `text`.
fn processes(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let has = |path: &PathBuf| {
        let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(text)
    };
    entries
        .filter(|path| path.join("cmdline").exists() && has(path))
        .map(|path| path.display().to_string())
        .collect()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs one of the ignored tests below in a process of its own.
fn other_process(test: &str, name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let test = format!("embedded_sandbox::{test}");
    command.args(["--ignored", "--exact", "--nocapture", &test]).env("RPROV_TEST_VIEW", name);
    command
}

#[test]
fn writes_stay_inside_and_the_end_leaves_nothing() {
    if skipped("writes_stay_inside_and_the_end_leaves_nothing") {
        return;
    }
    let name = unique("writes");
    let marker = format!("/etc/rprov-{name}");
    let stale = Path::new("/etc/hostname");
    let before = std::fs::read(stale).unwrap();
    let sandbox = Sandbox::open(&name, false).unwrap();
    assert_eq!(sandbox.origin(), Origin::New);
    let script = format!("id -u; hostname; cat /etc/hostname; echo x > {marker}; cat {marker}");
    assert_eq!(stdout(&sandbox, &script), format!("0\n{name}\n{name}\nx\n"));
    stdout(
        &sandbox,
        "rm /etc/passwd; : > /usr/bin/rprov-mark; mkdir /srv/x; test ! -e /etc/passwd",
    );
    assert!(!Path::new(&marker).exists() && Path::new("/etc/passwd").exists());
    assert!(!Path::new("/usr/bin/rprov-mark").exists());
    assert_eq!(std::fs::read(stale).unwrap(), before);
    // Neither the machine's processes, sockets and temporary files nor the view's own store show.
    assert_eq!(stdout(&sandbox, "tr '\\0' ' ' < /proc/1/cmdline | head -n1"), "/bin/sh -c \n");
    assert_eq!(stdout(&sandbox, "ls /run /tmp | tr '\\n' ' '"), "/run: lock  /tmp: ");
    let pid = std::process::id();
    let own = stdout(&sandbox, &format!("cat /proc/{pid}/comm 2>/dev/null || echo none"));
    assert_eq!(own, "none\n");
    if sandbox.mode() == Mode::Root {
        assert_eq!(stdout(&sandbox, &format!("ls -A {}", hosts().display())), "");
    }
    assert!(!run(&sandbox, "echo 1 > /proc/sys/vm/drop_caches").status.success());
    assert!(!run(&sandbox, "mknod /root/disk b 8 0").status.success());
    assert_eq!(directories(&name).len(), 1);
    // A daemon ends with the view.
    stdout(&sandbox, "setsid sh -c 'sleep 98765 & sleep 98766' >/dev/null 2>&1 &");
    until("the daemon runs", || processes("sleep 98766").len() == 2);
    sandbox.close().unwrap();
    assert_eq!(processes("sleep 9876"), Vec::<String>::new());
    assert_eq!(directories(&name), Vec::<PathBuf>::new());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&name), "{mounts}");
}

#[test]
fn process_1_reaps_what_daemons_leave() {
    if skipped("process_1_reaps_what_daemons_leave") {
        return;
    }
    let sandbox = Sandbox::open(&unique("zombies"), false).unwrap();
    stdout(&sandbox, "for i in 1 2 3 4 5; do (sleep 0.1 &) ; done");
    let zombies = "cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z ' || :";
    until("zombies are reaped", || {
        let sleeping = stdout(&sandbox, "cat /proc/[0-9]*/stat | grep -c '(sleep)' || :");
        sleeping == "0\n" && stdout(&sandbox, zombies) == "0\n"
    });
    // It is alive and well afterwards.
    run(&sandbox, "for s in TERM INT HUP QUIT; do kill -$s 1; sleep 0.1; done");
    assert_eq!(stdout(&sandbox, "echo here"), "here\n");
}

#[test]
fn two_views_do_not_see_each_other() {
    if skipped("two_views_do_not_see_each_other") {
        return;
    }
    let one = Sandbox::open(&unique("one"), false).unwrap();
    let two = Sandbox::open(&unique("two"), false).unwrap();
    let again = Sandbox::open(&unique("two"), false).unwrap();
    stdout(&one, "echo 1 > /etc/rprov-which");
    stdout(&two, "echo 2 > /etc/rprov-which");
    assert!(!run(&again, "cat /etc/rprov-which").status.success());
    assert_eq!(stdout(&one, "cat /etc/rprov-which"), "1\n");
    assert_eq!(stdout(&two, "cat /etc/rprov-which"), "2\n");
}

#[test]
fn a_kept_view_goes_on_with_its_daemons_until_it_is_removed() {
    if skipped("a_kept_view_goes_on_with_its_daemons_until_it_is_removed") {
        return;
    }
    let name = unique("kept");
    assert!(other_process("keep_a_view", &name).status().unwrap().success());
    let sandbox = Sandbox::open(&name, true).unwrap();
    assert_eq!(sandbox.origin(), Origin::Running);
    assert_eq!(stdout(&sandbox, "cat /etc/rprov-kept; hostname"), format!("yes\n{name}\n"));
    assert_eq!(stdout(&sandbox, "kill -0 $(cat /run/daemon) && echo runs"), "runs\n");
    sandbox.close().unwrap();
    // As after a restart of the machine: process 1 is gone, the files are not.
    let record = std::fs::read_to_string(hosts().join(&name).join("kept")).unwrap();
    let init = record.split(' ').next().unwrap();
    assert!(Command::new("kill").args(["-KILL", init]).status().unwrap().success());
    until("process 1 ends", || !Path::new("/proc").join(init).exists());
    let sandbox = Sandbox::open(&name, true).unwrap();
    assert_eq!(sandbox.origin(), Origin::Revived);
    assert_eq!(stdout(&sandbox, "cat /etc/rprov-kept; ls /run"), "yes\nlock\n");
    drop(sandbox);
    assert!(Sandbox::remove(&name).unwrap());
    assert_eq!(directories(&name), Vec::<PathBuf>::new());
    assert_eq!(processes(&name), Vec::<String>::new());
    assert!(!Sandbox::remove(&name).unwrap());
}

#[test]
fn a_killed_process_takes_its_view_along() {
    if skipped("a_killed_process_takes_its_view_along") {
        return;
    }
    let name = unique("killed");
    let mut holder = other_process("hold_a_view", &name).stdin(Stdio::piped()).spawn().unwrap();
    until("the view is there", || processes("sleep 87654").len() == 1);
    holder.kill().unwrap();
    holder.wait().unwrap();
    until("its processes end", || processes("sleep 87654").is_empty());
    assert_eq!(directories(&name).len(), 1);
    until("process 1 ends", || processes(&name).is_empty());
    // The next start, under whatever name, removes what is left.
    let other = Sandbox::open(&unique("other"), false).unwrap();
    assert_eq!(directories(&name), Vec::<PathBuf>::new());
    assert_eq!(stdout(&other, "echo fine"), "fine\n");
}

#[test]
fn names_are_checked() {
    for name in ["", "a b", "../x", "a.1", "ä"] {
        assert!(Sandbox::open(name, false).unwrap_err().to_string().contains("is no host name"));
    }
    assert!(!Sandbox::remove("../..").unwrap());
}

#[test]
#[ignore = "a part of a_kept_view_goes_on_with_its_daemons_until_it_is_removed"]
fn keep_a_view() {
    let Ok(name) = std::env::var("RPROV_TEST_VIEW") else { return };
    let sandbox = Sandbox::open(&name, true).unwrap();
    assert_eq!(sandbox.origin(), Origin::New);
    stdout(&sandbox, "echo yes > /etc/rprov-kept");
    stdout(&sandbox, "setsid sleep 1000 >/dev/null 2>&1 & echo $! > /run/daemon");
}

#[test]
#[ignore = "a part of a_killed_process_takes_its_view_along"]
fn hold_a_view() {
    let Ok(name) = std::env::var("RPROV_TEST_VIEW") else { return };
    let sandbox = Sandbox::open(&name, false).unwrap();
    stdout(&sandbox, "setsid sleep 87654 >/dev/null 2>&1 &");
    std::thread::sleep(Duration::from_secs(120));
}
