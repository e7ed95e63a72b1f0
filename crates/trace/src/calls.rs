//! System calls by what a thread that is in one waits for.

/// Calls in which a thread waits for whatever comes next: a connection, data, an event, a job, the end of a child. A thread in
/// one holds no request any more.
const FOR_NEXT: [&str; 25] = [
    "accept",
    "accept4",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "io_uring_enter",
    "io_getevents",
    "futex",
    "futex_wait",
    "futex_waitv",
    "wait4",
    "waitid",
    "rt_sigtimedwait",
    "rt_sigsuspend",
    "pause",
    "msgrcv",
    "mq_timedreceive",
    "semop",
    "semtimedop",
    "sched_yield",
];

/// Calls of [`FOR_NEXT`] that have other uses too: to wake, to submit. A thread waits in one only if it blocks.
const ALSO_FOR_OTHER: [&str; 4] = ["futex", "futex_wait", "futex_waitv", "io_uring_enter"];
/// Calls that end when a time is over, and by nothing that another thread does.
const SLEEPS: [&str; 2] = ["nanosleep", "clock_nanosleep"];
/// Calls that wait for a few descriptors or a time. A thread that handles one request at a time waits so in the middle of it.
const FOR_FEW: [&str; 4] = ["poll", "ppoll", "select", "pselect6"];

/// Whether a thread in this call waits for whatever comes next.
pub(crate) fn waits_for_next(call: &str) -> bool {
    FOR_NEXT.contains(&call)
}

/// Whether a thread in this call waits for whatever comes next only if it blocks.
pub(crate) fn waits_if_blocked(call: &str) -> bool {
    ALSO_FOR_OTHER.contains(&call)
}

/// Whether this call ends when a time is over.
pub(crate) fn sleeps(call: &str) -> bool {
    SLEEPS.contains(&call)
}

/// Whether a thread in this call may wait at all. A source without context switches shows it as blocked.
pub(crate) fn may_block(call: &str) -> bool {
    call != "sched_yield" && waits_for_next(call) || sleeps(call) || FOR_FEW.contains(&call)
}
