//! A server model as the suite sees it: a program, and what may be expected of it.

use std::process::Command;

use crate::patience::eventually;
use crate::process::{Finished, Process};
use crate::server::Server;

/// A server model as the suite sees it: a program to start, and what may be expected of it.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// The model's name, as in files, tables and plots: its crate's without `server-`.
    pub name: &'static str,
    /// The path of its program.
    pub exe: &'static str,
    /// What may be expected of it beyond what is expected of every model.
    pub traits: Traits,
}

/// What may be expected of a model beyond what is expected of every model: each trait adds cases of its own.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact about a model, and they are independent"
)]
pub struct Traits {
    /// It serves one connection at a time, and the next waits.
    pub one_connection: bool,
    /// It serves several connections at once, perhaps only as many as it has workers.
    pub several_connections: bool,
    /// It serves as many connections at once as its descriptors or processes allow.
    pub many_connections: bool,
    /// It has a fixed set of worker processes.
    pub workers: bool,
    /// It has more than one process, which it forks.
    pub forking: bool,
    /// Each worker serves one connection at a time.
    pub connection_per_worker: bool,
    /// It can wait for something without holding its thread.
    pub event_loop: bool,
    /// Each worker has an event loop.
    pub loop_per_worker: bool,
    /// A process of it holds many connections, so that its descriptor table can be full.
    pub shared_descriptors: bool,
    /// It makes a thread or a process for each connection, so that it can be refused one.
    pub spawning: bool,
}

impl Traits {
    /// What is expected of every model, and nothing else.
    pub const NONE: Self = Self {
        one_connection: false,
        several_connections: false,
        many_connections: false,
        workers: false,
        forking: false,
        connection_per_worker: false,
        event_loop: false,
        loop_per_worker: false,
        shared_descriptors: false,
        spawning: false,
    };
}

impl Model {
    /// Starts the server with these flags on a port that the kernel chooses, and waits until it is ready. A model
    /// with workers has two, unless the flags say how many.
    #[track_caller]
    pub(crate) fn start(&self, flags: &[&str]) -> Server {
        self.start_with(self.command(flags), flags)
    }

    /// Starts a server that can serve this many connections at once.
    #[track_caller]
    pub(crate) fn start_for(&self, connections: usize, flags: &[&str]) -> Server {
        let workers = connections.to_string();
        let mut flags = flags.to_vec();
        if self.traits.connection_per_worker {
            flags.extend(["--workers", &workers]);
        }
        self.start(&flags)
    }

    /// Starts a server with an event loop in one process only, whatever the model does with more.
    #[track_caller]
    pub(crate) fn start_one_loop(&self, flags: &[&str]) -> Server {
        let mut flags = flags.to_vec();
        if self.traits.workers {
            flags.extend(["--workers", "1"]);
        }
        self.start(&flags)
    }

    /// Starts the server by way of another program that ends in becoming it: one that sets a limit or a user first.
    #[track_caller]
    pub(crate) fn start_by(&self, launcher: &[&str], flags: &[&str]) -> Server {
        let (program, arguments) = launcher.split_first().expect("a launcher has a program");
        let mut command = Command::new(program);
        command.args(arguments).arg(self.exe).args(flags);
        self.start_with(command, flags)
    }

    /// The same for a server that may never be ready.
    #[track_caller]
    pub(crate) fn start_unready(&self, launcher: &[&str], flags: &[&str]) -> Process {
        let (program, arguments) = launcher.split_first().expect("a launcher has a program");
        let mut command = Command::new(program);
        command.args(arguments).arg(self.exe).args(flags);
        self.add_defaults(&mut command, flags);
        Process::start(self.name, command)
    }

    #[track_caller]
    fn start_with(&self, mut command: Command, flags: &[&str]) -> Server {
        self.add_defaults(&mut command, flags);
        Server::start(self.name, command)
    }

    fn add_defaults(&self, command: &mut Command, flags: &[&str]) {
        command.args(["--listen", "127.0.0.1:0"]);
        if self.traits.workers && !flags.contains(&"--workers") {
            command.args(["--workers", "2"]);
        }
    }

    /// Waits for the two workers of a model that has workers: a server is ready before it has forked them all.
    #[track_caller]
    pub(crate) fn has_its_workers(&self, server: &Server) {
        if self.traits.workers {
            eventually("the workers are there", || server.tree().children().len() == 2);
        }
    }

    /// Runs the server with exactly these flags, of which it is expected to make an end by itself.
    #[track_caller]
    pub(crate) fn run(&self, flags: &[&str]) -> Finished {
        Process::start(self.name, self.command(flags)).finish_unready()
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(self.exe);
        command.args(flags);
        command
    }
}
