//! At the limits of descriptors and processes: go on with what there is, say so once, try again later.

use std::io::{self, ErrorKind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::options::program;
use crate::telling::tell;

/// How long to leave a full table alone. Nothing tells a process that another has closed a descriptor, so it has to look
/// again; ten looks a second cost nothing, and a connection that waits this long in the backlog is not lost.
pub const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Whether a call ended without a result only so that the process looks around: for a signal, or because the socket's
/// timeout, which is there for that, has passed.
#[must_use]
pub fn is_interruption(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}

/// Whether an error says that a table is full, of descriptors, processes or memory, and so may pass. EAGAIN is how
/// fork(2) says it.
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

/// Whether `accept` failed for the sake of the one connection that it would have given: the peer has gone already, or
/// the network under it has. The next one is as good as any (see accept(2), "Error handling").
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

/// Whether this process has told.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Among processes that were forked from one: holds a one, which the first of them to tell takes.
static TURN_TO_TELL: OnceLock<EventFd> = OnceLock::new();

/// Has this process and all that it forks from now on [tell](tell_once) once between them.
pub(crate) fn tell_once_for_all() -> io::Result<()> {
    let one = EventFd::from_value_and_flags(1, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
    // A second call would find the first one's, which does as well.
    let _ = TURN_TO_TELL.set(one);
    Ok(())
}

/// Says on stderr, the first time only, that a limit has been reached.
pub fn tell_once(what: &str, error: &io::Error) {
    let is_first =
        !TOLD.swap(true, Ordering::Relaxed) && TURN_TO_TELL.get().is_none_or(|turn| turn.read().is_ok());
    if is_first {
        tell(format_args!(
            "{}: can't {what}: {error}; serving those it has, and taking new ones when it can again (see ulimit -n, ulimit -u)",
            program()
        ));
    }
}
