//! Connections into containers and directories: a real chroot where root runs the tests, and the
//! exact words for docker, podman and nspawn, which stand-ins of theirs take down.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// What a session needs of a system.
const PROGRAMS: &[&str] = &[
    "sh",
    "cat",
    "dd",
    "id",
    "stat",
    "mkdir",
    "rm",
    "mv",
    "cp",
    "chmod",
    "chown",
    "mktemp",
    "uname",
    "sha256sum",
    "readlink",
    "ln",
    "touch",
    "env",
    "head",
    "tr",
    "cut",
    "sed",
    "grep",
    "kill",
    "sleep",
    "setsid",
    "mkfifo",
    "printf",
    "test",
    "ls",
    "dirname",
    "basename",
    "sync",
    "wc",
];

fn run(dir: &Path, path: &str, words: &[&str]) -> (String, Output) {
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook"])
        .args(words)
        .current_dir(dir)
        .env("PATH", path)
        .env("HOME", dir)
        .output()
        .expect("rprov runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (said, output)
}

fn path() -> String {
    std::env::var("PATH").expect("a PATH")
}

/// Copies a program and the libraries it needs.
fn install(root: &Path, program: &Path) {
    let libraries = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8_lossy(&libraries.stdout).into_owned();
    let libraries = text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    for file in libraries.chain([program.to_owned()]) {
        let there = root.join(file.strip_prefix("/").expect("an absolute path"));
        fs::create_dir_all(there.parent().expect("a parent")).expect("directories");
        if !there.exists() {
            fs::copy(&file, &there).expect("a copy");
        }
    }
}

/// A root with little more than a shell; `None` where that cannot be made or entered.
fn small_root() -> Option<TempDir> {
    let able =
        Command::new("chroot").args(["/", "true"]).output().is_ok_and(|o| o.status.success());
    let ldd = Command::new("ldd").arg("--version").output().is_ok_and(|o| o.status.success());
    if !able || !ldd {
        eprintln!("skipped: a chroot needs root, and `ldd` to fill it");
        return None;
    }
    let root = tempfile::tempdir().expect("a directory");
    for program in PROGRAMS {
        let found =
            std::env::split_paths(&path()).map(|dir| dir.join(program)).find(|p| p.is_file());
        if let Some(found) = found {
            install(root.path(), &found);
        }
    }
    for dir in ["tmp", "etc", "root", "dev", "bin"] {
        fs::create_dir_all(root.path().join(dir)).expect("a directory");
    }
    fs::write(root.path().join("dev/null"), "").expect("a file");
    fs::write(root.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").expect("a file");
    fs::write(root.path().join("etc/group"), "root:x:0:\n").expect("a file");
    let sh = root.path().join("bin/sh");
    if !sh.exists() {
        let found = std::env::split_paths(&path()).map(|dir| dir.join("sh")).find(|p| p.is_file());
        fs::copy(found.expect("a shell"), sh).expect("a copy");
    }
    Some(root)
}

const PLAY: &str = "- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: \"hello\\n\", dest: /etc/greeting, mode: '0600'}
    - command: cat /etc/greeting
      register: said
      changed_when: false
    - debug: {msg: \"it says {{ said.stdout }}\"}
";

#[test]
fn a_chroot_is_a_host() {
    let Some(root) = small_root() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let place = root.path().display();
    let inventory = format!(
        "{place} ansible_connection=community.general.chroot\nnamed ansible_host={place} ansible_connection=chroot\n\
         missing ansible_host=/no/such/root ansible_connection=chroot\n"
    );
    fs::write(dir.path().join("hosts"), inventory).expect("a file");
    fs::write(dir.path().join("site.yml"), PLAY).expect("a file");
    let limit = format!("{place}");
    let words = ["-i", "hosts", "site.yml", "--limit", &limit];
    let (said, output) = run(dir.path(), &path(), &words);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("it says hello"), "{said}");
    let file = root.path().join("etc/greeting");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "hello\n");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    // The shell cleans up after itself when its input has ended: it may be at it still.
    let left = || fs::read_dir(root.path().join("tmp")).expect("a directory").count();
    for _ in 0..100 {
        if left() == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(left(), 0);

    // The second time, by its other name, there is nothing to change.
    let (said, output) = run(dir.path(), &path(), &["-i", "hosts", "site.yml", "--limit", "named"]);
    assert!(output.status.success() && said.contains("changed=0"), "{said}");

    let (said, output) =
        run(dir.path(), &path(), &["-i", "hosts", "site.yml", "--limit", "missing"]);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("cannot change root directory to '/no/such/root'"), "{said}");
}

/// Podman with everything of its own below a directory; `None` where it cannot run a container.
fn podman(dir: &Path, root: &Path) -> Option<String> {
    let words = format!(
        "--root {0}/containers --runroot {0}/run --storage-driver vfs --cgroup-manager cgroupfs \
         --runtime runc --log-level error",
        dir.display()
    );
    let archive = dir.join("root.tar");
    let tar = Command::new("tar").arg("-C").arg(root).arg("-cf").arg(&archive).arg(".").status();
    let able = |arguments: &[&str]| {
        let output = Command::new("podman").args(words.split(' ')).args(arguments).output();
        let output = output.map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    let archive = archive.display().to_string();
    // Not every machine lets limits be raised or networks be made.
    let run = "run -d --name rprov-pod --network none --ulimit nofile=1024:1024 \
               --ulimit nproc=1024:1024 rprov-root /usr/bin/sleep 600";
    let started = match tar.is_ok_and(|status| status.success()) {
        true => able(&["import", "-q", &archive, "rprov-root"])
            .and_then(|()| able(&run.split_whitespace().collect::<Vec<_>>())),
        false => Err("there is no `tar`".to_owned()),
    };
    match started {
        Ok(()) => Some(words),
        Err(why) => {
            eprintln!("skipped: podman cannot run a container here: {}", why.trim());
            let _ = able(&["rm", "-af"]);
            None
        }
    }
}

/// With podman itself, and with what some systems have as `docker`: podman by another name.
#[test]
fn a_container_of_podman_is_a_host() {
    let Some(root) = small_root() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let Some(words) = podman(dir.path(), root.path()) else { return };
    let docker = "#!/bin/sh\nexec podman \"$@\"\n";
    fs::write(dir.path().join("docker"), docker).expect("a file");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path().join("docker"), mode).expect("a mode");
    let hosts = "\
pods:
  hosts:
    pod:
      ansible_connection: containers.podman.podman
      ansible_podman_working_directory: /etc
      ansible_podman_extra_env: {GREETING: \"hello {{ inventory_hostname }}\"}
      ansible_podman_timeout: 60
    pod2:
      ansible_connection: docker
      ansible_docker_working_dir: /etc
      ansible_docker_extra_env: {GREETING: \"hello {{ inventory_hostname }}\"}
      ansible_docker_extra_args: \"{{ ansible_podman_extra_args }}\"
  vars:
    ansible_host: rprov-pod
    ansible_podman_extra_args: WORDS
";
    fs::write(dir.path().join("hosts.yml"), hosts.replace("WORDS", &words)).expect("a file");
    let play = "- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - copy: {content: \"of {{ inventory_hostname }}\\n\", dest: /etc/greeting, mode: '0600'}
    - shell: pwd; echo \"$GREETING\"; cat greeting
      register: said
      changed_when: false
    - debug: {msg: \"{{ said.stdout_lines | join(', ') }}\"}
";
    fs::write(dir.path().join("site.yml"), play).expect("a file");
    let searched = format!("{}:{}", dir.path().display(), path());
    let (said, output) = run(dir.path(), &searched, &["-i", "hosts.yml", "site.yml"]);
    let _ = Command::new("podman").args(words.split(' ')).args(["rm", "-af"]).output();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("/etc, hello pod, of pod\""), "{said}");
    assert!(said.contains("/etc, hello pod2, of pod2\""), "{said}");
}

/// A program that notes its words, then runs those from `/bin/sh` on.
fn stand_in(dir: &Path, name: &str) {
    let text = "#!/bin/sh
line=
while [ $# -gt 0 ] && [ \"$1\" != /bin/sh ]; do
  case $1 in GREETING) line=\"$line $1=($GREETING)\";; *) line=\"$line $1\";; esac
  shift
done
echo \"${0##*/}$line\" >>\"${0%/*}/words\"
case $line in *gone*) echo 'Error response from daemon: No such container: gone' >&2; exit 1;; esac
exec \"$@\"
";
    fs::write(dir.join(name), text).expect("a file");
    fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).expect("a mode");
}

#[test]
fn containers_are_entered_by_their_own_programs() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["docker", "podman", "systemd-run", "systemd-nspawn", "mychroot"] {
        stand_in(dir.path(), name);
    }
    let inventory = "\
web ansible_connection=community.docker.docker
web2 ansible_connection=docker ansible_host=c2 ansible_user=app ansible_docker_extra_args='--context \"my lab\"'
web3 ansible_connection=docker ansible_host=c2 ansible_docker_host=c3 ansible_user=u2 ansible_docker_user=u3 ansible_docker_working_dir=/srv ansible_docker_privileged=true
web4 ansible_connection=docker ansible_docker_timeout=20 ansible_docker_extra_env=\"{'GREETING': 'hello {{ inventory_hostname }}', 'OTHER': 1}\"
pod ansible_connection=containers.podman.podman ansible_podman_extra_args=--log-level=error
pod2 ansible_connection=podman ansible_host=p1 ansible_podman_host=p2 ansible_user=root
pod3 ansible_connection=podman ansible_podman_working_directory=/srv ansible_podman_extra_env=\"{'GREETING': 'hi'}\"
machine ansible_connection=nspawn ansible_user=app
tree ansible_connection=nspawn ansible_host=/srv/tree ansible_user=app
jail ansible_connection=chroot ansible_host=/jail ansible_user=app ansible_chroot_exe=mychroot
";
    fs::write(dir.path().join("hosts"), inventory).expect("a file");
    let play = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: echo in\n      changed_when: false\n";
    fs::write(dir.path().join("site.yml"), play).expect("a file");
    let searched = format!("{}:{}", dir.path().display(), path());
    let (said, output) = run(dir.path(), &searched, &["-i", "hosts", "site.yml", "-f", "1"]);
    assert!(output.status.success(), "{said}");
    let words = fs::read_to_string(dir.path().join("words")).expect("they were called");
    let expected = "\
docker exec -i web
docker --context my lab exec -i --user app c2
docker exec -i --user u3 --workdir /srv --privileged c3
docker exec -i --env GREETING=(hello web4) --env OTHER web4
podman --log-level=error exec -i pod
podman exec -i --user root p2
podman exec -i --workdir /srv --env GREETING=(hi) pod3
systemd-run --quiet --pipe --wait --collect --machine=machine --uid=app
systemd-nspawn --quiet --register=no --keep-unit --pipe --directory /srv/tree --user=app
mychroot --userspec=app /jail
";
    assert_eq!(words, expected);
}

