//! A line of `perf script`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// The fields that perf(1) is asked for. The name of the running thread is not one of them: it may be any text.
pub(super) const FIELDS: &str = "trace:pid,tid,cpu,time,event,trace";

/// An event, and the thread that ran on its CPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The number of the thread's process.
    pub(super) process: i32,
    /// The number of the thread: 0 for an idle CPU, and -1 for a thread that has ended.
    pub(super) thread: i32,
    /// The CPU.
    pub(super) cpu: u32,
    /// When, by the clock that perf(1) was asked for.
    pub(super) at_ns: u64,
    /// What happened.
    pub(super) event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// `sched_switch`: this CPU changes from one thread to the next.
    Switch {
        previous: i32,
        leaves: Leaves,
        next: i32,
    },
    /// `sched_waking` or `sched_wakeup_new`: this thread is woken.
    Waking { thread: i32 },
    /// `task_newtask`: this thread is made.
    New { thread: i32, is_of_same_process: bool },
    /// `task_rename`. Some kernels do not report which thread; then it is the running one.
    Rename {
        thread: Option<i32>,
        old: String,
        new: String,
    },
    /// `sys_enter`: the running thread enters the system call with this number.
    Enter { number: i64 },
    /// `sys_exit`: the running thread leaves it. The number is -1 after `rt_sigreturn`, which replaces all registers.
    Exit { number: i64 },
    /// `tcp_rcv_space_adjust`: the running thread has read from the connection whose other side has this port.
    Adjust { port: u16 },
    /// `sock_recv_length`: the running thread has called receive on the TCP socket at this address.
    Receive { socket: u64, length: i64 },
    /// `sock_send_length`: the same for send.
    Send { socket: u64, length: i64 },
    /// The two above, for a socket that is not of TCP.
    OtherSocket,
    /// perf(1) had no room for so many events.
    Lost { count: u64 },
}

/// The state in which a thread leaves its CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Runnable,
    Blocked,
    Ended,
}

/// Reads all lines. The error quotes the first one that is not understood.
pub(super) fn parse(text: &str) -> Result<Vec<Line>, String> {
    let records = records(text).into_iter();
    records
        .map(|record| line(record).ok_or_else(|| not_understood(record)))
        .collect()
}

fn not_understood(record: &str) -> String {
    const SHOWN: usize = 300;
    let shown: String = record.chars().take(SHOWN).collect();
    format!(
        "this line of perf script is not understood: {shown:?}; report it, with the version of perf and of the kernel"
    )
}

/// The records of a text. The name of a thread may contain the end of a line; then the record has more than one.
fn records(text: &str) -> Vec<&str> {
    let starts: Vec<usize> = LINE_START.find_iter(text).map(|start| start.start()).collect();
    // What stands before the first start is not understood either.
    let first = starts.first().copied().unwrap_or(text.len());
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let records = starts.iter().zip(ends).map(|(&from, to)| &text[from..to]);
    [&text[..first]]
        .into_iter()
        .filter(|before| !before.trim().is_empty())
        .chain(records)
        .collect()
}

const HEAD: &str = r" *(-?\d+)/(-?\d+) +\[(\d+)\] +(\d+)\.(\d{9}): +";

static LINE_START: LazyLock<Regex> = LazyLock::new(|| regex(&format!("(?m)^{HEAD}")));
static LINE: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!(r"(?s)^{HEAD}(PERF_RECORD_LOST\w*|[\w:]+:)(?: +(.*))?$")));
// Each of the next three has the form of the kernel first, and then that of libtraceevent's plugin for the scheduler.
static SWITCH: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"^(?:prev_comm=.* prev_pid=(?<a>\d+) prev_prio=-?\d+ prev_state=(?<b>\S+) ==> next_comm=.* next_pid=(?<c>\d+) next_prio=-?\d+",
        r"|.*:(?<d>\d+) \[-?\d+\] (?<e>\S+) ==> .*:(?<f>\d+) \[-?\d+\])$"
    ))
});
static WAKING: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"^(?:comm=.* pid=(?<a>\d+) prio=-?\d+ (?:success=\d+ )?target_cpu=\d+",
        r"|.*:(?<b>\d+) \[-?\d+\](?: success=\d+)? CPU:\d+)$"
    ))
});
static NEW: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^pid=(\d+) comm=.* clone_flags=([0-9a-f]+) oom_score_adj=-?\d+$"));
static RENAME: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(?:pid=(\d+) )?oldcomm=(.*?) newcomm=(.*) oom_score_adj=-?\d+$"));
static ENTER: LazyLock<Regex> = LazyLock::new(|| regex(r"^NR (-?\d+) \(.*\)$"));
static EXIT: LazyLock<Regex> = LazyLock::new(|| regex(r"^NR (-?\d+) = -?\d+$"));
static ADJUST: LazyLock<Regex> = LazyLock::new(|| regex(r"^(?:family=\S+ )?sport=\d+ dport=(\d+) saddr=.*$"));
static SOCKET: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"^sk address = (?:0x)?([0-9a-f]+), family = \S+ protocol = (\S+), length = (-?\d+), ",
        r"error = -?\d+, flags = 0x[0-9a-f]+$"
    ))
});
static LOST: LazyLock<Regex> = LazyLock::new(|| regex(r"^lost (\d+)"));

