//! An invented trace that is true to physics, for tests: one CPU, a main thread that reads requests and two workers that handle
//! them, 2 connections and 4 requests in an open loop that is faster than the server.

use schema::trace::State::{Blocked, Runnable, Running};
use schema::trace::{
    Connection, Lane, Part, Recorded, Request, Slice, Source, State, Trace, Wake, Waker, Workload,
};

/// When the first request is due.
const ZERO_US: u64 = 500;
const LENGTH_US: u64 = 3_800;

/// The trace. Its times are written in microseconds since it began.
pub(crate) fn trace() -> Trace {
    Trace {
        model: "mu".to_owned(),
        source: Source::Perf,
        lacks: Vec::new(),
        workload: Workload {
            op: "work".to_owned(),
            params: serde_json::json!({ "cpu_us": 300, "wait_ms": 1 }),
            connections: 2,
            requests: 4,
            rate_per_s: Some(10_000.0),
        },
        recorded: Recorded {
            at: "2026-01-02T03:04:05Z".parse().expect("a time"),
            kernel: "6.12.0".to_owned(),
            commit: None,
            command: ["mu", "--addr", "127.0.0.1:0"].map(str::to_owned).to_vec(),
            server_cpus: [0].into_iter().collect(),
            client_cpus: [1].into_iter().collect(),
            unrecorded_ns: Some(2_950_000),
        },
        length_ns: LENGTH_US * 1_000,
        zero_ns: ZERO_US * 1_000,
        lanes: vec![main(), first_worker(), second_worker()],
        wakes: wakes(),
        connections: vec![connection(1, 100), connection(2, 120)],
        requests: requests(),
    }
}

/// Lanes that are blocked in `futex` for the whole trace, such as the other threads of a large pool.
pub(crate) fn idle(number: i32) -> Vec<Lane> {
    let lane = |index: i32| Lane {
        thread: 200 + index,
        ..lane(0, &format!("idle-{index}"), &[(LENGTH_US, Blocked, "futex")])
    };
    (1..=number).map(lane).collect()
}

fn main() -> Lane {
    let mut states = vec![
        (105, Blocked, "epoll_wait"),
        (112, Runnable, "epoll_wait"),
        (115, Running, "epoll_wait"),
        (121, Running, "accept4"),
        (122, Running, ""),
        (127, Running, "accept4"),
        (133, Running, "epoll_wait"),
    ];
    for woken in [505, 605, 1_910, 2_217] {
        states.extend([
            (woken, Blocked, "epoll_wait"),
            (woken + 5, Runnable, "epoll_wait"),
            (woken + 8, Running, "epoll_wait"),
            (woken + 15, Running, "recvfrom"),
            (woken + 19, Running, ""),
            (woken + 25, Running, "futex"),
            (woken + 29, Running, "epoll_wait"),
        ]);
    }
    states.push((LENGTH_US, Blocked, "epoll_wait"));
    lane(0, "main", &states)
}

fn first_worker() -> Lane {
    let states = [
        (527, Blocked, "futex"),
        (534, Runnable, "futex"),
        (537, Running, "futex"),
        (605 + 5, Running, ""),
        (634, Runnable, ""),
        (867, Running, ""),
        (870, Running, "clock_nanosleep"),
        (1_870, Blocked, "clock_nanosleep"),
        (1_876, Runnable, "clock_nanosleep"),
        (1_878, Running, "clock_nanosleep"),
        (1_881, Running, ""),
        (1_896, Running, "sendto"),
        (1_899, Running, "futex"),
        (1_932, Blocked, "futex"),
        (1_939, Runnable, "futex"),
        (1_942, Running, "futex"),
        (2_183, Running, ""),
        (2_206, Runnable, ""),
        (2_222, Running, ""),
        (2_246, Runnable, ""),
        (2_293, Running, ""),
        (2_296, Running, "clock_nanosleep"),
        (3_296, Blocked, "clock_nanosleep"),
        (3_301, Runnable, "clock_nanosleep"),
        (3_303, Running, "clock_nanosleep"),
        (3_306, Running, ""),
        (3_321, Running, "sendto"),
        (3_324, Running, "futex"),
        (LENGTH_US, Blocked, "futex"),
    ];
    lane(1, "worker-1", &states)
}

fn second_worker() -> Lane {
    let states = [
        (627, Blocked, "futex"),
        (870, Runnable, "futex"),
        (873, Running, "futex"),
        (1_175, Running, ""),
        (1_178, Running, "clock_nanosleep"),
        (2_178, Blocked, "clock_nanosleep"),
        (2_183, Runnable, "clock_nanosleep"),
        (2_185, Running, "clock_nanosleep"),
        (2_188, Running, ""),
        (2_203, Running, "sendto"),
        (2_206, Running, "futex"),
        (2_239, Blocked, "futex"),
        (2_296, Runnable, "futex"),
        (2_299, Running, "futex"),
        (2_601, Running, ""),
        (2_604, Running, "clock_nanosleep"),
        (3_604, Blocked, "clock_nanosleep"),
        (3_609, Runnable, "clock_nanosleep"),
        (3_611, Running, "clock_nanosleep"),
        (3_614, Running, ""),
        (3_629, Running, "sendto"),
        (3_632, Running, "futex"),
        (LENGTH_US, Blocked, "futex"),
    ];
    lane(2, "worker-2", &states)
}

