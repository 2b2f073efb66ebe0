//! SSH against the server in this process: round trips, lost connections, ways in, many hosts.

use rprov::session::{
    Become, HostKeyChecking, HostKeyProblem, Keyring, Method, SessionError, SshTarget,
    embedded::{Cut, EmbeddedHost, HostOptions, Refuse, Server, ServerOptions, new_key},
};
use rprov_modules::kit::{Content, Put, sh};
use russh::keys::PrivateKey;

use super::*;

struct Served {
    server: Server,
    key: PrivateKey,
}

impl Served {
    async fn start(options: ServerOptions) -> Served {
        let key = new_key().expect("a key");
        let authorised_keys = vec![key.public_key().clone()];
        let options = ServerOptions { authorised_keys, user: "me".into(), ..options };
        Served { server: Server::start(options).await.expect("a server"), key }
    }

    fn target(&self) -> SshTarget {
        let host_key = self.server.host_key().clone();
        SshTarget::private(self.server.address(), "me", self.key.clone(), host_key)
    }

    async fn open(&self) -> Connection {
        open(self.target()).await.expect("a connection")
    }
}

async fn open(target: SshTarget) -> Result<Connection, SessionError> {
    Connection::open(&Target { name: "served".into(), transport: Transport::Ssh(Box::new(target)) })
        .await
}

async fn refusal(target: SshTarget) -> SessionError {
    match open(target).await {
        Ok(_) => panic!("expected a refusal"),
        Err(why) => why,
    }
}

#[tokio::test]
async fn the_server_counts_the_round_trips_that_we_count() {
    let delay = Duration::from_millis(60);
    let served = Served::start(ServerOptions { delay, ..ServerOptions::default() }).await;
    let connection = served.open().await;
    let mut shell = connection.shell(None).await.expect("a shell");
    // Opening a channel is one; starting the shell and learning the facts is one.
    assert_eq!(served.server.counters().flights(), 2);
    let asks = (0..200).map(|i| cheap(sh("echo \"$1\"", [i]))).map(question);
    let asks = asks.collect::<Vec<_>>();
    for _ in 0..3 {
        let steps = [request(line("echo changed"))];
        let landed = shell.flight(&steps, &asks).await.expect("a flight");
        assert!(matches!(&landed.answers[199], Ok(Answer::Sh(reply)) if reply.out() == "199\n"));
    }
    assert_eq!(served.server.counters().flights(), 5);
    assert_eq!(connection.round_trips(), 4, "without the opening of the channel");
    assert!(shell.flight(&[], &[]).await.expect("nothing").answers.is_empty());
    assert_eq!(connection.round_trips(), 4, "nothing to ask is no round trip");
    served.server.stop().await;
}

#[tokio::test]
async fn a_lost_connection_is_an_error_that_says_what_is_unknown() {
    let cut = Some(Cut::BeforeAnswer(4));
    let delay = Duration::from_millis(20);
    let served = Served::start(ServerOptions { cut, delay, ..ServerOptions::default() }).await;
    let connection = served.open().await;
    let mut shell = connection.shell(None).await.expect("a shell");
    let ask = [question(cheap(sh("echo asked", [""; 0])))];
    shell.flight(&[], &ask).await.expect("the third flight");
    let lost = shell.flight(&[request(line("echo step"))], &ask).await;
    let Err(SessionError::Lost { done, unknown: true, .. }) = &lost else { panic!("{lost:?}") };
    assert!(done.is_empty());
    assert!(shell.flight(&[], &ask).await.is_err());
    assert!(matches!(connection.shell(None).await, Err(SessionError::Lost { .. })));
    // A new connection is let in, and may ask the questions again.
    let mut shell = served.open().await.shell(None).await.expect("a shell");
    shell.flight(&[], &ask).await.expect("answers");
}

