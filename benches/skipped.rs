//! What 1,000 skipped host-tasks cost: a play of them against a play of none, by turns.
//!
//! Whole processes; medians count. Nothing is contacted: a skipped task asks a host nothing.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// Runs of each side, in turns. An even number of them has no middle.
const RUNS: usize = 21;
const HOSTS: usize = 100;
const TASKS: usize = 10;
const BAR: Duration = Duration::from_millis(50);

type Anything = Box<dyn std::error::Error>;

fn main() -> Result<(), Anything> {
    let dir = tempfile::tempdir()?;
    let head = "- hosts: all\n  gather_facts: false\n  vars: {go: false}\n  tasks:\n";
    let mut tasks = head.to_owned();
    for n in 0..TASKS {
        let _ = write!(
            tasks,
            "    - name: task {n}\n      copy: {{dest: '/nowhere/{{{{ go }}}}', content: x}}\n      when: go | bool\n"
        );
    }
    fs::write(dir.path().join("skipped.yml"), tasks)?;
    fs::write(dir.path().join("none.yml"), format!("{} []\n", head.trim_end()))?;
    let hosts: String = (0..HOSTS).map(|n| format!("h{n} number={n}\n")).collect();
    fs::write(dir.path().join("hosts"), hosts)?;
    let (mut skipped, mut none) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        none.push(run(dir.path(), "none.yml", 0)?);
        skipped.push(run(dir.path(), "skipped.yml", HOSTS * TASKS)?);
    }
    let (skipped, none) = (median(skipped), median(none));
    let cost = skipped.saturating_sub(none);
    println!(
        "{} skipped host-tasks: {:.1} ms; a play of them takes {:.2} times as long as one of none ({:.1} ms)",
        HOSTS * TASKS,
        cost.as_secs_f64() * 1e3,
        skipped.as_secs_f64() / none.as_secs_f64(),
        none.as_secs_f64() * 1e3
    );
    match cost < BAR {
        true => Ok(()),
        false => Err(format!("expected less than {} ms", BAR.as_millis()).into()),
    }
}

/// One run, which must skip as many host-tasks as it should.
fn run(dir: &Path, play: &str, expected: usize) -> Result<Duration, Anything> {
    let begun = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["playbook", play, "-i", "hosts"])
        .current_dir(dir)
        .env("HOME", dir)
        .output()?;
    let taken = begun.elapsed();
    let text = String::from_utf8_lossy(&output.stdout);
    let skipped = text.matches("skipping: [").count();
    if !output.status.success() || skipped != expected {
        return Err(format!("expected {expected} skipped, found {skipped}:\n{text}").into());
    }
    Ok(taken)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
