//! A file is the old one or the new one, and no other file stays.

use std::os::unix::fs::MetadataExt;

use rprov_modules::kit::Put;

use super::*;

fn put(path: &str, content: &[u8]) -> Put {
    Put {
        path: path.into(),
        content: content.to_vec().into(),
        mode: None,
        owner: None,
        group: None,
        validate: None,
        backup: false,
    }
}

#[tokio::test]
async fn files_are_replaced() {
    for mut bench in Bench::all().await {
        let kind = bench.kind;
        let dir = bench.path("d 'x'");
        fs::create_dir(&dir).expect("a directory");
        let path = format!("{dir}/a\nb");
        let outcomes = bench.steps(vec![Step::Put(put(&path, b"one\0\xff"))]).await;
        assert_eq!(reply(&outcomes[0]), &Reply::default(), "{kind}");
        assert_eq!(fs::read(&path).expect("a file"), b"one\0\xff", "{kind}");
        let umask = 0o666 & !0o022;
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o7777, umask, "{kind}");

        // What is not given stays: mode, and owner where we may give files away.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).expect("a mode");
        if is_root() {
            std::os::unix::fs::chown(&path, Some(1), Some(2)).expect("an owner");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).expect("a mode");
        }
        let large = vec![b'x'; 2_500_001];
        let mut second = put(&path, &large);
        second.backup = true;
        second.validate =
            Some(["sh", "-c", "echo valid; test -s \"$1\"", "-", "%s"].map(str::to_owned).to_vec());
        let outcomes = bench.steps(vec![Step::Put(second)]).await;
        let said = reply(&outcomes[0]).clone();
        assert_eq!((said.status, said.err()), (0, String::new()), "{kind}");
        assert!(fs::read(&path).expect("a file") == large, "{kind}");
        let now = fs::metadata(&path).expect("a file");
        assert_eq!(now.mode() & 0o7777, 0o4751, "{kind}");
        if is_root() {
            assert_eq!((now.uid(), now.gid()), (1, 2), "{kind}");
        }
        let said = said.out();
        let backup = said.split_once("backup_file=").map(|(_, name)| name.trim_end());
        let backup = backup.expect("the name of the backup").to_owned();
        assert!(
            backup.starts_with(&format!("{path}.")) && backup.ends_with('~'),
            "{kind}: {backup}"
        );
        assert_eq!(fs::read(&backup).expect("a backup"), b"one\0\xff", "{kind}");

        if is_root() {
            let mut third = put(&path, b"");
            (third.mode, third.owner) = (Some(0o600), Some("daemon".into()));
            bench.steps(vec![Step::Put(third)]).await;
            let now = fs::metadata(&path).expect("a file");
            assert_eq!((now.mode() & 0o7777, now.uid(), now.gid(), now.len()), (0o600, 1, 2, 0));
        }
        assert_eq!(names(Path::new(&dir)).len(), 2, "{kind}: the file and its backup");
    }
}

#[tokio::test]
async fn a_failed_put_changes_nothing() {
    for mut bench in Bench::all().await {
        let kind = bench.kind;
        let dir = bench.path("d");
        fs::create_dir(&dir).expect("a directory");
        let path = format!("{dir}/f");
        fs::write(&path, "old").expect("a file");
        let mut cases = Vec::new();
        let mut invalid = put(&path, b"new");
        invalid.validate = Some(
            ["sh", "-c", "echo 'no: '$(cat $1); exit 3", "-", "%s"].map(str::to_owned).to_vec(),
        );
        cases.push((invalid, "validation failed with status 3"));
        let mut nobody = put(&path, b"new");
        nobody.owner = Some("no-such-user".into());
        cases.push((nobody, "no-such-user"));
        cases.push((put(&dir, b"new"), "is a directory"));
        cases.push((put(&format!("{dir}/none/f"), b"new"), "does not exist"));
        for (case, want) in cases {
            // What follows must not read what the failed step left unread.
            let steps = [request(Step::Put(case)), request(Step::Put(put(&path, b"later")))];
            let outcomes = bench.shell.flight(&steps, &[]).await.expect("a flight").steps;
            let said = reply(&outcomes[0]);
            assert_ne!(said.status, 0, "{kind}");
            assert!(said.err().contains(want), "{kind}: expected {want}, found {}", said.err());
            assert_eq!(outcomes[1], StepOutcome::Skipped, "{kind}");
            assert_eq!(fs::read(&path).expect("a file"), b"old", "{kind}");
            assert_eq!(names(Path::new(&dir)), ["f"], "{kind}");
        }
        assert_eq!(reply(&bench.steps(vec![line("echo on")]).await[0]).out(), "on\n");
    }
}

#[tokio::test]
async fn a_full_disk_changes_nothing() {
    if !is_root() {
        return skipped("a full disk: mounting a small one needs root");
    }
    for mut bench in Bench::all().await {
        let dir = bench.path("small");
        fs::create_dir(&dir).expect("a directory");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=3m", "none", &dir])
            .status();
        if !mount.is_ok_and(|status| status.success()) {
            return skipped("a full disk: this container may not mount one");
        }
        let path = format!("{dir}/f");
        fs::write(&path, "old").expect("a file");
        let steps = [request(Step::Put(put(&path, &vec![1; 9_000_000]))), request(line("echo no"))];
        let questions = [question(cheap(rprov_modules::kit::sh("echo on", [""; 0])))];
        let landed = bench.shell.flight(&steps, &questions).await;
        let old = fs::read(&path);
        let left = names(Path::new(&dir));
        let _ = std::process::Command::new("umount").arg(&dir).status();
        let Landed { steps, answers } = landed.expect("a flight");
        assert!(reply(&steps[0]).err().contains("No space left"), "{:?}", steps[0]);
        assert_eq!(steps[1], StepOutcome::Skipped);
        assert_eq!((old.expect("a file"), left), (b"old".to_vec(), vec!["f".to_owned()]));
        assert!(matches!(&answers[0], Ok(Answer::Sh(reply)) if reply.out() == "on\n"));
    }
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_changes_nothing() {
    for mut bench in Bench::all().await {
        let kind = bench.kind;
        let dir = bench.path("d");
        fs::create_dir(&dir).expect("a directory");
        let path = format!("{dir}/f");
        fs::write(&path, "old").expect("a file");
        let steps = [request(Step::Put(put(&path, &vec![b'x'; 150_000_000])))];
        let begun = async {
            while names(Path::new(&dir)).len() < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // The file is being written as the pipes close.
        tokio::select! {
            landed = bench.shell.flight(&steps, &[]) => panic!("{kind}: too fast: {landed:?}"),
            () = begun => {}
        }
        let Bench { shell, dir: root, .. } = bench;
        drop(shell);
        for _ in 0..600 {
            if names(Path::new(&dir)).len() == 1 && names(&root.path().join("tmp")).is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(fs::read(&path).expect("a file"), b"old", "{kind}");
        assert_eq!(names(Path::new(&dir)), ["f"], "{kind}");
        assert_eq!(names(&root.path().join("tmp")), Vec::<String>::new(), "{kind}");
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