#[tokio::test]
async fn servers_that_refuse() {
    let refuse = |refuse| ServerOptions { refuse: Some(refuse), ..ServerOptions::default() };
    let silent = Served::start(refuse(Refuse::Greeting)).await;
    let mut target = silent.target();
    target.connect_timeout = Duration::from_millis(300);
    let why = refusal(target).await.to_string();
    assert!(why.contains("no answer from 127.0.0.1:"), "{why}");

    let closed = Served::start(refuse(Refuse::Channels)).await;
    assert!(closed.open().await.shell(None).await.is_err());

    let mute = Served::start(refuse(Refuse::Commands)).await;
    let Err(SessionError::Shell { why, .. }) = mute.open().await.shell(None).await.map(|_| ())
    else {
        panic!("expected a refusal");
    };
    assert!(why.contains("refuses to run commands"), "{why}");

    let shell = vec!["/bin/false".into()];
    let odd = Served::start(ServerOptions { shell, ..ServerOptions::default() }).await;
    let Err(why) = odd.open().await.shell(None).await.map(|_| ()) else {
        panic!("expected a refusal");
    };
    assert!(matches!(why, SessionError::Shell { .. }), "{why}");
    // It is the login that has no shell, not the way to another user that fails.
    let root = Become::new(Method::Sudo, "root");
    let Err(why) = odd.open().await.shell(Some(&root)).await.map(|_| ()) else {
        panic!("expected a refusal");
    };
    assert!(matches!(why, SessionError::Shell { .. }) && why.is_unreachable(), "{why}");

    let mut target = odd.target();
    target.config = Some("/no/such/file".into());
    let why = refusal(target).await;
    assert_eq!(why.to_string(), "there is no configuration file `/no/such/file`");
    assert!(why.is_unreachable());
}

#[tokio::test]
async fn noise_before_the_shell_is_no_harm() {
    let text = "echo welcome; echo warning >&2; printf 'no line end'; exec /bin/sh -c \"$1\"";
    let shell = ["/bin/sh", "-c", text, "sh"].map(Into::into).to_vec();
    let served = Served::start(ServerOptions { shell, ..ServerOptions::default() }).await;
    let mut shell = served.open().await.shell(None).await.expect("a shell");
    let ask = [question(cheap(sh("echo clean", [""; 0])))];
    let answers = shell.flight(&[], &ask).await.expect("a flight").answers;
    let clean = Reply { status: 0, stdout: b"clean\n".to_vec(), stderr: vec![] };
    assert_eq!(answers, [Ok(Answer::Sh(clean))]);
}

#[tokio::test]
async fn keys_in_files_and_passwords() {
    if find("ssh-keygen").is_none() {
        return skipped("keys in files: there is no ssh-keygen to make them");
    }
    let directory = tempfile::tempdir().expect("a directory");
    for (kind, passphrase) in
        [("ed25519", ""), ("rsa", ""), ("ecdsa", ""), ("ed25519", "pass phrase")]
    {
        let file = directory.path().join(format!("id_{kind}_{}", passphrase.len()));
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", passphrase, "-f"])
            .arg(&file)
            .status();
        assert!(made.is_ok_and(|status| status.success()));
        let public = russh::keys::load_public_key(file.with_extension("pub")).expect("a key");
        let server = Server::start(ServerOptions {
            authorised_keys: vec![public],
            user: "me".into(),
            password: Some("let me in".into()),
            ..ServerOptions::default()
        });
        let server = server.await.expect("a server");
        let mut target = SshTarget::new("127.0.0.1");
        target.port = Some(server.address().port());
        target.user = Some("me".into());
        target.host_key = Some(Arc::new(server.host_key().clone()));
        target.config = Some("none".into());
        target.option("IdentityAgent", "none");
        target.identities = vec![directory.path().join("missing"), file.clone()];
        if !passphrase.is_empty() {
            let SessionError::Authentication { tried, .. } = refusal(target.clone()).await else {
                panic!("expected a refusal");
            };
            assert!(tried[0].contains("missing: no such file"), "{tried:?}");
            assert!(tried[1].contains("it is encrypted"), "{tried:?}");
            target.keyring = Keyring::new(Arc::new(|_| Some("pass phrase".into())));
        }
        open(target.clone()).await.expect("let in by key");

        target.identities.truncate(1);
        target.password = Some("wrong".into());
        let why = refusal(target.clone()).await;
        let SessionError::Authentication { tried, .. } = &why else { panic!("{why:?}") };
        assert!(tried.contains(&"password".to_owned()), "{tried:?}");
        assert!(why.help().is_some());
        target.password = Some("let me in".into());
        open(target).await.expect("let in by password");
    }
}

