//! Signals: which ones a process inherited as ignored, and setting up handlers without a gap.
//!
//! A process inherits its mask and its ignored signals from its parent: nohup(1), cron, a supervisor, a test harness.

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow};
use procfs::process::Process;

/// The numbers of the signals that this process ignores; none if the kernel does not report them.
#[must_use]
pub fn ignored() -> Vec<i32> {
    let status = Process::myself().and_then(|own| own.status());
    let mask = status.map_or(0, |status| status.sigign);
    (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1).collect()
}

/// Blocks all signals of the calling thread while handlers are set up. Drop it when they are.
///
/// A library installs its handler first, and what the handler does afterwards. A signal that comes in between would be lost.
#[derive(Debug)]
#[must_use]
pub struct Blocked {
    before: SigSet,
}

impl Blocked {
    /// Blocks all signals. Threads that are started meanwhile keep them blocked.
    pub fn all() -> io::Result<Self> {
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        Ok(Self { before })
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.before
            .thread_set_mask()
            .expect("the mask was in force before");
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::Signal;

    use super::*;

    #[test]
    fn signals_are_blocked_until_the_guard_is_dropped() {
        let mask = || SigSet::thread_get_mask().unwrap();
        let before = mask();
        let blocked = Blocked::all().unwrap();
        assert!(mask().contains(Signal::SIGTERM) && mask().contains(Signal::SIGHUP));
        drop(blocked);
        assert_eq!(mask(), before);
    }
}
