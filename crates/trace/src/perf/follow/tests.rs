//! The order of events that a machine rarely shows.

use proptest::prelude::*;
use schema::trace::Source;

use super::super::line::parse;
use super::*;

/// The number of a process and its only thread when the recording begins.
const SERVER: i32 = 10;
/// A thread of the load generator.
const CLIENT: i32 = 20;

/// A recording from 1 µs on, without its events.
fn begun() -> Recording {
    Recording {
        source: Source::Perf,
        lacks: Vec::new(),
        from_ns: 1000,
        to_ns: 9000,
        threads: vec![Thread {
            process: SERVER,
            thread: SERVER,
            name: "alpha".to_owned(),
            call: Some("accept4".to_owned()),
        }],
        events: Vec::new(),
    }
}

/// Follows lines without their heads: a thread of a process with the same number, when, and the event.
fn followed(lines: &[(i32, u64, &str)]) -> Result<Recording, String> {
    let lines = lines
        .iter()
        .map(|(thread, at_ns, event)| format!("{thread}/{thread} [003] 0.{at_ns:09}: {event}\n"));
    complete(begun(), &parse(&lines.collect::<String>())?, &[CLIENT])
}

fn events(lines: &[(i32, u64, &str)]) -> Vec<(u64, i32, Kind)> {
    let events = followed(lines).unwrap().events.into_iter();
    events
        .map(|event| (event.at_ns, event.thread, event.kind))
        .collect()
}

fn switch(from: i32, state: &str, to: i32) -> String {
    format!(
        "sched:sched_switch: prev_comm=a prev_pid={from} prev_prio=120 prev_state={state} ==> next_comm=b \
         next_pid={to} next_prio=120"
    )
}

fn waking(thread: i32) -> String {
    format!("sched:sched_waking: comm=a pid={thread} prio=120 target_cpu=003")
}

fn new(thread: i32, flags: &str) -> String {
    format!("task:task_newtask: pid={thread} comm=a clone_flags={flags} oom_score_adj=0")
}

const ENTER: &str = "raw_syscalls:sys_enter: NR 0 (0, 0, 0, 0, 0, 0)";
const EXIT: &str = "raw_syscalls:sys_exit: NR 0 = 0";
const OUT: Kind = Kind::SwitchOut { runnable: false };
const IN: Kind = Kind::SwitchIn { cpu: 3 };

#[test]
fn a_thread_woken_before_it_stops_wakes_when_it_stops() {
    let lines = [
        (0, 2000, &*switch(0, "R", SERVER)),
        (CLIENT, 3000, &waking(SERVER)),
        (SERVER, 3100, &switch(SERVER, "S", 0)),
        (0, 3500, &switch(0, "R", SERVER)),
    ];
    let woken = Kind::Woken { by: CLIENT };
    let expected = [(2000, IN), (3100, OUT), (3101, woken), (3500, IN)];
    assert_eq!(
        events(&lines),
        expected.map(|(at_ns, kind)| (at_ns, SERVER, kind))
    );
}

#[test]
fn an_early_wake_up_gives_way_to_the_next() {
    let lines = [
        (0, 2000, &*switch(0, "R", SERVER)),
        (CLIENT, 3000, &waking(SERVER)),
        (SERVER, 4000, &switch(SERVER, "S", 0)),
        (0, 5000, &waking(SERVER)),
        (0, 5500, &switch(0, "R", SERVER)),
    ];
    let expected = [(2000, IN), (4000, OUT), (5000, Kind::Woken { by: 0 }), (5500, IN)];
    assert_eq!(
        events(&lines),
        expected.map(|(at_ns, kind)| (at_ns, SERVER, kind))
    );
}

