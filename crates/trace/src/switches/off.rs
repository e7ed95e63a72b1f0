//! The times in which a thread did not run, and which of them are strace's.
//!
//! strace stops a thread when it enters a call and when it leaves it, and takes the time of its line while the thread stands
//! still. So a time off the CPU that contains such a time is a stop. Where strace wrote only how long a call took, the stop at
//! the call's end is the last wait that began before strace can have taken the time.

use std::collections::HashMap;

use super::records::{Record, What};
use crate::event::Kind;
use crate::strace::calls::{Call, Calls, Left, Times};

/// By how much a thread may seem to stop later than strace has seen it stop: the kernel reports the stop first.
const SEEN_BEFORE_NS: u64 = 20_000;

/// Calls in which a stop is due to the new thread, which strace traces too.
const STARTS: [&str; 3] = ["clone", "clone3", "vfork"];
/// Calls in which a thread stops once more before it ends.
const ENDS: [&str; 2] = ["exit", "exit_group"];

/// A time in which a thread did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Off {
    pub(super) from_ns: u64,
    /// The largest time if it never ran again.
    pub(super) to_ns: u64,
    /// Whether it could have continued.
    pub(super) runnable: bool,
    /// When strace let it continue, if strace stopped it. From then on it waited for a CPU.
    pub(super) stopped_until_ns: Option<u64>,
}

impl Off {
    /// Notes that strace stopped the thread, and let it continue about then.
    fn stop(&mut self, until_ns: u64) {
        let until_ns = until_ns.clamp(self.from_ns, self.to_ns);
        let later_ns = self
            .stopped_until_ns
            .map_or(until_ns, |other_ns| other_ns.max(until_ns));
        self.stopped_until_ns = Some(later_ns);
    }
}

/// The times in which each thread did not run.
#[derive(Debug, Default)]
pub(super) struct OffCpu(pub(super) HashMap<i32, Vec<Off>>);

impl OffCpu {
    /// Finds them in the records, which are in the order of time.
    pub(super) fn find(records: &[Record]) -> Self {
        let mut threads: HashMap<i32, Vec<Off>> = HashMap::new();
        for record in records {
            let offs = threads.entry(record.thread).or_default();
            match record.what {
                What::Out { runnable } => offs.push(Off {
                    from_ns: record.at_ns,
                    to_ns: u64::MAX,
                    runnable,
                    stopped_until_ns: None,
                }),
                What::In { .. } => {
                    if let Some(last) = offs.last_mut() {
                        last.to_ns = last.to_ns.min(record.at_ns);
                    }
                }
                What::Started { .. } | What::Named(_) | What::Ended => {}
            }
        }
        Self(threads)
    }

    /// Marks those that are strace's stops, and moves the calls to where these stops show that they were: a call begins when
    /// the first stop ends, and ends when the second begins.
    pub(super) fn mark_stops(&mut self, calls: &Calls, times: &mut [Times]) {
        // strace lets a thread continue when it has written its line.
        let writes_ns = calls.delay_ns();
        let mut own: HashMap<i32, Vec<usize>> = HashMap::new();
        for (place, call) in calls.all.iter().enumerate() {
            own.entry(call.thread).or_default().push(place);
        }
        for &(thread, at_ns) in &calls.signals {
            if let Some(offs) = self.0.get_mut(&thread) {
                mark_at(offs, at_ns, writes_ns);
            }
        }
        let started: Vec<_> = calls.all.iter().filter_map(started).collect();
        for (thread, places) in own {
            if let Some(offs) = self.0.get_mut(&thread) {
                mark_calls(offs, &places, calls, times, writes_ns);
                if started.contains(&thread) {
                    mark_first(offs);
                }
            }
        }
    }
}

fn started(call: &Call) -> Option<i32> {
    match call.effect {
        Some(Kind::Started { thread, .. }) => Some(thread),
        _ => None,
    }
}

/// Marks the stop that contains the time of a line, and returns its place.
fn mark_at(offs: &mut [Off], at_ns: u64, writes_ns: u64) -> Option<usize> {
    let place = offs.partition_point(|off| off.to_ns < at_ns);
    let off = offs.get_mut(place)?;
    if at_ns < off.from_ns || off.runnable {
        return None;
    }
    off.stop(at_ns.saturating_add(writes_ns));
    Some(place)
}

