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
    /// `hrtimer_expire_entry` or `timer_expire_entry`: this CPU interrupts its thread for a timer that expires.
    TimerBegins,
    /// The end of that.
    TimerEnds,
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
        "timer:hrtimer_expire_entry:" | "timer:timer_expire_entry:" => Event::TimerBegins,
        "timer:hrtimer_expire_exit:" | "timer:timer_expire_exit:" => Event::TimerEnds,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(text: &str) -> Vec<Event> {
        let lines = parse(text).unwrap_or_else(|error| panic!("{error}"));
        lines.into_iter().map(|line| line.event).collect()
    }

    #[test]
    fn a_line_has_its_thread_its_cpu_and_its_time() {
        let text = "16992/-1    [012] 58869.348963334:    raw_syscalls:sys_exit: NR 1 = -11\n";
        let expected = Line {
            process: 16_992,
            thread: -1,
            cpu: 12,
            at_ns: 58_869_348_963_334,
            event: Event::Exit { number: 1 },
        };
        assert_eq!(parse(text), Ok(vec![expected]));
    }

    #[test]
    fn a_threads_name_may_be_any_text() {
        for name in [
            "a pid=1 b: c",
            "x:1 [2] R ==> y",
            "",
            "=> next_comm=z",
            "two\nlines",
            "ä\u{1}\\",
        ] {
            let text = format!(
                "1/1     [000] 1.000000001: sched:sched_switch: prev_comm={name} prev_pid=1 prev_prio=120 \
                 prev_state=S ==> next_comm={name} next_pid=2 next_prio=120\n\
                 0/0     [000] 1.000000002: sched:sched_waking: comm={name} pid=1 prio=120 target_cpu=000\n\
                 1/1     [000] 1.000000003: task:task_newtask: pid=3 comm={name} clone_flags=3d0f00 oom_score_adj=0\n\
                 1/1     [000] 1.000000004: task:task_rename: pid=3 oldcomm={name} newcomm=b oom_score_adj=-5\n"
            );
            let expected = [
                Event::Switch {
                    previous: 1,
                    leaves: Leaves::Blocked,
                    next: 2,
                },
                Event::Waking { thread: 1 },
                Event::New {
                    thread: 3,
                    is_of_same_process: true,
                },
                Event::Rename {
                    thread: Some(3),
                    old: name.to_owned(),
                    new: "b".to_owned(),
                },
            ];
            assert_eq!(events(&text), expected, "{name:?}");
        }
    }

    #[test]
    fn the_forms_of_other_versions_are_read() {
        // libtraceevent's plugin for the scheduler, a kernel of 2018, and one that does not report who was renamed.
        let text = "\
1/1 [000] 1.000000001: sched:sched_switch: a b:1 [120] R ==> swapper/0:0 [120]
0/0 [000] 1.000000002: sched:sched_wakeup_new: a b:1 [120] success=1 CPU:001
1/1 [000] 1.000000003: tcp:tcp_rcv_space_adjust: sport=80 dport=4000 saddr=127.0.0.1 daddr=127.0.0.1
1/1 [000] 1.000000004: task:task_rename: oldcomm=a newcomm=b oom_score_adj=0
1/1 [000] 1.000000005: task:task_newtask: pid=3 comm=a clone_flags=1200000 oom_score_adj=0
";
        let expected = [
            Event::Switch {
                previous: 1,
                leaves: Leaves::Runnable,
                next: 0,
            },
            Event::Waking { thread: 1 },
            Event::Adjust { port: 4000 },
            Event::Rename {
                thread: None,
                old: "a".to_owned(),
                new: "b".to_owned(),
            },
            Event::New {
                thread: 3,
                is_of_same_process: false,
            },
        ];
        assert_eq!(events(text), expected);
    }

    #[test]
    fn a_thread_leaves_its_cpu_in_one_of_three_states() {
        for (state, expected) in [
            ("R", Some(Leaves::Runnable)),
            ("R+", Some(Leaves::Runnable)),
            ("S", Some(Leaves::Blocked)),
            ("D", Some(Leaves::Blocked)),
            ("S|D", Some(Leaves::Blocked)),
            ("Z", Some(Leaves::Ended)),
            ("X", Some(Leaves::Ended)),
            ("?", None),
            ("0x402", None),
        ] {
            assert_eq!(leaves(state), expected, "{state}");
        }
    }

    #[test]
    fn only_sockets_of_tcp_are_followed() {
        let line = |protocol: &str| {
            format!(
                "1/1 [000] 1.000000001: sock:sock_send_length: sk address = 0xffff8882835e8900, family = AF_INET \
                 protocol = {protocol}, length = 112, error = 0, flags = 0x40\n"
            )
        };
        let send = Event::Send {
            socket: 0xffff_8882_835e_8900,
            length: 112,
        };
        assert_eq!(events(&line("IPPROTO_TCP")), [send]);
        assert_eq!(events(&line("0x0")), [Event::OtherSocket]);
    }

    #[test]
    fn a_line_that_is_not_understood_is_quoted() {
        for line in [
            "something else",
            "1/1 [000] 1.000000001: sched:sched_other: pid=1",
            "1/1 [000] 1.000000001: raw_syscalls:sys_exit: NR x = 0",
            "1/1 [000] 1.000000001: raw_syscalls:sys_exit: [FAILED TO PARSE] id=1 ret=0",
            "1/1 [000] 1.00000001: raw_syscalls:sys_exit: NR 1 = 0",
            "99999999999/1 [000] 1.000000001: raw_syscalls:sys_exit: NR 1 = 0",
            "1/1 [000] 99999999999999999999.000000001: raw_syscalls:sys_exit: NR 1 = 0",
        ] {
            let good = "1/1 [000] 1.000000001: raw_syscalls:sys_exit: NR 1 = 0\n";
            for text in [format!("{line}\n{good}"), format!("{good}{line}\n")] {
                let error = parse(&text).unwrap_err();
                assert!(error.contains(line), "{error}");
            }
        }
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*", line in 0_usize..40, at in 0_usize..200) {
            let _ = parse(&text);
            // A real line in which something stands that should not.
            let sample: Vec<_> = include_str!("samples/alpha.txt").lines().collect();
            let real = sample[line * 11];
            let at = at.min(real.len());
            let _ = parse(&format!("{}{text}{}\n", &real[..at], &real[at..]));
        }
    }
}
