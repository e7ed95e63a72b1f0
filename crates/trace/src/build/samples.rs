//! Recordings for tests, written line by line.

use schema::cpus::CpuSet;
use schema::trace::{ConnectionMark, Marks, Recorded, RequestMark, Source, State, Trace, Workload};

use super::{About, BEFORE_NS, trace};
use crate::event::{Event, Kind, Recording, Thread};
use crate::physics;

pub(crate) const MAIN: i32 = 100;
pub(crate) const CLIENT: i32 = 900;
/// The ports of two connections.
pub(crate) const A: u16 = 5_001;
pub(crate) const B: u16 = 5_002;
/// The recording begins at this time of the clock, and the connections are opened a little later.
pub(crate) const BEGIN: u64 = 1_000_000_000;
pub(crate) const OPENS: u64 = 50_000;

pub(crate) fn about() -> About {
    About {
        model: "mu".to_owned(),
        workload: Workload {
            op: "work".to_owned(),
            params: serde_json::json!({"cpu_us": 300}),
            connections: 2,
            requests: 2,
            rate_per_s: None,
        },
        recorded: Recorded {
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            kernel: "6.18".to_owned(),
            commit: None,
            command: vec!["mu".to_owned()],
            server_cpus: "0".parse::<CpuSet>().unwrap(),
            client_cpus: "1".parse::<CpuSet>().unwrap(),
            unrecorded_ns: None,
        },
    }
}

pub(crate) fn thread(process: i32, thread: i32, call: &str) -> Thread {
    Thread {
        process,
        thread,
        name: "server-mu".to_owned(),
        call: Some(call.to_owned()),
    }
}

/// Microseconds after the beginning, the thread, and what happened.
pub(crate) type Line = (u64, i32, Kind);

pub(crate) fn recording(source: Source, threads: Vec<Thread>, lines: Vec<Line>) -> Recording {
    let events = lines.into_iter().map(|(at_us, thread, kind)| Event {
        at_ns: BEGIN + at_us * 1_000,
        thread,
        kind,
    });
    Recording {
        source,
        lacks: Vec::new(),
        from_ns: BEGIN,
        to_ns: BEGIN + 10_000_000,
        threads,
        events: events.collect(),
    }
}

pub(crate) fn enter(call: &str) -> Kind {
    Kind::Enter(call.to_owned())
}

pub(crate) fn exit(call: &str) -> Kind {
    Kind::Exit(call.to_owned())
}

/// A load of requests: port, and when each was sent and answered, in microseconds.
pub(crate) fn marks(requests: &[(u16, u64, u64)]) -> Marks {
    Marks {
        threads: vec![CLIENT],
        connections: [A, B]
            .into_iter()
            .enumerate()
            .map(|(connection, port)| ConnectionMark {
                connection,
                port,
                opens_ns: BEGIN + OPENS,
            })
            .collect(),
        requests: requests
            .iter()
            .map(|&(port, sent_us, received_us)| RequestMark {
                connection: usize::from(port - A),
                port,
                due_ns: BEGIN + sent_us * 1_000,
                sent_ns: BEGIN + sent_us * 1_000,
                received_ns: BEGIN + received_us * 1_000,
            })
            .collect(),
    }
}

/// The trace of these lines, which agrees with physics.
pub(crate) fn build(source: Source, threads: Vec<Thread>, lines: Vec<Line>, marks: &Marks) -> Trace {
    let trace = trace(&recording(source, threads, lines), marks, about()).unwrap();
    assert_eq!(physics::check(&trace), Ok(()));
    trace
}

/// The states of a lane: until when each lasts, in microseconds after the beginning of the recording.
pub(crate) fn states(trace: &Trace, lane: usize) -> Vec<(u64, State, Option<&str>)> {
    let offset_us = (OPENS - BEFORE_NS) / 1_000;
    let slices = trace.lanes[lane].slices.iter();
    slices
        .map(|slice| {
            (
                slice.to_ns / 1_000 + offset_us,
                slice.state,
                slice.call.as_deref(),
            )
        })
        .collect()
}

