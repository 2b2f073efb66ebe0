//! Whatever a script or a command does, the next one finds the shell as it was.

use rprov_modules::kit::sh;

use super::*;

#[tokio::test]
async fn scripts_cannot_disturb_those_behind_them() {
    const HOSTILE: [&str; 12] = [
        "exit 3",
        "set -eu; false; echo no",
        "cd /; umask 777; IFS=x; PATH=",
        "if then",
        "'",
        "exec >&- 2>&- <&-; echo lost",
        "trap 'echo trapped' EXIT; exit 4",
        "kill -PIPE $$ 2>/dev/null; echo on",
        "cat; read x; echo \"[$x]\"",
        "__m 7 0() { :; }; __m() { :; }; alias cat=false; unset __N __d",
        "return 5",
        "exec sh -c 'echo replaced; exit 6'",
    ];
    for mut bench in Bench::all().await {
        let mut asks = HOSTILE.map(|text| cheap(sh(text, [""; 0]))).to_vec();
        let after =
            || cheap(sh("printf '%s|%s' \"$1\" \"$(pwd)\"; echo err >&2", ["a 'b'\n\"$c\""]));
        asks.push(after());
        let answers = bench.asks(asks).await;
        let home = std::env::current_dir().expect("a directory");
        let want = format!("a 'b'\n\"$c\"|{}", home.display());
        let Some(Ok(Answer::Sh(last))) = answers.last() else { panic!("no answer") };
        assert_eq!((last.out(), last.err()), (want, "err\n".into()), "{}", bench.kind);
        let status = |i: usize| match &answers[i] {
            Ok(Answer::Sh(reply)) => reply.status,
            other => panic!("{other:?}"),
        };
        assert_eq!((status(0), status(1), status(11)), (3, 1, 6), "{}", bench.kind);
        assert_ne!(status(3), 0, "{}: a syntax error", bench.kind);
        assert_eq!(bench.connection.round_trips(), 2, "{}", bench.kind);

        // The same as steps: each in a flight of its own, for a failure skips the rest.
        for text in HOSTILE {
            bench.steps(vec![line(text)]).await;
            bench.steps(vec![Step::run(sh(text, [""; 0]))]).await;
        }
        let Answer::Sh(last) = bench.ask(after()).await else { panic!("no answer") };
        assert_eq!(last.err(), "err\n", "{}", bench.kind);
    }
}

#[tokio::test]
async fn every_byte_comes_through() {
    let bytes = (0..=255u8).cycle().take(300_000).collect::<Vec<_>>();
    for mut bench in Bench::all().await {
        let script = sh("cat; printf '%s' \"$1\" >&2", ["ü\u{1}\n\n"]).stdin(bytes.clone());
        let mut cat = command(Program::Argv(vec!["cat".into()]));
        cat.stdin = Some(bytes.clone().into());
        let questions = [question(cheap(script))];
        let steps = [request(Step::Command(cat))];
        let Landed { steps, answers } =
            bench.shell.flight(&steps, &questions).await.expect("a flight");
        assert_eq!(reply(&steps[0]).stdout, bytes, "{}", bench.kind);
        let Ok(Answer::Sh(answer)) = &answers[0] else { panic!("{answers:?}") };
        assert_eq!(answer.stdout, bytes, "{}", bench.kind);
        assert_eq!(answer.err(), "ü\u{1}\n\n", "{}", bench.kind);
    }
}

#[tokio::test]
async fn much_goes_both_ways_at_once() {
    let much: Arc<[u8]> = vec![7; 5_000_000].into();
    for mut bench in Bench::all().await {
        let mut steps = Vec::new();
        // A consumer that stops early, one that takes all, and 20 MB of output in the same flight.
        for text in ["head -c 3 | wc -c", "wc -c", "yes 0123456789 | head -c 20000000"] {
            let mut step = command(Program::Shell { text: text.into(), executable: None });
            step.stdin = Some(much.clone());
            steps.push(Step::Command(step));
        }
        let outcomes = bench.steps(steps).await;
        assert_eq!(reply(&outcomes[0]).out().trim(), "3", "{}", bench.kind);
        assert_eq!(reply(&outcomes[1]).out().trim(), "5000000", "{}", bench.kind);
        assert_eq!(reply(&outcomes[2]).stdout.len(), 20_000_000, "{}", bench.kind);
        // A flight whose script is long.
        let long = "x".repeat(100_000);
        let asks = (0..20).map(|i| cheap(sh("printf %s \"$1$2\"", [&long, &i.to_string()])));
        let answers = bench.asks(asks.collect()).await;
        assert!(
            matches!(&answers[19], Ok(Answer::Sh(reply)) if reply.stdout.len() == 100_002),
            "{}",
            bench.kind
        );
    }
}

