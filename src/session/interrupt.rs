//! The person's Ctrl-C, told to every shell that waits for a command.

use std::sync::Arc;

use tokio::sync::watch;

/// Ends the commands that run on hosts. Clones share the one signal; it is sent once.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<watch::Sender<bool>>);

impl Interrupt {
    pub fn send(&self) {
        self.0.send_replace(true);
    }

    pub fn sent(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is sent, at once if it was.
    pub(crate) async fn wait(&self) {
        // The sender lives as long as `self`: there is no error.
        let _ = self.0.subscribe().wait_for(|sent| *sent).await;
    }
}
