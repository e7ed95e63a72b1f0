//! What is counted at the begin and the end of the window, with the time stepped by hand.

use super::*;
use crate::arrivals::Arrivals;
use crate::driver::stepped::{MS, Stepped, closed_loop, open_loop};
use crate::plan::{Load, Pacing, Plan};
use schema::load::Requests;

#[test]
fn a_request_that_is_never_sent_waits_until_the_end() {
    let mut driver = Stepped::begin(open_loop(10));
    driver.at(10 * MS);
    assert_eq!(driver.tally.requests.unsent, 0, "counted while a reply may come");
    // Requests due from then on are not part of the window, and are not sent.
    driver.at(25 * MS).answer(0, 1);
    let tally = driver.finish();
    assert_eq!(
        tally.requests,
        Requests {
            planned: 10,
            unsent: 9,
            sent: 1,
            ok: 1,
            ..Requests::default()
        }
    );
    // The one that was sent at once, and one more for each further millisecond.
    let waits_ms: u64 = 10 + (1..=9).sum::<u64>();
    assert_eq!(
        (tally.waits_ns, tally.area_ns),
        (u128::from(waits_ms * MS), u128::from(waits_ms * MS))
    );
}

#[test]
fn replies_to_the_warm_up_count_in_their_slice() {
    // A request is due each millisecond, and answered ten milliseconds after it was sent. None of those due in the window is
    // sent.
    let mut driver = Stepped::begin(Plan {
        warmup: Duration::from_millis(100),
        slice: Some(Duration::from_millis(20)),
        ..open_loop(60)
    });
    for reply in 1..=16 {
        driver.at(reply * 10 * MS).answer(0, 1);
    }
    let (tally, slices) = driver.finish_with_slices();
    // The reply at 100 ms comes as the window opens, that at 160 ms as it closes.
    assert_eq!(slices, [(2, 0), (2, 0), (2, 0)]);
    assert_eq!((tally.completed, tally.after_window.latency.len()), (6, 1));
    // 91 were in the system at the opening, one of them in flight, and 60 fell due in the window.
    assert_eq!(
        tally.requests,
        Requests {
            planned: 151,
            unsent: 144,
            sent: 7,
            ok: 7,
            ..Requests::default()
        }
    );
    assert_eq!((tally.backlog.at_open, tally.backlog.at_close), (91, 145));
    assert!(tally.backlog.outgrew(&tally.requests, 0));
    assert!(!tally.backlog.outgrew(&tally.requests, 54));
    assert_eq!(tally.waits_ns, tally.area_ns);
}

#[test]
fn replies_within_the_bound_are_counted_from_their_due_time() {
    // A request is due each millisecond, and two are sent. The reply to the first comes just in time, that to the second a
    // nanosecond too late. Both come after the window.
    let bounded = |plan: Plan| Plan {
        within: Some(Duration::from_millis(4)),
        ..plan
    };
    let mut driver = Stepped::begin(bounded(Plan {
        pipeline: 2,
        ..open_loop(4)
    }));
    driver.at(4 * MS).answer(0, 1);
    driver.at(5 * MS + 1).answer(0, 1);
    let tally = driver.finish();
    assert_eq!((tally.requests.planned, tally.requests.unsent), (4, 2));
    assert_eq!((tally.requests.ok, tally.within), (2, 1));

    // In a closed loop latency counts from the sending. A reply in the warm-up does not count.
    let mut driver = Stepped::begin(bounded(Plan {
        warmup: Duration::from_millis(2),
        ..closed_loop(20)
    }));
    for at_ms in [1, 4, 8, 13] {
        driver.at(at_ms * MS).answer(0, 1);
    }
    let tally = driver.finish();
    assert_eq!((tally.requests.ok, tally.within), (3, 2));

    let mut driver = Stepped::begin(open_loop(4));
    driver.at(MS).answer(0, 1);
    assert_eq!(driver.finish().within, 0, "without a bound none is counted");
}

#[test]
fn a_failure_counts_in_its_slice() {
    let mut driver = Stepped::begin(Plan {
        warmup: Duration::from_millis(10),
        slice: Some(Duration::from_millis(20)),
        ..closed_loop(40)
    });
    driver.at(5 * MS).answer(0, 1);
    driver.at(15 * MS).reset(0);
    driver.at(45 * MS).open_again(0);
    driver.at(60 * MS).reset(0);
    let (tally, slices) = driver.finish_with_slices();
    assert_eq!(slices, [(0, 1), (0, 0)]);
    assert_eq!(
        tally.requests,
        Requests {
            planned: 2,
            sent: 2,
            reset: 2,
            ..Requests::default()
        }
    );
    assert_eq!(tally.waits_ns, tally.area_ns);
}

#[test]
fn a_queue_counts_up_to_an_interruption() {
    let mut driver = Stepped::begin(open_loop(3_600_000));
    driver.at(2 * MS).answer(0, 1);
    driver.at(4 * MS + MS / 2);
    let tally = driver.finish();
    assert_eq!(
        tally.requests,
        Requests {
            planned: 5,
            unsent: 3,
            sent: 2,
            ok: 1,
            in_flight: 1,
            ..Requests::default()
        }
    );
    assert_eq!(tally.window.as_micros(), 4_500);
    // Sent as it was due; due at 1 ms and in flight; due at 2, 3 and 4 ms and in queue.
    let waits_us: u64 = 2_000 + 3_500 + 2_500 + 1_500 + 500;
    assert_eq!(
        (tally.waits_ns, tally.area_ns),
        (u128::from(waits_us * 1_000), u128::from(waits_us * 1_000))
    );
}