#[tokio::test]
async fn keys_of_the_agent() {
    let (Some(agent), Some(_), Some(_)) = (find("ssh-agent"), find("ssh-add"), find("ssh-keygen"))
    else {
        return skipped("keys of an agent: there is no ssh-agent");
    };
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("agent");
    let mut agent = std::process::Command::new(agent)
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("an agent");
    for _ in 0..100 {
        if socket.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut public = Vec::new();
    for kind in ["rsa", "ed25519"] {
        let file = directory.path().join(kind);
        for (program, args) in
            [("ssh-keygen", vec!["-q", "-t", kind, "-N", "", "-f"]), ("ssh-add", vec!["-q"])]
        {
            let mut command = std::process::Command::new(program);
            command.args(args).arg(&file).env("SSH_AUTH_SOCK", &socket);
            assert!(command.status().is_ok_and(|status| status.success()));
        }
        public.push(russh::keys::load_public_key(file.with_extension("pub")).expect("a key"));
    }
    let mut results = Vec::new();
    for key in public {
        let options = ServerOptions {
            authorised_keys: vec![key],
            user: "me".into(),
            ..ServerOptions::default()
        };
        let server = Server::start(options).await.expect("a server");
        let mut target = SshTarget::new("127.0.0.1");
        target.port = Some(server.address().port());
        target.user = Some("me".into());
        target.config = Some("none".into());
        target.host_key = Some(Arc::new(server.host_key().clone()));
        target.option("IdentityAgent", &socket.display().to_string());
        results.push(open(target.clone()).await.map(|_| ()).map_err(|why| why.to_string()));
        // Only the keys that are named.
        target.identities = vec!["/no/such/key".into()];
        target.option("IdentitiesOnly", "yes");
        assert!(open(target).await.is_err());
    }
    let _ = agent.kill();
    let _ = agent.wait();
    assert_eq!(results, [Ok(()), Ok(())]);
}

#[tokio::test]
async fn a_key_that_is_not_the_expected_one() {
    let served = Served::start(ServerOptions::default()).await;
    let mut target = served.target();
    target.host_key = Some(Arc::new(new_key().expect("a key").public_key().clone()));
    let why = refusal(target).await;
    assert_eq!(why.to_string().matches("SHA256:").count(), 2, "{why}");
    let SessionError::HostKey { why, .. } = why else { panic!("{why:?}") };
    assert!(matches!(*why, HostKeyProblem::Changed { .. }));
    assert_eq!(served.server.counters().authentications(), 0, "nothing was tried before");
}

/// As OpenSSH does with `StrictHostKeyChecking no`: a key that is new is remembered, and who shows
/// another one than before is let be, but is not told the password.
#[tokio::test]
async fn any_key_is_accepted_and_no_password_is_sent_to_a_changed_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let known = directory.path().join("known_hosts");
    let options = ServerOptions { password: Some("let me in".into()), ..Default::default() };
    let served = Served::start(options).await;
    let mut target = served.target();
    target.host_key = None;
    target.host_key_checking = Some(HostKeyChecking::No);
    target.option("UserKnownHostsFile", &known.display().to_string());
    target.option("GlobalKnownHostsFile", "/dev/null");
    target.keyring = Keyring::default();
    target.password = Some("let me in".into());
    open(target.clone()).await.expect("a connection");
    let line = std::fs::read_to_string(&known).expect("it was remembered");
    let key = served.server.host_key().to_openssh().expect("a key");
    let words = |text: &str, from: usize| {
        text.split_whitespace().skip(from).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words(&line, 1), words(&key, 0), "{line}");

    let other = new_key().expect("a key").public_key().to_openssh().expect("a key");
    let place = line.split(' ').next().expect("a name");
    std::fs::write(&known, format!("{place} {other}\n")).expect("a file");
    let why = refusal(target.clone()).await;
    let SessionError::Authentication { tried, .. } = &why else { panic!("{why:?}") };
    assert_eq!(tried, &["no password, for the host's key is another one than before"]);
    target.keyring = served.target().keyring;
    open(target).await.expect("let in by key");
}

