//! Servers that are slow, or never read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use loadgen::{Params, Plan, Work};

use crate::fake::{Act, Fake, PATIENCE, failures, ping, run};

#[test]
fn a_server_that_never_reads_times_out() {
    // The second request does not fit the kernel's buffers, so most of it is never sent.
    for work in [Params::Unique, Params::Payload(16 << 20)] {
        let fake = Fake::deaf();
        let plan = Plan {
            timeout: Duration::from_millis(400),
            ..fake.plan(2, Work::new("ping", work).unwrap())
        };
        let started = Instant::now();
        let outcome = run(&plan);
        assert!(started.elapsed() < PATIENCE / 2);
        let report = &outcome.report;
        // Writing a long request may take the whole window, so that there is only one.
        let sent = report.requests.sent;
        assert!((1..=2).contains(&sent), "{sent}");
        assert_eq!(failures(&outcome), [("timeout", sent)]);
        assert_eq!(report.requests.timeout, sent);
        assert_eq!((report.connections.opened, report.connections.served), (2, 0));
        assert_eq!((report.latency_us, report.fairness.as_ref()), (None, None));
        assert_eq!(report.client.cpu_us_per_request, None);
    }
}

#[test]
fn a_stall_shows_in_the_latencies_and_fails_nothing() {
    const STALL: Duration = Duration::from_millis(150);
    let stalled = AtomicBool::new(false);
    let fake = Fake::new(move |_| {
        if stalled.swap(true, Ordering::SeqCst) {
            Act::Answer
        } else {
            Act::AnswerAfter(STALL)
        }
    });
    let outcome = run(&fake.plan(2, ping()));
    let report = &outcome.report;
    assert_eq!(report.failures, []);
    assert_eq!(report.requests.ok, fake.requests());
    let latency = report.latency_us.unwrap();
    assert!(latency.max >= STALL.as_micros() as f64, "{latency:?}");
    assert!(latency.min < latency.max);
}

#[test]
fn a_reply_that_comes_after_the_window_is_waited_for() {
    const LATE: Duration = Duration::from_millis(400);
    let fake = Fake::new(|_| Act::AnswerAfter(LATE));
    let report = run(&fake.plan(3, ping())).report;
    assert_eq!((report.requests.sent, report.requests.ok), (3, 3));
    assert!(
        report.throughput_per_s.abs() < 1e-9,
        "they came too late to count as throughput"
    );
    assert!(report.latency_us.unwrap().min >= LATE.as_micros() as f64);
}
