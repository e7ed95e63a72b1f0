//! One recording of the context switches and the system calls.

use std::collections::{HashMap, HashSet};

use super::off::OffCpu;
use super::records::{Record, What};
use crate::event::{Event, Kind};
use crate::strace::tracing::Traced;

/// The call in which a thread is that strace stops.
const STOP: &str = "ptrace stop";

/// The order of events at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// A thread begins before it does anything.
    Started,
    /// What a call did, it did before it ended.
    Effect,
    /// A call ends when the stop begins.
    CallExit,
    Out,
    StopEnter,
    In,
    StopExit,
    /// A stopped thread waits for a CPU.
    Continues,
    /// A call begins when the stop ends.
    CallEnter,
    Named,
    Ended,
    LastOut,
}

/// Merges both, within the time of the recording. The calls get the times that the switches show.
pub(super) fn merge(records: &[Record], traced: &mut Traced) -> Vec<Event> {
    let mut off_cpu = OffCpu::find(records);
    off_cpu.mark_stops(&traced.calls, &mut traced.times);
    traced.find_calls_at_beginning();
    let mut merge = Merge {
        from_ns: traced.from_ns,
        to_ns: traced.to_ns,
        known: traced.threads.iter().map(|thread| thread.thread).collect(),
        events: Vec::new(),
    };
    merge.add_beginning(records);
    for record in records {
        merge.add_record(record);
    }
    let begin_ns = traced.from_ns;
    for (&thread, offs) in &off_cpu.0 {
        for off in offs {
            let until_ns = off.stopped_until_ns.filter(|&until_ns| until_ns >= begin_ns);
            let Some(until_ns) = until_ns else { continue };
            let from_ns = off.from_ns.max(begin_ns);
            merge.add(from_ns, Order::StopEnter, thread, Kind::Enter(STOP.to_owned()));
            merge.add(until_ns, Order::StopExit, thread, Kind::Exit(STOP.to_owned()));
            if until_ns < off.to_ns {
                let kind = Kind::SwitchOut { runnable: true };
                merge.add(until_ns, Order::Continues, thread, kind);
            }
        }
    }
    for (call, times) in traced.calls.all.iter().zip(&traced.times) {
        let name = || call.name.clone();
        merge.add(
            times.entered_ns,
            Order::CallEnter,
            call.thread,
            Kind::Enter(name()),
        );
        let Some(left_ns) = times.left_ns else { continue };
        // The kernel itself reports threads and names.
        if let Some(effect @ (Kind::Received { .. } | Kind::Sent { .. })) = &call.effect {
            merge.add(left_ns, Order::Effect, call.thread, effect.clone());
        }
        merge.add(left_ns, Order::CallExit, call.thread, Kind::Exit(name()));
    }
    merge.finish()
}

struct Merge {
    from_ns: u64,
    to_ns: u64,
    /// The threads of the server.
    known: HashSet<i32>,
    events: Vec<(Order, Event)>,
}

impl Merge {
    fn add(&mut self, at_ns: u64, order: Order, thread: i32, kind: Kind) {
        if (self.from_ns..=self.to_ns).contains(&at_ns) {
            self.events.push((order, Event { at_ns, thread, kind }));
        }
    }

    /// What each thread did when the recording began, by its last switch before.
    fn add_beginning(&mut self, records: &[Record]) {
        let mut last: HashMap<i32, Kind> = HashMap::new();
        for record in records.iter().take_while(|record| record.at_ns < self.from_ns) {
            last.extend(switch(&record.what).map(|kind| (record.thread, kind)));
        }
        for thread in self.known.clone() {
            // One that did not switch has waited all the time.
            let kind = last
                .remove(&thread)
                .unwrap_or(Kind::SwitchOut { runnable: false });
            let order = order(&kind);
            self.add(self.from_ns, order, thread, kind);
        }
    }

    fn add_record(&mut self, record: &Record) {
        let &Record { at_ns, thread, .. } = record;
        match &record.what {
            &What::Started {
                process,
                thread: started,
            } => {
                self.known.insert(started);
                let kind = Kind::Started {
                    process,
                    thread: started,
                };
                self.add(at_ns, Order::Started, thread, kind);
            }
            What::Named(name) => self.add(at_ns, Order::Named, thread, Kind::Named(name.clone())),
            What::Ended => {
                // The kernel records no switch of a thread that has ended.
                self.add(at_ns, Order::Ended, thread, Kind::Ended);
                self.add(at_ns, Order::LastOut, thread, Kind::SwitchOut { runnable: false });
            }
            switched => {
                if let Some(kind) = switch(switched) {
                    self.add(at_ns, order(&kind), thread, kind);
                }
            }
        }
    }

    fn finish(mut self) -> Vec<Event> {
        self.events
            .retain(|(_, event)| self.known.contains(&event.thread));
        self.events.sort_by_key(|(order, event)| (event.at_ns, *order));
        self.events.into_iter().map(|(_, event)| event).collect()
    }
}