#[test]
fn settings_of_containers_count_where_no_variable_does() {
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["docker", "mychroot"] {
        stand_in(dir.path(), name);
    }
    let inventory = "\
web ansible_connection=docker
web2 ansible_connection=docker ansible_docker_working_dir=/srv ansible_docker_privileged=false
jail ansible_connection=chroot
";
    let settings = "[docker_connection]\nworking_dir = /opt\nprivileged = true\n[chroot_connection]\nexe = mychroot\n";
    fs::write(dir.path().join("ansible.cfg"), settings).expect("a file");
    fs::write(dir.path().join("hosts"), inventory).expect("a file");
    let play = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: echo in\n      changed_when: false\n";
    fs::write(dir.path().join("site.yml"), play).expect("a file");
    let searched = format!("{}:{}", dir.path().display(), path());
    let (said, output) = run(dir.path(), &searched, &["-i", "hosts", "site.yml", "-f", "1"]);
    assert!(output.status.success(), "{said}");
    let words = fs::read_to_string(dir.path().join("words")).expect("they were called");
    let expected = "\
docker exec -i --workdir /opt --privileged web
docker exec -i --workdir /srv web2
mychroot jail
";
    assert_eq!(words, expected);
}

#[test]
fn what_is_missing_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    stand_in(dir.path(), "docker");
    let inventory = "gone ansible_connection=docker\nnone ansible_connection=podman\n";
    fs::write(dir.path().join("hosts"), inventory).expect("a file");
    fs::write(dir.path().join("site.yml"), PLAY).expect("a file");
    // Nothing but the stand-in, and what it needs.
    let only = dir.path().display().to_string();
    let (said, output) = run(dir.path(), &only, &["-i", "hosts", "site.yml"]);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("No such container: gone"), "{said}");
    assert!(said.contains("cannot reach `none`: there is no program `podman` here"), "{said}");
}
