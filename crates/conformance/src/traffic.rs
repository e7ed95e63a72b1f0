//! Peers that ask for more than their share of the server's time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::client::{Client, request};

/// A connection that sends pings and reads their replies as fast as two threads can. Dropping it ends it.
pub(crate) struct Hog {
    client: Client,
    received_bytes: Arc<AtomicU64>,
}

impl Hog {
    pub(crate) fn start(client: Client) -> Self {
        let received_bytes = Arc::new(AtomicU64::new(0));
        let mut sender = client.another_handle();
        thread::spawn(move || {
            let many = request("ping", r#""more""#).repeat(2_000);
            while sender.try_send(&many).is_ok() {}
        });
        let mut receiver = client.another_handle();
        let count = Arc::clone(&received_bytes);
        thread::spawn(move || {
            while let Ok(received) = receiver.try_receive_once(1 << 16)
                && !received.is_empty()
            {
                count.fetch_add(received.len() as u64, Ordering::Relaxed);
            }
        });
        Self {
            client,
            received_bytes,
        }
    }

    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.client.hang_up();
    }
}

/// Peers that connect, send one request and leave without waiting, as fast as a few threads can. So there is always
/// another connection to accept. Dropping it ends it.
pub(crate) struct Flood {
    sent: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

const THREADS: usize = 4;
const OPEN_PER_THREAD: usize = 16;

impl Flood {
    /// The most connections that it has open at the same time.
    pub(crate) const OPEN: usize = THREADS * OPEN_PER_THREAD;

    pub(crate) fn start(address: SocketAddr) -> Self {
        let flood = Self {
            sent: Arc::default(),
            over: Arc::default(),
        };
        for _ in 0..THREADS {
            let (sent, over) = (Arc::clone(&flood.sent), Arc::clone(&flood.over));
            thread::spawn(move || {
                let mut open = VecDeque::new();
                while !over.load(Ordering::Relaxed) {
                    // Connecting fails once the server has exited.
                    let Ok(mut client) = Client::connect(address) else {
                        continue;
                    };
                    if client.try_send(request("ping", "1")).is_ok() {
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                    open.push_back(client);
                    if open.len() == OPEN_PER_THREAD {
                        // An ordinary close leaves the port in TIME_WAIT, and the ports would run out.
                        open.pop_front().into_iter().for_each(Client::reset);
                    }
                }
                open.into_iter().for_each(Client::reset);
            });
        }
        flood
    }

    /// How many requests were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
