//! The two ends of a shell, whatever lies between.

use tokio::{
    io::AsyncWrite,
    sync::{mpsc, oneshot},
};

/// How a shell is talked to. Dropping it ends the shell's input, and thereby the shell.
pub(crate) struct Wires {
    pub(crate) stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Unbounded, because an unread channel would stall its whole connection.
    pub(crate) output: mpsc::UnboundedReceiver<Output>,
    /// Dropped with the wires: tells the task behind a channel to end the shell's input.
    pub(crate) alive: Option<oneshot::Sender<()>>,
    /// A terminal that the shell has beside its streams.
    pub(crate) terminal: Option<Box<Wires>>,
}

pub(crate) enum Output {
    Out(Vec<u8>),
    Err(Vec<u8>),
    /// Nothing more will come; why.
    End(String),
}
