//! A loop takes the place of another one that has the same listener, with real sockets.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use event_loop::EventLoop;
use protocol::SessionOptions;
use serving::{Service, Stop};

/// How long an attempt may take that the loop makes within a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The kernel wakes one loop for a connection. The old loop gets the event together with a request whose handler holds it.
#[test]
fn a_new_loop_accepts_without_a_wake_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut old = event_loop(&listener);
    let mut new = event_loop(&listener);
    let began = Instant::now();
    let waiting = thread::spawn(move || {
        old.look_again_at(Some(Instant::now() + PATIENCE));
        old.poll().unwrap();
        old
    });
    // The kernel wakes the old loop alone only once it waits. If that comes later, this test is easier to pass.
    thread::sleep(Duration::from_millis(50));
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    // It has not come to accept.
    let _old = waiting.join().unwrap();

    new.look_again_at(Some(began + PATIENCE));
    while new.open_connections() == 0 {
        new.poll().unwrap();
        new.accept().unwrap();
        assert!(began.elapsed() < PATIENCE, "the connection still waits");
    }
}

fn event_loop(listener: &TcpListener) -> EventLoop {
    let service = Service {
        session: SessionOptions::default(),
        idle_timeout: None,
        frame_timeout: None,
        verbose: false,
    };
    let stop = Stop::install(Duration::ZERO).expect("signals can be handled");
    let mut event_loop = EventLoop::new(service, stop).expect("a loop can be made");
    event_loop.listen(listener.try_clone().expect("a descriptor is free"), None);
    // The first poll registers the listener.
    event_loop.look_again_at(Some(Instant::now()));
    event_loop.poll().expect("the loop can poll");
    event_loop
}
