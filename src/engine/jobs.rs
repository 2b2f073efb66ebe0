//! The jobs of one host that this run knows of: those under way, and those check mode only foretells.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::outcome::Done;
use crate::session::Job;

/// How long after its limit a job may still change the host.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Jobs {
    /// When each is over at the latest.
    running: HashMap<Job, Instant>,
    foretold: HashMap<Job, Done>,
}

impl Jobs {
    pub(super) fn started(&mut self, job: &Job, limit: Duration) {
        self.running.insert(job.clone(), Instant::now() + limit + GRACE);
    }

    pub(super) fn ended(&mut self, job: &Job) {
        self.running.remove(job);
    }

    /// Whether the host may change by itself, so that nothing can be asked ahead.
    pub(super) fn any(&mut self) -> bool {
        let now = Instant::now();
        self.running.retain(|_, over| *over > now);
        !self.running.is_empty()
    }

    /// Check mode: what asking about the job will find.
    pub(super) fn foretell(&mut self, job: &Job, done: Done) {
        self.foretold.insert(job.clone(), done);
    }

    pub(super) fn foretold(&self, job: &Job) -> Option<Done> {
        self.foretold.get(job).cloned()
    }
}