fn regex(pattern: &str) -> Regex {
    Regex::new(&format!("(?s){pattern}")).expect("the pattern is a regular expression")
}

fn line(record: &str) -> Option<Line> {
    let found = LINE.captures(record.trim_end_matches('\n'))?;
    let seconds: u64 = number(&found, 4)?;
    let nanoseconds: u64 = number(&found, 5)?;
    Some(Line {
        process: number(&found, 1)?,
        thread: number(&found, 2)?,
        cpu: number(&found, 3)?,
        at_ns: seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)?,
        event: event(&found[6], found.get(7).map_or("", |details| details.as_str()))?,
    })
}

fn event(name: &str, details: &str) -> Option<Event> {
    Some(match name {
        "sched:sched_switch:" => switch(details)?,
        "sched:sched_waking:" | "sched:sched_wakeup_new:" => {
            let found = WAKING.captures(details)?;
            let thread = found.name("a").or_else(|| found.name("b"))?;
            Event::Waking {
                thread: thread.as_str().parse().ok()?,
            }
        }
        "task:task_newtask:" => {
            /// `CLONE_THREAD` of `clone(2)`.
            const SAME_PROCESS: u64 = 0x1_0000;
            let found = NEW.captures(details)?;
            let flags = u64::from_str_radix(&found[2], 16).ok()?;
            Event::New {
                thread: number(&found, 1)?,
                is_of_same_process: flags & SAME_PROCESS != 0,
            }
        }
        "task:task_rename:" => {
            let found = RENAME.captures(details)?;
            let thread = found.get(1).map(|thread| thread.as_str().parse());
            Event::Rename {
                thread: thread.transpose().ok()?,
                old: found[2].to_owned(),
                new: found[3].to_owned(),
            }
        }
        "raw_syscalls:sys_enter:" => Event::Enter {
            number: number(&ENTER.captures(details)?, 1)?,
        },
        "raw_syscalls:sys_exit:" => Event::Exit {
            number: number(&EXIT.captures(details)?, 1)?,
        },
        "tcp:tcp_rcv_space_adjust:" => Event::Adjust {
            port: number(&ADJUST.captures(details)?, 1)?,
        },
        "sock:sock_recv_length:" => socket(details, |socket, length| Event::Receive { socket, length })?,
        "sock:sock_send_length:" => socket(details, |socket, length| Event::Send { socket, length })?,
        "PERF_RECORD_LOST" | "PERF_RECORD_LOST_SAMPLES" => Event::Lost {
            count: number(&LOST.captures(details)?, 1)?,
        },
        _ => return None,
    })
}

fn switch(details: &str) -> Option<Event> {
    let found = SWITCH.captures(details)?;
    let named = |one: &str, other: &str| Some(found.name(one).or_else(|| found.name(other))?.as_str());
    Some(Event::Switch {
        previous: named("a", "d")?.parse().ok()?,
        leaves: leaves(named("b", "e")?)?,
        next: named("c", "f")?.parse().ok()?,
    })
}

/// The letters are those of ps(1). A thread that is preempted has `R+`, or `R` where the kernel does not distinguish that.
fn leaves(state: &str) -> Option<Leaves> {
    match state {
        "R" | "R+" => Some(Leaves::Runnable),
        _ if !state.chars().all(|letter| "SDTtXZPIKWxN|".contains(letter)) => None,
        _ if state.contains(['X', 'Z']) => Some(Leaves::Ended),
        _ => Some(Leaves::Blocked),
    }
}

fn socket(details: &str, event: impl Fn(u64, i64) -> Event) -> Option<Event> {
    let found = SOCKET.captures(details)?;
    let (socket, length) = (u64::from_str_radix(&found[1], 16).ok()?, number(&found, 3)?);
    Some(if &found[2] == "IPPROTO_TCP" {
        event(socket, length)
    } else {
        Event::OtherSocket
    })
}

fn number<T: std::str::FromStr>(found: &Captures<'_>, place: usize) -> Option<T> {
    found.get(place)?.as_str().parse().ok()
}
