//! Child processes: forked, reaped, and never left behind.
//!
//! Invariant of this file: the process has one thread. A fork copies only the thread that calls it. A lock that another
//! thread held would stay locked in the child for ever.

use std::collections::HashSet;
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getpid, getppid};

use crate::error::{Error, Result};
use crate::limits::is_exhaustion;
use crate::listener::Listener;
use crate::log;
use crate::options::Options;
use crate::signals::{SAME_WITHIN, take_request};
use crate::stop::Stop;
use crate::watch::Watch;

/// While children drain, the request to stop is repeated this often. A child that was about to block in a call when it
/// came would not notice it otherwise.
pub(crate) const REPEAT: Duration = Duration::from_millis(50);

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// The new process.
    Child,
    /// The one that forked it, and the new process.
    Parent(Pid),
    /// The one that could fork none.
    Failed,
}

/// The children of this process.
#[derive(Debug)]
pub struct Children {
    watch: Watch,
    alive: HashSet<Pid>,
    /// The most children that [`accept`](Self::accept) allows, one for each connection.
    max_connections: Option<usize>,
    /// Set once the children have been asked to stop.
    drain: Option<Drain>,
    /// Where children get a process namespace of their own: its first process.
    namespace: Option<NamespaceInit>,
}

impl Children {
    /// No children yet. From now on the process notices when one ends.
    pub fn watch(stop: Stop) -> Result<Self> {
        let mut children = Self {
            watch: Watch::start(stop.with_children())?,
            alive: HashSet::new(),
            max_connections: None,
            drain: None,
            namespace: None,
        };
        if NamespaceInit::is_needed() {
            children.namespace = Some(NamespaceInit::fork(&mut children)?);
        }
        Ok(children)
    }

    /// For children that serve a connection each, as many as the flags allow. It fails if this process can't fork, because
    /// such a server must not announce itself.
    pub fn one_per_connection(options: &Options) -> Result<Self> {
        let mut children = Self {
            max_connections: options.max_connections(),
            ..Self::watch(Stop::install(options.drain_timeout)?)?
        };
        if let ForkResult::Child = children.try_fork()? {
            std::process::exit(0);
        }
        while !children.alive.is_empty() {
            children.reap();
            if !children.alive.is_empty() {
                children.watch.wait(&[], Some(REPEAT))?;
            }
        }
        Ok(children)
    }

