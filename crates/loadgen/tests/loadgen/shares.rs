//! Connections that send their share of the requests and are not replaced.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use loadgen::{Arrivals, Load, Outcome, Pacing, Plan};

use crate::fake::{Act, Asked, Fake, ping, run};

/// A plan of four connections with a share of three requests each.
fn shares(fake: &Fake) -> Plan {
    Plan {
        requests: Some(12),
        requests_per_connection: Some(3),
        replace_spent: false,
        ..fake.plan(4, ping())
    }
}

fn both_loops(plan: &Plan) -> [Plan; 2] {
    let load = Load::Open {
        rate_per_s: 2_000.0,
        arrivals: Arrivals::Uniform,
        pacing: Pacing::Sleep,
    };
    [plan.clone(), Plan { load, ..plan.clone() }]
}

/// How many requests each connection of the load was served.
fn served(outcome: &Outcome) -> Vec<u64> {
    let mut counts = vec![0; 4];
    for request in &outcome.marks.as_ref().expect("they are noted").requests {
        counts[request.connection] += 1;
    }
    counts
}

#[test]
fn each_connection_sends_its_share_whatever_the_server_serves_first() {
    for make in [Fake::good, Fake::one_at_a_time] {
        for (threads, kind) in [(1, 0), (1, 1), (3, 0), (3, 1)] {
            let fake = make();
            let outcome = run(&Plan {
                threads,
                marks: true,
                ..both_loops(&shares(&fake))[kind].clone()
            });
            assert_eq!(served(&outcome), [3; 4], "{threads} threads, loop {kind}");
            assert_eq!((fake.connections(), fake.requests()), (4, 12));
            assert_eq!(outcome.report.ended_early, None);
        }
    }
}

#[test]
fn a_pipeline_does_not_exceed_the_share() {
    let fake = Fake::good();
    let outcome = run(&Plan {
        pipeline: 2,
        marks: true,
        ..shares(&fake)
    });
    assert_eq!(served(&outcome), [3; 4]);
    assert_eq!(fake.connections(), 4);
}

/// What a run comes to whose server does this once, to the second request of some connection.
fn after_one(
    act: impl Fn() -> Act + Send + Sync + Copy + 'static,
    plan: impl Fn(&Fake) -> Plan,
) -> [Outcome; 2] {
    [0, 1].map(|kind| {
        let is_done = AtomicBool::new(false);
        let fake = Fake::new(move |asked: &Asked<'_>| {
            let is_second = asked.on_connection == 1;
            if is_second && !is_done.swap(true, Ordering::Relaxed) {
                act()
            } else {
                Act::Answer
            }
        });
        run(&both_loops(&plan(&fake))[kind])
    })
}

#[test]
fn a_lost_connection_is_replaced_until_its_share_is_sent() {
    let lossy = || Act::Reset;
    for outcome in after_one(lossy, |fake| Plan {
        marks: true,
        ..shares(fake)
    }) {
        let mut counts = served(&outcome);
        counts.sort_unstable();
        // One sent three requests too, and one of them was lost.
        assert_eq!(counts, [2, 3, 3, 3]);
        let requests = &outcome.report.requests;
        assert_eq!((requests.sent, requests.ok, requests.reset), (12, 11, 1));
        assert_eq!(outcome.report.ended_early, None);
        assert_eq!(outcome.marks.expect("they are noted").connections.len(), 5);
    }
}

#[test]
fn a_request_without_reply_does_not_hold_up_the_end() {
    for outcome in after_one(
        || Act::Nothing,
        |fake| Plan {
            timeout: Duration::from_millis(300),
            ..shares(fake)
        },
    ) {
        let requests = &outcome.report.requests;
        assert_eq!((requests.sent, requests.ok + requests.timeout), (12, 12));
        assert!(requests.timeout > 0);
    }
}

#[test]
fn a_server_that_dies_ends_a_run_of_shares() {
    for kind in [0, 1] {
        let fake = Fake::new(|asked| if asked.number < 4 { Act::Answer } else { Act::Die });
        let outcome = run(&both_loops(&shares(&fake))[kind]);
        let reason = outcome.report.ended_early.expect("it could not go on");
        assert!(reason.contains("is gone"), "{reason}");
        assert!(outcome.report.requests.ok >= 4);
    }
}