#[tokio::test]
async fn a_failure_skips_steps_but_no_questions() {
    for mut bench in Bench::all().await {
        let mut shrug = command(Program::Argv(vec!["false".into()]));
        shrug.must_succeed = false;
        let mut reads = command(Program::Argv(vec!["cat".into()]));
        reads.stdin = Some(b"unread\n".to_vec().into());
        let steps = [
            Step::Command(shrug),
            line("echo ran"),
            line("exit 9"),
            Step::Command(reads),
            line("echo no"),
        ];
        let steps = steps.map(request);
        let questions = [question(cheap(sh("echo asked", [""; 0])))];
        let Landed { steps, answers } =
            bench.shell.flight(&steps, &questions).await.expect("a flight");
        assert_eq!(reply(&steps[0]).status, 1, "{}", bench.kind);
        assert_eq!(reply(&steps[1]).out(), "ran\n", "{}", bench.kind);
        assert_eq!(reply(&steps[2]).status, 9, "{}", bench.kind);
        assert_eq!(steps[3..], [StepOutcome::Skipped, StepOutcome::Skipped], "{}", bench.kind);
        assert!(matches!(&answers[0], Ok(Answer::Sh(reply)) if reply.out() == "asked\n"));
        // The next flight starts afresh.
        assert_eq!(reply(&bench.steps(vec![line("echo again")]).await[0]).out(), "again\n");
    }
}

#[tokio::test]
async fn background_children_reach_no_later_frame() {
    for mut bench in Bench::all().await {
        let steps = vec![line("(sleep 0.2; echo late; echo late >&2) & echo started")];
        assert_eq!(reply(&bench.steps(steps).await[0]).out(), "started\n", "{}", bench.kind);
        let Answer::Sh(answer) = bench.ask(cheap(sh("sleep 0.4; echo mine", [""; 0]))).await else {
            panic!("no answer")
        };
        assert_eq!(
            (answer.out(), answer.err()),
            ("mine\n".into(), String::new()),
            "{}",
            bench.kind
        );
    }
}

