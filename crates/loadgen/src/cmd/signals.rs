//! Signals that end a load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{process, thread};

use anyhow::Context;
use loadgen::signals::{self, Blocked};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A flag that SIGINT, SIGTERM and SIGHUP set, so that a load ends and reports what it measured. A second signal ends the
/// program at once, with exit code 1.
///
/// Before this is called, a signal ends the program as it ends any other: nothing has been measured.
pub(crate) fn cancelled_by_signals() -> anyhow::Result<Arc<AtomicBool>> {
    /// The same signal may come twice: timeout(1) sends it to the program and to its process group.
    const SAME_WITHIN: Duration = Duration::from_millis(200);
    // A program that was started by nohup(1) outlives a hangup.
    let hangup = (!signals::ignored().contains(&SIGHUP)).then_some(SIGHUP);
    let cancel = Arc::new(AtomicBool::new(false));
    let blocked = Blocked::all().context("can't block signals")?;
    let mut signals =
        Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup)).context("can't handle signals")?;
    let set = Arc::clone(&cancel);
    let watch = move || {
        let mut signals = signals.forever();
        let first = signals.next().map(|_| Instant::now());
        set.store(true, Ordering::Relaxed);
        for _ in signals {
            if first.is_some_and(|first| first.elapsed() > SAME_WITHIN) {
                process::exit(1);
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)
        .context("can't start a thread for signals")?;
    drop(blocked);
    Ok(cancel)
}
