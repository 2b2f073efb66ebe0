//! Steps that outlive their shell: a job of the host's own, and what it leaves behind. No I/O.
//!
//! A job is a shell like any other of ours, in a session of its own; what it reads comes from a file,
//! and so its steps are written, and their frames read, by the same code. A second process waits for
//! it, ends it when its time is up, and puts its streams where the result belongs: the file
//! `DIRECTORY/ID`, of mode 0600, replaced as a whole. Its first line says how the job stands:
//!
//! ```text
//! rprov-job 1 starting
//! rprov-job 1 running PID
//! rprov-job 1 done|late STATUS BEGAN ENDED ABOUT OUT ERR
//! ```
//!
//! `late`: its time was up. The times are in seconds since 1970; ABOUT, OUT and ERR are the lengths of
//! what follows: a line about the job, then both streams of its shell.

use std::time::{Duration, SystemTime};

use rprov_modules::kit::{Ask, Cost, Output, Reply, Step, sh};
use serde::{Deserialize, Serialize};

use super::{
    Env, StepOutcome, StepRequest,
    frame::{Event, Frames, LOOP, Nonce, Request, Splitter, greeting},
    steps,
};

/// A job by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Job {
    /// Where its result is or will be.
    pub directory: String,
    pub id: String,
}

/// How a job stands.
#[derive(Debug, PartialEq)]
pub enum Standing {
    Missing,
    Running,
    /// Its processes are gone, and there is no result: the host was restarted, or somebody ended it.
    Gone,
    Ended {
        /// What [`Job::start`] was told about it.
        about: String,
        steps: Vec<StepOutcome>,
        /// Its time was up.
        late: bool,
    },
    /// A file of Ansible's own.
    Foreign(String),
}

/// The line about a job.
#[derive(Serialize, Deserialize)]
struct About<'a> {
    nonce: String,
    steps: usize,
    about: std::borrow::Cow<'a, str>,
}

impl Job {
    /// A new one, in a directory of the host.
    pub fn new(directory: impl Into<String>) -> Job {
        let id = format!(
            "j{:012}.{}",
            rand::random::<u64>() % 1_000_000_000_000,
            10_000 + rand::random::<u32>() % 90_000
        );
        Job { directory: directory.into(), id }
    }

    /// Whether the name can be one of a job: it becomes part of a path.
    pub fn is_plain(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_' || c == '-';
        self.id.chars().all(plain) && !self.id.starts_with('.') && !self.id.is_empty()
    }

    /// The step that starts it. Its output is `results_file=…`.
    pub fn start(&self, limit: Duration, about: &str, steps: &[StepRequest]) -> StepRequest {
        let nonce = Nonce::random();
        let mut request = Request::default();
        steps::write(&mut request, steps);
        let line =
            About { nonce: nonce.as_str().to_owned(), steps: steps.len(), about: about.into() };
        // There is no key that is no string: this cannot fail.
        let mut input = serde_json::to_vec(&line).unwrap_or_default();
        input.push(b'\n');
        input.extend(greeting(&nonce, "__uid=$(id -u)"));
        for piece in request.encode(&nonce) {
            input.extend_from_slice(&piece);
        }
        let words = [&self.directory, &self.id, &limit.as_secs().to_string(), LOOP];
        let script = sh(include_str!("job_start.sh"), words).stdin(input);
        StepRequest {
            step: Step::Run { script, output: Output::Values },
            environment: Env::from([]),
            timeout: None,
            awaited: true,
        }
    }

    /// Asks how it stands; [`Job::read`] understands the answer.
    pub fn status(&self) -> Ask {
        let script = sh(include_str!("job_status.sh"), [&self.directory, &self.id]);
        Ask::Sh { script, cost: Cost::Costly }
    }

    /// Removes what it has left.
    pub fn remove(&self) -> StepRequest {
        let script = sh(include_str!("job_remove.sh"), [&self.directory, &self.id]);
        StepRequest {
            step: Step::Run { script, output: Output::Discard },
            environment: Env::from([]),
            timeout: None,
            awaited: true,
        }
    }

    /// # Errors
    /// What the host said, if it could not tell.
    pub fn read(reply: &Reply) -> Result<Standing, String> {
        match reply.status {
            0 => {}
            3 => return Ok(Standing::Gone),
            4 => return Ok(Standing::Missing),
            _ => return Err(reply.err().trim().to_owned()),
        }
        let unclear = || "the result of the job makes no sense".to_owned();
        let end = reply.stdout.iter().position(|&b| b == b'\n').ok_or_else(unclear)?;
        let (head, rest) =
            (String::from_utf8_lossy(&reply.stdout[..end]), &reply.stdout[end + 1..]);
        let Some(head) = head.strip_prefix("rprov-job 1 ") else {
            return Ok(Standing::Foreign(reply.out()));
        };
        let words: Vec<&str> = head.split(' ').collect();
        let [how @ ("done" | "late"), _, began, ended, about, out, err] = words[..] else {
            return Ok(Standing::Running);
        };
        let cut = |at: usize, length: &str| -> Option<(usize, &[u8])> {
            let length: usize = length.parse().ok()?;
            Some((at + length, rest.get(at..at.checked_add(length)?)?))
        };
        let parts = || {
            let (at, about) = cut(0, about)?;
            let (at, out) = cut(at, out)?;
            Some((about, out, cut(at, err)?.1))
        };
        let (about, out, err) = parts().ok_or_else(unclear)?;
        let line: About<'_> = serde_json::from_slice(about).map_err(|_| unclear())?;
        let nonce = Nonce::known(&line.nonce);
        let mut frames = Frames::continuing(Splitter::new(&nonce), Splitter::new(&nonce));
        frames.out(out);
        frames.err(err);
        let (started, ended) = (time(began), time(ended));
        let mut steps = Vec::new();
        while let Some(event) = frames.next() {
            match event {
                Event::Frame(frame) => steps.push(match frame.reply {
                    Some(reply) => StepOutcome::Done { reply, started, ended, timed_out: false },
                    None => StepOutcome::Skipped,
                }),
                Event::Group(_) => {}
                Event::Nonsense(_) => return Err(unclear()),
            }
        }
        let late = how == "late";
        match steps.len() < line.steps && !late {
            // Its shell was ended from outside.
            true => Ok(Standing::Gone),
            false => Ok(Standing::Ended { about: line.about.into_owned(), steps, late }),
        }
    }
}

/// Seconds since 1970, with or without a fraction.
fn time(text: &str) -> SystemTime {
    let seconds = text.parse().or_else(|_| text.split('.').next().unwrap_or_default().parse());
    let since = Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default();
    SystemTime::UNIX_EPOCH + since
}
