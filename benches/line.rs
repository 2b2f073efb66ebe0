//! A delay line between a client and a host: everything arrives later, nothing arrives slower.
//!
//! Each direction holds every chunk back for half a round trip from the moment it was read, so the
//! delays of chunks that are under way together do not add up. Bandwidth is unlimited.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};

/// A listener whose connections lead to one host.
pub(crate) struct Line {
    address: SocketAddr,
    half: Arc<AtomicU64>,
}

impl Line {
    /// A line to `host`, without delay at first.
    pub(crate) async fn to(host: SocketAddr) -> Line {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let half = Arc::new(AtomicU64::new(0));
        let shared = half.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let half = Duration::from_micros(shared.load(Ordering::Relaxed));
                tokio::spawn(connect(near, host, half));
            }
        });
        Line { address, half }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What every round trip of later connections takes longer.
    pub(crate) fn set(&self, delay: Duration) {
        let half = u64::try_from(delay.as_micros() / 2).expect("a delay of human size");
        self.half.store(half, Ordering::Relaxed);
    }
}

async fn connect(near: TcpStream, host: SocketAddr, half: Duration) {
    // The kernel has shaken hands with the client already: that round trip is waited for here.
    tokio::time::sleep(half * 2).await;
    let Ok(far) = TcpStream::connect(host).await else { return };
    if near.set_nodelay(true).and(far.set_nodelay(true)).is_err() {
        return;
    }
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::spawn(relay(near_read, far_write, half));
    tokio::spawn(relay(far_read, near_write, half));
}

/// Copies until either side ends; the end itself is delayed like any byte.
async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, half: Duration) {
    let (queue, mut waiting) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).await.unwrap_or(0);
            if queue.send((Instant::now(), buffer[..read].to_vec())).is_err() || read == 0 {
                break;
            }
        }
    });
    while let Some((entered, chunk)) = waiting.recv().await {
        tokio::time::sleep_until((entered + half).into()).await;
        if chunk.is_empty() || to.write_all(&chunk).await.is_err() {
            break;
        }
    }
    // The other side has gone already when this fails.
    let _ = to.shutdown().await;
}
