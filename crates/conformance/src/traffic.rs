//! Peers that ask for more than their share of the server's time, and peers that come and go.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::client::{Client, request};
use crate::wait::eventually;

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

/// Peers that connect, send one request and wait for its reply, all the time.
pub(crate) struct Visitors {
    answered: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

/// A server may close a connection on which no request has come for a while. A visitor that was slower than this, on a busy
/// machine, does not count.
const PROMPT: Duration = Duration::from_millis(50);

impl Visitors {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let (answered, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let threads = (0..2)
            .map(|_| {
                let (answered, over) = (Arc::clone(&answered), Arc::clone(&over));
                thread::spawn(move || {
                    let mut losses = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        match visit(address) {
                            Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                            Err(loss) => losses.extend(loss),
                        }
                    }
                    losses
                })
            })
            .collect();
        Self {
            answered,
            over,
            threads,
        }
    }

    /// Waits until some more visitors have been answered.
    #[track_caller]
    pub(crate) fn wait_for_more(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        eventually("visitors are answered", || {
            self.answered.load(Ordering::Relaxed) >= before + 50
        });
    }

    /// Ends the visits, and asserts that each got its reply.
    #[track_caller]
    pub(crate) fn expect_no_loss(mut self) {
        self.over.store(true, Ordering::Relaxed);
        let threads = self.threads.drain(..);
        let losses: Vec<_> = threads
            .flat_map(|thread| thread.join().expect("a visitor does not panic"))
            .collect();
        let answered = self.answered.load(Ordering::Relaxed);
        assert!(losses.is_empty(), "{answered} answered, and not: {losses:?}");
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Connects, asks and leaves. The error is what happened instead of a reply, if the visitor was prompt.
fn visit(address: SocketAddr) -> Result<(), Option<String>> {
    let start = Instant::now();
    let mut client =
        Client::connect(address).map_err(|error| Some(format!("connecting was refused: {error}")))?;
    let sent = client.try_send(request("ping", "1"));
    let was_prompt = start.elapsed() < PROMPT;
    let lost = |what: String| was_prompt.then_some(what);
    sent.map_err(|error| lost(format!("the request was not taken: {error}")))?;
    match client.try_receive() {
        Ok(Some(_)) => {
            // An ordinary close leaves the port in TIME_WAIT, and the ports would run out.
            client.reset();
            Ok(())
        }
        Ok(None) => Err(lost("closed without a reply".to_owned())),
        Err(error) => Err(lost(format!("no reply: {error}"))),
    }
}
