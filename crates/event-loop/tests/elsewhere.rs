//! Jobs that run on another thread than the loop's, with real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use event_loop::{ConnectionId, EventLoop};
use protocol::{Job, Request, SessionOptions};
use rustix::net::sockopt::set_socket_linger;
use serving::{Service, Stop};

/// How long a reply may take that comes at once on an idle machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn another_thread_runs_a_job_and_wakes_the_loop() {
    let (mut event_loop, address, stop) = event_loop();
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    ask(&mut client, "100");
    // The loop ends with the test's process: nothing stops it.
    thread::spawn(move || {
        let waker = event_loop.waker().unwrap();
        let (finished, outcomes) = mpsc::channel();
        let (waker, finished) = (&waker, &finished);
        thread::scope(|scope| {
            loop {
                event_loop.poll().unwrap();
                for (connection, outcome) in outcomes.try_iter() {
                    event_loop.finish(connection, outcome);
                }
                while let Some(connection) = event_loop.next_ready() {
                    if let Some(job) = event_loop.turn(connection) {
                        scope.spawn(move || {
                            finished.send((connection, serving::perform(job, stop))).unwrap();
                            waker.wake().unwrap();
                        });
                    }
                }
                event_loop.accept().unwrap();
            }
        });
    });
    assert!(reply(&mut client).contains("3.1384395139385455"));
}

#[test]
fn a_late_outcome_reaches_no_later_connection() {
    let (mut event_loop, address, stop) = event_loop();
    let mut first = TcpStream::connect(address).unwrap();
    ask(&mut first, "100");
    let (ended, late) = next_job(&mut event_loop);
    // A reset ends the connection at once, while its job is still to be run.
    set_socket_linger(&first, Some(Duration::ZERO)).unwrap();
    drop(first);

    let mut second = TcpStream::connect(address).unwrap();
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    ask(&mut second, "0");
    let (open, job) = next_job(&mut event_loop);
    assert_ne!(ended, open);
    event_loop.finish(ended, serving::perform(late, stop));
    event_loop.finish(open, serving::perform(job, stop));
    let reply = reply(&mut second);
    assert!(reply.contains("2.8284271247461903"), "{reply}");
}

fn event_loop() -> (EventLoop, SocketAddr, Stop) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let service = Service {
        session: SessionOptions::default(),
        idle_timeout: None,
        frame_timeout: None,
        verbose: false,
    };
    let stop = Stop::install(Duration::ZERO).expect("signals can be handled");
    let mut event_loop = EventLoop::new(service, stop).expect("a loop can be made");
    event_loop.listen(listener, None);
    (event_loop, address, stop)
}

/// Plays the loop until a connection has a job.
fn next_job(event_loop: &mut EventLoop) -> (ConnectionId, Job) {
    loop {
        event_loop.poll().expect("the loop can poll");
        while let Some(connection) = event_loop.next_ready() {
            if let Some(job) = event_loop.turn(connection) {
                return (connection, job);
            }
        }
        event_loop.accept().expect("the loop can accept");
    }
}

fn ask(client: &mut TcpStream, n: &str) {
    let mut request = Vec::new();
    Request::append(&mut request, "pi", n);
    client.write_all(&request).expect("the request fits the socket");
}

fn reply(client: &mut TcpStream) -> String {
    let mut length = [0; 4];
    client.read_exact(&mut length).expect("a reply comes");
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    client.read_exact(&mut body).expect("the reply is whole");
    String::from_utf8(body).expect("JSON is UTF-8")
}
