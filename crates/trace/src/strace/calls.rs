//! The system calls of all threads, from the lines that strace wrote.

use std::collections::HashMap;

use super::effects::{self, Done, Effect, Sockets};
use super::line::{self, End, Line, What};
use crate::clock::Offset;
use crate::event::{Kind, Thread};
use crate::threads;

/// The system calls of a server. All times are those of `CLOCK_MONOTONIC`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    /// The calls in the order of their beginning.
    pub(crate) all: Vec<Call>,
    /// The threads that a signal stopped, and when.
    pub(crate) signals: Vec<(i32, u64)>,
    /// The threads that ended, and when.
    pub(crate) ended: Vec<(i32, u64)>,
    /// The time of each thread's first line.
    pub(crate) first_lines: HashMap<i32, u64>,
    /// How often data was received or sent on an accepted connection whose other side is unknown.
    pub(crate) on_unknown_sockets: u64,
}

/// A system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) thread: i32,
    pub(crate) name: String,
    pub(crate) entered_ns: u64,
    /// When it ended, if that is in the lines.
    pub(crate) left: Option<Left>,
    /// How long it took, if that is in the lines.
    pub(crate) took_ns: Option<u64>,
    /// What it did.
    pub(crate) effect: Option<Kind>,
}

/// When a call began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) entered_ns: u64,
    /// None if the call did not end, or if that was not recorded.
    pub(crate) left_ns: Option<u64>,
}

impl Call {
    /// When it had not ended yet: its written beginning plus its duration.
    pub(crate) fn ended_least_ns(&self) -> u64 {
        self.entered_ns.saturating_add(self.took_ns.unwrap_or(0))
    }
}

/// When a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// strace wrote the time, since another thread's line came between.
    At(u64),
    /// strace wrote only how long the call took, and this is the time of its next line. It measures that from the moment when
    /// the beginning is written. So the call ended later than its written beginning plus its duration.
    Before(u64),
}

/// How much later than its written beginning plus its duration a call ended, where the lines do not show how much that is.
const DELAY_NS: u64 = 30_000;
/// With fewer measured delays, none of them counts.
const DELAYS_LEAST: usize = 10;

impl Calls {
    /// Reads what strace wrote. The threads are those of the server when strace was attached, with the calls that they were in.
    pub(crate) fn read(text: &str, offset: Offset, threads: &[Thread], sockets: &mut Sockets) -> Self {
        let mut calls = Self::default();
        let mut pairing = Pairing::default();
        let lines: Vec<_> = text.lines().filter_map(line::parse).collect();
        for (place, line) in lines.iter().enumerate() {
            let line = Line {
                at_ns: offset.monotonic_ns(line.at_ns),
                ..*line
            };
            calls.first_lines.entry(line.thread).or_insert(line.at_ns);
            match line.what {
                What::Signal => calls.signals.push((line.thread, line.at_ns)),
                What::Ended => calls.ended.push((line.thread, line.at_ns)),
                What::Begun { .. } | What::Resumed { .. } | What::Whole { .. } => {
                    let next = lines.get(place + 1);
                    let next_ns = next.map_or(u64::MAX, |next| offset.monotonic_ns(next.at_ns));
                    pairing.take(line, next_ns.max(line.at_ns));
                }
            }
        }
        for done in pairing.paired.iter().filter_map(Paired::done) {
            sockets.learn(done);
        }
        let mut processes: HashMap<_, _> = threads
            .iter()
            .map(|thread| (thread.thread, thread.process))
            .collect();
        let attached_in = |number: i32| {
            let thread = threads.iter().find(|thread| thread.thread == number);
            thread.and_then(|thread| thread.call.as_deref())
        };
        for paired in pairing.paired {
            let process = processes.get(&paired.thread).copied().unwrap_or(paired.thread);
            let effect = paired
                .done()
                .and_then(|done| effects::effect(done, process, sockets));
            let effect = match effect {
                Some(Effect::Event(kind)) => Some(kind),
                Some(Effect::OnUnknownSocket) => {
                    calls.on_unknown_sockets += 1;
                    None
                }
                None => None,
            };
            if let Some(Kind::Started { process, thread }) = effect {
                processes.insert(thread, process);
            }
            calls.all.push(Call {
                name: name(&paired, attached_in(paired.thread)),
                thread: paired.thread,
                entered_ns: paired.entered_ns,
                left: paired.left,
                took_ns: paired.end.and_then(|end| end.took_ns),
                effect,
            });
        }
        calls
    }

