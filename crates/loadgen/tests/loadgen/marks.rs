//! The times of single connections and requests.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use loadgen::{Arrivals, Load, Observer, Pacing, Plan};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::gettid;
use schema::trace::Marks;

use crate::fake::{Act, Fake, assert_adds_up, ping, run};

fn now_ns() -> u64 {
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).expect("there is a clock"));
    u64::try_from(now.as_nanos()).expect("it started less than 500 years ago")
}

/// The threads of this process that are named as those of a load.
struct Threads(HashSet<i32>);

impl Observer for Threads {
    fn connections_open(&mut self) {
        let tasks = std::fs::read_dir("/proc/self/task").expect("this process has threads");
        let names = tasks.map(|task| task.expect("it can be listed").file_name());
        self.0 = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    }
}

#[test]
fn marks_are_taken_only_if_asked_for() {
    let fake = Fake::good();
    assert_eq!(run(&fake.plan(1, ping())).marks, None);
}

#[test]
fn marks_have_every_good_request_with_its_connection() {
    let fake = Fake::new(|asked| {
        if asked.number == 5 {
            Act::Instead(crate::fake::error("busy"))
        } else {
            Act::Answer
        }
    });
    let plan = Plan {
        threads: 2,
        requests: Some(40),
        requests_per_connection: Some(4),
        marks: true,
        ..fake.plan(3, ping())
    };
    let mut threads = Threads(HashSet::new());
    let before_ns = now_ns();
    let outcome = loadgen::run(&plan, &AtomicBool::new(false), &mut threads).expect("the server is there");
    let after_ns = now_ns();
    assert_adds_up(&outcome.report);
    let marks = outcome.marks.expect("they were asked for");
    assert_eq!(marks.threads.len(), 2);
    assert!(marks.threads.iter().all(|thread| threads.0.contains(thread)));
    assert!(!marks.threads.contains(&gettid().as_raw()));
    assert_eq!((outcome.report.requests.ok, marks.requests.len()), (39, 39));
    for request in &marks.requests {
        let its = marks.connections.iter().find(|mark| mark.port == request.port);
        let its = its.expect("its connection is noted");
        assert_eq!(its.connection, request.connection);
        let times = [
            before_ns,
            its.opens_ns,
            request.due_ns,
            request.sent_ns,
            request.received_ns,
            after_ns,
        ];
        assert!(times.is_sorted(), "{times:?}");
    }
    assert!(marks.requests.is_sorted_by_key(|request| request.sent_ns));
    assert!(fake.connections() >= 10, "each sends at most four of the forty");
    assert!(marks.connections.len() as u64 >= fake.connections());
    let slots: HashSet<_> = marks.connections.iter().map(|mark| mark.connection).collect();
    assert_eq!(slots, HashSet::from([0, 1, 2]));
}

/// The marks of an open loop with a warm-up in which requests are answered too.
fn warmed_up() -> (Marks, u64) {
    let fake = Fake::good();
    let plan = Plan {
        load: Load::Open {
            rate_per_s: 500.0,
            arrivals: Arrivals::Uniform,
            pacing: Pacing::Sleep,
        },
        warmup: Duration::from_millis(100),
        requests: Some(20),
        marks: true,
        ..fake.plan(2, ping())
    };
    let outcome = run(&plan);
    assert!(outcome.answered_total > 20);
    (outcome.marks.expect("they were asked for"), fake.requests())
}

#[test]
fn marks_leave_out_the_warm_up() {
    let (marks, asked) = warmed_up();
    assert!(asked > 20);
    assert_eq!(marks.requests.len(), 20);
    // One is due every 2 ms.
    for (earlier, later) in marks.requests.iter().zip(&marks.requests[1..]) {
        assert_eq!(later.due_ns.abs_diff(earlier.due_ns), 2_000_000);
    }
}

#[test]
fn a_load_with_marks_opens_no_connection_beside_its_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("the kernel has a port");
    let target = listener.local_addr().expect("it is bound");
    let plan = Plan {
        warmup: Duration::ZERO,
        requests: Some(2),
        timeout: Duration::from_millis(200),
        marks: true,
        ..Plan::closed_loop(target, 2, ping())
    };
    let outcome = loadgen::run(&plan, &AtomicBool::new(false), &mut ()).expect("it listens");
    let noted = outcome.marks.expect("they were asked for").connections;
    listener.set_nonblocking(true).expect("it can be asked");
    let accepted = std::iter::from_fn(|| listener.accept().ok());
    let mut ports: Vec<_> = accepted.map(|(_, from)| from.port()).collect();
    let mut noted: Vec<_> = noted.iter().map(|mark| mark.port).collect();
    ports.sort_unstable();
    noted.sort_unstable();
    assert_eq!(ports, noted);
}

#[test]
fn a_load_with_marks_ends_without_a_server() {
    let (_held, target) = crate::ports::dead_port();
    let plan = Plan {
        requests: Some(2),
        marks: true,
        ..Plan::closed_loop(target, 2, ping())
    };
    let outcome = loadgen::run(&plan, &AtomicBool::new(false), &mut ()).expect("no connection comes first");
    let reason = outcome.report.ended_early.expect("it could not go on");
    assert!(reason.contains("is gone"), "{reason}");
    assert_eq!(outcome.marks.expect("they were asked for").connections, []);
}
