//! What is noted of single requests, with the time stepped by hand.

use std::time::Duration;

use super::stepped::{MS, Stepped, closed_loop, open_loop};
use crate::clock::Clock;
use crate::plan::Plan;
use crate::tally::Tally;

/// When each noted request was due, sent and received, in milliseconds.
fn times_ms(tally: &Tally) -> Vec<[u64; 3]> {
    let marks = tally.marks.as_ref().expect("they were asked for");
    let ms = |ns: u64| (ns - Clock::STEPPED_FROM_NS) / MS;
    let requests = marks.requests.iter();
    let times = requests.map(|mark| [mark.due_ns, mark.sent_ns, mark.received_ns].map(ms));
    times.collect()
}

#[test]
fn a_noted_request_has_its_times_by_the_kernels_clock() {
    let mut driver = Stepped::begin(Plan {
        marks: true,
        ..open_loop(4)
    });
    driver.at(3 * MS).answer(0, 1);
    driver.at(5 * MS).answer(0, 1);
    let tally = driver.finish();
    assert_eq!(times_ms(&tally), [[0, 0, 3], [1, 3, 5]]);
}

#[test]
fn only_requests_that_count_are_noted() {
    let mut driver = Stepped::begin(Plan {
        warmup: Duration::from_millis(10),
        requests: Some(3),
        marks: true,
        ..closed_loop(0)
    });
    // The second is sent in the warm-up too, and answered after it.
    for at_ms in [4, 12, 15] {
        driver.at(at_ms * MS).answer(0, 1);
    }
    driver.at(17 * MS).reset(0);
    driver.at(18 * MS).open_again(0);
    driver.at(20 * MS).answer(0, 1);
    let tally = driver.finish();
    assert_eq!((tally.requests.ok, tally.requests.reset), (2, 1));
    assert_eq!(times_ms(&tally), [[12, 12, 15], [18, 18, 20]]);
}

#[test]
fn nothing_is_noted_unless_it_is_asked_for() {
    let mut driver = Stepped::begin(closed_loop(4));
    driver.at(MS).answer(0, 1);
    assert_eq!(driver.finish().marks, None);
}