    /// When each call began and ended. What strace did not write is estimated by the delays that it did write, and is late
    /// rather than early: no request may seem to be read before it was sent.
    pub(crate) fn times(&self) -> Vec<Times> {
        let delay_ns = self.delay_ns();
        let times = self.all.iter().map(|call| Times {
            entered_ns: call.entered_ns,
            left_ns: call.left.map(|left| match left {
                Left::At(at_ns) => at_ns,
                Left::Before(next_ns) => {
                    let least_ns = call.ended_least_ns();
                    least_ns.saturating_add(delay_ns).min(next_ns).max(least_ns)
                }
            }),
        });
        times.collect()
    }

    /// How much later than its written beginning plus its duration a call ends: a delay that one in ten exceeds.
    pub(crate) fn delay_ns(&self) -> u64 {
        let measured = self.all.iter().filter_map(|call| match call.left? {
            Left::At(at_ns) => call.took_ns.map(|_| at_ns.saturating_sub(call.ended_least_ns())),
            Left::Before(_) => None,
        });
        let mut delays: Vec<_> = measured.collect();
        if delays.len() < DELAYS_LEAST {
            return DELAY_NS;
        }
        delays.sort_unstable();
        delays[delays.len() * 9 / 10]
    }
}

/// The name of a call. One that continues after strace stopped it has the name of that one.
fn name(paired: &Paired<'_>, attached_in: Option<&str>) -> String {
    if paired.call == "restart_syscall" {
        let before = paired.arguments.split_once("resuming interrupted ");
        let before = before.and_then(|(_, rest)| rest.split_once(" ...>"));
        return match before {
            Some((call, _)) if call != "system call" => call.to_owned(),
            _ => attached_in.unwrap_or(paired.call).to_owned(),
        };
    }
    // strace has no name for a call that is newer than itself.
    let number = paired.call.strip_prefix("syscall_0x");
    match number.and_then(|number| usize::from_str_radix(number, 16).ok()) {
        Some(number) => threads::call_name(number),
        None => paired.call.to_owned(),
    }
}

/// The two halves of a call, put together.
#[derive(Debug)]
struct Paired<'a> {
    thread: i32,
    call: &'a str,
    arguments: String,
    entered_ns: u64,
    left: Option<Left>,
    end: Option<End<'a>>,
}

impl Paired<'_> {
    fn done(&self) -> Option<Done<'_>> {
        Some(Done {
            call: self.call,
            arguments: &self.arguments,
            result: self.end?.result,
        })
    }
}

#[derive(Debug, Default)]
struct Pairing<'a> {
    /// In the order of their beginning.
    paired: Vec<Paired<'a>>,
    /// The place of the call that each thread is in.
    open: HashMap<i32, usize>,
}

impl<'a> Pairing<'a> {
    /// Takes the next line, which strace wrote before this time.
    fn take(&mut self, line: Line<'a>, next_ns: u64) {
        match line.what {
            What::Begun { call, arguments } => {
                self.begin(line, call, arguments);
                self.open.insert(line.thread, self.paired.len() - 1);
            }
            What::Whole { call, arguments, end } => {
                self.begin(line, call, arguments);
                if let Some(paired) = self.paired.last_mut() {
                    // A call that never returns has no duration.
                    paired.left = end.took_ns.map(|_| Left::Before(next_ns));
                    paired.end = Some(end);
                }
            }
            What::Resumed { arguments, end } => {
                let Some(place) = self.open.remove(&line.thread) else {
                    return;
                };
                let paired = &mut self.paired[place];
                paired.arguments.push(' ');
                paired.arguments.push_str(arguments);
                paired.left = end.took_ns.map(|_| Left::At(line.at_ns));
                paired.end = Some(end);
            }
            What::Signal | What::Ended => {}
        }
    }

