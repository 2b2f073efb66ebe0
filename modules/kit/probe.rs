//! Probes: what a module must know of the host, as a value.
//!
//! A [`Probe`] says what to ask and how to read the answers; it does not ask. Because it is a
//! value, the engine can send the asks of many tasks in one round trip and throw away answers that
//! went stale.

use super::ask::{Answer, Ask, Content, Cost, Group, Reply, Stat, Unit, User};
use super::facts::PackageManager;
use super::plan::{Refusal, Result};
use super::script::Script;

type Read<'a, T> = Box<dyn FnOnce(&mut dyn Iterator<Item = Answer>) -> Next<'a, T> + Send + 'a>;

/// Asks, and a reader of their answers.
#[must_use]
pub struct Probe<'a, T> {
    asks: Vec<Ask>,
    read: Read<'a, T>,
}

/// What reading the answers gave: a value, or further questions that depend on them.
pub enum Next<'a, T> {
    Done(Result<T>),
    More(Probe<'a, T>),
}

impl<'a, T: Send + 'a> Probe<'a, T> {
    /// Asks nothing.
    pub fn known(value: T) -> Self {
        Probe { asks: vec![], read: Box::new(move |_| Next::Done(Ok(value))) }
    }

    /// Fails when read.
    pub fn refuse(why: impl Into<Refusal>) -> Self {
        let why = why.into();
        Probe { asks: vec![], read: Box::new(move |_| Next::Done(Err(why))) }
    }

    pub fn map<U: Send + 'a>(self, f: impl FnOnce(T) -> U + Send + 'a) -> Probe<'a, U> {
        self.try_map(|t| Ok(f(t)))
    }

    pub fn try_map<U: Send + 'a>(self, f: impl FnOnce(T) -> Result<U> + Send + 'a) -> Probe<'a, U> {
        let read = self.read;
        Probe {
            asks: self.asks,
            read: Box::new(move |answers| match read(answers) {
                Next::Done(value) => Next::Done(value.and_then(f)),
                Next::More(more) => Next::More(more.try_map(f)),
            }),
        }
    }

    /// Asks both in the same round trip.
    pub fn and<U: Send + 'a>(self, other: Probe<'a, U>) -> Probe<'a, (T, U)> {
        let mut asks = self.asks;
        asks.extend(other.asks);
        let (left, right) = (self.read, other.read);
        Probe {
            asks,
            read: Box::new(move |answers| match (left(answers), right(answers)) {
                (Next::Done(Err(why)), _) => Next::Done(Err(why)),
                (Next::Done(Ok(t)), Next::Done(u)) => Next::Done(u.map(|u| (t, u))),
                (Next::Done(Ok(t)), Next::More(more)) => Next::More(more.map(move |u| (t, u))),
                (Next::More(_), Next::Done(Err(why))) => Next::Done(Err(why)),
                (Next::More(more), Next::Done(Ok(u))) => Next::More(more.map(move |t| (t, u))),
                (Next::More(t), Next::More(u)) => Next::More(t.and(u)),
            }),
        }
    }

    /// Questions that depend on the first answers: one more round trip. Rarely needed: a script
    /// has `if`.
    pub fn then<U: Send + 'a>(self, f: impl FnOnce(T) -> Probe<'a, U> + Send + 'a) -> Probe<'a, U> {
        let read = self.read;
        Probe {
            asks: self.asks,
            read: Box::new(move |answers| match read(answers) {
                Next::Done(Ok(value)) => Next::More(f(value)),
                Next::Done(Err(why)) => Next::Done(Err(why)),
                Next::More(more) => Next::More(more.then(f)),
            }),
        }
    }

    /// All of them in the same round trip. The first refusal is the answer.
    pub fn all(probes: impl IntoIterator<Item = Probe<'a, T>>) -> Probe<'a, Vec<T>> {
        // Not folded with `and`: ten thousand closures inside each other overflow the stack.
        let (mut asks, mut reads) = (Vec::new(), Vec::new());
        for probe in probes {
            asks.extend(probe.asks);
            reads.push(probe.read);
        }
        Probe {
            asks,
            read: Box::new(move |answers| {
                let (mut done, mut next) = (Vec::with_capacity(reads.len()), Vec::new());
                for read in reads {
                    match read(answers) {
                        Next::Done(Err(why)) => return Next::Done(Err(why)),
                        Next::Done(Ok(value)) => done.push(Some(value)),
                        Next::More(probe) => {
                            done.push(None);
                            next.push(probe);
                        }
                    }
                }
                if next.is_empty() {
                    return Next::Done(Ok(done.into_iter().flatten().collect()));
                }
                Next::More(Probe::all(next).map(|later| {
                    let mut later = later.into_iter();
                    done.into_iter().filter_map(|value| value.or_else(|| later.next())).collect()
                }))
            }),
        }
    }

    pub fn asks(&self) -> &[Ask] {
        &self.asks
    }

    /// Reads the answers, which are in the order of the asks.
    pub fn read(self, answers: impl IntoIterator<Item = Answer>) -> Next<'a, T> {
        (self.read)(&mut answers.into_iter())
    }

    /// Reads with answers from a function; `Err` holds the asks it could not answer.
    ///
    /// # Errors
    /// The asks that `answer` gave nothing for: ask them and begin again with a fresh probe.
    pub fn resolve(
        mut self,
        answer: impl Fn(&Ask) -> Option<Answer>,
    ) -> std::result::Result<Result<T>, Vec<Ask>> {
        loop {
            let mut answers = Vec::with_capacity(self.asks.len());
            let mut missing = Vec::new();
            for ask in &self.asks {
                match answer(ask) {
                    Some(found) => answers.push(found),
                    None => missing.push(ask.clone()),
                }
            }
            if !missing.is_empty() {
                return Err(missing);
            }
            match self.read(answers) {
                Next::Done(value) => return Ok(value),
                Next::More(more) => self = more,
            }
        }
    }

    fn one(ask: Ask, read: impl FnOnce(Answer) -> Option<T> + Send + 'a) -> Self {
        Probe {
            asks: vec![ask],
            read: Box::new(move |answers| {
                let value = answers.next().and_then(read);
                Next::Done(value.ok_or_else(|| Refusal::new("the host sent no fitting answer")))
            }),
        }
    }
}