#[test]
fn a_start_that_is_not_reported_is_derived_and_named() {
    let lines = [
        (SERVER, 2000, ENTER),
        (SERVER, 2100, &*switch(SERVER, "S", 0)),
        // The idle CPU is interrupted by a timer, wakes the thread and runs it. None of that is reported.
        (SERVER, 3000, EXIT),
        (SERVER, 4000, &switch(SERVER, "S", CLIENT)),
        (CLIENT, 5000, &waking(SERVER)),
        (SERVER, 5500, ENTER),
    ];
    let recording = followed(&lines).unwrap();
    let call = call_name(0);
    let expected = [
        (1000, IN),
        (2000, Kind::Enter(call.clone())),
        (2100, OUT),
        (3000, Kind::Woken { by: 0 }),
        (3000, IN),
        (3000, Kind::Exit(call.clone())),
        (4000, OUT),
        (5000, Kind::Woken { by: CLIENT }),
        (5500, IN),
        (5500, Kind::Enter(call)),
    ];
    let events = recording
        .events
        .into_iter()
        .map(|event| (event.at_ns, event.kind));
    assert_eq!(events.collect::<Vec<_>>(), expected);
    let [beginnings, wakes] = &recording.lacks[..] else {
        panic!("{:?}", recording.lacks);
    };
    assert!(beginnings.contains("idle CPUs (3)"), "{beginnings}");
    assert!(wakes.contains("1 wake-ups"), "{wakes}");
}

#[test]
fn a_client_outside_of_any_call_was_interrupted() {
    let by = |call: &str| {
        let lines = [
            (CLIENT, 2000, call),
            (SERVER, 2500, &*switch(SERVER, "S", 0)),
            (CLIENT, 3000, &waking(SERVER)),
        ];
        events(&lines).into_iter().find_map(|(.., kind)| match kind {
            Kind::Woken { by } => Some(by),
            _ => None,
        })
    };
    assert_eq!((by(ENTER), by(EXIT)), (Some(CLIENT), Some(0)));
}

#[test]
fn a_thread_that_a_timer_interrupts_wakes_nobody() {
    let lines = [
        (CLIENT, 2000, ENTER),
        (
            CLIENT,
            2100,
            "timer:hrtimer_expire_entry: hrtimer=0xff function=hrtimer_wakeup/0x0 now=2100",
        ),
        (CLIENT, 2200, &*waking(SERVER)),
        (CLIENT, 2300, "timer:hrtimer_expire_exit: hrtimer=0xff"),
        (0, 2400, &switch(0, "R", SERVER)),
        (SERVER, 2500, &switch(SERVER, "S", CLIENT)),
        (CLIENT, 2600, &waking(SERVER)),
    ];
    let by: Vec<_> = events(&lines)
        .into_iter()
        .filter_map(|(.., kind)| match kind {
            Kind::Woken { by } => Some(by),
            _ => None,
        })
        .collect();
    assert_eq!(by, [0, CLIENT]);
}

#[test]
fn threads_and_processes_that_the_server_starts_are_its_own() {
    let lines = [
        (SERVER, 2000, &*new(11, "3d0f00")),
        (SERVER, 2500, &switch(SERVER, "R", 11)),
        (11, 3000, &new(12, "1200000")),
        (11, 3500, &switch(11, "R", 12)),
        (12, 4000, &new(13, "3d0f00")),
        // That of another program.
        (30, 4500, &new(31, "1200000")),
        (31, 4600, ENTER),
        (12, 4900, &switch(12, "R", 13)),
        (13, 5000, ENTER),
    ];
    let read = Kind::Enter(call_name(0));
    let started = |process, thread| Kind::Started { process, thread };
    let expected = [
        (2000, SERVER, started(SERVER, 11)),
        (3000, 11, started(12, 12)),
        (4000, 12, started(12, 13)),
        (5000, 13, read),
    ];
    let is_switch = |kind: &Kind| {
        matches!(
            kind,
            Kind::Woken { .. } | Kind::SwitchIn { .. } | Kind::SwitchOut { .. }
        )
    };
    let mut events = events(&lines);
    events.retain(|(.., kind)| !is_switch(kind));
    let expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(events, expected);
}

