//! What the embedded server saw, and the count of flights.
//!
//! Only what happens after authentication is counted as bytes or flights. Counting never changes
//! what is sent, except that a `Cut` ends the connection.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::delay::Sent;

/// Totals over all connections of one server. Take differences to measure a part of a run.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicU64,
    authentications: AtomicU64,
    channels: AtomicU64,
    commands: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    flights: AtomicU64,
}

impl Counters {
    /// Connections accepted.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Keys (with a valid signature) and passwords tried, accepted or not. A key that is merely
    /// offered is no attempt.
    pub fn authentications(&self) -> u64 {
        self.authentications.load(Ordering::Relaxed)
    }

    /// Session channels opened.
    pub fn channels(&self) -> u64 {
        self.channels.load(Ordering::Relaxed)
    }

    /// Commands started.
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }

    /// Bytes of channel data that clients sent (standard input of commands), without SSH's framing.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes of channel data sent to clients (standard output and error), without SSH's framing.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Flights: sequential round trips after authentication, summed over connections.
    ///
    /// A *question* is a channel open, a channel request (`exec`, `env`, …) or channel data from
    /// the client. An *answer* is an open confirmation, a request's success or failure, channel
    /// data, an exit status, an end of file or a close from the server. The first question of a
    /// connection begins flight 1. A question begins a new flight when it was sent after the first
    /// answer of the current flight had reached the client, that is, when it can have been written
    /// in reaction to an answer; otherwise it belongs to the current flight. Window adjustments,
    /// key exchanges, keep-alives and the client's end of file or close are neither: nobody waits
    /// for them, or waiting for them is not a matter of content.
    ///
    /// The server knows when a byte was sent and when one arrives because it holds the delay line.
    /// With a delay the count is therefore exact as long as a burst is written in less time than
    /// one round trip takes. Without one it is an upper bound: a client still writing when the
    /// first answer is on its way is counted as having waited for it, and so is one that writes
    /// after a request without wanting its reply.
    pub fn flights(&self) -> u64 {
        self.flights.load(Ordering::Relaxed)
    }
}

/// Where a connection is to be cut. It happens once per server: a second connection is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Instead of the first answer of this flight (from 1): its questions have reached the command,
    /// and may have been carried out, but nothing is heard of it.
    BeforeAnswer(u64),
    /// When at least this many bytes of channel data have arrived; the packet that reaches the
    /// number is still handed to the command.
    AfterReceived(u64),
    /// When at least this many bytes of channel data have been sent; the packet that would exceed
    /// the number is not.
    AfterSent(u64),
}

struct Turn {
    number: u64,
    answered: Option<Instant>,
    received: u64,
    sent: u64,
}

/// One connection as the counters see it.
pub(super) struct Link {
    counters: Arc<Counters>,
    cut: Option<Cut>,
    cut_done: Arc<AtomicBool>,
    turn: Mutex<Turn>,
    half: Duration,
    question_sent: Option<Sent>,
    socket: TcpStream,
}

impl Link {
    pub(super) fn new(
        counters: &Arc<Counters>,
        cut: (Option<Cut>, &Arc<AtomicBool>),
        half: Duration,
        question_sent: Option<Sent>,
        socket: TcpStream,
    ) -> Link {
        counters.connections.fetch_add(1, Ordering::Relaxed);
        Link {
            counters: Arc::clone(counters),
            cut: cut.0,
            cut_done: Arc::clone(cut.1),
            turn: Mutex::new(Turn { number: 0, answered: None, received: 0, sent: 0 }),
            half,
            question_sent,
            socket,
        }
    }

    pub(super) fn authentication(&self) {
        self.counters.authentications.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn channel(&self) {
        self.counters.channels.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn command(&self) {
        self.counters.commands.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a question that carries `bytes` of channel data.
    pub(super) fn question(&self, bytes: usize) {
        let sent_at = self.question_sent.as_ref().map_or_else(Instant::now, Sent::at);
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let reaction = turn.answered.is_some_and(|answered| sent_at >= answered + self.half);
        if turn.number == 0 || reaction {
            turn.number += 1;
            turn.answered = None;
            self.counters.flights.fetch_add(1, Ordering::Relaxed);
        }
        turn.received += bytes as u64;
        self.counters.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Cuts the connection if the data received so far say so; called after it was handed on.
    pub(super) fn question_handed_on(&self) {
        let received = self.turn.lock().unwrap_or_else(PoisonError::into_inner).received;
        if matches!(self.cut, Some(Cut::AfterReceived(limit)) if received >= limit) {
            self.cut();
        }
    }

    /// Notes an answer that carries `bytes` of channel data. False: the connection has been cut
    /// instead, and the answer must not be sent.
    pub(super) fn answer(&self, bytes: usize) -> bool {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let due = match self.cut {
            Some(Cut::BeforeAnswer(number)) => turn.number >= number,
            Some(Cut::AfterSent(limit)) => turn.sent + bytes as u64 > limit,
            Some(Cut::AfterReceived(_)) | None => false,
        };
        if due && self.cut() {
            return false;
        }
        turn.answered.get_or_insert_with(Instant::now);
        turn.sent += bytes as u64;
        self.counters.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        true
    }

    /// Ends the connection without a word of SSH. True if this call was the one that did.
    fn cut(&self) -> bool {
        let first = !self.cut_done.swap(true, Ordering::Relaxed);
        if first {
            self.hang_up();
        }
        first
    }

    pub(super) fn hang_up(&self) {
        // A socket that is already closed is as good.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
