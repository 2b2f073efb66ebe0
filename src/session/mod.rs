//! A host we can ask: connections, shells, flights.
//!
//! Reading order: this page, `connection` (how a host is reached), `shell` (one flight), `frame`
//! (the protocol), `batch` and `steps` (what is said in it), `ssh`.
//!
//! - One persistent shell per host and user; everything travels through it.
//! - A flight is one write and the answers to it: steps first, a failure skipping those behind it,
//!   then questions, which are always answered.
//! - Nothing of ours is left on the host after any outcome, a lost connection included.
//! - Only this directory knows about SSH.

mod batch;
mod child;
mod connection;
pub mod embedded;
mod enter;
mod error;
mod frame;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
mod hello;
mod interrupt;
mod job;
mod privilege;
mod shell;
mod ssh;
mod steps;
mod terminal;
mod wires;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rprov_modules::kit::{Answer, Ask, Reply, Step};

pub use self::enter::Enter;
pub use self::interrupt::Interrupt;
pub use self::job::{Job, Standing};
pub(crate) use self::ssh::local_user;
pub use self::{
    connection::{Become, Connection, Method, Target, Transport},
    error::{BecomeProblem, HostKeyProblem, SessionError},
    shell::Shell,
    ssh::{AskPassphrase, HostKeyChecking, Keyring, OptionEffect, SshTarget, ssh_option},
};

/// A task's `environment:`.
pub type Env = Arc<[(String, String)]>;

/// A question of a task. The environment matters to [`Ask::Sh`] only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    pub ask: Ask,
    pub environment: Env,
}

/// A step of a task.
#[derive(Debug, Clone)]
pub struct StepRequest {
    pub step: Step,
    pub environment: Env,
    /// After this long the step's process group is killed. Default: it may take forever.
    pub timeout: Option<Duration>,
    /// An interrupt waits for its end, instead of ending it if it can.
    pub awaited: bool,
}

/// What a flight brought back.
#[derive(Debug)]
pub struct Landed {
    /// As many as there were steps.
    pub steps: Vec<StepOutcome>,
    /// In the order of the questions. `Err`: the question could not be answered, and what the host
    /// said instead.
    pub answers: Vec<Result<Answer, Reply>>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepOutcome {
    /// A step before it failed.
    Skipped,
    Done {
        reply: Reply,
        started: SystemTime,
        ended: SystemTime,
        /// It was killed because its time was up.
        timed_out: bool,
    },
}
