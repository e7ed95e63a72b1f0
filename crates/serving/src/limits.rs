//! What to do at the limits of descriptors and processes: go on serving, report it once, try again later.

use std::fs;
use std::io::{self, ErrorKind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::error::{Error, Result};
use crate::log;

/// How long to wait before another attempt at a full table. No event reports that another process has closed a descriptor,
/// so a process has to try again. Ten attempts a second cost next to nothing, and a connection that waits this long in the
/// backlog is not lost.
pub const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Whether a call ended without a result so that the process can look for signals: one came, or the timeout has passed
/// that the socket has for this purpose.
#[must_use]
pub fn is_interruption(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

/// Whether an error means that a table is full, of descriptors, processes or memory, and so may pass. fork(2) returns
/// EAGAIN for it.
#[must_use]
pub fn is_exhaustion(error: &io::Error) -> bool {
    let full = [
        Errno::EMFILE,
        Errno::ENFILE,
        Errno::ENOBUFS,
        Errno::ENOMEM,
        Errno::EAGAIN,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| full.contains(&Errno::from_raw(code)))
}

/// Whether `accept` failed because of the one connection that it would have returned: its peer has gone, or its network
/// has. The next connection is not affected (accept(2), "Error handling").
#[must_use]
pub fn is_peers_fault(error: &io::Error) -> bool {
    let passing = [
        Errno::ECONNABORTED,
        Errno::EPROTO,
        Errno::EPERM,
        Errno::ENETDOWN,
        Errno::ENETUNREACH,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| passing.contains(&Errno::from_raw(code)))
}

/// Whether `accept` failed because the listener has been closed by a process that shares it.
#[must_use]
pub fn is_closed(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EINVAL as i32)
}

/// Something that is reported once, by the first of several processes that meets it.
#[derive(Debug)]
pub struct Once {
    /// Whether this process has had its turn.
    done: AtomicBool,
    /// Among processes that were forked from one: holds a one, which the first of them takes.
    turn: OnceLock<EventFd>,
}

/// A table of the kernel is full.
pub(crate) static EXHAUSTED: Once = Once::new();

/// As many connections are open as `--max-connections` allows, and another one waits.
pub(crate) static FULL: Once = Once::new();

impl Once {
    const fn new() -> Self {
        Self {
            done: AtomicBool::new(false),
            turn: OnceLock::new(),
        }
    }

    /// Makes this once for this process and all that it forks from now on.
    pub(crate) fn share(&self) -> io::Result<()> {
        let one = EventFd::from_value_and_flags(1, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        // After a second call the event of the first one stays, which is the same.
        let _ = self.turn.set(one);
        Ok(())
    }

    /// Whether it is this process's turn to report, which it is once at most.
    fn take(&self) -> bool {
        !self.done.swap(true, Ordering::Relaxed) && self.turn.get().is_none_or(|turn| turn.read().is_ok())
    }
}

/// Reports, the first time only, that a limit of the system has been reached.
pub fn report_exhaustion_once(what: &str, error: &io::Error) {
    if EXHAUSTED.take() {
        log::message(format_args!(
            "can't {what}: {error}; it serves open connections, and accepts new ones when it can; raise the limit (ulimit -n, ulimit -u)"
        ));
    }
}

/// Reports, the first time only, that a connection waits because of `--max-connections`.
pub fn report_full_once() {
    if FULL.take() {
        log::message(
            "as many connections are open as --max-connections allows; further ones wait in the backlog",
        );
    }
}

/// Whether this process has reported that a connection waits because of `--max-connections`.
#[must_use]
pub fn full_was_reported() -> bool {
    FULL.done.load(Ordering::Relaxed)
}

/// Fails if this process can't map the stacks of so many more threads. The standard library aborts the process where it can't
/// map the signal stack of a new thread.
pub fn require_stacks(threads: usize) -> io::Result<()> {
    /// The stack and the signal stack of a thread, each with its guard page.
    const MAPPINGS: usize = 4;
    /// For what they allocate.
    const SPARE: usize = 500;
    let read = |path| fs::read_to_string(path).ok();
    let most = read("/proc/sys/vm/max_map_count").and_then(|most| most.trim().parse::<usize>().ok());
    let mapped = read("/proc/self/maps").map_or(0, |maps| maps.lines().count());
    // Where there is no limit to read, there is nothing to compare with.
    if most.is_some_and(|most| mapped + threads.saturating_mul(MAPPINGS) + SPARE > most) {
        return Err(io::Error::other(format!(
            "{threads} more would need more mappings of memory than the kernel allows; raise vm.max_map_count"
        )));
    }
    Ok(())
}

/// Fails if no descriptor is left for a connection: a server that could accept nothing must not announce itself.
pub(crate) fn require_spare_descriptor() -> Result<()> {
    EventFd::new()
        .map(drop)
        .map_err(Error::system("keep a descriptor for a connection"))
}
