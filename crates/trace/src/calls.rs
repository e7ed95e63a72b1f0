//! System calls by what a thread that is in one waits for.

/// Calls in which a thread waits for whatever comes next: a connection, data, an event, a job, the end of a child. A thread in
/// one holds no request any more.
const FOR_NEXT: [&str; 29] = [
    "accept",
    "accept4",
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "poll",
    "ppoll",
    "select",
    "pselect6",
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

/// Calls that end when a time is over, and by nothing that another thread does.
const SLEEPS: [&str; 2] = ["nanosleep", "clock_nanosleep"];

/// Whether a thread in this call waits for whatever comes next.
pub(crate) fn waits_for_next(call: &str) -> bool {
    FOR_NEXT.contains(&call)
}

/// Whether this call ends when a time is over.
pub(crate) fn sleeps(call: &str) -> bool {
    SLEEPS.contains(&call)
}

/// Whether a thread in this call may wait at all. A source without context switches shows it as blocked.
pub(crate) fn may_block(call: &str) -> bool {
    call != "sched_yield" && waits_for_next(call) || sleeps(call)
}