#[test]
fn a_cancelled_run_adds_up_without_counting_to_the_end() {
    // Counting an hour of these takes far longer than a test may: before the window, as it closes, and in its middle.
    for (warmup_s, at_s) in [(3_600, 3_599), (0, 3_601), (0, 3_599), (1_800, 3_599)] {
        let mut driver = Stepped::begin(Plan {
            load: Load::Open {
                rate_per_s: 1e9,
                arrivals: Arrivals::Uniform,
                pacing: Pacing::Spin,
            },
            warmup: Duration::from_secs(warmup_s),
            ..open_loop(3_600_000)
        });
        driver.cancel();
        driver.at(at_s * 1_000 * MS);
        driver.answer(0, 1);
        let tally = driver.finish();
        assert!(tally.requests.add_up(), "{:?}", tally.requests);
        assert_eq!(tally.waits_ns, tally.area_ns);
    }
}

#[test]
fn a_count_that_was_cancelled_is_of_an_interrupted_run() {
    let mut driver = Stepped::begin(Plan {
        load: Load::Open {
            rate_per_s: 1e9,
            arrivals: Arrivals::Uniform,
            pacing: Pacing::Spin,
        },
        ..open_loop(3_600_000)
    });
    // The window has closed when the signal comes.
    driver.at(3_601_000 * MS);
    driver.cancel();
    let tally = driver.finish();
    assert_eq!(tally.ended_early.as_deref(), Some("interrupted"));
    assert!(
        tally.requests.unsent > 0 && tally.requests.add_up(),
        "{:?}",
        tally.requests
    );
    assert_eq!(tally.waits_ns, tally.area_ns);
}

#[test]
fn a_lost_connection_loses_requests_in_flight_only() {
    let mut driver = Stepped::begin(Plan {
        pipeline: 2,
        ..open_loop(10)
    });
    driver.at(3 * MS + MS / 2).reset(0);
    // Of those in queue the next connection takes two, and two more when these are answered.
    driver.at(5 * MS + MS / 2).open_again(0);
    driver.at(6 * MS + MS / 2).answer(0, 2);
    driver.at(10 * MS);
    let tally = driver.finish();
    assert_eq!(
        tally.requests,
        Requests {
            planned: 10,
            unsent: 4,
            sent: 6,
            ok: 2,
            reset: 2,
            in_flight: 2,
            ..Requests::default()
        }
    );
    assert_eq!(tally.waits_ns, tally.area_ns);
}

#[test]
fn a_due_request_that_is_lost_breaks_the_accounting() {
    let mut driver = Stepped::begin(open_loop(10));
    let (queue, _) = driver.open_loop.as_mut().expect("the loop is open");
    queue.dequeue();
    driver.at(10 * MS);
    let tally = driver.finish();
    assert!(!tally.requests.add_up(), "{:?}", tally.requests);
    assert_eq!(
        tally.requests.planned,
        tally.requests.sent + tally.requests.unsent + 1
    );
}

/// Keeps the CPU busy for this time.
fn work(cpu: Duration) {
    let until = thread_cpu() + cpu;
    while thread_cpu() < until {
        std::hint::spin_loop();
    }
}

#[test]
fn a_late_end_counts_as_busy() {
    let mut driver = Stepped::begin(closed_loop(10));
    work(Duration::from_millis(20));
    driver.at(40 * MS);
    let tally = driver.finish();
    assert_eq!(tally.window.as_millis(), 10);
    assert!((0.5..1.0).contains(&tally.busiest().busy), "{:?}", tally.threads);
}

#[test]
fn a_stolen_cpu_does_not_count_as_spinning() {
    let mut driver = Stepped::begin(closed_loop(40));
    work(Duration::from_millis(20));
    for _ in 0..10 {
        driver.count_idle_spin(4 * MS);
    }
    driver.count_idle_spin(1_000);
    driver.at(40 * MS);
    // Less 0.2 ms of the 20.
    let tally = driver.finish();
    assert!((0.49..1.0).contains(&tally.busiest().busy), "{:?}", tally.threads);
}

#[test]
fn a_closed_loop_plans_what_its_connections_have_room_for() {
    let mut driver = Stepped::begin(Plan {
        pipeline: 3,
        requests_per_connection: Some(4),
        ..closed_loop(10)
    });
    driver.at(MS).answer(0, 2);
    driver.at(2 * MS);
    let tally = driver.finish();
    assert_eq!(
        tally.requests,
        Requests {
            planned: 4,
            sent: 4,
            ok: 2,
            in_flight: 2,
            ..Requests::default()
        }
    );
    // Two of the first three for one millisecond, the third for two; the fourth for one.
    let waits_ms: u64 = 2 + 2 + 1;
    assert_eq!(
        (tally.waits_ns, tally.area_ns),
        (u128::from(waits_ms * MS), u128::from(waits_ms * MS))
    );
}