/// A lane from the end, the state and the system call of each slice.
fn lane(index: i32, name: &str, states: &[(u64, State, &str)]) -> Lane {
    let mut from_us = 0;
    let slices = states.iter().map(|&(to_us, state, call)| Slice {
        from_ns: std::mem::replace(&mut from_us, to_us) * 1_000,
        to_ns: to_us * 1_000,
        state,
        cpu: (state == Running).then_some(0),
        call: (!call.is_empty()).then(|| call.to_owned()),
    });
    Lane {
        process: 100,
        thread: 100 + index,
        name: name.to_owned(),
        slices: slices.collect(),
    }
}

fn wakes() -> Vec<Wake> {
    [
        (105, 0, Waker::Client),
        (505, 0, Waker::Client),
        (527, 1, Waker::Lane(0)),
        (605, 0, Waker::Client),
        (627, 2, Waker::Lane(0)),
        (1_870, 1, Waker::Kernel),
        (1_910, 0, Waker::Client),
        (1_932, 1, Waker::Lane(0)),
        (2_178, 2, Waker::Kernel),
        (2_217, 0, Waker::Client),
        (2_239, 2, Waker::Lane(0)),
        (3_296, 1, Waker::Kernel),
        (3_604, 2, Waker::Kernel),
    ]
    .map(|(at_us, lane, by)| Wake {
        at_ns: at_us * 1_000,
        lane,
        by,
    })
    .to_vec()
}

fn connection(number: usize, opens_us: u64) -> Connection {
    Connection {
        number,
        opens_ns: opens_us * 1_000,
    }
}

fn requests() -> Vec<Request> {
    [
        (1, 500, 500, 1_893, [(0, 517, 527), (1, 537, 1_890)]),
        (2, 600, 600, 2_202, [(0, 617, 627), (2, 873, 2_198)]),
        (1, 700, 1_905, 3_320, [(0, 1_922, 1_932), (1, 1_942, 3_316)]),
        (2, 800, 2_212, 3_628, [(0, 2_229, 2_239), (2, 2_299, 3_624)]),
    ]
    .into_iter()
    .enumerate()
    .map(
        |(index, (connection, due_us, sent_us, received_us, parts))| Request {
            number: index + 1,
            connection,
            due_ns: due_us * 1_000,
            sent_ns: sent_us * 1_000,
            received_ns: received_us * 1_000,
            parts: parts
                .map(|(lane, from_us, to_us)| Part {
                    lane,
                    from_ns: from_us * 1_000,
                    to_ns: to_us * 1_000,
                })
                .to_vec(),
        },
    )
    .collect()
}

#[test]
fn the_sample_is_true_to_physics() {
    let trace = trace();
    let mut running: Vec<(u64, u64)> = Vec::new();
    for lane in &trace.lanes {
        assert_eq!(lane.span_ns(), Some((0, trace.length_ns)), "{}", lane.name);
        for pair in lane.slices.windows(2) {
            assert_eq!(pair[0].to_ns, pair[1].from_ns, "{}: {pair:?}", lane.name);
            assert_ne!((pair[0].state, pair[1].state), (Blocked, Running), "{pair:?}");
        }
        let slices = lane.slices.iter().filter(|slice| slice.state == Running);
        running.extend(slices.map(|slice| (slice.from_ns, slice.to_ns)));
    }
    running.sort_unstable();
    let on_one_cpu = running.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    assert!(on_one_cpu, "{running:?}");
    let wakes_of = |lane: usize| trace.wakes.iter().filter(move |wake| wake.lane == lane);
    for (index, lane) in trace.lanes.iter().enumerate() {
        let woken = lane.slices.windows(2).filter(|pair| pair[0].state == Blocked);
        let at: Vec<u64> = woken.map(|pair| pair[1].from_ns).collect();
        assert_eq!(at, wakes_of(index).map(|wake| wake.at_ns).collect::<Vec<_>>());
    }
    for request in &trace.requests {
        let times = request.parts.iter().flat_map(|part| [part.from_ns, part.to_ns]);
        let times: Vec<u64> = std::iter::once(request.sent_ns)
            .chain(times)
            .chain([request.received_ns])
            .collect();
        assert!(
            request.due_ns <= request.sent_ns && times.is_sorted(),
            "{request:?}"
        );
    }
    assert_eq!(idle(3).len(), 3);
}
