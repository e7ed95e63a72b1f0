//! What strace 6.1 wrote on Linux 6.18 (x86-64) of two servers that served eight requests on four connections, `work` with
//! 300 µs of CPU and 1 ms of waiting. One more connection came before, which only looked whether the server is there.
//!
//! `samples/workers.txt` is of a server whose process starts four others, each of which serves one connection at a time.
//! `samples/threads.txt` is of one that starts a thread for each connection.

use std::collections::HashMap;

use super::calls::{Call, Calls};
use super::effects::Sockets;
use super::line;
use crate::clock::Offset;
use crate::event::Kind;

const WORKERS: &str = include_str!("samples/workers.txt");
const THREADS: &str = include_str!("samples/threads.txt");

fn read(text: &str) -> Calls {
    Calls::read(text, Offset::NONE, &[], &mut Sockets::default())
}

/// How often each thread received and sent on each connection.
fn transfers(calls: &Calls) -> HashMap<(i32, u16), (usize, usize)> {
    let mut transfers: HashMap<_, (usize, usize)> = HashMap::new();
    for call in &calls.all {
        match call.effect {
            Some(Kind::Received { port }) => transfers.entry((call.thread, port)).or_default().0 += 1,
            Some(Kind::Sent { port }) => transfers.entry((call.thread, port)).or_default().1 += 1,
            _ => {}
        }
    }
    transfers
}

fn named<'a>(calls: &'a Calls, name: &str) -> impl Iterator<Item = &'a Call> {
    calls.all.iter().filter(move |call| call.name == name)
}

#[test]
fn every_line_of_strace_is_read() {
    for text in [WORKERS, THREADS] {
        let unread: Vec<_> = text.lines().filter(|line| line::parse(line).is_none()).collect();
        assert_eq!(unread, [] as [&str; 0]);
    }
}

#[test]
fn every_request_is_read_and_answered_by_one_thread() {
    for text in [WORKERS, THREADS] {
        let calls = read(text);
        let transfers = transfers(&calls);
        assert_eq!(transfers.len(), 4, "{transfers:?}");
        assert_eq!(transfers.values().map(|(received, _)| received).sum::<usize>(), 8);
        assert!(
            transfers.values().all(|(received, sent)| received == sent),
            "{transfers:?}"
        );
        assert_eq!(calls.on_unknown_sockets, 0);
    }
}

#[test]
fn each_thread_that_started_is_known_before_its_calls() {
    let calls = read(THREADS);
    let mut started = 0;
    for call in named(&calls, "clone3") {
        let Some(Kind::Started { process, thread }) = call.effect else {
            panic!("it starts a thread: {call:?}");
        };
        assert_eq!(process, call.thread);
        assert!(calls.first_lines[&thread] >= call.entered_ns);
        assert!(calls.ended.iter().any(|&(ended, _)| ended == thread));
        started += 1;
    }
    // One for each connection, the first included.
    assert_eq!(started, 5);
}

#[test]
fn calls_of_a_thread_follow_one_another() {
    for text in [WORKERS, THREADS] {
        let calls = read(text);
        let mut last: HashMap<i32, u64> = HashMap::new();
        for (call, times) in calls.all.iter().zip(calls.times()) {
            let before_ns = last.get(&call.thread).copied().unwrap_or_default();
            assert!(before_ns <= times.entered_ns, "{call:?}");
            let left_ns = times.left_ns.unwrap_or(u64::MAX);
            assert!(times.entered_ns <= left_ns, "{call:?}");
            last.insert(call.thread, left_ns);
        }
        // strace's own delay was measured: from 5 µs on, and far less than the waits of a millisecond.
        assert!(
            (5_000..200_000).contains(&calls.delay_ns()),
            "{}",
            calls.delay_ns()
        );
    }
}
