//! Asks and their answers, against what this machine itself says.

use std::os::unix::fs::{MetadataExt, symlink};

use rprov_modules::kit::{Algorithm, Content, FileKind, PackageManager};

use super::*;

fn lstat(path: &str) -> Ask {
    Ask::Stat { path: path.into(), follow: false }
}

fn read(path: &str, limit: u64, unless: Option<&str>) -> Ask {
    Ask::Read { path: path.into(), limit, unless: unless.map(str::to_owned) }
}

const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

#[tokio::test]
async fn paths_of_any_name() {
    for mut bench in Bench::all().await {
        let kind = bench.kind;
        let dir = bench.path("p");
        fs::create_dir(&dir).expect("a directory");
        let names = ["plain", "a b", "c\nd", "e\\f", "g  h", "i:/j'k\"$x", "*", "ü", "-x"];
        let paths = names.map(|name| match name.split_once('/') {
            Some((parent, _)) => {
                fs::create_dir(format!("{dir}/{parent}")).expect("a directory");
                format!("{dir}/{name}")
            }
            None => format!("{dir}/{name}"),
        });
        let mut asks = Vec::new();
        for (i, path) in paths.iter().enumerate() {
            fs::write(path, format!("content {i}\n\n")).expect("a file");
            symlink(format!("{path}-none"), format!("{path}.dangling")).expect("a link");
            symlink(path, format!("{path}.link")).expect("a link");
            asks.push(lstat(path));
            asks.push(read(path, 100, None));
            asks.push(lstat(&format!("{path}.link")));
            asks.push(Ask::Stat { path: format!("{path}.link"), follow: true });
            asks.push(Ask::Stat { path: format!("{path}.dangling"), follow: true });
            asks.push(read(&format!("{path}.link"), 100, None));
            asks.push(lstat(&format!("{path}.nothing")));
        }
        let answers = bench.asks(asks).await;
        for (i, path) in paths.iter().enumerate() {
            let own = &answers[i * 7..];
            let meta = fs::metadata(path).expect("a file");
            let Ok(Answer::Stat(Some(stat))) = &own[0] else {
                panic!("{kind} {path}: {:?}", own[0])
            };
            assert_eq!(
                (stat.mode, stat.uid, stat.size, stat.inode, stat.device, stat.mtime, stat.links),
                (
                    meta.mode() & 0o7777,
                    meta.uid(),
                    meta.size(),
                    meta.ino(),
                    meta.dev(),
                    meta.mtime(),
                    1
                ),
                "{kind} {path}"
            );
            assert_eq!(stat.kind, FileKind::File);
            let text = format!("content {i}\n\n").into_bytes();
            let content = Ok(Answer::Content(Content::Bytes(text.into())));
            assert_eq!(own[1], content, "{kind} {path}");
            let Ok(Answer::Stat(Some(link))) = &own[2] else {
                panic!("{kind} {path}: {:?}", own[2])
            };
            assert_eq!((link.kind, link.target.as_ref()), (FileKind::Link, Some(path)), "{kind}");
            let Ok(Answer::Stat(Some(followed))) = &own[3] else { panic!("{kind}: {:?}", own[3]) };
            // Reading may move the time of access between the two.
            assert_eq!((followed.inode, followed.kind), (stat.inode, stat.kind), "{kind} {path}");
            assert_eq!(own[4], Ok(Answer::Stat(None)), "{kind} {path}");
            assert_eq!(own[5], content, "{kind} {path}");
            assert_eq!(own[6], Ok(Answer::Stat(None)), "{kind} {path}");
        }
        assert_eq!(bench.connection.round_trips(), 2, "{kind}: odd names cost no round trip");
    }
}

