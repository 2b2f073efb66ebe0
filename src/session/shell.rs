//! One persistent shell: flights out, frames in.
//!
//! Writing and reading happen at the same time, or a long flight and a long answer would wait for
//! each other. A shell whose flight was interrupted is out of step and is not used again.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use rprov_modules::kit::{Ask, Cost, Facts, System, sh};
use tokio::{io::AsyncWriteExt, time::timeout};

use super::{
    Env, Landed, Question, StepRequest,
    batch::Batch,
    connection::{Become, Connection},
    error::SessionError,
    frame::{Event, Frame, Frames, Nonce, Request, Splitter},
    hello, steps,
    wires::{Output, Wires},
};

/// How long a shell may take to say its first word.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long a killed command may take to be gone.
const GRACE: Duration = Duration::from_secs(10);

/// Asks the group to end, then ends it. A command without a group of its own is killed alone.
const KILL: &str = "kill -TERM -$1 2>/dev/null || kill -TERM $1 || exit 0
for i in 1 2; do sleep 1; kill -0 -$1 2>/dev/null || kill -0 $1 2>/dev/null || exit 0; done
kill -KILL -$1 2>/dev/null || kill -KILL $1";

/// A shell on a host, as one user.
pub struct Shell {
    connection: Connection,
    other: Option<Become>,
    nonce: Nonce,
    wires: Wires,
    frames: Frames,
    facts: Facts,
    /// A flight is under way, or was when its future was dropped.
    busy: bool,
    /// It ends the commands of another shell: nothing interrupts that.
    deaf: bool,
}

/// Why a flight ended early, what had arrived, and which frames we ended.
struct Cut {
    why: String,
    frames: Vec<Frame>,
}

/// A complete flight.
struct Arrived {
    frames: Vec<Frame>,
    timed_out: Vec<usize>,
}

impl Shell {
    /// Sends the first bytes and reads the facts.
    pub(crate) async fn greet(
        connection: Connection,
        other: Option<Become>,
        mut wires: Wires,
        nonce: Nonce,
        already: &[u8],
        greeting: Vec<u8>,
        known: Option<&Arc<System>>,
    ) -> Result<Shell, SessionError> {
        connection.count_round_trip();
        let host = connection.host().to_owned();
        let fail = |why: String| SessionError::Shell { host: host.clone(), why };
        let sent = wires.stdin.write_all(&greeting).await;
        if sent.is_ok() {
            let _ = wires.stdin.flush().await;
        }
        let mut said = Hello::new(&nonce);
        said.out.push(already);
        let listen = async {
            loop {
                match wires.output.recv().await {
                    Some(Output::Out(bytes)) => said.out.push(&bytes),
                    Some(Output::Err(bytes)) => said.err.push(&bytes),
                    Some(Output::End(why)) => return Err(format!("{why}{}", said.noise())),
                    None => return Err("it ended at once".to_owned()),
                }
                if let Some(text) = said.complete()? {
                    return Ok(text);
                }
            }
        };
        let patience = connection.patience();
        let text = match timeout(patience, listen).await {
            Ok(text) => text.map_err(fail)?,
            Err(_) => {
                return Err(fail(format!(
                    "no answer within {} s{}",
                    patience.as_secs(),
                    said.noise()
                )));
            }
        };
        let facts = hello::read(&text, known)
            .ok_or_else(|| fail(format!("expected facts, found {text:?}")))?;
        let frames = Frames::continuing(said.out, said.err);
        Ok(Shell { connection, other, nonce, wires, frames, facts, busy: false, deaf: false })
    }

