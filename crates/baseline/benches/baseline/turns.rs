//! Two servers that are loaded in turn, a moment each, by a client each.
//!
//! Both serve on the same CPU, and both clients load from another. What else happens on the machine meanwhile, and how fast
//! it is, concerns both in the same way. Even where other programs compete for the CPUs, the ratio of the two costs repeats
//! to within a few percent.

use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::Bench;
use crate::shared::{Server, on_cpu};

/// How long each is loaded before it is the other's turn.
const TURN_MS: u16 = 150;

/// A program with its flags.
pub(crate) struct Program<'a> {
    pub(crate) name: &'a str,
    pub(crate) flags: Vec<&'a str>,
}

impl<'a> Program<'a> {
    /// Reads a name, and flags behind it.
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut words = text.split(' ');
        Self {
            name: words.next().expect("a text has a first word"),
            flags: words.collect(),
        }
    }
}

/// A server, and the client that loads it.
struct Loaded {
    server: Server,
    client: Child,
    /// The client ends when this is closed.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// The server's CPU time when the load began.
    before: Duration,
    /// Its CPU time per request in microseconds, once the load is over.
    cost_us: Option<f64>,
}

impl Bench {
    /// The CPU time per request of both servers in microseconds, with so many connections on each.
    ///
    /// # Errors
    /// If a connection was not served.
    pub(crate) fn costs_in_turn(&self, programs: [&str; 2], connections: &str) -> Result<[f64; 2], String> {
        let [first, second] = programs;
        let mut loaded = [
            self.load_server(first, connections)?,
            self.load_server(second, connections)?,
        ];
        for one in &mut loaded {
            one.before = cpu_of_tree(&one.server);
        }
        while loaded.iter().any(|one| one.cost_us.is_none()) {
            for one in loaded.iter_mut().filter(|one| one.cost_us.is_none()) {
                one.take_a_turn()?;
            }
        }
        Ok(loaded.map(|one| one.cost_us.expect("the load is over")))
    }

    /// A server with its client, which has opened its connections and is stopped.
    fn load_server(&self, program: &str, connections: &str) -> Result<Loaded, String> {
        let server = self.start(program);
        let mut command = Command::new(self.binaries.join("baseline-client"));
        command.args([&server.address, connections, &self.seconds]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = on_cpu(self.client_cpu, || command.spawn()).expect("the client can be started");
        let stdout = client.stdout.take().expect("it is a pipe");
        let mut loaded = Loaded {
            server,
            stdin: client.stdin.take(),
            stdout: BufReader::new(stdout),
            client,
            before: Duration::ZERO,
            cost_us: None,
        };
        let line = loaded.line();
        loaded.signal(Signal::SIGSTOP);
        if line.trim() == "loading" {
            Ok(loaded)
        } else {
            Err(format!(
                "{program} did not serve all of {connections} connections"
            ))
        }
    }
}

impl Loaded {
    /// Loads the server for a moment, or to the end of the load.
    fn take_a_turn(&mut self) -> Result<(), String> {
        self.signal(Signal::SIGCONT);
        let mut watched = [PollFd::new(self.stdout.get_ref().as_fd(), PollFlags::POLLIN)];
        let is_over = poll(&mut watched, PollTimeout::from(TURN_MS)).expect("a pipe can be polled") > 0;
        if is_over {
            let line = self.line();
            let cpu = cpu_of_tree(&self.server).saturating_sub(self.before);
            let requests = line
                .trim()
                .split(' ')
                .nth(2)
                .and_then(|count| count.parse::<f64>().ok());
            let requests = requests.ok_or("the client lost a connection")?;
            self.cost_us = Some(cpu.as_secs_f64() * 1e6 / requests);
        }
        self.signal(Signal::SIGSTOP);
        Ok(())
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a client prints text");
        line
    }

    fn signal(&self, signal: Signal) {
        // A client that has ended gets none.
        let _ = kill(Pid::from_raw(self.client.id().cast_signed()), signal);
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        self.stdin.take();
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// The CPU time of a server, with that of its worker processes and all their threads.
fn cpu_of_tree(server: &Server) -> Duration {
    let mut pids = vec![server.process.id()];
    let mut sum = Duration::ZERO;
    while let Some(pid) = pids.pop() {
        let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed()));
        // A process may end meanwhile.
        if let Ok(time) = clock.and_then(clock_gettime) {
            sum += Duration::from(time);
        }
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        pids.extend(
            children
                .split_whitespace()
                .filter_map(|child| child.parse::<u32>().ok()),
        );
    }
    sum
}
