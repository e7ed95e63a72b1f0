//! How long a case waits: for what must happen, until it does; for what must not, a moment.

use std::thread;
use std::time::{Duration, Instant};

/// The longest that a case waits for what must happen. A correct server needs less on any machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a case watches for what must not happen.
pub(crate) const MOMENT: Duration = Duration::from_millis(200);

/// The pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(3);

/// Waits until the condition holds, and fails with `what` was expected if it never does.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "this did not happen within {TIMEOUT:?}: {what}"
        );
        thread::sleep(PAUSE);
    }
}

/// Gives packets that were sent time to arrive separately. No case depends on it: a pause that is too short only
/// makes the case easier to pass.
pub(crate) fn let_packets_arrive() {
    thread::sleep(Duration::from_millis(20));
}