#[tokio::test]
async fn a_hung_command_is_killed_with_its_children() {
    for mut bench in Bench::all().await {
        let pids = bench.path("pids");
        let text =
            format!("trap '' TERM; sleep 98765 & echo $! >{pids}; echo begun; wait; sleep 98765");
        let mut slow = request(line(&text));
        slow.timeout = Some(Duration::from_millis(1500));
        let quick =
            StepRequest { timeout: Some(Duration::from_secs(60)), ..request(line("echo ok")) };
        let Landed { steps, .. } = bench
            .shell
            .flight(&[quick, slow, request(line("echo skipped"))], &[])
            .await
            .expect("a flight");
        assert_eq!(reply(&steps[0]).out(), "ok\n", "{}", bench.kind);
        let StepOutcome::Done { reply: killed, timed_out: true, .. } = &steps[1] else {
            panic!("{}: expected a killed step, found {:?}", bench.kind, steps[1]);
        };
        assert_eq!((killed.status, killed.out()), (137, "begun\n".into()), "{}", bench.kind);
        assert_eq!(steps[2], StepOutcome::Skipped, "{}", bench.kind);
        let pid = fs::read_to_string(pids).expect("a process id");
        let gone = || match fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        // It was sent the signal; when it is gone is the scheduler's business.
        let limit = std::time::Instant::now() + Duration::from_secs(10);
        while !gone() {
            assert!(std::time::Instant::now() < limit, "{}: the child lives", bench.kind);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(reply(&bench.steps(vec![line("echo on")]).await[0]).out(), "on\n");
    }
}

#[tokio::test]
async fn programs_run_as_written() {
    for mut bench in Bench::all().await {
        let environment: Env = vec![("GREETING".to_owned(), "it's\n$x".to_owned())].into();
        let dir = bench.path("a dir");
        fs::create_dir(&dir).expect("a directory");
        let mut argv = command(Program::Argv(
            ["sh", "-c", "pwd; printf %s \"$GREETING$1\"", "-", "$HOME *"]
                .map(str::to_owned)
                .to_vec(),
        ));
        argv.chdir = Some(dir.clone());
        let bash = command(Program::Shell {
            text: "echo ${BASH_VERSION:+bash} [$SHLVL]".into(),
            executable: Some("/bin/bash".into()),
        });
        let upload = command(Program::Upload {
            name: "tools/it's me.sh".into(),
            content: b"#!/bin/sh -u\necho \"$#:$1\"; echo $0 >&2".to_vec().into(),
            args: vec!["a b".into()],
            executable: None,
        });
        let mut fed = command(Program::Upload {
            name: "fed".into(),
            content: b"#!/bin/sh\ncat".to_vec().into(),
            args: vec![],
            executable: Some("/bin/sh -e".into()),
        });
        fed.stdin = Some(b"eaten".to_vec().into());
        let raw = command(Program::Raw { text: "echo raw; exit 3".into(), executable: None });
        let missing = command(Program::Argv(vec!["no-such-program".into()]));
        let mut steps = [argv, bash, upload, raw, missing, fed]
            .map(|command| request(Step::Command(Command { must_succeed: false, ..command })));
        for step in &mut steps {
            step.environment = environment.clone();
        }
        for timeout in [None, Some(Duration::from_secs(60))] {
            steps.iter_mut().for_each(|step| step.timeout = timeout);
            let outcomes = bench.shell.flight(&steps, &[]).await.expect("a flight").steps;
            let out = |i: usize| reply(&outcomes[i]).out();
            let kind = bench.kind;
            assert_eq!(out(0), format!("{dir}\nit's\n$x$HOME *"), "{kind}");
            assert!(out(1).starts_with("bash ["), "{kind}: {}", out(1));
            assert_eq!(out(2), "1:a b\n", "{kind}: {:?}", outcomes[2]);
            let file = reply(&outcomes[2]).err();
            assert!(!Path::new(file.trim()).exists(), "{kind}: {file}");
            assert_eq!((reply(&outcomes[3]).status, out(3)), (3, "raw\n".into()), "{kind}");
            assert_eq!(reply(&outcomes[4]).status, 127, "{kind}");
            assert_eq!(out(5), "eaten", "{kind}: {:?}", outcomes[5]);
        }
        let bad: Env = vec![("A-B".to_owned(), String::new())].into();
        let step = StepRequest { environment: bad, ..request(line("echo ran")) };
        let outcome = bench.shell.flight(&[step], &[]).await.expect("a flight").steps.remove(0);
        assert!(reply(&outcome).err().contains("`A-B`"), "{outcome:?}");
    }
}

#[tokio::test]
async fn nothing_is_left_behind() {
    for mut bench in Bench::all().await {
        bench.steps(vec![line("echo hello")]).await;
        assert_eq!(bench.leftovers().len(), 1, "{}: made when needed", bench.kind);
        let mode = fs::metadata(bench.dir.path().join("tmp").join(&bench.leftovers()[0]));
        assert_eq!(mode.expect("a directory").permissions().mode() & 0o777, 0o700);
        // A command that removes it is no end of the world.
        let tmp = bench.path("tmp");
        let text = format!("cat; rm -rf {tmp}/*");
        let mut fed = command(Program::Shell { text, executable: None });
        (fed.stdin, fed.must_succeed) = (Some(b"fed".to_vec().into()), false);
        let outcomes = bench.steps(vec![Step::Command(fed), line("echo on")]).await;
        assert_eq!(reply(&outcomes[1]).out(), "on\n", "{}", bench.kind);
        let script = sh("cat; rm -rf \"$1\"/*", [&tmp]).stdin(b"fed".to_vec());
        let Answer::Sh(fed) = bench.ask(cheap(script)).await else { panic!("no answer") };
        assert_eq!(fed.out(), "fed", "{}", bench.kind);
        assert_eq!(reply(&bench.steps(vec![line("echo on")]).await[0]).out(), "on\n");
        let Bench { shell, dir, kind, .. } = bench;
        shell.close().await;
        assert_eq!(names(&dir.path().join("tmp")), Vec::<String>::new(), "{kind}");
    }
}

#[tokio::test]
async fn nothing_is_left_behind_when_the_other_end_vanishes() {
    for mut bench in Bench::all().await {
        bench.steps(vec![line("echo hello")]).await;
        let steps = [request(line("sleep 0.5; yes | head -c 1000000")), request(line("echo next"))];
        // Dropping the future and the shell closes every pipe in the middle of a step.
        let _ =
            tokio::time::timeout(Duration::from_millis(150), bench.shell.flight(&steps, &[])).await;
        let again = bench.shell.flight(&steps, &[]).await;
        assert!(again.is_err(), "a shell out of step is not used again");
        let Bench { shell, dir, kind, .. } = bench;
        drop(shell);
        let mut left = Vec::new();
        for _ in 0..600 {
            left = names(&dir.path().join("tmp"));
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(left, Vec::<String>::new(), "{kind}");
    }
}
