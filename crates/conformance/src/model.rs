//! A server model as the suite sees it: a program to start, and what its description promises.

use std::process::Command;

use nix::unistd::Pid;

use crate::description::{BlockHolds, CrashLoses, Description, Serves, WaitHolds, WorkerKind};
use crate::process::{Finished, Process};
use crate::server::Server;
use crate::wait::eventually;

/// The workers that a server has in most cases. One more than one, so that they can differ.
pub(crate) const WORKERS: usize = 2;

/// A server model: its program, and what the program promises of itself.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// The path of its program.
    pub(crate) exe: String,
    /// What its `--describe` prints.
    pub(crate) description: Description,
}

/// What follows from the description.
impl Model {
    pub(crate) fn name(&self) -> &str {
        &self.description.name
    }

    /// It serves one connection at a time, and the next waits.
    pub(crate) fn serves_one(&self) -> bool {
        self.description.serves == Serves::One
    }

    /// It serves as many connections at the same time as its descriptors, threads or processes allow.
    pub(crate) fn serves_many(&self) -> bool {
        self.description.serves == Serves::Many
    }

    /// It serves one connection for each of its workers.
    pub(crate) fn serves_one_per_worker(&self) -> bool {
        self.description.serves == Serves::Workers
    }

    /// It has a fixed set of workers: processes or threads.
    pub(crate) fn has_workers(&self) -> bool {
        self.description.workers.is_some()
    }

    /// It has a fixed set of worker processes, which it replaces when they die.
    pub(crate) fn has_worker_processes(&self) -> bool {
        self.description
            .workers
            .is_some_and(|workers| workers.kind == WorkerKind::Processes)
    }

    /// It has a fixed set of worker threads, in one process.
    pub(crate) fn has_worker_threads(&self) -> bool {
        self.description
            .workers
            .is_some_and(|workers| workers.kind == WorkerKind::Threads)
    }

    /// Connections wait without holding a thread: an event loop serves many of them.
    pub(crate) fn is_event_loop(&self) -> bool {
        self.description.wait_holds == WaitHolds::Nothing
    }

    /// A handler that blocks its thread stops other connections of the same loop.
    pub(crate) fn blocks_its_loop(&self) -> bool {
        self.is_event_loop() && self.description.block_holds != BlockHolds::Connection
    }

    /// It has more than one process. Where a crash loses less than everything, processes are what contains it.
    pub(crate) fn forks(&self) -> bool {
        self.has_worker_processes() || self.description.crash_loses != CrashLoses::Everything
    }

    /// A handler that blocks its thread stops no other connection.
    pub(crate) fn blocks_its_connection_only(&self) -> bool {
        self.description.block_holds == BlockHolds::Connection
    }

    /// It starts threads: for its connections, or as its workers.
    pub(crate) fn starts_threads(&self) -> bool {
        !self.forks() && (self.spawns() || self.has_worker_threads())
    }

    /// Its handlers run on other threads than its event loops, so that they stop no other connection.
    pub(crate) fn offloads(&self) -> bool {
        self.is_event_loop() && !self.blocks_its_loop()
    }

    /// Its workers serve connections, each those that it got. Where handlers run on workers, connections stay.
    pub(crate) fn serves_on_workers(&self) -> bool {
        self.has_workers() && !self.offloads()
    }

    /// It makes a thread or a process for each connection, so that it can be refused one.
    pub(crate) fn spawns(&self) -> bool {
        self.serves_many() && !self.has_workers() && !self.is_event_loop()
    }

    /// A process of it holds many connections, so that its descriptor table can be full.
    pub(crate) fn shares_descriptors(&self) -> bool {
        self.serves_many() && !(self.spawns() && self.forks())
    }

    /// Its first process accepts for its worker processes: there is only one way for connections to get to these.
    pub(crate) fn accepts_in_its_parent(&self) -> bool {
        self.has_worker_processes() && self.description.accept.is_empty()
    }

    /// It takes this value of `--accept`.
    pub(crate) fn accepts(&self, mode: &str) -> bool {
        self.description.accept.iter().any(|accept| accept == mode)
    }

    /// The flags for each way to accept that it has; no flags for a model with one way only.
    pub(crate) fn accept_flags(&self) -> Vec<Vec<&str>> {
        if self.description.accept.is_empty() {
            return vec![Vec::new()];
        }
        let modes = self.description.accept.iter();
        modes.map(|mode| vec!["--accept", mode.as_str()]).collect()
    }
}

