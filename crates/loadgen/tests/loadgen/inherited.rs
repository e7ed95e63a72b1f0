//! What the program inherits from its parent must not change a run.

use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

use crate::fake::Fake;
use crate::program::{Running, hour_long_run};

#[test]
fn signals_blocked_at_the_start_end_a_run() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let fake = Fake::good();
        let mut before = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::all()), Some(&mut before)).unwrap();
        let running = Running::start_line(&hour_long_run(fake.address, ""));
        before.thread_set_mask().unwrap();
        fake.wait_for_requests(100);
        running.signal(signal);
        assert_eq!(running.end().code, Some(1), "{signal}");
    }
}
