//! The end of a worker, so long after the window opens.

use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procfs::process::all_processes;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// Why system calls can't be counted.
pub(super) const NO_STRACE: &str = "its system calls can't be counted: there is no strace, or it may not trace (install it, \
                                    or leave the experiment out)";

/// A thread that kills a worker.
pub(super) struct Killer(JoinHandle<bool>);

impl Killer {
    /// Kills a child of this process, so long after something comes by the channel.
    pub(super) fn start(leader: Pid, after: Duration, mut draw: ChaCha8Rng) -> (Sender<()>, Self) {
        let (opens, opened) = mpsc::channel();
        let mut kill_one = move || {
            // An error means that the load can't begin.
            opened.recv().ok()?;
            thread::sleep(after);
            let workers = children(leader);
            let worker = workers.choose(&mut draw)?;
            kill(*worker, Signal::SIGKILL).ok()
        };
        (opens, Self(thread::spawn(move || kill_one().is_some())))
    }

    /// Whether there was a worker to kill.
    pub(super) fn has_killed(self) -> bool {
        self.0.join().expect("the killer panicked")
    }
}

/// The children of a process, by their numbers.
fn children(parent: Pid) -> Vec<Pid> {
    let all = all_processes().into_iter().flatten().flatten();
    let mut children: Vec<_> = all
        .filter_map(|process| process.stat().ok())
        .filter(|stat| stat.ppid == parent.as_raw())
        .map(|stat| Pid::from_raw(stat.pid))
        .collect();
    children.sort();
    children
}