#[test]
fn a_thread_that_starts_during_the_lookup_starts_once() {
    let mut recording = begun();
    recording.threads.push(Thread {
        thread: 11,
        call: None,
        ..recording.threads[0].clone()
    });
    recording.threads.push(Thread {
        thread: 12,
        ..recording.threads[0].clone()
    });
    let text = format!(
        "10/10 [003] 0.000002000: {}\n10/12 [003] 0.000003000: {ENTER}\n",
        new(11, "3d0f00")
    );
    let recording = complete(recording, &parse(&text).unwrap(), &[]).unwrap();
    let threads: Vec<_> = recording.threads.iter().map(|thread| thread.thread).collect();
    assert_eq!(threads, [SERVER, 12]);
    assert_eq!(
        recording.threads[1].call, None,
        "it entered a call, so it was in none"
    );
    let starts = Kind::Started {
        process: SERVER,
        thread: 11,
    };
    assert!(recording.events.iter().any(|event| event.kind == starts));
}

#[test]
fn the_number_of_an_ended_thread_may_come_again() {
    let lines = [
        (SERVER, 2000, &*new(11, "3d0f00")),
        (SERVER, 2100, &waking(11)),
        (SERVER, 2200, &switch(SERVER, "R", 11)),
        (11, 3000, &switch(11, "X", SERVER)),
        (SERVER, 4000, &new(11, "1200000")),
    ];
    let kinds: Vec<_> = events(&lines).into_iter().map(|(.., kind)| kind).collect();
    let started = |process| Kind::Started { process, thread: 11 };
    let preempted = Kind::SwitchOut { runnable: true };
    let (woken, ended) = (Kind::Woken { by: SERVER }, Kind::Ended);
    let first = [IN, started(SERVER), woken, preempted, IN, ended, OUT];
    let second = [IN, started(11)];
    assert_eq!(kinds, [&first[..], &second].concat());
}

#[test]
fn the_first_event_shows_what_a_thread_was_before() {
    let rename = |old: &str, new: &str| {
        format!("task:task_rename: pid=10 oldcomm={old} newcomm={new} oom_score_adj=0")
    };
    let lines = [
        (SERVER, 2000, EXIT),
        (SERVER, 3000, &*rename("mu", "beta")),
        (SERVER, 4000, &rename("beta", "alpha")),
    ];
    let recording = followed(&lines).unwrap();
    let thread = &recording.threads[0];
    assert_eq!((&*thread.name, thread.call.clone()), ("mu", Some(call_name(0))));
    assert_eq!(recording.events.len(), 4, "{:?}", recording.events);
}

#[test]
fn a_return_from_a_signal_leaves_its_own_call() {
    let number = syscalls::Sysno::rt_sigreturn as usize;
    let enter = format!("raw_syscalls:sys_enter: NR {number} (0, 0, 0, 0, 0, 0)");
    let exit = "raw_syscalls:sys_exit: NR -1 = 0";
    let kinds = |lines: &[(i32, u64, &str)]| {
        let events = events(lines).into_iter();
        events.map(|(.., kind)| kind).skip(1).collect::<Vec<_>>()
    };
    let name = "rt_sigreturn".to_owned();
    assert_eq!(
        kinds(&[(SERVER, 2000, &enter), (SERVER, 3000, exit)]),
        [Kind::Enter(name.clone()), Kind::Exit(name)]
    );
    assert_eq!(kinds(&[(SERVER, 3000, exit)]), []);
}

