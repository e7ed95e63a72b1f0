//! A real recording.
//!
//! `samples/alpha.txt` is what perf 6.1 printed on Linux 6.18 (x86-64) of a server with one process that only starts four
//! others, each of which serves one connection at a time. It served two requests on each of four connections: `work` with
//! 300 µs of CPU and 1 ms of waiting. Other programs competed for both CPUs. Lines that concern neither the server, nor the
//! load generator's thread, nor a timer are left out, and programs have other names. `samples/alpha.json` has the server's
//! threads, as they were found at the beginning, and the load generator's marks.

use schema::trace::Marks;
use serde::Deserialize;

use super::{follow, line};
use crate::event::{Kind, Recording};
use crate::threads::call_name;

#[derive(Deserialize)]
struct Known {
    recording: Recording,
    marks: Marks,
}

fn recorded() -> (Recording, Marks) {
    let known = serde_json::from_str(include_str!("samples/alpha.json")).unwrap();
    let Known { recording, marks } = known;
    let lines = line::parse(include_str!("samples/alpha.txt")).unwrap();
    (
        follow::complete(recording, &lines, &marks.threads).unwrap(),
        marks,
    )
}

/// The numbers of the four processes that serve.
const WORKERS: [i32; 4] = [23_015, 23_016, 23_017, 23_018];

#[test]
fn each_worker_reads_and_answers_two_requests_of_one_connection() {
    let (recording, marks) = recorded();
    let mut ports = Vec::new();
    for worker in WORKERS {
        let own = recording.events.iter().filter(|event| event.thread == worker);
        let transfers: Vec<_> = own
            .map(|event| &event.kind)
            .filter(|kind| matches!(kind, Kind::Received { .. } | Kind::Sent { .. }))
            .collect();
        let Kind::Received { port } = *transfers[0] else {
            panic!("{transfers:?}");
        };
        let (received, sent) = (Kind::Received { port }, Kind::Sent { port });
        assert_eq!(transfers, [&received, &sent, &received, &sent], "{worker}");
        ports.push(port);
    }
    ports.sort_unstable();
    let connections = marks.connections.iter().map(|mark| mark.port);
    assert_eq!(ports, connections.collect::<Vec<_>>());
}

#[test]
fn workers_are_woken_by_the_client_and_by_their_timers() {
    let (recording, marks) = recorded();
    let client = marks.threads[0];
    let by = |worker: i32| {
        let own = recording
            .events
            .iter()
            .filter(move |event| event.thread == worker);
        own.filter_map(|event| match event.kind {
            Kind::Woken { by } => Some(by),
            _ => None,
        })
        .collect::<Vec<_>>()
    };
    for worker in WORKERS {
        let by = by(worker);
        let by_client = by.iter().filter(|&&by| by == client).count();
        // It connects, sends twice and closes; what it sends may arrive before the worker waits for it.
        assert!((2..=4).contains(&by_client), "{by:?}");
        // Each request waits for a timer.
        assert_eq!(by.iter().filter(|&&by| by == 0).count(), 2, "{by:?}");
        assert_eq!(by.len(), by_client + 2, "{by:?}");
    }
    // The process that starts them is not disturbed.
    assert!(by(recording.threads[0].thread).is_empty());
}

/// The numbers of system calls are those of x86-64.
#[test]
fn calls_and_switches_of_each_thread_alternate() {
    let (recording, _) = recorded();
    let accept = call_name(288);
    for thread in &recording.threads[1..] {
        assert_eq!(thread.call.as_ref(), Some(&accept));
        let (mut runs, mut call) = (false, Some(accept.clone()));
        for event in recording
            .events
            .iter()
            .filter(|event| event.thread == thread.thread)
        {
            match &event.kind {
                Kind::SwitchIn { .. } => assert!(!std::mem::replace(&mut runs, true), "{event:?}"),
                Kind::SwitchOut { .. } => assert!(std::mem::replace(&mut runs, false), "{event:?}"),
                Kind::Woken { .. } => assert!(!runs, "{event:?}"),
                Kind::Enter(name) => assert_eq!(call.replace(name.clone()), None, "{event:?}"),
                Kind::Exit(name) => assert_eq!(call.take().as_ref(), Some(name), "{event:?}"),
                _ => assert!(runs, "{event:?}"),
            }
        }
        assert_eq!(
            (runs, call),
            (false, Some(accept.clone())),
            "it waits for the next connection"
        );
    }
}

/// It decides by the names of system calls, and those in the sample have the numbers of x86-64.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_trace_of_it_agrees_with_physics() {
    use schema::trace::State;

    use crate::{build, physics};

    let (recording, marks) = recorded();
    let trace = build::trace(&recording, &marks, build::samples::about()).unwrap();
    assert_eq!(physics::check(&trace), Ok(()));
    assert_eq!(trace.lanes.len(), 5);
    assert_eq!(trace.requests.len(), 8);
    for request in &trace.requests {
        // One thread reads it, computes, waits and sends.
        let lanes: Vec<_> = request.parts.iter().map(|part| part.lane).collect();
        assert!(
            !lanes.is_empty() && lanes.iter().all(|lane| lane == &lanes[0]),
            "{request:?}"
        );
        let lane = &trace.lanes[lanes[0]];
        let within = |from_ns: u64, to_ns: u64, state: State| {
            let slices = lane.slices.iter().filter(|slice| slice.state == state);
            let parts = slices.map(|slice| slice.to_ns.min(to_ns).saturating_sub(slice.from_ns.max(from_ns)));
            parts.sum::<u64>()
        };
        let (from_ns, to_ns) = (
            request.parts[0].from_ns,
            request.parts[request.parts.len() - 1].to_ns,
        );
        // 300 µs of CPU and 1 ms of waiting were asked for.
        assert!(within(from_ns, to_ns, State::Running) >= 300_000, "{request:?}");
        assert!(within(from_ns, to_ns, State::Blocked) >= 1_000_000, "{request:?}");
    }
}