macro_rules! answer {
    ($variant:ident) => {
        |answer| match answer {
            Answer::$variant(value) => Some(value),
            _ => None,
        }
    };
}

/// What is at `path` itself, a symbolic link not followed.
pub fn lstat<'a>(path: impl Into<String>) -> Probe<'a, Option<Stat>> {
    Probe::one(Ask::Stat { path: path.into(), follow: false }, answer!(Stat))
}

/// What is at `path`, symbolic links followed.
pub fn stat<'a>(path: impl Into<String>) -> Probe<'a, Option<Stat>> {
    Probe::one(Ask::Stat { path: path.into(), follow: true }, answer!(Stat))
}

/// The content of a file of at most `limit` bytes.
pub fn read<'a>(path: impl Into<String>, limit: u64) -> Probe<'a, Content> {
    Probe::one(Ask::Read { path: path.into(), limit, unless: None }, answer!(Content))
}

/// The content of a file, unless it already is the one with this SHA-256.
pub fn read_unless<'a>(path: impl Into<String>, limit: u64, sha256: String) -> Probe<'a, Content> {
    Probe::one(Ask::Read { path: path.into(), limit, unless: Some(sha256) }, answer!(Content))
}

/// The digest of a file, in hex.
pub fn digest<'a>(
    path: impl Into<String>,
    algorithm: super::ask::Algorithm,
) -> Probe<'a, Option<String>> {
    Probe::one(Ask::Digest { path: path.into(), algorithm }, answer!(Digest))
}

/// The installed version of a package.
pub fn package<'a>(manager: PackageManager, name: impl Into<String>) -> Probe<'a, Option<String>> {
    Probe::one(Ask::Package { manager, name: name.into() }, answer!(Package))
}

/// A systemd unit.
pub fn unit<'a>(name: impl Into<String>) -> Probe<'a, Unit> {
    Probe::one(Ask::Unit { name: name.into() }, answer!(Unit))
}

/// An account, by name or number.
pub fn user<'a>(name: impl Into<String>) -> Probe<'a, Option<User>> {
    Probe::one(Ask::User { name: name.into() }, answer!(User))
}

/// A group, by name or number.
pub fn group<'a>(name: impl Into<String>) -> Probe<'a, Option<Group>> {
    Probe::one(Ask::Group { name: name.into() }, answer!(Group))
}

/// What a read-only script says.
pub fn ask<'a>(script: Script) -> Probe<'a, Reply> {
    Probe::one(Ask::Sh { script, cost: Cost::Cheap }, answer!(Sh))
}

/// The same for a script that is slow or uses the network.
pub fn ask_costly<'a>(script: Script) -> Probe<'a, Reply> {
    Probe::one(Ask::Sh { script, cost: Cost::Costly }, answer!(Sh))
}

/// What a script says whose asking does something: see [`Cost::Act`].
pub fn act<'a>(script: Script) -> Probe<'a, Reply> {
    Probe::one(Ask::Sh { script, cost: Cost::Act }, answer!(Sh))
}

/// Whether a read-only script succeeds.
pub fn test<'a>(script: Script) -> Probe<'a, bool> {
    ask(script).map(|reply| reply.ok())
}
