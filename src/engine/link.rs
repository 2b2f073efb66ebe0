//! The way to a host: its connection, a shell for each user, and the answers that still hold.
//!
//! Invariant: after any step, on any shell of the host, no answer obtained before it is used.

use std::collections::HashMap;

use rprov_modules::kit::{Answer, Facts};

use super::jobs::Jobs;
use crate::session::{
    Become, Connection, Interrupt, Landed, Question, SessionError, Shell, StepRequest, Target,
};

/// The widest window, in tasks.
const WIDEST: usize = 512;

/// The way to one host. Empty until the first task that needs it.
#[derive(Default)]
pub(super) struct Link {
    connection: Option<Connection>,
    /// What the connection was made to: a task may want another user or port.
    way: Option<Target>,
    shells: HashMap<Option<Become>, Shell>,
    answers: HashMap<(Option<Become>, Question), Answer>,
    window: Window,
    /// What goes on on the host by itself.
    pub(super) jobs: Jobs,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("window", &self.window).finish_non_exhaustive()
    }
}

/// How far ahead to ask. Like congestion control: wide at first, narrow after a change, doubling
/// with every flight that brought no change.
#[derive(Debug)]
struct Window {
    tasks: usize,
}

impl Default for Window {
    fn default() -> Window {
        Window { tasks: WIDEST }
    }
}

impl Link {
    /// Connects and becomes, if that is not done yet.
    pub(super) async fn open(
        &mut self,
        target: &Target,
        become_: Option<&Become>,
        interrupt: &Interrupt,
    ) -> Result<&Facts, SessionError> {
        if self.way.as_ref() != Some(target) {
            self.close();
            self.way = Some(target.clone());
        }
        let key = become_.cloned();
        if !self.shells.contains_key(&key) {
            if self.connection.is_none() {
                let connection = Connection::open(target).await?;
                connection.interrupted_by(interrupt.clone());
                self.connection = Some(connection);
            }
            let connection = self.connection.as_ref().expect("it was just made");
            let shell = connection.shell(become_).await?;
            self.shells.insert(key.clone(), shell);
        }
        Ok(self.shells[&key].facts())
    }

    /// How many tasks ahead may be asked for now.
    pub(super) fn window(&self) -> usize {
        self.window.tasks
    }

    /// The host is about to change: little is worth asking ahead.
    pub(super) fn narrow(&mut self) {
        self.window.tasks = 2;
        self.answers.clear();
    }

    /// Time has passed: nothing is known any more.
    pub(super) fn forget_answers(&mut self) {
        self.answers.clear();
    }

    /// Nothing has changed for a while: costly questions may be asked ahead.
    pub(super) fn quiet(&self) -> bool {
        self.window.tasks >= 64
    }

    pub(super) fn answer(&self, become_: &Option<Become>, question: &Question) -> Option<&Answer> {
        self.answers.get(&(become_.clone(), question.clone()))
    }

    /// Sends steps and questions in one write and keeps the answers.
    pub(super) async fn flight(
        &mut self,
        become_: &Option<Become>,
        steps: &[StepRequest],
        questions: &[Question],
    ) -> Result<Landed, SessionError> {
        if !steps.is_empty() {
            self.answers.clear();
        }
        let shell = self.shells.get_mut(become_).expect("opened before it is used");
        let landed = shell.flight(steps, questions).await;
        match landed {
            Ok(landed) => {
                for (question, answer) in questions.iter().zip(&landed.answers) {
                    // A question asked early may break: it is asked again in its turn.
                    if let Ok(answer) = answer {
                        self.answers.insert((become_.clone(), question.clone()), answer.clone());
                    }
                }
                self.window.tasks = match steps.is_empty() {
                    true => (self.window.tasks * 2).min(WIDEST),
                    false => 2,
                };
                Ok(landed)
            }
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    /// Forgets the connection: the next task makes a new one.
    pub(super) fn close(&mut self) {
        self.shells.clear();
        self.answers.clear();
        self.connection = None;
    }

    /// Sequential round trips since the connection was made.
    pub(super) fn round_trips(&self) -> usize {
        self.connection.as_ref().map_or(0, Connection::round_trips)
    }
}
