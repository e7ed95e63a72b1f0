//! How long a case waits: for what must happen, until it does; for what must not, a moment.

use std::thread;
use std::time::{Duration, Instant};

/// The longest that a case waits for what must happen. No machine is so slow that a sound server needs it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long a case watches for what must not happen.
pub(crate) const MOMENT: Duration = Duration::from_millis(200);

/// The pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(3);

/// Waits until the condition holds, and fails with `what` was expected if it never does.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        thread::sleep(PAUSE);
    }
}

/// Lets packets that were sent arrive as packets of their own. No case depends on it: a pause that is too short only
/// makes the case a little easier to pass.
pub(crate) fn let_it_arrive() {
    thread::sleep(Duration::from_millis(20));
}