    /// What is known of the host and the user.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Sends the steps, then the questions, in one write; a failed step skips the steps behind it,
    /// but no question. Nothing to send is no round trip.
    ///
    /// # Errors
    /// The connection is lost. After that the shell is of no use; open another.
    pub async fn flight(
        &mut self,
        steps: &[StepRequest],
        questions: &[Question],
    ) -> Result<Landed, SessionError> {
        if !steps.is_empty() && !self.deaf && self.connection.interrupt().sent() {
            let (host, why) = (self.connection.host().to_owned(), "interrupted".to_owned());
            return Err(SessionError::Lost { host, why, done: Vec::new(), unknown: false });
        }
        let mut batch = Batch::new(questions);
        let mut outcomes = Vec::new();
        for single in [false, true] {
            let steps = if single { &[] } else { steps };
            let mut request = Request::default();
            if !steps.is_empty() {
                steps::write(&mut request, steps);
            }
            batch.write(&mut request, single);
            if request.frames() == 0 {
                continue;
            }
            let begin = SystemTime::now();
            match self.exchange(request, steps).await {
                Ok(arrived) => {
                    batch.read(&arrived.frames);
                    if !single {
                        outcomes = steps::read(steps, &arrived.frames, begin, &arrived.timed_out);
                    }
                }
                Err(Cut { why, frames }) => {
                    let done = steps::read(steps, &frames, begin, &[]);
                    let unknown = done.len() < steps.len();
                    let host = self.connection.host().to_owned();
                    return Err(SessionError::Lost { host, why, done, unknown });
                }
            }
            if batch.is_answered() {
                break;
            }
        }
        Ok(Landed { steps: outcomes, answers: batch.finish() })
    }

    /// Ends the shell, and waits until it has cleaned up after itself.
    pub async fn close(self) {
        let Wires { stdin, mut output, alive, terminal } = self.wires;
        drop((stdin, alive));
        let end = async {
            while let Some(said) = output.recv().await {
                if let Output::End(_) = said {
                    break;
                }
            }
        };
        let _ = timeout(GRACE, end).await;
        drop(terminal);
    }

    async fn exchange(&mut self, request: Request, steps: &[StepRequest]) -> Result<Arrived, Cut> {
        let limits = steps::limits(steps);
        let mut arrived = Vec::new();
        if self.busy {
            let why = "an earlier flight was interrupted".to_owned();
            return Err(Cut { why, frames: arrived });
        }
        self.busy = true;
        self.connection.count_round_trip();
        self.frames.begin();
        let expected = request.frames();
        let pieces = request.encode(&self.nonce);
        let Wires { stdin, output, .. } = &mut self.wires;
        let mut write = std::pin::pin!(async move {
            for piece in &pieces {
                stdin.write_all(piece).await?;
            }
            stdin.flush().await
        });
        let mut written = false;
        let mut timed_out = Vec::new();
        let mut group = None;
        let mut since = Instant::now();
        let mut killed = false;
        let interrupt = self.connection.interrupt();
        // What an interrupt waits for: steps of modules, and what is asked behind them.
        let late = interrupt.sent();
        let lasts = |arrived: usize| match steps {
            [] => late,
            steps => steps.get(arrived).is_none_or(|step| step.awaited),
        };
        let mut awaited = None;
        while arrived.len() < expected {
            if let Some(event) = self.frames.next() {
                match event {
                    Event::Frame(frame) => {
                        arrived.push(frame);
                        (group, since, killed) = (None, Instant::now(), false);
                    }
                    // The command's time begins now, not with the sending of its input.
                    Event::Group(id) => (group, since) = (Some(id), Instant::now()),
                    Event::Nonsense(words) => {
                        let why = format!("expected frame {}, found `{words}`", arrived.len());
                        return Err(Cut { why, frames: arrived });
                    }
                }
                continue;
            }
            let limit = match killed {
                true => Some(GRACE),
                false => limits.get(arrived.len()).copied().flatten(),
            };
            let limit = match group {
                Some(_) => limit,
                None => limit.map(|limit| limit + PATIENCE),
            };
            // Far away if there is no limit.
            let deadline = since + limit.unwrap_or(Duration::from_secs(86_400 * 365));
            tokio::select! {
                result = &mut write, if !written => {
                    // Why it failed is what the other end says as it ends.
                    let _ = result;
                    written = true;
                }
                said = output.recv() => match said {
                    Some(Output::Out(bytes)) => self.frames.out(&bytes),
                    Some(Output::Err(bytes)) => self.frames.err(&bytes),
                    end => {
                        let why = match end {
                            Some(Output::End(why)) => why,
                            _ => "it is closed".to_owned(),
                        };
                        let rest = self.frames.rest();
                        let why = if rest.is_empty() { why } else { format!("{why}: {rest}") };
                        return Err(Cut { why, frames: arrived });
                    }
                },
                () = interrupt.wait(), if !self.deaf && awaited.is_none() && lasts(arrived.len()) => {
                    awaited = Some(interrupt.begin_await());
                }
                () = interrupt.wait_again(), if awaited.is_some() && lasts(arrived.len()) => {
                    return Err(Cut { why: "interrupted".to_owned(), frames: arrived });
                }
                () = interrupt.wait(), if !self.deaf && !lasts(arrived.len()) => {
                    if let Some(id) = group.filter(|_| !killed) {
                        Box::pin(kill(&self.connection, self.other.as_ref(), id)).await;
                    }
                    return Err(Cut { why: "interrupted".to_owned(), frames: arrived });
                }
                () = tokio::time::sleep_until(deadline.into()) => {
                    let Some(id) = group.filter(|_| !killed) else {
                        let why = "a step did not end in time and could not be killed".to_owned();
                        return Err(Cut { why, frames: arrived });
                    };
                    timed_out.push(arrived.len());
                    killed = true;
                    Box::pin(kill(&self.connection, self.other.as_ref(), id)).await;
                    since = Instant::now();
                }
            }
        }
        self.busy = false;
        Ok(Arrived { frames: arrived, timed_out })
    }
}

