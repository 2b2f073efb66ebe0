//! The person's Ctrl-C, told to every shell that waits for something.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Ends the commands that run on hosts; a step of a module is awaited, unless it is sent again: half
/// an installation helps nobody. Clones share the one signal.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    sent: watch::Sender<u8>,
    awaited: AtomicUsize,
}

/// A step is awaited as long as this is there.
pub(crate) struct Awaited(Arc<State>);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.awaited.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Interrupt {
    pub fn send(&self) {
        self.0.sent.send_modify(|times| *times = times.saturating_add(1));
    }

    pub fn sent(&self) -> bool {
        *self.0.sent.borrow() > 0
    }

    /// How many steps go on although it was sent.
    pub fn awaited(&self) -> usize {
        self.0.awaited.load(Ordering::Relaxed)
    }

    /// Returns when it is sent, at once if it was.
    pub(crate) async fn wait(&self) {
        self.times(1).await;
    }

    /// Returns when it is sent for the second time.
    pub(crate) async fn wait_again(&self) {
        self.times(2).await;
    }

    pub(crate) fn begin_await(&self) -> Awaited {
        self.0.awaited.fetch_add(1, Ordering::Relaxed);
        Awaited(self.0.clone())
    }

    async fn times(&self, least: u8) {
        // The sender lives as long as `self`: there is no error.
        let _ = self.0.sent.subscribe().wait_for(|times| *times >= least).await;
    }
}