#[tokio::test]
async fn through_a_command() {
    if find("bash").is_none() {
        return skipped("a proxy command: there is no bash to write one in");
    }
    let served = Served::start(ServerOptions::default()).await;
    let mut target = served.target();
    let relay = "bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3; kill $!'";
    target.option("ProxyCommand", relay);
    let connection = open(target).await.expect("a connection");
    let mut shell = connection.shell(None).await.expect("a shell");
    let outcomes = shell.flight(&[request(line("echo through"))], &[]).await.expect("a flight");
    assert_eq!(reply(&outcomes.steps[0]).out(), "through\n");
}

#[tokio::test]
async fn a_command_that_leads_nowhere_says_why() {
    let mut target = SshTarget::new("far.example");
    target.config = Some("none".into());
    target.option("ProxyCommand", "sh -c 'echo the bastion is closed >&2; exit 1'");
    let why = refusal(target.clone()).await;
    let expected =
        "cannot reach `served`: far.example:22: the proxy command says: the bastion is closed";
    assert_eq!(why.to_string(), expected);
    target = SshTarget::new("far.example");
    target.config = Some("none".into());
    target.option("ProxyCommand", "true");
    let why = refusal(target).await.to_string();
    assert!(why.ends_with("(by a proxy command)") && !why.contains("os error"), "{why}");
}

#[tokio::test]
async fn many_hosts_at_once() {
    let served = Arc::new(Served::start(ServerOptions::default()).await);
    let hosts = (0..40).map(|i| {
        let served = served.clone();
        tokio::spawn(async move {
            let mut shell = served.open().await.shell(None).await.expect("a shell");
            let ask = [question(cheap(sh("echo \"$1\"", [i])))];
            let answers = shell.flight(&[], &ask).await.expect("a flight").answers;
            assert!(
                matches!(&answers[0], Ok(Answer::Sh(reply)) if reply.out() == format!("{i}\n"))
            );
            shell.close().await;
        })
    });
    for host in hosts.collect::<Vec<_>>() {
        host.await.expect("no panic");
    }
    assert_eq!(served.server.counters().connections(), 40);
}

#[tokio::test]
async fn the_embedded_host_is_a_host() {
    let name = format!("session-test-{}", std::process::id());
    let host = match EmbeddedHost::start(HostOptions::new(name)).await {
        Ok(host) => host,
        Err(why) => return skipped(&format!("the embedded host: {why}")),
    };
    let transport = Transport::embedded(&host);
    let connection = Connection::open(&Target { name: "demo".into(), transport }).await;
    let connection = connection.expect("a connection");
    let mut shell = connection.shell(None).await.expect("a shell");
    assert_eq!(shell.facts().uid, 0);
    let path = format!("/etc/rprov-test-{}", std::process::id());
    let put = Step::Put(Put {
        path: path.clone(),
        content: b"there".to_vec().into(),
        mode: Some(0o600),
        owner: None,
        group: None,
        validate: None,
        backup: false,
    });
    let read = question(Ask::Read { path: path.clone(), limit: 100, unless: None });
    let landed = shell.flight(&[request(put)], &[read]).await.expect("a flight");
    assert_eq!(reply(&landed.steps[0]), &Reply::default());
    let there = Content::Bytes(b"there".to_vec().into());
    assert_eq!(landed.answers, [Ok(Answer::Content(there))]);
    assert!(!Path::new(&path).exists(), "this machine is not changed");
    shell.close().await;
    host.stop().await.expect("stopped");
}
