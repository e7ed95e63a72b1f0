use schema::trace::{Source, State};

use super::samples::*;
use super::*;
use crate::event::Kind;

#[test]
fn a_lane_shows_states_and_calls() {
    use State::{Blocked, Runnable, Running};
    let threads = vec![thread(MAIN, MAIN, "recvfrom")];
    let trace = build(Source::Perf, threads, blocking(), &marks(&[(A, 99, 1_428)]));
    let expected = [
        (100, Blocked, Some("recvfrom")),
        (110, Runnable, Some("recvfrom")),
        (113, Running, Some("recvfrom")),
        (413, Running, None),
        (415, Running, Some("ppoll")),
        (1_415, Blocked, Some("ppoll")),
        (1_420, Runnable, Some("ppoll")),
        (1_421, Running, Some("ppoll")),
        (1_422, Running, None),
        (1_431, Running, Some("sendto")),
        (1_432, Running, None),
        (1_433, Running, Some("recvfrom")),
        (1_528, Blocked, Some("recvfrom")),
    ];
    assert_eq!(states(&trace, 0), expected);
    assert_eq!((trace.lanes.len(), &*trace.lanes[0].name), (1, "main"));
}

#[test]
fn a_blocking_thread_holds_a_request_while_it_sleeps() {
    let threads = vec![thread(MAIN, MAIN, "recvfrom")];
    let trace = build(Source::Perf, threads, blocking(), &marks(&[(A, 99, 1_428)]));
    // Until the client had the reply, which is earlier than the end of the sending.
    assert_eq!(parts(&trace, 1), [(0, 113, 1_428)]);
}

#[test]
fn a_client_wakes_by_sending_and_a_timer_by_itself() {
    let by = |lines: Vec<Line>| {
        let threads = vec![thread(MAIN, MAIN, "recvfrom")];
        let trace = build(Source::Perf, threads, lines, &marks(&[(A, 99, 1_428)]));
        trace.wakes.iter().map(|wake| wake.by).collect::<Vec<_>>()
    };
    assert_eq!(by(blocking()), [Waker::Client, Waker::Kernel]);
    // The timer of a sleep interrupted a call of the client.
    let mut sleeping = blocking();
    for (_, _, kind) in &mut sleeping {
        match kind {
            Kind::Enter(call) | Kind::Exit(call) if call == "ppoll" => {
                call.replace_range(.., "clock_nanosleep")
            }
            Kind::Woken { by } => *by = CLIENT,
            _ => {}
        }
    }
    assert_eq!(by(sleeping), [Waker::Client, Waker::Kernel]);
}

#[test]
fn a_thread_may_be_woken_as_it_begins_to_wait() {
    let mut lines = blocking();
    for (at_us, _, kind) in &mut lines {
        if *kind == (Kind::Woken { by: 0 }) {
            *at_us = 415;
        }
    }
    let threads = vec![thread(MAIN, MAIN, "recvfrom")];
    // This checks the physics too.
    let trace = build(Source::Perf, threads, lines, &marks(&[(A, 99, 1_428)]));
    assert!(states(&trace, 0).contains(&(1_420, State::Runnable, Some("ppoll"))));
    assert_eq!(trace.wakes.len(), 2);
}

