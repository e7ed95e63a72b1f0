//! What the description does not cover: the runtime with one thread, and jobs that run on the worker threads.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const EXE: &str = env!("CARGO_BIN_EXE_server-tokio");

const CURRENT_THREAD: [&str; 2] = ["--flavor", "current-thread"];

/// A server. Dropping it ends it.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(flags: &[&str]) -> Self {
        let mut child = Command::new(EXE)
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it prints a line");
        let address = line.trim_end().trim_start_matches("listening on ").to_owned();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the server listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a timeout can be set");
        stream
    }

    fn threads(&self) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        tasks.expect("the server runs").count()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {}", self.child.id())])
            .status();
        assert!(status.expect("a shell can be started").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(stream: &mut TcpStream, body: &str) {
    let length = u32::try_from(body.len()).expect("a short body");
    let frame = [&length.to_le_bytes()[..], body.as_bytes()].concat();
    stream.write_all(&frame).expect("the server takes a request");
}

fn receive(stream: &mut TcpStream) -> String {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a reply comes");
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut body).expect("a whole reply comes");
    String::from_utf8(body).expect("a reply is text")
}

#[test]
fn one_thread_serves_all_connections() {
    // The main thread waits for signals, and a blocking thread for jobs.
    let server = Server::start(&CURRENT_THREAD);
    let mut streams: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for stream in &mut streams {
        send(stream, r#"{"in":"sleep","params":60000}"#);
    }
    let mut other = server.connect();
    send(&mut other, r#"{"in":"ping","params":1}"#);
    assert!(receive(&mut other).contains("pong"));
    assert_eq!(server.threads(), 3);
}

#[test]
fn a_block_on_a_blocking_thread_delays_no_request() {
    let server = Server::start(&CURRENT_THREAD);
    let mut blocked = server.connect();
    send(&mut blocked, r#"{"in":"block","params":60000}"#);
    let mut other = server.connect();
    send(&mut other, r#"{"in":"block","params":1}"#);
    assert!(receive(&mut other).contains("blocked"));
}

/// All blocking threads are busy, and as many jobs as there are of them lose their peers meanwhile.
#[test]
fn jobs_of_reset_peers_get_no_blocking_thread() {
    const THREADS: usize = 512;
    // A busy machine needs longer until all jobs are there.
    for busy_ms in [3_000, 9_000, 27_000] {
        let server = Server::start(&[]);
        let mut busy: Vec<_> = (0..THREADS).map(|_| server.connect()).collect();
        for stream in &mut busy {
            send(stream, &format!(r#"{{"in":"block","params":{busy_ms}}}"#));
        }
        for _ in 0..THREADS + 100 {
            let mut peer = server.connect();
            send(&mut peer, r#"{"in":"ping","params":1}"#);
            send(&mut peer, r#"{"in":"block","params":60000}"#);
            peer.peek(&mut [0]).expect("the ping is answered");
            // To close a socket with unread bytes resets it.
            drop(peer);
        }
        busy[0].set_nonblocking(true).expect("a flag can be set");
        if busy[0].peek(&mut [0]).is_ok() {
            continue;
        }
        let mut next = server.connect();
        send(&mut next, r#"{"in":"block","params":10}"#);
        assert!(receive(&mut next).contains("blocked"));
        return;
    }
    panic!("the jobs were never there in time");
}

/// As many blocks as there are workers. One can be enough: while the worker that waits for events is blocked, nobody does.
#[test]
fn inline_blocks_delay_every_connection() {
    for flags in [&CURRENT_THREAD[..], &["--workers", "2"]] {
        let server = Server::start(&[flags, &["--blocking", "inline"]].concat());
        let mut streams: Vec<_> = (0..3).map(|_| server.connect()).collect();
        for stream in &mut streams {
            send(stream, r#"{"in":"ping","params":1}"#);
            receive(stream);
        }
        let [first, second, other] = &mut streams[..] else {
            unreachable!("there are three connections")
        };
        for blocked in [first, second] {
            send(blocked, r#"{"in":"block","params":60000}"#);
            thread::sleep(Duration::from_millis(100));
        }
        send(other, r#"{"in":"ping","params":2}"#);
        other
            .set_read_timeout(Some(Duration::from_millis(300)))
            .expect("a timeout can be set");
        assert!(
            other.read(&mut [0]).is_err(),
            "{flags:?}: it waits for the blocks"
        );
    }
}

#[test]
fn a_restart_and_a_drain_answer_what_had_arrived() {
    let mut server = Server::start(&[&CURRENT_THREAD[..], &["--drain-timeout", "60s"]].concat());
    let mut before = server.connect();
    send(&mut before, r#"{"in":"ping","params":1}"#);
    send(&mut before, r#"{"in":"sleep","params":500}"#);
    receive(&mut before);
    thread::sleep(Duration::from_millis(50));
    server.signal("HUP");
    assert!(receive(&mut before).contains("slept"));
    assert_eq!(before.read(&mut [0]).expect("a clean end"), 0);
    let mut after = server.connect();
    send(&mut after, r#"{"in":"ping","params":1}"#);
    send(&mut after, r#"{"in":"block","params":300}"#);
    receive(&mut after);
    thread::sleep(Duration::from_millis(50));
    server.signal("TERM");
    assert!(receive(&mut after).contains("blocked"));
    assert_eq!(server.child.wait().expect("it ends").code(), Some(0));
}

/// The old runtime drops the tasks that have not ended by then, and the new one goes on.
#[test]
fn a_replaced_runtime_ends_at_the_drain_timeout() {
    for flags in [&CURRENT_THREAD[..], &["--workers", "2"]] {
        let server = Server::start(&[flags, &["--drain-timeout", "300ms"]].concat());
        let mut asleep = server.connect();
        send(&mut asleep, r#"{"in":"ping","params":1}"#);
        send(&mut asleep, r#"{"in":"sleep","params":60000}"#);
        receive(&mut asleep);
        thread::sleep(Duration::from_millis(50));
        server.signal("HUP");
        let ended = asleep.read(&mut [0]);
        assert!(!matches!(ended, Ok(1)), "{flags:?}: {ended:?}");
        let mut next = server.connect();
        send(&mut next, r#"{"in":"ping","params":1}"#);
        assert!(receive(&mut next).contains("pong"));
    }
}

#[test]
fn it_takes_no_second_worker() {
    let stderr = conformance::refusal(EXE, &["--flavor", "current-thread", "--workers", "2"]);
    assert!(
        stderr.contains("--workers") && stderr.contains("--flavor"),
        "{stderr}"
    );
}
