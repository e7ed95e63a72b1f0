//! A server that is ready: where it listens, and what others can observe of it.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::client::{Client, request};
use crate::process::{Process, READY};
use crate::wait::{TIMEOUT, eventually, let_packets_arrive};

/// A server that is ready. Dropping it kills all its processes.
pub(crate) struct Server {
    process: Process,
    address: SocketAddr,
}

impl Server {
    /// Starts a server and waits for its ready line.
    #[track_caller]
    pub(crate) fn start(name: &str, command: Command) -> Self {
        let mut process = Process::start(name, command);
        eventually("the server prints that it is ready", || {
            if let Some(status) = process.try_wait() {
                panic!("{name} ended before it was ready: {status}");
            }
            process.printed_on_stdout().contains('\n')
        });
        Self::from_ready(process)
    }

    /// The server of a process that has printed its ready line.
    #[track_caller]
    pub(crate) fn from_ready(process: Process) -> Self {
        let stdout = process.printed_on_stdout();
        let address = stdout
            .lines()
            .next()
            .and_then(|line| line.strip_prefix(READY))
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("{stdout:?} is not a ready line"));
        Self { process, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new connection, which the kernel may have accepted before the server does.
    #[track_caller]
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address).expect("the server takes connections")
    }

    /// A new connection that the server has certainly accepted, because it has answered a ping on it.
    #[track_caller]
    pub(crate) fn connect_served(&self) -> Client {
        let mut client = self.connect();
        client.expect_pong();
        client
    }

    /// A new connection on which the server has begun to serve these requests. They follow a ping in the same write, so
    /// that its reply shows that all of them have arrived.
    #[track_caller]
    pub(crate) fn connect_with(&self, requests: impl AsRef<[u8]>) -> Client {
        let mut client = self.connect();
        client.send([&request("ping", r#""arrived""#), requests.as_ref()].concat());
        client.receive().is("pong", r#""arrived""#);
        client
    }

    /// A new connection with a `sleep` of so many milliseconds in progress.
    #[track_caller]
    pub(crate) fn connect_asleep(&self, time_ms: &str) -> Client {
        let client = self.connect_with(request("sleep", time_ms));
        let_packets_arrive();
        client
    }

    /// Waits until there are exactly so many worker processes and no zombie, and returns the workers.
    #[track_caller]
    pub(crate) fn wait_for_workers(&self, count: usize) -> Vec<Pid> {
        let mut workers = Vec::new();
        eventually("there are as many workers as requested", || {
            let tree = self.tree();
            workers = tree.children();
            workers.len() == count && tree.zombies() == 0
        });
        workers
    }

    /// Waits until these workers have ended and there are so many workers again, and returns the workers.
    #[track_caller]
    pub(crate) fn wait_for_replacements(&self, gone: &[Pid], count: usize) -> Vec<Pid> {
        let mut workers = Vec::new();
        eventually("the workers that died are replaced", || {
            workers = self.wait_for_workers(count);
            gone.iter().all(|pid| !workers.contains(pid))
        });
        workers
    }

    /// The process that serves this connection.
    #[track_caller]
    pub(crate) fn process_of(&self, client: &Client) -> Pid {
        let found = self.tree().process_of(self.address.port(), client.port());
        found.expect("a process of the server has the connection")
    }

    /// Asserts that a new connection is served.
    #[track_caller]
    pub(crate) fn expect_service(&self) {
        drop(self.connect_served());
    }

    /// The CPU time in seconds that the server uses in so much time from now.
    pub(crate) fn cpu_s_within(&self, time: Duration) -> f64 {
        let before_s = self.tree().cpu_s();
        thread::sleep(time);
        self.tree().cpu_s() - before_s
    }

    /// Waits until the server has nothing left to do: until it has used no CPU time for a while. Meanwhile it calls
    /// `check` repeatedly.
    #[track_caller]
    pub(crate) fn wait_until_idle(&self, mut check: impl FnMut()) {
        const STILL: Duration = Duration::from_millis(300);
        let deadline = Instant::now() + TIMEOUT;
        let mut cpu_s = self.tree().cpu_s();
        let mut since = Instant::now();
        while since.elapsed() < STILL {
            check();
            thread::sleep(Duration::from_millis(10));
            let now_s = self.tree().cpu_s();
            if now_s > cpu_s {
                assert!(
                    Instant::now() < deadline,
                    "the server is still busy after {TIMEOUT:?}"
                );
                cpu_s = now_s;
                since = Instant::now();
            }
        }
    }
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