#[test]
fn a_loop_holds_a_request_while_it_works_on_it() {
    let threads = vec![thread(MAIN, MAIN, "epoll_wait")];
    let lines = vec![
        (100, MAIN, Kind::Woken { by: CLIENT }),
        (110, MAIN, Kind::SwitchIn { cpu: 0 }),
        (111, MAIN, exit("epoll_wait")),
        (112, MAIN, enter("recvfrom")),
        (113, MAIN, Kind::Received { port: A }),
        (114, MAIN, exit("recvfrom")),
        (414, MAIN, enter("recvfrom")),
        (415, MAIN, Kind::Received { port: B }),
        (416, MAIN, exit("recvfrom")),
        (716, MAIN, enter("epoll_wait")),
        (718, MAIN, Kind::SwitchOut { runnable: false }),
        (1_414, MAIN, Kind::Woken { by: 0 }),
        (1_420, MAIN, Kind::SwitchIn { cpu: 0 }),
        (1_421, MAIN, exit("epoll_wait")),
        (1_423, MAIN, enter("sendto")),
        (1_425, MAIN, Kind::Sent { port: A }),
        (1_426, MAIN, exit("sendto")),
        (1_427, MAIN, enter("sendto")),
        (1_429, MAIN, Kind::Sent { port: B }),
        (1_430, MAIN, exit("sendto")),
        (1_431, MAIN, enter("epoll_wait")),
        (1_432, MAIN, Kind::SwitchOut { runnable: false }),
    ];
    let trace = build(
        Source::Perf,
        threads,
        lines,
        &marks(&[(A, 99, 1_500), (B, 101, 1_500)]),
    );
    assert_eq!(parts(&trace, 1), [(0, 114, 414), (0, 1_421, 1_425)]);
    assert_eq!(parts(&trace, 2), [(0, 416, 716), (0, 1_425, 1_429)]);
}

#[test]
fn one_call_may_bring_several_requests() {
    let threads = vec![thread(MAIN, MAIN, "io_uring_enter")];
    let lines = vec![
        (100, MAIN, Kind::Woken { by: CLIENT }),
        (110, MAIN, Kind::SwitchIn { cpu: 0 }),
        (112, MAIN, Kind::Received { port: A }),
        (113, MAIN, Kind::Received { port: B }),
        (114, MAIN, exit("io_uring_enter")),
        // A call that does nothing.
        (150, MAIN, enter("io_uring_enter")),
        (151, MAIN, exit("io_uring_enter")),
        (200, MAIN, enter("io_uring_enter")),
        (202, MAIN, Kind::Sent { port: A }),
        (204, MAIN, Kind::Sent { port: B }),
        (205, MAIN, Kind::SwitchOut { runnable: false }),
    ];
    let trace = build(
        Source::Perf,
        threads,
        lines,
        &marks(&[(A, 98, 300), (B, 99, 300)]),
    );
    assert_eq!(parts(&trace, 1), [(0, 114, 202)]);
    assert_eq!(parts(&trace, 2), [(0, 114, 204)]);
}

#[test]
fn a_worker_thread_holds_what_a_loop_passed_on() {
    let (threads, lines) = offloading();
    let trace = build(
        Source::Perf,
        threads,
        lines,
        &marks(&[(A, 98, 800), (B, 99, 800)]),
    );
    assert_eq!(parts(&trace, 1), [(0, 114, 119), (1, 124, 427), (0, 429, 431)]);
    assert_eq!(parts(&trace, 2), [(0, 121, 122), (1, 435, 738), (0, 740, 742)]);
    assert_eq!(trace.lanes[1].name, "thread 1");
    assert!(trace.wakes.contains(&Wake {
        at_ns: 117_000 - (OPENS - BEFORE_NS),
        lane: 1,
        by: Waker::Lane(0)
    }));
}

#[test]
fn a_worker_thread_may_take_several_requests_without_a_wait() {
    let (threads, mut lines) = offloading();
    // The second request is in the queue when the first is done, and the loop sends both replies at the end.
    let (from_us, to_us) = (427, 435);
    lines.retain(|(at_us, ..)| !(from_us..=to_us).contains(at_us));
    let end = lines
        .iter()
        .position(|line| line.2 == Kind::Sent { port: B })
        .unwrap();
    lines.insert(end, (741, MAIN, Kind::Sent { port: A }));
    let trace = build(
        Source::Perf,
        threads,
        lines,
        &marks(&[(A, 98, 800), (B, 99, 800)]),
    );
    // It ran for 614 µs.
    assert_eq!(parts(&trace, 1)[1], (1, 124, 431));
    assert_eq!(parts(&trace, 2)[1], (1, 431, 738));
}