/// Marks the first wait as a stop without a line. A new thread has one before its first call, so that strace can trace it.
fn mark_first(offs: &mut [Off]) {
    if let Some(first) = offs.iter_mut().find(|off| !off.runnable) {
        first.stop(first.to_ns);
    }
}

/// Marks the stops of a thread's calls, which are in the order of time.
fn mark_calls(offs: &mut [Off], places: &[usize], calls: &Calls, times: &mut [Times], writes_ns: u64) {
    let entries: Vec<_> = places
        .iter()
        .map(|&place| mark_at(offs, calls.all[place].entered_ns, writes_ns))
        .collect();
    for (index, &place) in places.iter().enumerate() {
        let call = &calls.all[place];
        let entry = entries[index];
        // All between this call's first stop and the next call's.
        let first = entry.map_or_else(
            || offs.partition_point(|off| off.to_ns < call.entered_ns),
            |entry| entry + 1,
        );
        let next = entries[index + 1..].iter().flatten().next();
        let end = next.copied().unwrap_or(offs.len()).max(first);
        let resumed_ns = entry.map_or(call.entered_ns, |entry| offs[entry].to_ns);
        let exit = match call.left {
            Some(Left::At(at_ns)) => mark_at(offs, at_ns, writes_ns),
            Some(Left::Before(_)) => {
                mark_exit(&mut offs[first..end], call, resumed_ns, writes_ns).map(|exit| first + exit)
            }
            None => None,
        };
        let within = first..exit.unwrap_or(end);
        if STARTS.contains(&&*call.name) || ENDS.contains(&&*call.name) {
            mark_first(&mut offs[within]);
        }
        if entry.is_some() && resumed_ns < u64::MAX {
            times[place].entered_ns = resumed_ns;
        }
        if let Some(exit) = exit {
            times[place].left_ns = Some(offs[exit].from_ns);
        }
        // Without its stops, it has the times of strace, of which the end is an estimate.
        let Times { entered_ns, left_ns } = times[place];
        times[place].left_ns = left_ns.map(|left_ns| left_ns.max(entered_ns + 1));
    }
}

