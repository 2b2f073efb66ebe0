//! A delay line: everything arrives later, nothing arrives slower.
//!
//! Each direction holds every chunk back for half a round trip from the moment it was read, however
//! much is under way already: bandwidth is unlimited and delays of many packets do not add up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Bytes the far end of a line may hold before it stops taking more.
const BUFFER: usize = 1 << 20;

/// Chunks under way in one direction.
const CHUNKS: usize = 4096;

/// When the newest chunk handed to the server was sent by the client.
#[derive(Clone)]
pub(super) struct Sent(Arc<Mutex<Instant>>);

impl Sent {
    pub(super) fn at(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts `half` (half a round trip) between `socket` and the returned stream, in each direction.
pub(super) fn line(socket: TcpStream, half: Duration) -> (DuplexStream, Sent) {
    let (near, far) = tokio::io::duplex(BUFFER);
    let (socket_read, socket_write) = socket.into_split();
    let (far_read, far_write) = split(far);
    let sent = Sent(Arc::new(Mutex::new(Instant::now())));
    let note = sent.clone();
    relay(socket_read, far_write, half, move |at| {
        *note.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    });
    relay(far_read, socket_write, half, |_| ());
    (near, sent)
}

/// Copies until either side ends; the end itself is delayed like any byte.
fn relay(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin + Send + 'static,
    half: Duration,
    mut arrived: impl FnMut(Instant) + Send + 'static,
) {
    let (queue, mut waiting) = mpsc::channel::<(Instant, Bytes)>(CHUNKS);
    tokio::spawn(async move {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(64 * 1024);
            let read = from.read_buf(&mut buffer).await.unwrap_or(0);
            let chunk = buffer.split().freeze();
            if queue.send((Instant::now(), chunk)).await.is_err() || read == 0 {
                break;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((entered, chunk)) = waiting.recv().await {
            tokio::time::sleep_until((entered + half).into()).await;
            arrived(entered);
            if chunk.is_empty() || to.write_all(&chunk).await.is_err() {
                break;
            }
        }
        // The other side has gone already when this fails.
        let _ = to.shutdown().await;
    });
}