/// The parts of a request: lane, beginning and end in microseconds after the beginning of the recording.
pub(crate) fn parts(trace: &Trace, number: usize) -> Vec<(usize, u64, u64)> {
    let offset_us = (OPENS - BEFORE_NS) / 1_000;
    let parts = trace.requests[number - 1].parts.iter();
    parts
        .map(|part| {
            (
                part.lane,
                part.from_ns / 1_000 + offset_us,
                part.to_ns / 1_000 + offset_us,
            )
        })
        .collect()
}

/// One thread that reads, computes, sleeps and replies.
pub(crate) fn blocking() -> Vec<Line> {
    vec![
        (100, MAIN, Kind::Woken { by: CLIENT }),
        (110, MAIN, Kind::SwitchIn { cpu: 0 }),
        (112, MAIN, Kind::Received { port: A }),
        (113, MAIN, exit("recvfrom")),
        (413, MAIN, enter("ppoll")),
        (415, MAIN, Kind::SwitchOut { runnable: false }),
        (1_415, MAIN, Kind::Woken { by: 0 }),
        (1_420, MAIN, Kind::SwitchIn { cpu: 0 }),
        (1_421, MAIN, exit("ppoll")),
        (1_422, MAIN, enter("sendto")),
        (1_430, MAIN, Kind::Sent { port: A }),
        (1_431, MAIN, exit("sendto")),
        (1_432, MAIN, enter("recvfrom")),
        (1_433, MAIN, Kind::SwitchOut { runnable: false }),
    ]
}

/// A loop that passes both requests on; the second is taken by the thread that is still awake.
pub(crate) fn offloading() -> (Vec<Thread>, Vec<Line>) {
    const WORKER: i32 = 101;
    let threads = vec![thread(MAIN, MAIN, "epoll_wait"), thread(MAIN, WORKER, "futex")];
    let lines = vec![
        (100, MAIN, Kind::Woken { by: CLIENT }),
        (110, MAIN, Kind::SwitchIn { cpu: 0 }),
        (111, MAIN, exit("epoll_wait")),
        (112, MAIN, enter("recvfrom")),
        (113, MAIN, Kind::Received { port: A }),
        (114, MAIN, exit("recvfrom")),
        (116, MAIN, enter("futex")),
        (117, WORKER, Kind::Woken { by: MAIN }),
        (118, MAIN, exit("futex")),
        (119, MAIN, enter("recvfrom")),
        (120, MAIN, Kind::Received { port: B }),
        (121, MAIN, exit("recvfrom")),
        (122, MAIN, enter("epoll_wait")),
        (123, MAIN, Kind::SwitchOut { runnable: false }),
        (123, WORKER, Kind::SwitchIn { cpu: 0 }),
        (124, WORKER, exit("futex")),
        (424, WORKER, enter("write")),
        (425, MAIN, Kind::Woken { by: WORKER }),
        (426, WORKER, exit("write")),
        (427, WORKER, enter("sched_yield")),
        (428, WORKER, Kind::SwitchOut { runnable: true }),
        (428, MAIN, Kind::SwitchIn { cpu: 0 }),
        (429, MAIN, exit("epoll_wait")),
        (430, MAIN, enter("sendto")),
        (431, MAIN, Kind::Sent { port: A }),
        (432, MAIN, exit("sendto")),
        (433, MAIN, enter("epoll_wait")),
        (434, MAIN, Kind::SwitchOut { runnable: false }),
        (434, WORKER, Kind::SwitchIn { cpu: 0 }),
        (435, WORKER, exit("sched_yield")),
        (735, WORKER, enter("write")),
        (736, MAIN, Kind::Woken { by: WORKER }),
        (737, WORKER, exit("write")),
        (738, WORKER, enter("futex")),
        (739, WORKER, Kind::SwitchOut { runnable: false }),
        (739, MAIN, Kind::SwitchIn { cpu: 0 }),
        (740, MAIN, exit("epoll_wait")),
        (741, MAIN, enter("sendto")),
        (742, MAIN, Kind::Sent { port: B }),
        (743, MAIN, exit("sendto")),
        (744, MAIN, enter("epoll_wait")),
        (745, MAIN, Kind::SwitchOut { runnable: false }),
    ];
    (threads, lines)
}