fn switch(what: &What) -> Option<Kind> {
    match *what {
        What::In { cpu } => Some(Kind::SwitchIn { cpu }),
        What::Out { runnable } => Some(Kind::SwitchOut { runnable }),
        What::Started { .. } | What::Named(_) | What::Ended => None,
    }
}

fn order(switch: &Kind) -> Order {
    match switch {
        Kind::SwitchIn { .. } => Order::In,
        _ => Order::Out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Thread;
    use crate::strace::calls::{Call, Calls, Left};

    const THREAD: i32 = 7;
    const BEGIN: u64 = 1_000_000;

    fn at(at_ns: u64, what: What) -> Record {
        Record {
            at_ns: BEGIN + at_ns,
            thread: THREAD,
            what,
        }
    }

    /// What was recorded of one thread from `BEGIN` on.
    fn traced(calls: Vec<Call>) -> Traced {
        let calls = Calls {
            all: calls,
            ..Calls::default()
        };
        Traced {
            times: calls.times(),
            calls,
            threads: vec![Thread {
                process: THREAD,
                thread: THREAD,
                name: "mu".to_owned(),
                call: None,
            }],
            from_ns: BEGIN,
            to_ns: BEGIN + 1_000_000,
        }
    }

    fn merged(records: &[Record], traced: &mut Traced) -> Vec<(u64, Kind)> {
        let events = merge(records, traced).into_iter();
        events.map(|event| (event.at_ns - BEGIN, event.kind)).collect()
    }

    #[test]
    fn a_call_lies_between_its_stops() {
        let out = || What::Out { runnable: false };
        let records = [
            at(100_000, out()),
            at(150_000, What::In { cpu: 3 }),
            at(155_000, out()),
            at(190_000, What::In { cpu: 3 }),
        ];
        let call = Call {
            thread: THREAD,
            name: "recvfrom".to_owned(),
            entered_ns: BEGIN + 115_000,
            left: Some(Left::At(BEGIN + 159_000)),
            took_ns: Some(10_000),
            effect: Some(Kind::Received { port: 81 }),
        };
        let mut traced = traced(vec![call]);
        // strace lets the thread continue when it has written its line, and the thread then waits for a CPU.
        let writes_ns = traced.calls.delay_ns();
        let (enter, exit) = (
            |name: &str| Kind::Enter(name.to_owned()),
            |name: &str| Kind::Exit(name.to_owned()),
        );
        let expected = [
            (0, Kind::SwitchOut { runnable: false }),
            (100_000, Kind::SwitchOut { runnable: false }),
            (100_000, enter(STOP)),
            (115_000 + writes_ns, exit(STOP)),
            (115_000 + writes_ns, Kind::SwitchOut { runnable: true }),
            (150_000, Kind::SwitchIn { cpu: 3 }),
            (150_000, enter("recvfrom")),
            (155_000, Kind::Received { port: 81 }),
            (155_000, exit("recvfrom")),
            (155_000, Kind::SwitchOut { runnable: false }),
            (155_000, enter(STOP)),
            (159_000 + writes_ns, exit(STOP)),
            (159_000 + writes_ns, Kind::SwitchOut { runnable: true }),
            (190_000, Kind::SwitchIn { cpu: 3 }),
        ];
        assert_eq!(merged(&records, &mut traced), expected);
    }

    #[test]
    fn a_thread_begins_as_its_last_switch_left_it() {
        let running = [Record {
            at_ns: BEGIN - 1,
            thread: THREAD,
            what: What::In { cpu: 2 },
        }];
        assert_eq!(
            merged(&running, &mut traced(Vec::new())),
            [(0, Kind::SwitchIn { cpu: 2 })]
        );
        let call = Call {
            thread: THREAD,
            name: "accept4".to_owned(),
            entered_ns: BEGIN - 10,
            left: None,
            took_ns: None,
            effect: None,
        };
        let mut waiting = traced(vec![call]);
        assert_eq!(
            merged(&[], &mut waiting),
            [(0, Kind::SwitchOut { runnable: false })]
        );
        assert_eq!(waiting.threads[0].call.as_deref(), Some("accept4"));
    }

    #[test]
    fn a_thread_that_ends_leaves_its_cpu() {
        let started = What::Started {
            process: THREAD,
            thread: 8,
        };
        let of_child = |at_ns: u64, what: What| Record {
            thread: 8,
            ..at(at_ns, what)
        };
        let records = [
            at(10, started),
            of_child(20, What::Named("worker".to_owned())),
            of_child(30, What::In { cpu: 1 }),
            of_child(40, What::Ended),
            // A thread that nothing is known of.
            Record {
                thread: 9,
                ..at(50, What::In { cpu: 0 })
            },
        ];
        let expected = [
            (0, Kind::SwitchOut { runnable: false }),
            (
                10,
                Kind::Started {
                    process: THREAD,
                    thread: 8,
                },
            ),
            (20, Kind::Named("worker".to_owned())),
            (30, Kind::SwitchIn { cpu: 1 }),
            (40, Kind::Ended),
            (40, Kind::SwitchOut { runnable: false }),
        ];
        assert_eq!(merged(&records, &mut traced(Vec::new())), expected);
    }
}
