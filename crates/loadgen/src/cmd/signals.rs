//! Signals that end a load.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{process, thread};

use anyhow::Context;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::iterator::Signals;

/// What SIGINT, SIGTERM and SIGHUP set, so that a load ends with what was measured. The next of them ends the program at
/// once, as one that failed: whoever sends it does not want to wait.
///
/// Before this is called, a signal ends the program as it does any other: nothing has been measured.
pub(crate) fn cancelled_by_signals() -> anyhow::Result<Arc<AtomicBool>> {
    /// One signal may come twice: timeout(1) sends it to the program, and to the group that the program is in.
    const SAME_WITHIN: Duration = Duration::from_millis(200);
    let mut ending = vec![Signal::SIGINT, Signal::SIGTERM];
    if !is_ignored(Signal::SIGHUP) {
        ending.push(Signal::SIGHUP);
    }
    let cancel = Arc::new(AtomicBool::new(false));
    // A handler is there before its action is, and a signal in between would be lost. So they are held back meanwhile.
    let held: SigSet = ending.iter().copied().collect();
    held.thread_block().context("can't block signals")?;
    let mut signals =
        Signals::new(ending.iter().map(|&signal| signal as i32)).context("can't handle signals")?;
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
    held.thread_unblock().context("can't unblock signals")?;
    Ok(cancel)
}

/// Whether the program was started with this signal ignored, as by nohup(1).
fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (signal as u32 - 1) != 0)
}