/// Kills a process group from a second shell of the same user.
async fn kill(connection: &Connection, other: Option<&Become>, group: u32) {
    let Ok(mut shell) = connection.shell(other).await else { return };
    shell.deaf = true;
    let ask = Ask::Sh { script: sh(KILL, [group]), cost: Cost::Costly };
    let _ = shell.flight(&[], &[Question { ask, environment: Env::from([]) }]).await;
}

/// The first frames of a shell, in what may be the noise of a login.
struct Hello {
    out: Splitter,
    err: Splitter,
    /// What came before our first word.
    before: Vec<String>,
    begun: bool,
    text: Option<String>,
    /// Markers seen on standard error.
    errors: usize,
}

impl Hello {
    fn new(nonce: &Nonce) -> Hello {
        let (out, err) = (Splitter::new(nonce), Splitter::new(nonce));
        Hello { out, err, before: Vec::new(), begun: false, text: None, errors: 0 }
    }

    /// The facts, when both streams have said everything.
    fn complete(&mut self) -> Result<Option<String>, String> {
        while let Some((before, words)) = self.out.next() {
            let before = String::from_utf8_lossy(&before).into_owned();
            match words.as_str() {
                "B" => {
                    self.begun = true;
                    self.before.push(before);
                }
                "H" if self.begun => self.text = Some(before),
                "! dd" => return Err("its `dd` is missing, or has no `iflag=fullblock`".into()),
                _ => return Err(format!("expected its facts, found `{words}`")),
            }
        }
        while let Some((before, _)) = self.err.next() {
            self.before.push(String::from_utf8_lossy(&before).into_owned());
            self.errors += 1;
        }
        Ok(if self.errors == 2 { self.text.take() } else { None })
    }

    /// What the host said, for an error message.
    fn noise(&self) -> String {
        let rest = [self.out.rest(), self.err.rest()].concat();
        let text = format!("{}{}", self.before.concat(), String::from_utf8_lossy(&rest));
        if text.trim().is_empty() { String::new() } else { format!(": {}", text.trim()) }
    }
}
