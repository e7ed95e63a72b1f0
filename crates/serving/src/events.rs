//! What a supervisor has to act on that does more than replace workers.

use nix::unistd::Pid;

/// What a supervisor that accepts has to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The worker of this slot is due: fork it.
    Vacancy(usize),
    /// Something has happened to a worker.
    Worker(Pid, Change),
    /// A descriptor is ready, or the time is over.
    Woken,
    /// The server should stop.
    Stop,
}

/// What can happen to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It serves from now on.
    Ready,
    /// It has no descriptor for another connection.
    Full,
    /// It drains, and takes no more connections.
    Drains,
    /// Its process has ended.
    Ended,
}
