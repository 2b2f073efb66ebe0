//! The embedded server, seen by a small client of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rprov::session::embedded::{
    Cut, EmbeddedHost, HostOptions, Refuse, Server, ServerOptions, new_key,
};
use russh::client::{self, AuthResult, Handle};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{ChannelMsg, Disconnect};

/// Accepts one host key and no other.
struct Expect(PublicKey);

impl client::Handler for Expect {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(key.public_key().key_data() == self.0.key_data())
    }
}

struct Answer {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<u32>,
    signal: Option<String>,
}

async fn connect(server: &Server) -> Handle<Expect> {
    connect_to(server.address(), server.host_key()).await
}

async fn connect_to(address: SocketAddr, host_key: &PublicKey) -> Handle<Expect> {
    let config = client::Config { nodelay: true, ..client::Config::default() };
    client::connect(Arc::new(config), address, Expect(host_key.clone())).await.unwrap()
}

async fn offer(handle: &mut Handle<Expect>, user: &str, key: &PrivateKey) -> bool {
    let key = PrivateKeyWithHashAlg::new(Arc::new(key.clone()), None);
    matches!(handle.authenticate_publickey(user, key).await.unwrap(), AuthResult::Success)
}

/// A server with a key of its own, and a client that is let in.
async fn pair(options: ServerOptions) -> (Server, Handle<Expect>) {
    let key = new_key().unwrap();
    let authorised_keys = vec![key.public_key().clone()];
    let server = Server::start(ServerOptions { authorised_keys, user: "ada".into(), ..options })
        .await
        .unwrap();
    let mut handle = connect(&server).await;
    assert!(offer(&mut handle, "ada", &key).await);
    (server, handle)
}

async fn exec(handle: &Handle<Expect>, command: &str, input: &[u8]) -> Answer {
    let channel = handle.channel_open_session().await.unwrap();
    channel.exec(true, command).await.unwrap();
    let (mut read, write) = channel.split();
    let input = input.to_vec();
    let writing = tokio::spawn(async move {
        write.data_bytes(input).await.unwrap();
        write.eof().await.unwrap();
        write
    });
    let mut answer = Answer { stdout: vec![], stderr: vec![], status: None, signal: None };
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => answer.stdout.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, ext: 1 } => answer.stderr.extend_from_slice(&data),
            ChannelMsg::ExitStatus { exit_status } => answer.status = Some(exit_status),
            ChannelMsg::ExitSignal { signal_name, .. } => {
                answer.signal = Some(format!("{signal_name:?}"));
            }
            ChannelMsg::Failure => break,
            _ => {}
        }
    }
    // A command that ended without reading all leaves the writer waiting for a window.
    writing.abort();
    answer
}

/// Reads `stdout` until `bytes` bytes have come.
async fn read_bytes(channel: &mut russh::Channel<client::Msg>, bytes: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < bytes {
        match channel.wait().await.expect("the channel is open") {
            ChannelMsg::Data { data } => all.extend_from_slice(&data),
            ChannelMsg::Eof | ChannelMsg::Close => panic!("ended after {} bytes", all.len()),
            _ => {}
        }
    }
    all
}

fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_exact_and_streams_are_separate() {
    let (server, handle) = pair(ServerOptions::default()).await;
    let answer = exec(&handle, "cat; printf 'err\\n\\000\\377' >&2; exit 7", b"in\n\0\xff").await;
    assert_eq!(answer.stdout, b"in\n\0\xff");
    assert_eq!(answer.stderr, b"err\n\0\xff");
    assert_eq!(answer.status, Some(7));
    let answer = exec(&handle, "kill -TERM $$", b"").await;
    assert_eq!((answer.status, answer.signal.as_deref()), (None, Some("TERM")));
    let answer = exec(&handle, "echo $USER $SSH_CONNECTION; env | cut -d= -f1 | sort", b"").await;
    let text = String::from_utf8(answer.stdout).unwrap();
    assert!(text.starts_with("ada 127.0.0.1 "), "{text}");
    let names: Vec<&str> = text.lines().skip(1).filter(|name| *name != "_").collect();
    let expected =
        ["HOME", "LOGNAME", "PATH", "PWD", "SHELL", "SSH_CLIENT", "SSH_CONNECTION", "USER"];
    assert_eq!(names, expected);
    assert_eq!(server.counters().commands(), 3);
    assert_eq!(server.counters().channels(), 3);
    assert_eq!(server.counters().authentications(), 1);
    assert_eq!(server.counters().connections(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_megabytes_go_both_ways_at_once() {
    let (server, handle) = pair(ServerOptions::default()).await;
    let data: Vec<u8> =
        (0..5_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let answer = exec(&handle, "cat", &data).await;
    assert!(answer.stdout == data, "{} bytes came back", answer.stdout.len());
    assert_eq!(server.counters().received(), 5_000_000);
    assert_eq!(server.counters().sent(), 5_000_000);
    // Much input to a command that reads none of it hurts nobody.
    assert_eq!(exec(&handle, "exit 3", &data).await.status, Some(3));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_and_connections_do_not_wait_for_each_other() {
    let (server, handle) = pair(ServerOptions::default()).await;
    let pipe = tempfile::tempdir().unwrap();
    let fifo = pipe.path().join("fifo");
    let path = fifo.display();
    let made = exec(&handle, &format!("mkfifo {path}"), b"").await;
    assert_eq!(made.status, Some(0));
    // Each needs the other one to run.
    let (reader, writer) = (format!("cat {path}"), format!("echo hello > {path}"));
    let (one, two) = tokio::join!(exec(&handle, &reader, b""), exec(&handle, &writer, b""));
    assert_eq!((one.stdout.as_slice(), two.status), (b"hello\n".as_slice(), Some(0)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_kills_the_process_group() {
    for how in ["client", "cut", "stop"] {
        let (server, handle) = pair(ServerOptions::default()).await;
        let mut channel = handle.channel_open_session().await.unwrap();
        channel.exec(true, "sleep 1000 & echo $!; wait").await.unwrap();
        let pid = String::from_utf8(read_bytes(&mut channel, 2).await).unwrap();
        let pid = pid.trim().to_owned();
        assert!(alive(&pid));
        match how {
            "client" => handle.disconnect(Disconnect::ByApplication, "", "").await.unwrap(),
            "cut" => server.cut(),
            _ => server.stop().await,
        }
        until("the child is killed", || !alive(&pid)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delay_is_added_once_to_a_round_trip_however_much_is_sent() {
    let delay = Duration::from_millis(60);
    let (server, handle) = pair(ServerOptions { delay, ..ServerOptions::default() }).await;
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.exec(false, "cat").await.unwrap();
    let start = Instant::now();
    for _ in 0..5 {
        channel.data_bytes(&b"x"[..]).await.unwrap();
        read_bytes(&mut channel, 1).await;
    }
    let ping_pong = start.elapsed();
    assert!(ping_pong >= delay * 5, "{ping_pong:?}");
    let start = Instant::now();
    for _ in 0..100 {
        channel.data_bytes(vec![b'y'; 1000]).await.unwrap();
    }
    read_bytes(&mut channel, 100_000).await;
    let burst = start.elapsed();
    assert!(burst >= delay && burst < ping_pong, "{burst:?} against {ping_pong:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flights_are_counted() {
    let delay = Duration::from_millis(200);
    let (server, handle) = pair(ServerOptions { delay, ..ServerOptions::default() }).await;
    let flights = || server.counters().flights();
    assert_eq!(flights(), 0, "authentication is no flight");
    let mut channel = handle.channel_open_session().await.unwrap();
    assert_eq!(flights(), 1);
    // The command and what it reads, at once.
    channel.exec(true, "cat").await.unwrap();
    channel.data_bytes(&b"first"[..]).await.unwrap();
    read_bytes(&mut channel, 5).await;
    assert_eq!(flights(), 2);
    for _ in 0..4 {
        channel.data_bytes(&b"ping"[..]).await.unwrap();
        read_bytes(&mut channel, 4).await;
    }
    assert_eq!(flights(), 6);
    // Written one by one and spread over half a round trip, answered all the while: one flight. On a busy machine it
    // may take longer, which says nothing.
    let mut measured = false;
    for _ in 0..50 {
        let (before, start) = (flights(), Instant::now());
        for _ in 0..20 {
            channel.data_bytes(&b"ping"[..]).await.unwrap();
            tokio::time::sleep(delay / 50).await;
        }
        measured = start.elapsed() < delay * 3 / 4;
        read_bytes(&mut channel, 80).await;
        if measured {
            assert_eq!(flights(), before + 1);
            break;
        }
    }
    assert!(measured, "20 writes always took longer than a round trip");
    let last = flights();
    // Nobody waits for an end of file to be heard.
    channel.eof().await.unwrap();
    while channel.wait().await.is_some() {}
    assert_eq!(flights(), last);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flights_of_a_ping_pong_need_no_delay() {
    let (server, handle) = pair(ServerOptions::default()).await;
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.exec(false, "cat").await.unwrap();
    channel.data_bytes(&b"x"[..]).await.unwrap();
    read_bytes(&mut channel, 1).await;
    let before = server.counters().flights();
    for _ in 0..10 {
        channel.data_bytes(&b"x"[..]).await.unwrap();
        read_bytes(&mut channel, 1).await;
    }
    assert_eq!(server.counters().flights() - before, 10);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_passwords_and_users_are_refused() {
    let key = new_key().unwrap();
    let options = ServerOptions {
        authorised_keys: vec![key.public_key().clone()],
        password: Some("right".into()),
        user: "ada".into(),
        ..ServerOptions::default()
    };
    let server = Server::start(options).await.unwrap();
    let mut handle = connect(&server).await;
    assert!(!offer(&mut handle, "ada", &new_key().unwrap()).await);
    assert!(!offer(&mut handle, "bob", &key).await);
    assert!(!handle.authenticate_password("ada", "wrong").await.unwrap().success());
    assert!(!handle.authenticate_password("bob", "right").await.unwrap().success());
    assert!(handle.authenticate_password("ada", "right").await.unwrap().success());
    assert_eq!(exec(&handle, "echo in", b"").await.stdout, b"in\n");
    let nobody = Server::start(ServerOptions::default()).await.unwrap();
    let mut handle = connect(&nobody).await;
    let user = ServerOptions::default().user;
    assert!(!offer(&mut handle, &user, &key).await);
    assert!(!handle.authenticate_password(&user, "").await.unwrap().success());
    assert!(!handle.authenticate_none(&user).await.unwrap().success());
    // A changed host key is the client's to notice.
    let config = Arc::new(client::Config::default());
    let other = Expect(new_key().unwrap().public_key().clone());
    assert!(client::connect(config, server.address(), other).await.is_err());
    let fixed = new_key().unwrap();
    let host_key = Some(fixed.clone());
    let again =
        Server::start(ServerOptions { host_key, ..ServerOptions::default() }).await.unwrap();
    assert_eq!(again.host_key(), fixed.public_key());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_limits() {
    let refuse = Some(Refuse::Channels);
    let (_server, handle) = pair(ServerOptions { refuse, ..ServerOptions::default() }).await;
    assert!(handle.channel_open_session().await.is_err());
    let refuse = Some(Refuse::Commands);
    let (_server, handle) = pair(ServerOptions { refuse, ..ServerOptions::default() }).await;
    assert_eq!(exec(&handle, "echo no", b"").await.status, None);
    let options = ServerOptions { refuse: Some(Refuse::Greeting), ..ServerOptions::default() };
    let server = Server::start(options).await.unwrap();
    let expect = Expect(server.host_key().clone());
    let connecting = client::connect(Arc::default(), server.address(), expect);
    assert!(tokio::time::timeout(Duration::from_millis(200), connecting).await.is_err());
    let (_server, handle) = pair(ServerOptions::default()).await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(handle.channel_open_session().await.unwrap());
    }
    assert!(handle.channel_open_session().await.is_err());
    open.pop().unwrap().close().await.unwrap();
    until("the channel is closed", || true).await;
    let answer = exec(&handle, "echo again", b"").await;
    assert_eq!(answer.stdout, b"again\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_cut_where_asked() {
    // Channel, command, first line, then the line whose answer never comes.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let command = format!("while read -r l; do echo $l >> {0}; echo $l; done", file.display());
    let cut = Some(Cut::BeforeAnswer(4));
    let (server, handle) = pair(ServerOptions { cut, ..ServerOptions::default() }).await;
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.exec(true, command.as_str()).await.unwrap();
    assert!(matches!(
        channel.wait().await,
        Some(ChannelMsg::WindowAdjusted { .. } | ChannelMsg::Success)
    ));
    channel.data_bytes(&b"1\n"[..]).await.unwrap();
    assert_eq!(read_bytes(&mut channel, 2).await, b"1\n");
    channel.data_bytes(&b"2\n"[..]).await.unwrap();
    while let Some(message) = channel.wait().await {
        assert!(!matches!(message, ChannelMsg::Data { .. }), "{message:?}");
    }
    until("the connection is lost", || handle.is_closed()).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n2\n", "done, but not heard of");
    // Only once: the next connection lives.
    let mut again = connect(&server).await;
    assert!(!offer(&mut again, "ada", &new_key().unwrap()).await);

    for cut in [Cut::AfterReceived(10), Cut::AfterSent(10)] {
        let options = ServerOptions { cut: Some(cut), ..ServerOptions::default() };
        let (server, handle) = pair(options).await;
        let mut channel = handle.channel_open_session().await.unwrap();
        channel.exec(false, "cat").await.unwrap();
        channel.data_bytes(&b"12345"[..]).await.unwrap();
        assert_eq!(read_bytes(&mut channel, 5).await, b"12345");
        channel.data_bytes(&b"67890+"[..]).await.unwrap();
        while channel.wait().await.is_some() {}
        until("the connection is lost", || handle.is_closed()).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_host_is_a_host_of_its_own() {
    let name = format!("host-{}", std::process::id());
    let host = match EmbeddedHost::start(HostOptions::new(&name)).await {
        Ok(host) => host,
        Err(error) => return eprintln!("skipped: {error}; {}", error.help()),
    };
    let mut handle = connect_to(host.address(), host.host_key()).await;
    assert!(offer(&mut handle, host.user(), host.key()).await);
    let answer =
        exec(&handle, "hostname; id -u; pwd; echo $HOME $USER; echo x >&2; cat", b"in").await;
    let text = String::from_utf8(answer.stdout).unwrap();
    assert_eq!(text, format!("{name}\n0\n/root\n/root root\nin"));
    assert_eq!((answer.stderr.as_slice(), answer.status), (b"x\n".as_slice(), Some(0)));
    assert_eq!(exec(&handle, "exit 4", b"").await.status, Some(4));
    assert_eq!(host.counters().commands(), 2);
    host.stop().await.unwrap();
    until("the connection is lost", || handle.is_closed()).await;
}
