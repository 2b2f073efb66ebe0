//! Jobs: steps that go on without their shell, in every kind of shell.

use rprov::session::{Job, Standing};
use rprov_modules::kit::Put;

use super::*;

async fn standing(bench: &mut Bench, job: &Job) -> Standing {
    let Answer::Sh(reply) = bench.ask(job.status()).await else { panic!("expected a reply") };
    Job::read(&reply).expect("a standing")
}

async fn ended(bench: &mut Bench, job: &Job) -> (String, Vec<StepOutcome>, bool) {
    for _ in 0..200 {
        match standing(bench, job).await {
            Standing::Running => tokio::time::sleep(Duration::from_millis(50)).await,
            Standing::Ended { about, steps, late } => return (about, steps, late),
            other => panic!("{}: {other:?}", bench.kind),
        }
    }
    panic!("{}: the job does not end", bench.kind);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[tokio::test]
async fn steps_outlive_their_shell() {
    for mut bench in Bench::all().await {
        let kind = bench.kind;
        let job = Job::new(bench.path("jobs dir"));
        let content = b"any \0 bytes\n".to_vec();
        let steps = [
            request(line("umask; echo begun; sleep 1; echo oops >&2")),
            request(Step::Put(Put {
                path: bench.path("made"),
                content: content.clone().into(),
                mode: Some(0o640),
                owner: None,
                group: None,
                validate: None,
                backup: false,
            })),
            request(line("exit 7")),
            request(line("echo never")),
        ];
        let start = job.start(Duration::from_secs(30), "what \"it\" is", &steps);
        let landed = bench.shell.flight(&[start], &[]).await.expect("a flight");
        let said = reply(&landed.steps[0]).out();
        assert_eq!(said, format!("results_file={}\n", bench.path(&format!("jobs dir/{}", job.id))));
        let file = bench.dir.path().join("jobs dir").join(&job.id);
        assert_eq!(
            (mode(&file), mode(file.parent().expect("a directory"))),
            (0o600, 0o700),
            "{kind}"
        );
        // Its shell ends; another one asks.
        let shell = bench.connection.shell(None).await.expect("a shell");
        std::mem::replace(&mut bench.shell, shell).close().await;
        let (about, steps, late) = ended(&mut bench, &job).await;
        assert_eq!((about.as_str(), late), ("what \"it\" is", false), "{kind}");
        let first = reply(&steps[0]);
        assert_eq!(first.err(), "oops\n", "{kind}");
        let out = first.out();
        assert!(out.ends_with("begun\n") && !out.contains("77"), "{kind}: {out}");
        let StepOutcome::Done { started, ended: end, .. } = &steps[0] else { panic!("{kind}") };
        assert!(end.duration_since(*started).expect("time goes on") >= Duration::from_secs(1));
        assert_eq!(reply(&steps[2]).status, 7, "{kind}");
        assert_eq!(steps[3], StepOutcome::Skipped, "{kind}");
        let made = bench.dir.path().join("made");
        assert_eq!((fs::read(&made).expect("a file"), mode(&made)), (content, 0o640), "{kind}");
        assert_eq!(mode(&file), 0o600, "{kind}");
        // What supervised it tidies up behind itself.
        for _ in 0..100 {
            if names(file.parent().expect("a directory")).len() == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let left = names(file.parent().expect("a directory"));
        assert_eq!(left, std::slice::from_ref(&job.id), "{kind}");
        bench.shell.flight(&[job.remove()], &[]).await.expect("a flight");
        assert_eq!(standing(&mut bench, &job).await, Standing::Missing, "{kind}");
        let shell = bench.connection.shell(None).await.expect("a shell");
        std::mem::replace(&mut bench.shell, shell).close().await;
        assert_eq!(bench.leftovers(), Vec::<String>::new(), "{kind}");
    }
}

#[tokio::test]
async fn a_job_whose_time_is_up_is_ended_with_all_it_started() {
    for mut bench in Bench::all().await {
        let kind = bench.kind;
        let job = Job::new(bench.path("jobs"));
        let pid = bench.path("pid");
        let steps = [request(line(&format!("sleep 60 & echo $! >'{pid}'; wait")))];
        let start = job.start(Duration::from_secs(1), "", &steps);
        bench.shell.flight(&[start], &[]).await.expect("a flight");
        let (_, steps, late) = ended(&mut bench, &job).await;
        assert!(late && steps.len() < 2, "{kind}: {steps:?}");
        let pid = fs::read_to_string(&pid).expect("it was begun");
        let gone = || !Path::new("/proc").join(pid.trim()).exists();
        for _ in 0..100 {
            if gone() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(gone(), "{kind}: process {pid} goes on");
    }
}

#[tokio::test]
async fn a_job_that_was_killed_is_gone() {
    for mut bench in Bench::all().await {
        let kind = bench.kind;
        let job = Job::new(bench.path("jobs"));
        let steps = [request(line("sleep 60"))];
        let start = job.start(Duration::from_secs(60), "", &steps);
        bench.shell.flight(&[start], &[]).await.expect("a flight");
        let file = bench.dir.path().join("jobs").join(&job.id);
        let mut killed = false;
        for _ in 0..200 {
            let text = fs::read_to_string(&file).expect("a file");
            if let Some(pid) = text.trim().strip_prefix("rprov-job 1 running ") {
                let kill = format!("kill -KILL {pid}");
                killed = bench.steps(vec![line(&kill)]).await.len() == 1;
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(killed, "{kind}");
        for _ in 0..50 {
            if standing(&mut bench, &job).await == Standing::Gone {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(standing(&mut bench, &job).await, Standing::Gone, "{kind}");
    }
}

#[test]
fn names_of_jobs_are_no_paths() {
    let job = |id: &str| Job { directory: "/x".into(), id: id.into() };
    assert!(Job::new("/x").is_plain() && job("j123.45").is_plain());
    for id in ["../x", "a/b", ".hidden", "", "a b", "$(id)"] {
        assert!(!job(id).is_plain(), "{id}");
    }
}
