use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use clap::Parser;
use completions::Settings;
use protocol::Request;
use serving::Options;

use super::*;

const CLIENTS: usize = 32;
const PATIENCE: Duration = Duration::from_secs(30);

/// A round of the loop on the page, up to the turns.
fn wait(connections: &mut Connections) {
    connections.submit_and_wait().unwrap();
    while let Some(done) = connections.next_done().unwrap() {
        match done {
            Done::Accepted(socket) => connections.add(socket),
            Done::Progress(key) => connections.queue(key),
        }
    }
}

fn turns(connections: &mut Connections) {
    while let Some(key) = connections.next_ready() {
        assert_eq!(connections.turn(key).unwrap(), None, "a ping is no job");
    }
    connections.accept();
}

/// Sends a request that takes two buffers.
fn send_ping(client: &mut TcpStream) {
    let mut request = Vec::new();
    Request::append(&mut request, "ping", &format!("\"{}\"", "x".repeat(6000)));
    client.write_all(&request).unwrap();
}

/// Whether a whole reply comes before the end.
fn has_reply(client: &mut TcpStream) -> bool {
    let mut length = [0; 4];
    if client.read_exact(&mut length).is_err() {
        return false;
    }
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    client.read_exact(&mut body).is_ok()
}

fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// With few buffers, most receives fail and are queued again in the round of the drain. The second buffer of a request is
/// copied and free again in that round, so the kernel could receive into it before the drain counts what has arrived.
#[test]
fn a_drain_answers_what_came_although_the_queue_was_full() {
    let settings = Settings {
        submissions: 8,
        completions: 64,
        buffers: 4,
        ..Settings::default()
    };
    let Ok(ring) = Ring::new(&settings) else {
        test_support::skip("io_uring is refused");
        return;
    };
    let options = Options::parse_from(["server", "--listen", "127.0.0.1:0", "--drain-timeout", "1h"]);
    let stop = Stop::install(options.drain_timeout).unwrap();
    let (listener, stop) = Listener::open(&options, stop).unwrap().closing_at(stop);
    let mut connections = Connections::new(ring, listener, None, options.service(), stop).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(listener.address())).collect();
    while connections.open.len() < CLIENTS {
        wait(&mut connections);
        turns(&mut connections);
    }
    let is_answered = |connections: &Connections, replies| {
        let mut open = connections.open.iter();
        open.all(|(_, open)| open.connection.answered() == replies)
    };
    clients.iter_mut().for_each(send_ping);
    while !is_answered(&connections, 1) {
        wait(&mut connections);
        turns(&mut connections);
    }
    connections.shared.borrow_mut().ring.submit().unwrap();
    for client in &mut clients {
        assert!(has_reply(client));
    }

    clients.iter_mut().for_each(send_ping);
    wait(&mut connections);
    connections.drain();
    while !connections.is_over() {
        turns(&mut connections);
        wait(&mut connections);
    }
    let answered = clients.iter_mut().map(|client| usize::from(has_reply(client)));
    assert_eq!(answered.sum::<usize>(), CLIENTS);
}