    /// How a child learns that it should stop. This process repeats the signal to it.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.watch.stop().supervised()
    }

    /// The signals of this process.
    pub(crate) fn signals(&self) -> &Watch {
        &self.watch
    }

    /// Waits for the next connection and accepts it. Reaps children meanwhile. Returns none if the process should stop.
    ///
    /// With as many children as there may be connections, it waits for one of them to end first.
    pub fn accept(&mut self, listener: &Listener) -> Result<Option<TcpStream>> {
        if let Some(most) = self.max_connections {
            while self.alive.len() >= most && !self.watch.stopping() {
                self.watch.wait_while_full(listener, None)?;
                while self.reap().is_some() {}
            }
        }
        if self.watch.stopping() {
            // The drain timeout starts here, because many connections may be left that need a child.
            let asked = match self.drain {
                None => self.ask_to_stop(),
                Some(_) => self.time_left(),
            };
            while self.reap().is_some() {}
            if asked == Asked::TooLate {
                return Ok(None);
            }
        }
        let Self { watch, alive, .. } = self;
        watch.accept(listener, || while reap_one(alive).is_some() {})
    }

    /// Forks. At the limit of processes it waits until it can.
    ///
    /// The connection that the child is for has been accepted, so a request to stop is no reason to give up. The parent
    /// fails only if none could be forked until the end of the drain timeout.
    pub fn fork(&mut self) -> Result<Fork> {
        loop {
            match self.try_fork() {
                Ok(ForkResult::Child) => return Ok(Fork::Child),
                Ok(ForkResult::Parent { child }) => return Ok(Fork::Parent(child)),
                Err(Error::System { source, .. }) if is_exhaustion(&source) => {
                    self.watch.ride_out("fork", &source)?;
                    while self.reap().is_some() {}
                    // Other children make room as they end.
                    if self.watch.stopping() && self.ask_to_stop() == Asked::TooLate {
                        return Ok(Fork::Failed);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Forks. The child dies with its parent, receives signals at once, and has no children.
    pub(crate) fn try_fork(&mut self) -> Result<ForkResult> {
        let parent = getpid();
        let fork = fork_process().map_err(Error::system("fork"))?;
        match fork {
            ForkResult::Parent { child } => {
                self.alive.insert(child);
            }
            ForkResult::Child => {
                self.alive.clear();
                self.namespace = None;
                log::start_anew();
                set_pdeathsig(Signal::SIGKILL).map_err(Error::system("tie a child to its parent"))?;
                // A parent outside of the child's process namespace is process 0. If the parent died before the call
                // above, another process has taken its place.
                let parent_now = getppid();
                if parent_now != parent && parent_now.as_raw() != 0 {
                    std::process::exit(1);
                }
                self.watch.release()?;
            }
        }
        Ok(fork)
    }

    /// Reaps a child that has ended, so that it leaves no zombie. Returns its process and how it ended. Never blocks.
    pub(crate) fn reap(&mut self) -> Option<(Pid, WaitStatus)> {
        reap_one(&mut self.alive)
    }

    /// Asks all children to stop, and waits for them to finish what has arrived. At the end of the drain timeout, or at a
    /// second request to stop, it kills those that are left.
    pub fn drain(&mut self) -> Result<()> {
        loop {
            while self.reap().is_some() {}
            if self.alive.is_empty() {
                return match self.drain {
                    Some(Drain {
                        stopped_twice: true, ..
                    }) => Err(Error::StoppedTwice),
                    _ => Ok(()),
                };
            }
            self.ask_to_stop();
            self.watch.wait(&[], Some(REPEAT))?;
        }
    }

    /// Asks all children to stop; kills them once it is too late for that.
    fn ask_to_stop(&mut self) -> Asked {
        let asked = self.time_left();
        let signal = match asked {
            Asked::InTime => Signal::SIGTERM,
            Asked::TooLate => Signal::SIGKILL,
        };
        for child in &self.alive {
            // It can only have ended already.
            let _ = kill(*child, signal);
        }
        asked
    }

    /// Whether children have time to stop. The first call starts the drain timeout.
    pub(crate) fn has_time_left(&mut self) -> bool {
        self.time_left() == Asked::InTime
    }

    /// Whether the drain may go on: neither is its timeout over, nor has a second request to stop come. The first call
    /// starts the timeout.
    fn time_left(&mut self) -> Asked {
        let now = Instant::now();
        let drain = self.drain.get_or_insert(Drain {
            began: now,
            heeds_the_next: false,
            stopped_twice: false,
        });
        drain.stopped_twice |= take_request() && drain.heeds_the_next;
        drain.heeds_the_next |= now >= drain.began + SAME_WITHIN;
        let over = drain.stopped_twice || now >= drain.began + self.watch.drain_timeout();
        if over { Asked::TooLate } else { Asked::InTime }
    }
}

/// The state of a drain.
#[derive(Debug, Clone, Copy)]
struct Drain {
    began: Instant,
    /// A look after [`SAME_WITHIN`] has shown no further request, so the next one is a second one. Without that look, a
    /// first request that a busy machine delivers late would count as a second one.
    heeds_the_next: bool,
    /// A second request to stop has come.
    stopped_twice: bool,
}

/// Whether children that were asked to stop have time for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    InTime,
    TooLate,
}

/// The first process of the namespace that children are born into.
///
/// Under `unshare --pid` a process stays in its namespace, and its children are in a new one. The first child is the init
/// of the new namespace: when it ends, the kernel kills all others there, and refuses every further fork. So the first
/// child does nothing, and lives as long as the server.
#[derive(Debug)]
struct NamespaceInit {
    /// It closes when the server ends, and the process ends with it.
    _lives: UnixStream,
}

impl NamespaceInit {
    /// Whether children are born into another namespace than this process's own.
    fn is_needed() -> bool {
        let namespace = |name| std::fs::read_link(format!("/proc/self/ns/{name}"));
        match (namespace("pid"), namespace("pid_for_children")) {
            (Ok(own), Ok(of_children)) => own != of_children,
            // Before its first process there is no name for it.
            (Ok(_), Err(error)) => error.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }

    fn fork(children: &mut Children) -> Result<Self> {
        let (lives, mut ends) = UnixStream::pair().map_err(Error::system("make a socket pair"))?;
        match children.try_fork()? {
            ForkResult::Child => {
                drop(lives);
                // This process ignores the signals that interrupt the read.
                while ends.read(&mut [0]).is_err() {}
                std::process::exit(0);
            }
            ForkResult::Parent { child } => {
                // It serves nothing, so a drain does not wait for it.
                children.alive.remove(&child);
                Ok(Self { _lives: lives })
            }
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
    // Counting takes a descriptor, and there may be none left.
    debug_assert!(
        thread_count().is_none_or(|threads| threads == 1),
        "a process that forks has one thread"
    );
    // SAFETY: this process has one thread (the invariant of this file), so the child's copy of memory is consistent: no
    // lock is held and no allocation is half done by a thread that the child does not have.
    unsafe { nix::unistd::fork() }
}

/// How many threads this process has, if the kernel shows it.
fn thread_count() -> Option<usize> {
    std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}
