//! Jobs that run elsewhere, while the loop goes on.

use serving::Service;

use crate::harness::{PLAIN, Stepped, ms, pings, pongs, request, reset_event};

const IDLE: Service = Service {
    idle_timeout: Some(ms(100)),
    ..PLAIN
};

#[test]
fn a_job_is_handed_out_once() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.arrives(&[request("spin", "5"), pings([1])].concat());
    let job = stepped.job();
    stepped.timer();
    stepped.receives(&pings([2]));
    stepped.window_opens(1);
    assert_eq!((stepped.jobs(), stepped.sent_bytes()), (0, 0));
    stepped.job_ends(job);
    assert_eq!(stepped.replies(), ["spun 5", "pong 1", "pong 2"]);
}

#[test]
fn replies_before_a_job_are_sent_meanwhile() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.limit_writes(usize::MAX, 0);
    stepped.arrives(&[pings([1]), request("spin", "5")].concat());
    let job = stepped.job();
    stepped.window_opens(usize::MAX);
    assert_eq!(stepped.replies(), pongs([1]));
    stepped.job_ends(job);
    assert_eq!(stepped.replies(), ["spun 5"]);
}

#[test]
fn a_job_is_not_idle() {
    let mut stepped = Stepped::new(&IDLE);
    stepped.arrives(&request("spin", "5"));
    let job = stepped.job();
    stepped.passes(ms(1000));
    stepped.timer();
    assert!(!stepped.is_over());
    stepped.job_ends(job);
    assert_eq!(stepped.replies(), ["spun 5"]);
    stepped.passes(ms(99));
    assert!(!stepped.is_over());
    stepped.passes(ms(1));
    assert!(stepped.is_over());
}

#[test]
fn a_reset_does_not_wait_for_a_job() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.arrives(&request("spin", "5"));
    stepped.job();
    stepped.event(reset_event());
    assert!(stepped.is_over());
}

#[test]
fn a_drain_waits_for_a_job() {
    let mut stepped = Stepped::new(&PLAIN);
    stepped.arrives(&[request("spin", "5"), pings([1])].concat());
    let job = stepped.job();
    stepped.drains();
    assert!(!stepped.is_over());
    stepped.job_ends(job);
    assert_eq!(stepped.replies(), ["spun 5", "pong 1"]);
    assert!(stepped.is_over());
}