#[test]
fn a_started_thread_is_woken_by_its_parent() {
    const CHILD: i32 = 105;
    let started = |process| Kind::Started {
        process,
        thread: CHILD,
    };
    for (process, name) in [(MAIN, "thread 1"), (CHILD, "process 1")] {
        let lines = vec![
            (90, MAIN, Kind::Woken { by: CLIENT }),
            (91, MAIN, Kind::SwitchIn { cpu: 0 }),
            (92, MAIN, exit("accept4")),
            (93, MAIN, enter("clone")),
            (94, MAIN, started(process)),
            (95, CHILD, Kind::Woken { by: MAIN }),
            (96, MAIN, Kind::SwitchOut { runnable: true }),
            (96, CHILD, Kind::SwitchIn { cpu: 0 }),
            (98, CHILD, enter("recvfrom")),
            (99, CHILD, Kind::Received { port: A }),
            (100, CHILD, exit("recvfrom")),
            (101, CHILD, enter("sendto")),
            (102, CHILD, Kind::Sent { port: A }),
            (103, CHILD, exit("sendto")),
            (104, CHILD, enter("exit")),
            (105, CHILD, Kind::Ended),
            (107, CHILD, Kind::SwitchOut { runnable: false }),
            (107, MAIN, Kind::SwitchIn { cpu: 0 }),
            (108, MAIN, exit("clone")),
        ];
        let threads = vec![thread(MAIN, MAIN, "accept4")];
        let trace = build(Source::Perf, threads, lines, &marks(&[(A, 60, 200)]));
        let by: Vec<_> = trace.wakes.iter().map(|wake| (wake.lane, wake.by)).collect();
        assert_eq!(by, [(0, Waker::Client), (1, Waker::Lane(0))]);
        assert_eq!(trace.lanes[1].name, name);
        let span = trace.lanes[1].span_ns().unwrap();
        assert_eq!(span.1 - span.0, 13_000, "from its start to its last switch");
        assert_eq!(parts(&trace, 1), [(1, 100, 102)]);
    }
}

#[test]
fn without_switches_calls_give_the_states() {
    use State::{Blocked, Running};
    let lines = vec![
        (110, MAIN, Kind::Received { port: A }),
        (111, MAIN, exit("recvfrom")),
        (411, MAIN, enter("sendto")),
        (412, MAIN, Kind::Sent { port: A }),
        (413, MAIN, exit("sendto")),
        (414, MAIN, enter("recvfrom")),
    ];
    let threads = vec![thread(MAIN, MAIN, "recvfrom")];
    let trace = build(Source::Strace, threads, lines, &marks(&[(A, 99, 420)]));
    let expected = [
        (111, Blocked, Some("recvfrom")),
        (411, Running, None),
        (413, Running, Some("sendto")),
        (414, Running, None),
        (520, Blocked, Some("recvfrom")),
    ];
    assert_eq!(states(&trace, 0), expected);
    assert_eq!(parts(&trace, 1), [(0, 111, 412)]);
}

#[test]
fn a_recording_that_misses_the_load_is_refused() {
    let threads = || vec![thread(MAIN, MAIN, "recvfrom")];
    let late = Recording {
        from_ns: BEGIN + 60_000,
        ..recording(Source::Perf, threads(), Vec::new())
    };
    let marks_of = |requests: &[(u16, u64, u64)]| marks(requests);
    let error = trace(&late, &marks_of(&[(A, 99, 420)]), about()).unwrap_err();
    assert_eq!(
        error,
        BuildError::Incomplete {
            late_ns: 10_000,
            early_ns: 0
        }
    );
    let none = trace(
        &recording(Source::Perf, threads(), Vec::new()),
        &marks_of(&[]),
        about(),
    );
    assert_eq!(none.unwrap_err(), BuildError::NoRequests);
}
