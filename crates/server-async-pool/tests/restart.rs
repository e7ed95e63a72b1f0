//! SIGHUP: every thread of the pool is replaced, and no connection closes. None of them receives a signal.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use protocol::Request;

const TIMEOUT: Duration = Duration::from_secs(30);

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_server-async-pool"))
            .args(["--listen", "127.0.0.1:0", "--workers", "3", "--queue", "1"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("the ready line");
        let address = line.trim().strip_prefix("listening on ").expect("the ready line");
        let address = address.to_owned();
        Self { process, address }
    }

    /// The threads beside the first, which has the loop.
    fn workers(&self) -> BTreeSet<String> {
        let pid = self.process.id().to_string();
        fs::read_dir(format!("/proc/{pid}/task"))
            .expect("the server runs")
            .map(|entry| entry.expect("a thread").file_name())
            .map(|name| name.into_string().expect("a number"))
            .filter(|thread| *thread != pid)
            .collect()
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !holds(self) {
            assert!(Instant::now() < deadline, "this did not happen: {what}");
            thread::sleep(Duration::from_millis(3));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn send(client: &mut TcpStream, operation: &str, params: &str) {
    let mut request = Vec::new();
    Request::append(&mut request, operation, params);
    client.write_all(&request).expect("the server reads");
}

fn receive(client: &mut TcpStream) -> String {
    let mut prefix = [0; 4];
    client.read_exact(&mut prefix).expect("a reply");
    let mut body = vec![0; u32::from_le_bytes(prefix) as usize];
    client.read_exact(&mut body).expect("a whole reply");
    String::from_utf8(body).expect("a reply is text")
}

#[test]
fn a_restart_replaces_every_thread_and_closes_no_connection() {
    let server = Server::start();
    let mut clients: Vec<_> = (0..9)
        .map(|_| {
            let client = TcpStream::connect(&server.address).unwrap();
            client.set_read_timeout(Some(TIMEOUT)).unwrap();
            client
        })
        .collect();
    for _ in 0..3 {
        for client in &mut clients {
            send(client, "ping", "1");
            send(client, "block", "50");
        }
        for client in &mut clients {
            assert_eq!(receive(client), r#"{"out":"pong","result":1}"#);
        }
        let before = server.workers();
        kill(Pid::from_raw(server.process.id().cast_signed()), Signal::SIGHUP).unwrap();
        for client in &mut clients {
            assert_eq!(receive(client), r#"{"out":"blocked","result":50}"#);
        }
        server.wait_until("three other threads are there", |server| {
            let now = server.workers();
            now.len() == 3 && now.is_disjoint(&before)
        });
    }
}

/// A signal that a worker received would not end the wait of the loop.
#[test]
fn no_worker_receives_a_signal() {
    let server = Server::start();
    for worker in server.workers() {
        let status =
            fs::read_to_string(format!("/proc/{}/task/{worker}/status", server.process.id())).unwrap();
        let blocked = status
            .lines()
            .find_map(|line| line.strip_prefix("SigBlk:"))
            .unwrap();
        let blocked = u64::from_str_radix(blocked.trim(), 16).unwrap();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGCHLD] {
            assert_ne!(
                blocked & 1 << (signal as u32 - 1),
                0,
                "{signal} in thread {worker}"
            );
        }
    }
}