#[tokio::test]
async fn reads_send_what_is_wanted() {
    for mut bench in Bench::all().await {
        let kind = bench.kind;
        let file = bench.path("hello");
        fs::write(&file, "hello\n").expect("a file");
        let dir = bench.path("tmp");
        let fifo = bench.path("fifo");
        std::process::Command::new("mkfifo").arg(&fifo).status().expect("a fifo");
        let none = bench.path("none");
        let digest = |path: &str, algorithm| Ask::Digest { path: path.into(), algorithm };
        let answers = bench
            .asks(vec![
                read(&file, 6, None),
                read(&file, 5, None),
                read(&file, 5, Some(HELLO)),
                read(&file, 6, Some("00")),
                read(&dir, 6, None),
                read(&fifo, 6, None),
                read(&none, 6, None),
                digest(&file, Algorithm::Sha256),
                digest(&file, Algorithm::Md5),
                digest(&none, Algorithm::Sha1),
                digest(&dir, Algorithm::Sha256),
                read("/proc/self/status", 10_000, None),
            ])
            .await;
        let bytes = || Content::Bytes(b"hello\n".to_vec().into());
        let want = [
            bytes(),
            Content::Large { size: 6, sha256: HELLO.into() },
            Content::Same,
            bytes(),
            Content::NotAFile,
            Content::NotAFile,
            Content::Absent,
        ];
        for (answer, want) in answers.iter().zip(want) {
            assert_eq!(answer, &Ok(Answer::Content(want)), "{kind}");
        }
        assert_eq!(answers[7], Ok(Answer::Digest(Some(HELLO.into()))), "{kind}");
        let md5 = "b1946ac92492d2347c6235b4d2611184".to_owned();
        assert_eq!(answers[8], Ok(Answer::Digest(Some(md5))), "{kind}");
        assert_eq!(answers[9], Ok(Answer::Digest(None)), "{kind}");
        assert_eq!(answers[10], Ok(Answer::Digest(None)), "{kind}");
        let Ok(Answer::Content(Content::Bytes(status))) = &answers[11] else {
            panic!("{kind}: {:?}", answers[11]);
        };
        assert!(status.starts_with(b"Name:"), "{kind}");
    }
}

#[tokio::test]
async fn accounts_and_packages() {
    let Some(mut bench) = Bench::open("dash").await else { return };
    let user = |name: &str| Ask::User { name: name.into() };
    let group = |name: &str| Ask::Group { name: name.into() };
    let answers = bench
        .asks(vec![
            user("root"),
            user("0"),
            user("no such"),
            group("root"),
            group("1"),
            group("none"),
        ])
        .await;
    let Ok(Answer::User(Some(root))) = &answers[0] else { panic!("{:?}", answers[0]) };
    assert_eq!((root.uid, root.home.as_str()), (0, "/root"));
    assert_eq!(root.groups[0], "root");
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[2], Ok(Answer::User(None)));
    assert!(matches!(&answers[3], Ok(Answer::Group(Some(group))) if group.gid == 0));
    assert!(matches!(&answers[4], Ok(Answer::Group(Some(group))) if group.gid == 1));
    assert_eq!(answers[5], Ok(Answer::Group(None)));
    if find("dpkg-query").is_none() {
        return skipped("packages: there is no dpkg here");
    }
    let package = |name: &str| Ask::Package { manager: PackageManager::Apt, name: name.into() };
    let answers = bench.asks(vec![package("dpkg"), package("no-such"), package("libc6")]).await;
    let version =
        std::process::Command::new("dpkg-query").args(["-W", "-f=${Version}", "dpkg"]).output();
    let version = String::from_utf8(version.expect("a version").stdout).expect("text");
    assert_eq!(answers[0], Ok(Answer::Package(Some(version))));
    assert_eq!(answers[1], Ok(Answer::Package(None)));
    assert!(matches!(&answers[2], Ok(Answer::Package(Some(_)))));
}

#[tokio::test]
async fn a_window_costs_few_processes_and_one_round_trip() {
    let Some(mut bench) = Bench::open("dash").await else { return };
    let mut asks = Vec::new();
    for i in 0..40 {
        let path = bench.path(&format!("file{i}"));
        fs::write(&path, format!("{i}\n")).expect("a file");
        asks.push(lstat(&path));
        asks.push(read(&path, 1000, None));
    }
    let package = |i| Ask::Package { manager: PackageManager::Apt, name: format!("package{i}") };
    asks.extend((0..10).map(package));
    asks.extend((0..5).map(|i| Ask::Unit { name: format!("unit{i}") }));
    asks.extend(["root", "daemon"].map(|name| Ask::User { name: name.into() }));
    // Equal asks are one.
    asks.extend(asks.clone());
    let shims = bench.path("applets");
    fs::create_dir(&shims).expect("a directory");
    let log = bench.path("log");
    for tool in ["stat", "sha256sum", "cat", "readlink", "dpkg-query", "systemctl", "getent", "dd"]
    {
        let Some(real) = find(tool) else { continue };
        let text = format!("#!/bin/sh\necho {tool} >>'{log}'\nexec {} \"$@\"\n", real.display());
        fs::write(format!("{shims}/{tool}"), text).expect("a file");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(format!("{shims}/{tool}"), mode).expect("a mode");
    }
    let answers = bench.asks(asks).await;
    let log = fs::read_to_string(&log).expect("a log");
    let processes = log.lines().collect::<Vec<_>>();
    assert_eq!(answers.len(), 2 * 97);
    assert!(matches!(answers[1], Ok(Answer::Content(Content::Bytes(_)))));
    assert_eq!(bench.connection.round_trips(), 2);
    assert!((4..=8).contains(&processes.len()), "{processes:?}");
}
