//! A server that is ready: where it listens, and what can be seen of it from outside.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::patience::{PATIENCE, eventually};
use crate::process::{Process, READY};

/// A server that is ready. Dropping it kills all that is left of it.
pub(crate) struct Server {
    process: Process,
    address: SocketAddr,
}

impl Server {
    /// Starts a server and waits for its ready line.
    #[track_caller]
    pub(crate) fn start(name: &'static str, command: Command) -> Self {
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

    /// A new connection that the server has accepted for certain, because it has answered on it.
    #[track_caller]
    pub(crate) fn connect_served(&self) -> Client {
        let mut client = self.connect();
        client.pings();
        client
    }

    /// Asserts that a new connection is served.
    #[track_caller]
    pub(crate) fn serves(&self) {
        drop(self.connect_served());
    }

    /// Waits until the server has nothing left to do: until its CPU time has stood still for a while. Calls `check`
    /// again and again meanwhile.
    #[track_caller]
    pub(crate) fn settles(&self, mut check: impl FnMut()) {
        const STILL: Duration = Duration::from_millis(300);
        let deadline = Instant::now() + PATIENCE;
        let mut cpu_s = self.tree().cpu_s();
        let mut since = Instant::now();
        while since.elapsed() < STILL {
            check();
            thread::sleep(Duration::from_millis(10));
            let now_s = self.tree().cpu_s();
            if now_s > cpu_s {
                assert!(
                    Instant::now() < deadline,
                    "the server is still busy after {PATIENCE:?}"
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
