//! Shells over child processes: dash, bash and busybox (with its own tools) run the same checks.

mod asks;
mod isolation;
mod jobs;
mod lab;
mod put;
mod served;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rprov::session::{
    Connection, Enter, Env, Landed, Question, Shell, StepOutcome, StepRequest, Target, Transport,
};
use rprov_modules::kit::{Answer, Ask, Command, Cost, Program, Reply, Script, Step};
use tempfile::TempDir;

/// A shell of some kind, with a directory that its temporary files go to.
struct Bench {
    kind: &'static str,
    shell: Shell,
    connection: Connection,
    dir: TempDir,
}

const KINDS: [&str; 4] = ["dash", "bash", "bash --posix", "busybox"];

impl Bench {
    async fn open(kind: &'static str) -> Option<Bench> {
        let (program, option) = kind.split_once(' ').unwrap_or((kind, ""));
        let program = find(program)?;
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("tmp")).expect("a directory");
        let path = std::env::var("PATH").expect("a PATH");
        let applets = dir.path().join("applets");
        let path = format!("{}:{path}", applets.display());
        let mut words = format!("{} {option}", program.display());
        if kind == "busybox" {
            fs::create_dir(&applets).expect("a directory");
            let list =
                std::process::Command::new(&program).arg("--list").output().expect("applets");
            for name in String::from_utf8_lossy(&list.stdout).lines() {
                let _ = std::os::unix::fs::symlink(&program, applets.join(name));
            }
            words.push_str(" sh");
        }
        // What `/bin/sh` is to the loop.
        let wrapper = dir.path().join("wrapper");
        let text = format!(
            "#!/bin/sh\nTMPDIR={}/tmp PATH={path}\nexport TMPDIR PATH\nline=${{3#exec /bin/sh}}\neval \"exec {words} $line\"\n",
            dir.path().display()
        );
        fs::write(&wrapper, text).expect("a file");
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("a mode");
        let target = Target {
            name: kind.into(),
            transport: Transport::Command(Enter::new(vec![wrapper.display().to_string()])),
        };
        let connection = Connection::open(&target).await.expect("a connection");
        let shell = connection.shell(None).await.expect("a shell");
        Some(Bench { kind, shell, connection, dir })
    }

    /// Every kind of shell there is here.
    async fn all() -> Vec<Bench> {
        let mut all = Vec::new();
        for kind in KINDS {
            match Bench::open(kind).await {
                Some(bench) => all.push(bench),
                None => skipped(&format!("the checks in {kind}: it is not installed")),
            }
        }
        all
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    async fn ask(&mut self, ask: Ask) -> Answer {
        self.asks(vec![ask]).await.remove(0).expect("an answer")
    }

    async fn asks(&mut self, asks: Vec<Ask>) -> Vec<Result<Answer, Reply>> {
        let questions = asks.into_iter().map(question).collect::<Vec<_>>();
        self.shell.flight(&[], &questions).await.expect("a flight").answers
    }

    async fn steps(&mut self, steps: Vec<Step>) -> Vec<StepOutcome> {
        let steps = steps.into_iter().map(request).collect::<Vec<_>>();
        self.shell.flight(&steps, &[]).await.expect("a flight").steps
    }

    /// The private directories there are.
    fn leftovers(&self) -> Vec<String> {
        names(&self.dir.path().join("tmp"))
    }
}

fn skipped(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn names(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("an entry").file_name().to_string_lossy().into_owned()
    };
    let mut names = fs::read_dir(dir).expect("a directory").map(name).collect::<Vec<_>>();
    names.sort();
    names
}

fn no_env() -> Env {
    Env::from([])
}

fn question(ask: Ask) -> Question {
    Question { ask, environment: no_env() }
}

fn request(step: Step) -> StepRequest {
    StepRequest { step, environment: no_env(), timeout: None, awaited: false }
}

fn cheap(script: Script) -> Ask {
    Ask::Sh { script, cost: Cost::Cheap }
}

fn command(program: Program) -> Command {
    Command { program, chdir: None, stdin: None, strip_ends: true, must_succeed: true }
}

/// A command line of the user, run by `/bin/sh`.
fn line(text: &str) -> Step {
    Step::Command(command(Program::Shell { text: text.into(), executable: None }))
}

fn reply(outcome: &StepOutcome) -> &Reply {
    match outcome {
        StepOutcome::Done { reply, .. } => reply,
        StepOutcome::Skipped => panic!("expected an outcome, found a skipped step"),
    }
}
