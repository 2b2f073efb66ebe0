//! What masking costs with 1,000 secrets: ratios to one secret, and of learning by and by to at once.
//!
//! Medians of turns taken in one process. The text is what a run with `-v` prints; it has a secret in
//! every tenth line.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rprov::report::Redactor;

const RUNS: usize = 11;
const SECRETS: usize = 1000;
const LINES: usize = 10_000;

fn main() {
    let text = text();
    let size = text.len() as f64 / 1e6;
    let (mut one, mut many, mut whole, mut steps) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        one.push(taken(|| learnt(1, false), |redactor| redactor.clean(&text)));
        many.push(taken(|| learnt(SECRETS, false), |redactor| redactor.clean(&text)));
        whole.push(taken(|| (), |()| learnt(SECRETS, false).clean("")));
        steps.push(taken(|| (), |()| learnt(SECRETS, true).clean("")));
    }
    let [one, many, whole, steps] = [one, many, whole, steps].map(median);
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    println!(
        "masking {size:.1} MB: {SECRETS} secrets take {:.1} times as long as one ({:.0} MB/s, {:.0} MB/s)",
        ratio(many, one),
        size / many.as_secs_f64(),
        size / one.as_secs_f64()
    );
    println!(
        "learning {SECRETS} secrets: {:.1} ms; with a text masked after each {:.1} times as long",
        whole.as_secs_f64() * 1e3,
        ratio(steps, whole)
    );
}

fn secret(n: usize) -> String {
    format!("s3cret/{:x}+{n}", n * 7919 + 104_729)
}

/// Knows secrets; `clean`: a short text was masked after each of them.
fn learnt(count: usize, clean: bool) -> Redactor {
    let redactor = Redactor::default();
    for n in 0..count {
        redactor.learn(&secret(n));
        if clean {
            redactor.clean("ok: [host]\n");
        }
    }
    redactor
}

fn text() -> String {
    let mut text = String::new();
    for n in 0..LINES {
        let _ = match n % 10 {
            0 => writeln!(text, "        \"stdout\": \"password={}\",", secret(n % SECRETS)),
            _ => writeln!(text, "        \"path\": \"/srv/app/releases/{n}/config.yml\","),
        };
    }
    text
}

/// The time of `work`, the second time: what is made ready by the first does not count.
fn taken<T>(ready: impl Fn() -> T, work: impl Fn(&T) -> String) -> Duration {
    let ready = ready();
    if size_of::<T>() > 0 {
        std::hint::black_box(work(&ready));
    }
    let begun = Instant::now();
    std::hint::black_box(work(&ready));
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