/// Starting it.
impl Model {
    /// Starts the server with these flags on a port that the kernel chooses, and waits until it is ready. A model
    /// with workers has two, unless the flags give a number.
    #[track_caller]
    pub(crate) fn start(&self, flags: &[&str]) -> Server {
        self.start_with(self.command(flags), flags)
    }

    /// Starts a server that can serve this many connections at the same time.
    #[track_caller]
    pub(crate) fn start_for(&self, connections: usize, flags: &[&str]) -> Server {
        let workers = connections.to_string();
        let mut flags = flags.to_vec();
        if self.serves_one_per_worker() {
            flags.extend(["--workers", &workers]);
        }
        self.start(&flags)
    }

    /// Starts a server with one worker, if it has workers at all: then all connections share one event loop.
    #[track_caller]
    pub(crate) fn start_one_loop(&self, flags: &[&str]) -> Server {
        let mut flags = flags.to_vec();
        if self.has_workers() {
            flags.extend(["--workers", "1"]);
        }
        self.start(&flags)
    }

    /// Starts a server with as many workers as it has without `--workers`.
    #[track_caller]
    pub(crate) fn start_with_default_workers(&self) -> Server {
        let mut command = self.command(&[]);
        command.args(["--listen", "127.0.0.1:0"]);
        Server::start(self.name(), command)
    }

    /// Starts the server through a launcher: a program that sets a limit or a user, and then becomes the server.
    #[track_caller]
    pub(crate) fn start_by(&self, launcher: &[&str], flags: &[&str]) -> Server {
        self.start_with(self.launched(launcher, flags), flags)
    }

    /// The same for a server that may never be ready.
    #[track_caller]
    pub(crate) fn start_unready(&self, launcher: &[&str], flags: &[&str]) -> Process {
        let mut command = self.launched(launcher, flags);
        self.add_defaults(&mut command, flags);
        Process::start(self.name(), command)
    }

    #[track_caller]
    fn start_with(&self, mut command: Command, flags: &[&str]) -> Server {
        self.add_defaults(&mut command, flags);
        Server::start(self.name(), command)
    }

    fn add_defaults(&self, command: &mut Command, flags: &[&str]) {
        command.args(["--listen", "127.0.0.1:0"]);
        if self.has_workers() && !flags.contains(&"--workers") {
            command.args(["--workers", &WORKERS.to_string()]);
        }
    }

    /// Waits for the worker processes of a server that [`start`](Self::start) started: it is ready before it has forked
    /// them all.
    #[track_caller]
    pub(crate) fn wait_for_workers(&self, server: &Server) -> Vec<Pid> {
        if self.has_worker_processes() {
            return server.wait_for_workers(WORKERS);
        }
        Vec::new()
    }

    /// The workers that a server has at this moment, as processes or as threads.
    pub(crate) fn workers_now(&self, server: &Server) -> Vec<Pid> {
        if self.has_worker_processes() {
            server.tree().children()
        } else {
            server.tree().further_threads()
        }
    }

    /// Waits until there are exactly so many workers, processes or threads, and no zombie. Returns the workers.
    #[track_caller]
    pub(crate) fn wait_for_count(&self, server: &Server, count: usize) -> Vec<Pid> {
        let mut workers = Vec::new();
        eventually("there are as many workers as requested", || {
            workers = self.workers_now(server);
            workers.len() == count && server.tree().zombies() == 0
        });
        workers
    }

    /// Waits until these workers have ended and there are so many workers again, and returns the workers.
    #[track_caller]
    pub(crate) fn wait_for_replacements(&self, server: &Server, gone: &[Pid], count: usize) -> Vec<Pid> {
        let mut workers = Vec::new();
        eventually("the workers are replaced", || {
            workers = self.wait_for_count(server, count);
            gone.iter().all(|worker| !workers.contains(worker))
        });
        workers
    }

    /// Runs the server with exactly these flags, with which it must exit and never be ready.
    #[track_caller]
    pub(crate) fn run(&self, flags: &[&str]) -> Finished {
        Process::start(self.name(), self.command(flags)).finish_unready()
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(&self.exe);
        command.args(flags);
        command
    }

    fn launched(&self, launcher: &[&str], flags: &[&str]) -> Command {
        let (program, arguments) = launcher.split_first().expect("a launcher has a program");
        let mut command = Command::new(program);
        command.args(arguments).arg(&self.exe).args(flags);
        command
    }
}
