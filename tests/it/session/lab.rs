//! Real hosts: sshd, sudo and su of a Debian machine.
//!
//! `RPROV_LAB` holds the address of a host that root may enter with the key in `RPROV_LAB_KEY`.
//! The accounts these tests need are made by them.

use rprov::session::{
    Become, BecomeProblem, HostKeyChecking, HostKeyProblem, Method, SessionError, SshTarget,
};
use rprov_modules::kit::{PackageManager, ServiceManager, sh};

use super::*;

fn lab(user: &str) -> Option<SshTarget> {
    let (Ok(address), Ok(key)) = (std::env::var("RPROV_LAB"), std::env::var("RPROV_LAB_KEY"))
    else {
        skipped("a real sshd: RPROV_LAB and RPROV_LAB_KEY are not set");
        return None;
    };
    let mut target = SshTarget::new(address);
    target.identities = vec![key.into()];
    target.user = Some(user.into());
    target.config = Some("none".into());
    target.option("IdentityAgent", "none");
    target.host_key_checking = Some(HostKeyChecking::No);
    Some(target)
}

async fn open(target: SshTarget) -> Result<Connection, SessionError> {
    Connection::open(&Target { name: "lab".into(), transport: Transport::Ssh(Box::new(target)) })
        .await
}

async fn say(shell: &mut Shell, text: &'static str) -> Reply {
    let questions = [question(cheap(sh(text, [""; 0])))];
    match shell.flight(&[], &questions).await.expect("a flight").answers.remove(0) {
        Ok(Answer::Sh(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

/// Makes the accounts `asks` (sudo with a password) and `nobody2` (no sudo), both of password `pa ss`.
async fn accounts() -> Option<Connection> {
    let connection = open(lab("root")?).await.expect("a connection");
    let mut shell = connection.shell(None).await.expect("a shell");
    let made = say(
        &mut shell,
        "for u in asks nobody2; do id $u >/dev/null 2>&1 || useradd -m -s /bin/bash $u
            echo \"$u:pa ss\" | chpasswd
            mkdir -p /home/$u/.ssh; cp /root/.ssh/authorized_keys /home/$u/.ssh/; chown -R $u: /home/$u/.ssh
        done; echo 'asks ALL=(ALL) ALL' >/etc/sudoers.d/asks",
    )
    .await;
    assert!(made.ok(), "{made:?}");
    Some(connection)
}

#[tokio::test]
async fn facts_and_flights_over_ssh() {
    let Some(target) = lab("root") else { return };
    let connection = open(target).await.expect("a connection");
    let mut shell = connection.shell(None).await.expect("a shell");
    let facts = shell.facts().clone();
    assert_eq!((facts.user.as_str(), facts.uid, facts.home.as_str()), ("root", 0, "/root"));
    assert_eq!(facts.system.id, "debian");
    assert_eq!(facts.system.package_manager, Some(PackageManager::Apt));
    assert_eq!(facts.system.service_manager, ServiceManager::Systemd);
    let units = ["ssh", "no-such-unit"].map(|name| question(Ask::Unit { name: name.into() }));
    let answers = shell.flight(&[], &units).await.expect("a flight").answers;
    assert!(matches!(&answers[0], Ok(Answer::Unit(unit)) if unit.is_active() && unit.exists()));
    assert!(matches!(&answers[1], Ok(Answer::Unit(unit)) if !unit.exists()));
    // Bash reads its start file only if it believes to be started by sshd, at no depth.
    let mut bash = command(Program::Shell {
        text: "echo \"${SSH_CLIENT:+ssh} $SHLVL\"".into(),
        executable: Some("/bin/bash".into()),
    });
    bash.must_succeed = false;
    let much = vec![b'x'; 8_000_000];
    let mut wc = command(Program::Argv(vec!["wc".into(), "-c".into()]));
    wc.stdin = Some(much.into());
    let steps = [Step::Command(bash), Step::Command(wc), line("head -c 20000000 /dev/zero")];
    let steps = shell.flight(&steps.map(request), &[]).await.expect("a flight").steps;
    let said = reply(&steps[0]).out();
    assert!(["ssh 0\n", "ssh 1\n"].contains(&said.as_str()), "{said}");
    assert_eq!(reply(&steps[1]).out().trim(), "8000000");
    assert_eq!(reply(&steps[2]).stdout.len(), 20_000_000);
    assert_eq!(connection.round_trips(), 3);
    shell.close().await;
}

fn become_(method: Method, user: &str, password: Option<&str>) -> Become {
    Become { password: password.map(str::to_owned), ..Become::new(method, user) }
}

/// `sudo` that insists on a terminal, and `doas`, which asks on one: streams stay apart and whole,
/// and the pipes are gone.
#[tokio::test]
async fn terminals() {
    let Some(root) = accounts().await else { return };
    let mut shell = root.shell(None).await.expect("a shell");
    let rules = "id ttys >/dev/null 2>&1 || useradd -m -s /bin/bash ttys
        echo 'ttys:pa ss' | chpasswd
        mkdir -p /home/ttys/.ssh; cp /root/.ssh/authorized_keys /home/ttys/.ssh/; chown -R ttys: /home/ttys/.ssh
        printf 'Defaults:ttys requiretty\nttys ALL=(ALL) ALL\nttys ALL=(nobody2) NOPASSWD: ALL\n' >/etc/sudoers.d/ttys
        printf 'permit ttys\npermit nopass ttys as nobody2\n' >/etc/doas.conf
        command -v doas";
    let doas = say(&mut shell, rules).await.ok();
    if !doas {
        skipped("doas: it is not installed there");
    }
    let ttys = open(lab("ttys").expect("set")).await.expect("a connection");
    for method in [Method::Sudo, Method::Doas].into_iter().take(1 + usize::from(doas)) {
        for (user, password) in [("root", Some("pa ss")), ("nobody2", None)] {
            let mut shell =
                ttys.shell(Some(&become_(method, user, password))).await.expect("a shell");
            assert_eq!(shell.facts().user, user, "{method:?}");
            let said =
                say(&mut shell, "printf 'a\\r\\nb\\004\\177'; echo error >&2; ls /tmp").await;
            assert!(said.stdout.starts_with(b"a\r\nb\x04\x7f"), "{said:?}");
            assert!(!said.out().contains("rprov-"), "{said:?}");
            assert_eq!(said.err(), "error\n");
            let payload = (0..=255u8).cycle().take(300_000).collect::<Vec<_>>();
            let mut cat = command(Program::Argv(vec!["cat".into()]));
            cat.stdin = Some(payload.clone().into());
            let steps = [request(Step::Command(cat))];
            let steps = shell.flight(&steps, &[]).await.expect("a flight").steps;
            assert_eq!(reply(&steps[0]).stdout, payload, "{method:?}");
            shell.close().await;
        }
        for (user, password, expected) in [
            ("root", Some("wrong"), BecomeProblem::PasswordRefused),
            ("root", None, BecomeProblem::PasswordMissing),
        ] {
            let other = become_(method, user, password);
            let Err(SessionError::Become { why, .. }) = ttys.shell(Some(&other)).await.map(|_| ())
            else {
                panic!("expected a refusal");
            };
            assert_eq!(why, expected, "{method:?}");
        }
    }
    // All of it has ended, or ends now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left = say(&mut shell, "ls -d /tmp/rprov-* 2>/dev/null; pgrep -u ttys -x cat").await;
    assert_eq!(left.out(), "");
}

#[tokio::test]
async fn other_programs_become_users_too() {
    let Some(root) = accounts().await else { return };
    let as_runuser = become_(Method::Runuser, "nobody2", None);
    let mut shell = root.shell(Some(&as_runuser)).await.expect("a shell");
    assert_eq!((&*shell.facts().user, &*shell.facts().home), ("nobody2", "/home/nobody2"));
    let said = say(&mut shell, "id -un").await.out();
    assert_eq!(said, "nobody2\n");
    let elsewhere = Become {
        exe: vec!["/usr/bin/sudo".into()],
        directory: Some("/var".into()),
        flags: vec!["-E".into()],
        ..become_(Method::Sudo, "asks", None)
    };
    assert!(root.shell(Some(&elsewhere)).await.is_ok());
    for (field, expected) in [
        (Become { exe: vec!["/no/such".into()], ..elsewhere.clone() }, "/no/such"),
        (Become { directory: Some("/no/dir".into()), ..elsewhere.clone() }, "/no/dir"),
    ] {
        let Err(SessionError::Become { why, .. }) = root.shell(Some(&field)).await.map(|_| ())
        else {
            panic!("expected a refusal");
        };
        assert!(why.to_string().contains(expected), "{why}");
    }
}

#[tokio::test]
async fn other_users() {
    let Some(root) = accounts().await else { return };
    let mut nobody = root.shell(Some(&become_(Method::Sudo, "asks", None))).await.expect("sudo");
    assert_eq!(nobody.facts().user, "asks");
    assert_eq!(nobody.facts().home, "/home/asks");
    let payload = (0..=255u8).cycle().take(100_000).collect::<Vec<_>>();
    let mut cat = command(Program::Argv(vec!["cat".into()]));
    cat.stdin = Some(payload.clone().into());
    let steps = nobody.flight(&[request(Step::Command(cat))], &[]).await.expect("a flight").steps;
    assert_eq!(reply(&steps[0]).stdout, payload);
    // A hung command of another user is killed too.
    let slow =
        StepRequest { timeout: Some(Duration::from_millis(500)), ..request(line("sleep 987")) };
    let steps = nobody.flight(&[slow], &[]).await.expect("a flight").steps;
    assert!(matches!(&steps[0], StepOutcome::Done { timed_out: true, .. }), "{steps:?}");

    let mut target = lab("asks").expect("set");
    let asks = open(target.clone()).await.expect("a connection");
    for (method, user) in
        [(Method::Sudo, "root"), (Method::Sudo, "nobody2"), (Method::Su, "nobody2")]
    {
        let other = become_(method, user, Some("pa ss"));
        let mut shell = asks.shell(Some(&other)).await.expect("a shell");
        assert_eq!(shell.facts().user, user, "{method:?}");
        assert_eq!(say(&mut shell, "id -un").await.out().trim(), user);
        let wrong = become_(method, user, Some("wrong"));
        let Err(SessionError::Become { why, .. }) = asks.shell(Some(&wrong)).await.map(|_| ())
        else {
            panic!("expected a refusal");
        };
        assert_eq!(why, BecomeProblem::PasswordRefused, "{method:?} {user}");
        let none = become_(method, user, None);
        let Err(SessionError::Become { why, .. }) = asks.shell(Some(&none)).await.map(|_| ())
        else {
            panic!("expected a refusal");
        };
        assert_eq!(why, BecomeProblem::PasswordMissing, "{method:?} {user}");
    }
    // What we may not see is neither there nor absent; and we start where we may be.
    let mut shell = asks.shell(None).await.expect("a shell");
    let hidden = ["/root/.ssh/authorized_keys", "/etc/shadow"]
        .map(|path| question(Ask::Read { path: path.into(), limit: 9, unless: None }));
    let answers = shell.flight(&[], &hidden).await.expect("a flight").answers;
    for answer in answers {
        let why = answer.expect_err("a refusal").err();
        assert!(why.contains("Permission denied"), "{why}");
    }
    let other = become_(Method::Sudo, "nobody2", None);
    let mut shell = root.shell(Some(&other)).await.expect("a shell");
    assert_eq!(say(&mut shell, "pwd").await.out(), "/home/nobody2\n");

    target.user = Some("nobody2".into());
    let nobody2 = open(target).await.expect("a connection");
    let other = become_(Method::Sudo, "root", Some("pa ss"));
    let Err(SessionError::Become { why, .. }) = nobody2.shell(Some(&other)).await.map(|_| ())
    else {
        panic!("expected a refusal");
    };
    assert!(matches!(&why, BecomeProblem::Failed(said) if said.contains("sudoers")), "{why:?}");
}

#[tokio::test]
async fn ways_in() {
    let Some(_) = accounts().await else { return };
    let mut target = lab("asks").expect("set");
    target.identities = vec!["/no/such/key".into()];
    let Err(SessionError::Authentication { tried, .. }) = open(target.clone()).await.map(|_| ())
    else {
        panic!("expected a refusal");
    };
    assert!(tried[0].contains("/no/such/key"), "{tried:?}");
    target.password = Some("pa ss".into());
    open(target.clone()).await.expect("let in by password");
    target.password = Some("wrong".into());
    let Err(SessionError::Authentication { tried, .. }) = open(target.clone()).await.map(|_| ())
    else {
        panic!("expected a refusal");
    };
    assert!(tried.iter().any(|what| what == "password"), "{tried:?}");
    // What may not be tried is not tried.
    target.option("PreferredAuthentications", "publickey");
    let Err(SessionError::Authentication { tried, .. }) = open(target.clone()).await.map(|_| ())
    else {
        panic!("expected a refusal");
    };
    assert!(!tried.iter().any(|what| what == "password"), "{tried:?}");
    target.port = Some(9);
    assert!(matches!(open(target).await, Err(SessionError::Unreachable { .. })));
}

/// A key in a variable, with and without a passphrase: it is never a file.
#[tokio::test]
async fn a_key_may_be_a_text() {
    let Some(mut target) = lab("root") else { return };
    let file = target.identities.pop().expect("the key");
    target.option("IdentityFile", "none");
    let text = fs::read_to_string(&file).expect("a key");
    target.key = Some(text.trim().to_owned());
    open(target.clone()).await.expect("let in");
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("key");
    fs::write(&copy, &text).expect("a file");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).expect("a mode");
    let words = ["-q", "-p", "-N", "open sesame", "-f"];
    let changed = std::process::Command::new("ssh-keygen").args(words).arg(&copy).status();
    assert!(changed.expect("ssh-keygen").success());
    target.key = Some(fs::read_to_string(&copy).expect("a key"));
    let Err(SessionError::Authentication { tried, .. }) = open(target.clone()).await.map(|_| ())
    else {
        panic!("expected a refusal");
    };
    assert!(tried[0].contains("no passphrase was given"), "{tried:?}");
    target.passphrase = Some("open sesame".into());
    open(target.clone()).await.expect("let in");
    target.key = None;
    target.identities = vec![copy];
    open(target).await.expect("the same for a file");
}

/// The host asks the agent of this machine, if it may.
#[tokio::test]
async fn an_agent_is_forwarded_when_asked_for() {
    let Some(mut target) = lab("root") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("agent");
    let _agent = tokio::process::Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("ssh-agent");
    let add = || {
        let mut command = std::process::Command::new("ssh-add");
        command.arg("-q").arg(&target.identities[0]).env("SSH_AUTH_SOCK", &socket);
        command.output().expect("ssh-add")
    };
    let mut added = add();
    for _ in 0..50 {
        if added.status.success() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        added = add();
    }
    assert!(added.status.success(), "{added:?}");
    let mut forwarding = SshTarget::new(target.address.clone());
    forwarding.user = target.user.clone();
    forwarding.config = target.config.clone();
    forwarding.host_key_checking = target.host_key_checking;
    forwarding.option("IdentityAgent", &socket.display().to_string());
    forwarding.option("ForwardAgent", "yes");
    // Without an agent of ours there is nothing to forward.
    target.option("ForwardAgent", "yes");
    for (target, keys) in [(forwarding, 1), (target, 0)] {
        let connection = open(target).await.expect("a connection");
        let mut shell = connection.shell(None).await.expect("a shell");
        let said = say(&mut shell, "ssh-add -l 2>/dev/null").await;
        assert_eq!(said.out().lines().count(), keys, "{said:?}");
    }
}

#[tokio::test]
async fn host_keys() {
    let Some(mut target) = lab("root") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ssh/known_hosts");
    target.option("UserKnownHostsFile", &file.display().to_string());
    target.option("GlobalKnownHostsFile", "none");
    target.host_key_checking = Some(HostKeyChecking::Yes);
    let Err(SessionError::HostKey { why, .. }) = open(target.clone()).await.map(|_| ()) else {
        panic!("expected a refusal");
    };
    let HostKeyProblem::Unknown { add, .. } = *why else { panic!("{why:?}") };
    target.host_key_checking = Some(HostKeyChecking::AcceptNew);
    open(target.clone()).await.expect("accepted");
    assert_eq!(fs::read_to_string(&file).expect("a file"), format!("{add}\n"));
    target.host_key_checking = Some(HostKeyChecking::Yes);
    open(target.clone()).await.expect("known now");
    // Another key for the same host.
    let other = "AAAAC3NzaC1lZDI1NTE5AAAAIIwqYuTGS9hAPfcXXrKSvGeMUVBR6VVdFO/zP0S9WyOa";
    fs::write(&file, format!("{} ssh-ed25519 {other}\n", target.address)).expect("a file");
    target.host_key_checking = Some(HostKeyChecking::AcceptNew);
    let Err(SessionError::HostKey { why, .. }) = open(target.clone()).await.map(|_| ()) else {
        panic!("expected a refusal");
    };
    let text = why.to_string();
    assert_eq!(text.matches("SHA256:").count(), 2, "{text}");
    assert!(text.contains("known_hosts:1"), "{text}");
}

#[tokio::test]
async fn a_lost_connection_says_what_is_unknown() {
    let Some(target) = lab("root") else { return };
    let connection = open(target).await.expect("a connection");
    let mut shell = connection.shell(None).await.expect("a shell");
    let steps = [request(line("echo first")), request(line("kill $PPID"))];
    let lost = shell.flight(&steps, &[]).await;
    let Err(SessionError::Lost { done, unknown: true, .. }) = lost else { panic!("{lost:?}") };
    assert_eq!(reply(&done[0]).out(), "first\n");
    assert!(shell.flight(&steps, &[]).await.is_err());
    // The connection itself is still good.
    assert!(connection.shell(None).await.is_ok());
}

#[tokio::test]
async fn through_jump_hosts() {
    let Some(target) = lab("root") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("config");
    let text = format!(
        "Host inner\n HostName 127.0.0.1\n ProxyJump middle\nHost middle\n HostName {0}\n ProxyJump root@{0}:22\nHost *\n User root\n IdentityFile {1}\n IdentityAgent none\n",
        target.address,
        target.identities[0].display()
    );
    fs::write(&config, text).expect("a file");
    let mut target = SshTarget::new("inner");
    target.config = Some(config);
    target.host_key_checking = Some(HostKeyChecking::No);
    let connection = open(target).await.expect("a connection");
    let mut shell = connection.shell(None).await.expect("a shell");
    let client = say(&mut shell, "echo \"$SSH_CONNECTION\"").await.out();
    assert!(client.starts_with("127.0.0.1 "), "{client}");
    let steps = [request(line("head -c 5000000 /dev/zero"))];
    let steps = shell.flight(&steps, &[]).await.expect("a flight").steps;
    assert_eq!(reply(&steps[0]).stdout.len(), 5_000_000);
}

#[tokio::test]
async fn nothing_is_left_by_a_connection_lost_in_the_middle() {
    let Some(target) = lab("root") else { return };
    let mut watch =
        open(target.clone()).await.expect("a connection").shell(None).await.expect("a shell");
    let connection = open(target).await.expect("a connection");
    let mut shell = connection.shell(None).await.expect("a shell");
    say(&mut watch, "rm -rf /root/lost; mkdir /root/lost; echo old >/root/lost/f").await;
    let step = Step::Put(rprov_modules::kit::Put {
        path: "/root/lost/f".into(),
        content: vec![b'x'; 150_000_000].into(),
        mode: None,
        owner: None,
        group: None,
        validate: None,
        backup: false,
    });
    let steps = [request(step)];
    let begun =
        async { while say(&mut watch, "ls -A /root/lost | wc -l").await.out().trim() != "2" {} };
    tokio::select! {
        landed = shell.flight(&steps, &[]) => panic!("too fast: {landed:?}"),
        () = begun => {}
    }
    drop((shell, connection));
    let mut left = String::new();
    for _ in 0..50 {
        left = say(&mut watch, "ls -A /root/lost /tmp | grep rprov; cat /root/lost/f").await.out();
        if left == "old\n" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!left.contains(".rprov."), "{left}");
    assert!(left.ends_with("old\n"), "{left}");
}