/// Marks the stop at the end of a call of which only the duration is known. strace measures it from a moment before the thread
/// continued, to one within the stop.
fn mark_exit(offs: &mut [Off], call: &Call, resumed_ns: u64, writes_ns: u64) -> Option<usize> {
    let most_ns = resumed_ns
        .saturating_add(call.took_ns?)
        .saturating_add(SEEN_BEFORE_NS);
    let fits = |off: &Off| !off.runnable && off.from_ns <= most_ns && off.to_ns >= call.ended_least_ns();
    let place = offs.iter().rposition(fits)?;
    // The beginning of its line was written before the duration began, and the rest after it ended.
    offs[place].stop(call.ended_least_ns().saturating_add(2 * writes_ns));
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: i32 = 7;

    fn out(at_ns: u64, runnable: bool) -> Record {
        Record {
            at_ns,
            thread: THREAD,
            what: What::Out { runnable },
        }
    }

    fn back(at_ns: u64) -> Record {
        Record {
            at_ns,
            thread: THREAD,
            what: What::In { cpu: 0 },
        }
    }

    fn call(name: &str, entered_ns: u64, took_ns: u64, left: Option<Left>) -> Call {
        Call {
            thread: THREAD,
            name: name.to_owned(),
            entered_ns,
            left,
            took_ns: left.map(|_| took_ns),
            effect: None,
        }
    }

    /// The times off the CPU that are stops, and the times of the calls.
    fn marked(records: &[Record], calls: Vec<Call>) -> (Vec<bool>, Vec<(u64, Option<u64>)>) {
        let calls = Calls {
            all: calls,
            ..Calls::default()
        };
        let mut off_cpu = OffCpu::find(records);
        let mut times = calls.times();
        off_cpu.mark_stops(&calls, &mut times);
        let stops = off_cpu.0[&THREAD]
            .iter()
            .map(|off| off.stopped_until_ns.is_some());
        let times = times.iter().map(|times| (times.entered_ns, times.left_ns));
        (stops.collect(), times.collect())
    }

    /// A thread that strace stops from 100 µs on for 50 µs, that waits in the call, and that strace stops again.
    fn waiting() -> Vec<Record> {
        vec![
            out(100_000, false),
            back(150_000),
            out(155_000, false),
            back(900_000),
            out(910_000, false),
            back(960_000),
        ]
    }

    #[test]
    fn a_wait_in_a_call_is_no_stop() {
        let left = Some(Left::At(925_000));
        let (stops, times) = marked(&waiting(), vec![call("read", 120_000, 790_000, left)]);
        assert_eq!(stops, [true, false, true]);
        assert_eq!(times, [(150_000, Some(910_000))]);
    }

    #[test]
    fn the_last_stop_is_found_by_the_duration() {
        // strace began to measure at 130 µs, and took the time at 915 µs.
        let left = Some(Left::Before(2_000_000));
        let mut records = waiting();
        // The program then waits without a call, and makes another.
        records.extend([
            out(1_200_000, false),
            back(1_300_000),
            out(1_400_000, false),
            back(1_450_000),
        ]);
        let calls = vec![
            call("read", 120_000, 785_000, left),
            call("close", 1_420_000, 0, None),
        ];
        let (stops, times) = marked(&records, calls);
        assert_eq!(stops, [true, false, true, false, true]);
        assert_eq!(times, [(150_000, Some(910_000)), (1_450_000, None)]);
    }

    #[test]
    fn a_preempted_thread_was_not_stopped() {
        let records = [
            out(100_000, false),
            back(150_000),
            out(155_000, true),
            back(158_000),
            out(160_000, false),
            back(210_000),
        ];
        let left = Some(Left::Before(400_000));
        let (stops, times) = marked(&records, vec![call("getpid", 120_000, 40_000, left)]);
        assert_eq!(stops, [true, false, true]);
        assert_eq!(times, [(150_000, Some(160_000))]);
    }

    #[test]
    fn a_thread_that_strace_let_continue_waits_for_a_cpu() {
        let records = [out(100_000, false), back(950_000)];
        let mut off_cpu = OffCpu::find(&records);
        let calls = Calls {
            all: vec![call("read", 120_000, 0, None)],
            ..Calls::default()
        };
        off_cpu.mark_stops(&calls, &mut calls.times());
        let stopped = off_cpu.0[&THREAD][0].stopped_until_ns;
        assert_eq!(stopped, Some(120_000 + calls.delay_ns()));
    }

    #[test]
    fn signals_and_new_threads_are_stops_too() {
        let signal = Calls {
            signals: vec![(THREAD, 120_000)],
            ..Calls::default()
        };
        let mut off_cpu = OffCpu::find(&waiting());
        off_cpu.mark_stops(&signal, &mut []);
        let stops = |off_cpu: &OffCpu| {
            off_cpu.0[&THREAD]
                .iter()
                .filter(|off| off.stopped_until_ns.is_some())
                .count()
        };
        assert_eq!(stops(&off_cpu), 1);

        // The parent stops in the call, and the child before its first one.
        let started = Call {
            thread: 6,
            effect: Some(Kind::Started {
                process: 6,
                thread: THREAD,
            }),
            ..call("clone3", 10_000, 10_000, Some(Left::At(30_000)))
        };
        let calls = Calls {
            all: vec![started, call("getpid", 920_000, 0, None)],
            ..Calls::default()
        };
        let mut off_cpu = OffCpu::find(&waiting());
        off_cpu.mark_stops(&calls, &mut calls.times());
        let stops: Vec<_> = off_cpu.0[&THREAD]
            .iter()
            .map(|off| off.stopped_until_ns.is_some())
            .collect();
        assert_eq!(stops, [true, false, true]);
    }

    #[test]
    fn a_call_without_switches_keeps_straces_times() {
        let left = Some(Left::At(121_000));
        let (stops, times) = marked(&[out(500_000, false)], vec![call("read", 120_000, 0, left)]);
        assert_eq!((stops, times), (vec![false], vec![(120_000, Some(121_000))]));
    }
}
