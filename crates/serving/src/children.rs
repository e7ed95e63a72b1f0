//! Child processes: forked, reaped, and never left behind.
//!
//! Invariant of everything in here: the process has one thread. A fork copies only the thread that calls it, and a lock
//! that another one held would stay locked in the child for ever.

use std::collections::HashSet;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getpid, getppid};

use crate::limits::is_exhaustion;
use crate::listener::Listener;
use crate::signals::{Stop, Watch};
use crate::{Error, Result};

/// While children drain, the request to stop is repeated this often: one that came just before a child blocked in a
/// call would else go unnoticed.
const REPEAT: Duration = Duration::from_millis(50);

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// The new process.
    Child,
    /// The one that forked it.
    Parent,
}

/// The children of this process.
#[derive(Debug)]
pub struct Children {
    watch: Watch,
    alive: HashSet<Pid>,
}

impl Children {
    /// No children yet; from now on their ends are noticed.
    pub fn watch(stop: Stop) -> Result<Self> {
        Ok(Self {
            watch: Watch::start(stop.with_children())?,
            alive: HashSet::new(),
        })
    }

    /// What a child looks at to learn that it should stop: this process repeats the signal to it.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.watch.stop().supervised()
    }

    /// The signals of this process.
    pub(crate) fn signals(&self) -> &Watch {
        &self.watch
    }

    /// Waits for the next connection and accepts it, reaping meanwhile, or says that the process should stop.
    pub fn accept(&mut self, listener: &Listener) -> Result<Option<TcpStream>> {
        let Self { watch, alive } = self;
        watch.accept(listener, || while reap_one(alive).is_some() {})
    }

    /// Forks, and waits for that to be possible where the limit of processes is reached. Asked to stop meanwhile, it gives
    /// up, and this is the parent.
    pub fn fork(&mut self) -> Result<Fork> {
        while !self.watch.stopping() {
            match self.try_fork() {
                Ok(ForkResult::Child) => return Ok(Fork::Child),
                Ok(ForkResult::Parent { .. }) => return Ok(Fork::Parent),
                Err(Error::System { source, .. }) if is_exhaustion(&source) => {
                    self.watch.ride_out("fork", &source)?;
                    while self.reap().is_some() {}
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Fork::Parent)
    }

    /// Forks. The child dies with its parent, sees signals as they come, and has no children.
    pub(crate) fn try_fork(&mut self) -> Result<ForkResult> {
        let parent = getpid();
        let fork = fork_process().map_err(Error::system("fork"))?;
        match fork {
            ForkResult::Parent { child } => {
                self.alive.insert(child);
            }
            ForkResult::Child => {
                self.alive.clear();
                set_pdeathsig(Signal::SIGKILL).map_err(Error::system("tie a child to its parent"))?;
                if getppid() != parent {
                    // It died before the line above could see to it.
                    std::process::exit(1);
                }
                self.watch.release()?;
            }
        }
        Ok(fork)
    }

    /// Takes a child that has ended, so that it leaves no zombie: its process, and how it ended. Never blocks.
    pub(crate) fn reap(&mut self) -> Option<(Pid, WaitStatus)> {
        reap_one(&mut self.alive)
    }

    /// Asks all children to stop, waits for them to finish what has arrived, and at the end of the drain timeout kills
    /// what is left.
    pub fn drain(&mut self) -> Result<()> {
        let until = Instant::now() + self.watch.drain_timeout();
        loop {
            while self.reap().is_some() {}
            if self.alive.is_empty() {
                return Ok(());
            }
            let over = Instant::now() >= until;
            let signal = if over { Signal::SIGKILL } else { Signal::SIGTERM };
            for child in &self.alive {
                // It can only have ended already.
                let _ = kill(*child, signal);
            }
            self.watch.wait(None, Some(REPEAT))?;
        }
    }
}

fn reap_one(alive: &mut HashSet<Pid>) -> Option<(Pid, WaitStatus)> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return None,
            Ok(status) => {
                if let Some(pid) = status.pid().filter(|pid| alive.remove(pid)) {
                    return Some((pid, status));
                }
            }
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

#[allow(unsafe_code)]
fn fork_process() -> nix::Result<ForkResult> {
    // To look takes a descriptor, of which there may be none left.
    debug_assert!(
        thread_count().is_none_or(|threads| threads == 1),
        "a process that forks has one thread"
    );
    // SAFETY: this process has one thread (the invariant of this file), so the child's copy of memory is consistent: no
    // lock is held and no allocation is half done by a thread that the child does not have.
    unsafe { nix::unistd::fork() }
}

/// How many threads this process has, as far as the kernel tells.
fn thread_count() -> Option<usize> {
    std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}
