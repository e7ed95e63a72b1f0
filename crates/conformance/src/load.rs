//! Peers that ask for more than their share, of memory or of the server's time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::client::{Client, request};
use crate::model::Model;
use crate::patience::eventually;
use crate::server::Server;
use crate::wire::{MAX_FRAME, ping_of_body_length};

/// What a connection may make a server grow by: a frame and a reply of 1 MiB each, buffers that have grown to twice
/// their size, and room for the allocator. What is asked for below is many times as much.
const BOUND_BYTES: u64 = 16 << 20;

/// The server has to stop reading once the kernel takes no more of its replies, and has to go on later.
pub(crate) fn a_peer_that_does_not_read_many_small_requests_replies_costs_bounded_memory(model: &Model) {
    const REQUESTS: usize = 2_000;
    let server = model.start(&[]);
    let mut greedy = server.connect();
    stays_within_bounds(&server, &greedy, request("blob", "65536").repeat(REQUESTS));
    for _ in 0..REQUESTS {
        let body = greedy
            .try_receive()
            .expect("a reply can be read")
            .expect("a reply comes");
        assert!(body.len() >= 65_536, "a blob of that size");
    }
    greedy.pings();
}

pub(crate) fn a_peer_that_does_not_read_large_replies_costs_bounded_memory(model: &Model) {
    const REQUESTS: usize = 100;
    let server = model.start(&[]);
    let mut greedy = server.connect();
    stays_within_bounds(&server, &greedy, ping_of_body_length(MAX_FRAME).repeat(REQUESTS));
    for _ in 0..REQUESTS {
        let body = greedy
            .try_receive()
            .expect("a reply can be read")
            .expect("a reply comes");
        assert!(body.len() >= MAX_FRAME - 100, "a pong of that size");
    }
    greedy.pings();
}

pub(crate) fn a_peer_that_does_not_read_delays_no_other_connection(model: &Model) {
    let server = model.start_for(2, &[]);
    let greedy = server.connect();
    stays_within_bounds(&server, &greedy, request("blob", "65536").repeat(1_000));
    for _ in 0..20 {
        server.serves();
    }
}

/// A connection with endless pipelined requests gives a server no pause of its own: it has to turn away from it.
pub(crate) fn a_peer_that_sends_without_end_delays_no_other_connection(model: &Model) {
    let server = if model.traits.event_loop {
        model.start_one_loop(&[])
    } else {
        model.start_for(3, &[])
    };
    let mut other = server.connect_served();
    let hog = Hog::let_loose(server.connect());
    eventually("the server is busy with the hog", || {
        hog.received_bytes() > 200_000
    });
    for _ in 0..50 {
        other.pings();
    }
    server.serves();
    let received_bytes = hog.received_bytes();
    eventually("the hog is served as well", || {
        hog.received_bytes() > received_bytes
    });
}

/// A large request that comes slowly holds up nobody.
pub(crate) fn a_peer_that_sends_slowly_delays_no_other_connection(model: &Model) {
    let server = model.start_for(2, &[]);
    let mut slow = server.connect();
    let large = ping_of_body_length(500_000);
    for piece in large.chunks(20_000) {
        slow.send(piece);
        server.serves();
    }
    assert_eq!(slow.receive().out, "pong");
}

/// Sends all that from another thread, for it may never be taken, and watches the server's memory until the server
/// has come to rest.
#[track_caller]
fn stays_within_bounds(server: &Server, greedy: &Client, stream: Vec<u8>) {
    let before = server.tree().memory_bytes();
    assert!(before > 0, "the kernel tells how much memory the server has");
    let mut sender = greedy.another_handle();
    thread::spawn(move || sender.try_send(stream));
    eventually("the server begins to reply", || greedy.has_heard());
    server.settles(|| {
        let now = server.tree().memory_bytes();
        assert!(
            now < before + BOUND_BYTES,
            "memory has grown from {before} to {now} bytes"
        );
    });
}

/// A connection that sends pings and reads their replies as fast as two threads can. Dropping it ends it.
pub(crate) struct Hog {
    client: Client,
    received_bytes: Arc<AtomicU64>,
}

impl Hog {
    pub(crate) fn let_loose(client: Client) -> Self {
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

/// Peers that connect, ask once and leave without waiting, as fast as a few threads can, so that there is always another
/// connection to accept. Dropping it ends it.
pub(crate) struct Flood {
    asked: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Flood {
    /// How many connections it has open, at the most.
    pub(crate) const OPEN: usize = THREADS * OPEN_EACH;

    pub(crate) fn let_loose(address: SocketAddr) -> Self {
        let flood = Self {
            asked: Arc::default(),
            over: Arc::default(),
        };
        for _ in 0..THREADS {
            let (asked, over) = (Arc::clone(&flood.asked), Arc::clone(&flood.over));
            thread::spawn(move || {
                let mut open = VecDeque::new();
                while !over.load(Ordering::Relaxed) {
                    // Once the server has ended, there is nobody to connect to.
                    let Ok(mut client) = Client::connect(address) else {
                        continue;
                    };
                    if client.try_send(request("ping", "1")).is_ok() {
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                    open.push_back(client);
                    if open.len() == OPEN_EACH {
                        // An ordinary close would leave the port in TIME_WAIT, and there are not so many ports.
                        open.pop_front().into_iter().for_each(Client::resets);
                    }
                }
                open.into_iter().for_each(Client::resets);
            });
        }
        flood
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

const THREADS: usize = 4;
const OPEN_EACH: usize = 16;

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.client.hangs_up();
    }
}