    fn begin(&mut self, line: Line<'a>, call: &'a str, arguments: &str) {
        if let Some(place) = self.open.remove(&line.thread) {
            // Its end is not written. It was before this call's beginning.
            self.paired[place].left = Some(Left::At(line.at_ns));
        }
        self.paired.push(Paired {
            thread: line.thread,
            call,
            arguments: arguments.to_owned(),
            entered_ns: line.at_ns,
            left: None,
            end: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, threads: &[Thread]) -> Calls {
        Calls::read(text, Offset::NONE, threads, &mut Sockets::default())
    }

    fn thread(number: i32, call: Option<&str>) -> Thread {
        Thread {
            process: 7,
            thread: number,
            name: "mu".to_owned(),
            call: call.map(ToOwned::to_owned),
        }
    }

    fn left(calls: &Calls) -> Vec<Option<u64>> {
        calls.times().iter().map(|times| times.left_ns).collect()
    }

    fn names(calls: &Calls) -> Vec<&str> {
        calls.all.iter().map(|call| &*call.name).collect()
    }

    #[test]
    fn calls_in_two_lines_are_put_together() {
        let text = "\
7 10.000000000 accept4(3<socket:[5]>,  <unfinished ...>
8 10.000000100 getpid()      = 7 <0.000000010>
7 10.000000400 <... accept4 resumed>{sa_family=AF_INET, sin_port=htons(81)}, [16], 0) = 4<socket:[6]> <0.000000300>
7 10.000000500 recvfrom(4<socket:[6]>, \"hello\", 9, 0, NULL, NULL) = 5 <0.000000020>
7 10.000000900 sendto(4<socket:[6]>, \"hello\", 5, 0, NULL, 0 <unfinished ...>
8 10.000000950 +++ exited with 0 +++
7 10.000001000 --- SIGTERM {si_signo=SIGTERM} ---
";
        let calls = read(text, &[]);
        assert_eq!(names(&calls), ["accept4", "getpid", "recvfrom", "sendto"]);
        let second = 10_000_000_000;
        let left = |place: usize| calls.all[place].left;
        assert_eq!(left(0), Some(Left::At(second + 400)));
        assert_eq!(left(1), Some(Left::Before(second + 400)));
        assert_eq!(left(3), None);
        assert_eq!(calls.all[2].effect, Some(Kind::Received { port: 81 }));
        assert_eq!(calls.all[3].effect, None);
        assert_eq!(calls.ended, [(8, second + 950)]);
        assert_eq!(calls.signals, [(7, second + 1_000)]);
        assert_eq!(calls.first_lines, HashMap::from([(7, second), (8, second + 100)]));
    }

    #[test]
    fn ends_that_are_not_written_are_late_rather_than_early() {
        let whole = "7 10.000000000 getpid() = 7 <0.000000010>\n";
        let at = 10_000_000_000;
        // Nothing was measured.
        let calls = read(whole, &[]);
        assert_eq!(left(&calls), [Some(at + 10 + DELAY_NS)]);
        // The next line limits it.
        let calls = read(
            &format!("{whole}8 10.000002000 getpid() = 7 <0.000000010>\n"),
            &[],
        );
        assert_eq!(left(&calls)[0], Some(at + 2_000));
        // Of ten measured delays of 1 to 10 µs, the last counts.
        let measured = (1..=10).map(|delay: u64| {
            format!(
                "8 9.000000000 read(0,  <unfinished ...>\n8 9.0000{:05} <... read resumed>) = 0 <0.000000000>\n",
                delay * 1_000
            )
        });
        let calls = read(&(measured.collect::<String>() + whole), &[]);
        assert_eq!(left(&calls).last(), Some(&Some(at + 10 + 10_000)));
    }

    #[test]
    fn a_call_that_continues_has_its_first_name() {
        let text = "\
7 10.000000000 restart_syscall(<... resuming interrupted system call ...> <unfinished ...>
8 10.000000100 restart_syscall(<... resuming interrupted system call ...>) = 0 <0.000000010>
7 10.000000200 <... restart_syscall resumed>) = ? ERESTART_RESTARTBLOCK (Interrupted by signal) <0.000000100>
7 10.000000300 --- SIGCHLD {si_signo=SIGCHLD} ---
7 10.000000400 restart_syscall(<... resuming interrupted nanosleep ...>) = 0 <0.000000010>
8 10.000000500 syscall_0x1c6(0x7f, 0) = 0 <0.000000010>
";
        let calls = read(text, &[thread(7, Some("ppoll")), thread(8, None)]);
        let newer = threads::call_name(0x1c6);
        assert_eq!(names(&calls), ["ppoll", "restart_syscall", "nanosleep", &newer]);
    }

    #[test]
    fn threads_of_threads_belong_to_their_process() {
        let text = "\
7 10.000000000 clone3({flags=CLONE_VM|CLONE_THREAD} <unfinished ...>
8 10.000000100 clone3({flags=CLONE_VM|CLONE_THREAD} => {parent_tid=[9]}, 88) = 9 <0.000000010>
7 10.000000200 <... clone3 resumed> => {parent_tid=[8]}, 88) = 8 <0.000000100>
9 10.000000300 clone(child_stack=NULL, flags=SIGCHLD) = 10 <0.000000010>
10 10.000000400 clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 11 <0.000000010>
";
        let calls = read(text, &[thread(7, None)]);
        let started: Vec<_> = calls.all.iter().map(|call| call.effect.clone()).collect();
        let started_as = |process: i32, thread: i32| Some(Kind::Started { process, thread });
        assert_eq!(
            started,
            [
                started_as(7, 8),
                started_as(7, 9),
                started_as(10, 10),
                started_as(10, 11)
            ]
        );
    }

    #[test]
    fn data_on_an_unknown_socket_is_counted() {
        let text = "\
7 10.000000000 accept(3<socket:[5]>, NULL, NULL) = 4<socket:[6]> <0.000000020>
7 10.000000100 read(4<socket:[6]>, \"hello\", 9) = 5 <0.000000020>
7 10.000000200 read(5<socket:[7]>, \"hello\", 9) = 5 <0.000000020>
";
        assert_eq!(read(text, &[]).on_unknown_sockets, 1);
        let mut sockets = Sockets::default();
        sockets.add(6, 81);
        let calls = Calls::read(text, Offset::NONE, &[], &mut sockets);
        assert_eq!(calls.on_unknown_sockets, 0);
        assert_eq!(calls.all[1].effect, Some(Kind::Received { port: 81 }));
    }

    proptest! {
        #[test]
        fn no_output_causes_a_panic(
            lines in prop::collection::vec("[0-9]{1,3} [0-9]{1,20}\\.[0-9]{9} (<\\.\\.\\. read resumed>|read\\(|clone\\(|\\+\\+\\+ exited)\
                [a-z0-9<>\\[\\]:, =)(\"-]{0,40}( <unfinished \\.\\.\\.>|\\) = [0-9]{0,12} <[0-9]{1,20}\\.[0-9]{9}>)?", 0..20),
        ) {
            let calls = read(&lines.join("\n"), &[thread(7, Some("read"))]);
            prop_assert_eq!(left(&calls).len(), calls.all.len());
        }
    }
}
