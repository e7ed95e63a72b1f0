//! What an idle connection costs in user memory, counted in a real loop with real sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use event_loop::EventLoop;
use protocol::{Request, SessionOptions};
use serving::{Service, Stop};

/// The most that one may cost, in bytes.
const IDLE_MOST_BYTES: i64 = 600;
/// A little more than a power of two, where what grows by doubling has most to spare. Each takes two descriptors.
const CONNECTIONS: usize = 260;

#[test]
fn an_idle_connection_costs_at_most_600_bytes() {
    let day = Some(Duration::from_secs(86_400));
    for timeout in [None, day] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let service = Service {
            session: SessionOptions::default(),
            idle_timeout: timeout,
            frame_timeout: timeout,
            verbose: false,
        };
        let stop = Stop::install(Duration::ZERO).unwrap();
        let mut event_loop = EventLoop::new(service, stop).unwrap();
        event_loop.listen(listener, None);
        let mut clients = Vec::with_capacity(CONNECTIONS + 1);
        // The first one has the loop allocate what it lends to all.
        clients.push(TcpStream::connect(address).unwrap());
        ping(&mut event_loop, &mut clients[0]);
        let counted = allocation_counter::measure(|| {
            for _ in 0..CONNECTIONS {
                let mut client = TcpStream::connect(address).unwrap();
                ping(&mut event_loop, &mut client);
                clients.push(client);
            }
        });
        let each = counted.bytes_current / i64::try_from(CONNECTIONS).unwrap();
        println!("{each} bytes for each idle connection, with timeouts of {timeout:?}");
        assert!((100..=IDLE_MOST_BYTES).contains(&each), "{each} bytes");
    }
}

/// Sends a request, and plays the loop until its reply is there.
fn ping(event_loop: &mut EventLoop, client: &mut TcpStream) {
    let (mut request, mut reply) = (Vec::new(), [0; 64]);
    Request::append(&mut request, "ping", "\"are you there\"");
    client.write_all(&request).expect("the request fits the socket");
    client.set_nonblocking(true).expect("a socket need not block");
    loop {
        event_loop.poll().expect("the loop can poll");
        while let Some(connection) = event_loop.next_ready() {
            assert!(event_loop.turn(connection).is_none(), "a ping is no job");
        }
        event_loop.accept().expect("the loop can accept");
        match client.read(&mut reply) {
            Ok(bytes) => {
                assert!(reply[..bytes].windows(6).any(|bytes| bytes == b"\"pong\""));
                break;
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
}