#[test]
fn the_latest_port_of_a_socket_counts() {
    let adjust = |port: u16| {
        format!(
            "tcp:tcp_rcv_space_adjust: family=AF_INET sport=80 dport={port} saddr=127.0.0.1 daddr=127.0.0.1"
        )
    };
    let socket = |what: &str, length: i64| {
        format!(
            "sock:sock_{what}_length: sk address = 0xff, family = AF_INET protocol = IPPROTO_TCP, length = {length}, \
             error = 0, flags = 0x0"
        )
    };
    let lines = [
        (SERVER, 1500, &*socket("send", 9)),
        (SERVER, 2000, &adjust(4000)),
        (SERVER, 2001, &socket("recv", 9)),
        (SERVER, 2002, EXIT),
        (SERVER, 3000, &socket("send", -11)),
        (SERVER, 3001, &socket("send", 9)),
        // Another connection, whose other side is in a thread of the load generator.
        (SERVER, 4000, &adjust(4001)),
        (SERVER, 4001, &socket("recv", 9)),
        (CLIENT, 4500, &socket("send", 9)),
        (SERVER, 5000, &socket("send", 9)),
        // A read by a call that reports no socket.
        (SERVER, 6000, &adjust(4002)),
        (SERVER, 6001, EXIT),
        (SERVER, 6002, &socket("recv", -11)),
        (SERVER, 6003, &socket("send", 9)),
    ];
    let transfers: Vec<_> = events(&lines)
        .into_iter()
        .filter(|(.., kind)| matches!(kind, Kind::Received { .. } | Kind::Sent { .. }))
        .map(|(at_ns, _, kind)| (at_ns, kind))
        .collect();
    let (received, sent) = (|port| Kind::Received { port }, |port| Kind::Sent { port });
    assert_eq!(
        transfers,
        [
            (2000, received(4000)),
            (3001, sent(4000)),
            (4000, received(4001)),
            (5000, sent(4001)),
            (6000, received(4002)),
            (6003, sent(4001)),
        ]
    );
}

#[test]
fn what_happened_before_and_afterwards_is_left_out() {
    let lines = [(SERVER, 999, ENTER), (SERVER, 9001, EXIT)];
    assert_eq!(events(&lines), []);
}

#[test]
fn lost_events_and_foreign_numbers_are_errors() {
    let error = followed(&[(SERVER, 500, "PERF_RECORD_LOST lost 702")]).unwrap_err();
    assert!(error.contains("perf lost 702 events"), "{error}");
    let error = followed(&[(SERVER, 2000, &switch(5343, "S", 0))]).unwrap_err();
    assert!(error.contains("thread 5343 is 10 here"), "{error}");
    // An ended thread has no number any more.
    assert!(followed(&[(-1, 2000, &switch(5343, "X", 0))]).is_ok());
}

proptest! {
    /// Lines in any order: what is made of them is in the order of time, and of the server's threads.
    #[test]
    fn any_order_of_lines_can_be_followed(steps in prop::collection::vec((0_usize..11, 8_i32..13, 8_i32..13), 0..60)) {
        let mut now_ns = 900;
        let lines: Vec<_> = steps
            .into_iter()
            .map(|(kind, thread, other)| {
                now_ns += 150;
                let event = match kind {
                    0 => switch(thread, "S", other),
                    1 => switch(thread, "R+", other),
                    2 => switch(thread, "X", other),
                    3 => waking(other),
                    4 => new(other, "3d0f00"),
                    5 => new(other, "1200000"),
                    6 => ENTER.to_owned(),
                    7 => EXIT.to_owned(),
                    8 => "timer:timer_expire_entry: timer=0xff".to_owned(),
                    9 => "timer:timer_expire_exit: timer=0xff".to_owned(),
                    _ => format!("task:task_rename: pid={other} oldcomm=a newcomm=b oom_score_adj=0"),
                };
                (thread, now_ns, event)
            })
            .collect();
        let lines: Vec<_> = lines.iter().map(|(thread, at_ns, event)| (*thread, *at_ns, &**event)).collect();
        let recording = followed(&lines).unwrap();
        prop_assert!(recording.events.is_sorted_by_key(|event| event.at_ns));
        let mut own: Vec<_> = recording.threads.iter().map(|thread| thread.thread).collect();
        for event in &recording.events {
            prop_assert!(own.contains(&event.thread), "{event:?}");
            own.extend(match event.kind {
                Kind::Started { thread, .. } => Some(thread),
                _ => None,
            });
        }
    }
}
