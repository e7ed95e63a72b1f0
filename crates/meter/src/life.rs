//! What a server has spent in its whole life.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

/// What children that have been waited for have spent, with their own children. It is exact to the microsecond, and includes
/// processes that ended long before, as long as their parents have waited for them.
///
/// Where threads or processes live for one connection, two readings miss their context switches. The kernel adds them to the
/// parent when a process is waited for. So a server's whole life has all of them, and they can be divided by the replies of
/// its whole life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// CPU time in programs.
    pub user_us: f64,
    /// CPU time in the kernel on their behalf.
    pub system_us: f64,
    /// Context switches because a thread had to wait.
    pub voluntary_switches: u64,
    /// Context switches because another thread was due.
    pub involuntary_switches: u64,
    /// Page faults that were served from memory.
    pub minor_faults: u64,
    /// Page faults that had to wait for a disk.
    pub major_faults: u64,
}

impl Life {
    /// What all children of this process have spent that it has waited for so far, with theirs. A keeper has no children but
    /// the processes of its server.
    ///
    /// # Panics
    ///
    /// Never: the kernel refuses this to no process.
    #[must_use]
    pub fn of_children() -> Self {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("a process may ask what its children spent");
        let count = |count| u64::try_from(count).unwrap_or(0);
        Self {
            user_us: us(usage.user_time()),
            system_us: us(usage.system_time()),
            voluntary_switches: count(usage.voluntary_context_switches()),
            involuntary_switches: count(usage.involuntary_context_switches()),
            minor_faults: count(usage.minor_page_faults()),
            major_faults: count(usage.major_page_faults()),
        }
    }

    /// What was spent after an earlier time.
    #[must_use]
    pub fn since(self, earlier: &Self) -> Self {
        Self {
            user_us: self.user_us - earlier.user_us,
            system_us: self.system_us - earlier.system_us,
            voluntary_switches: self.voluntary_switches - earlier.voluntary_switches,
            involuntary_switches: self.involuntary_switches - earlier.involuntary_switches,
            minor_faults: self.minor_faults - earlier.minor_faults,
            major_faults: self.major_faults - earlier.major_faults,
        }
    }

    /// CPU time, user and system.
    #[must_use]
    pub fn cpu(&self) -> std::time::Duration {
        std::time::Duration::from_secs_f64((self.user_us + self.system_us).max(0.0) / 1e6)
    }
}

fn us(time: TimeVal) -> f64 {
    time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn grandchildren_that_were_waited_for_are_counted() {
        let before = Life::of_children();
        // Each `sh` in the loop is a process of its own, and the outer one waits for it.
        let status = Command::new("sh")
            .args(["-c", "for i in 1 2 3 4 5; do sh -c :; done"])
            .status();
        assert!(status.is_ok_and(|status| status.success()));
        let spent = Life::of_children().since(&before);
        assert!(spent.cpu() > std::time::Duration::ZERO);
        // A new process touches its first pages one by one, and its parent's wait for it is a switch.
        assert!(
            spent.minor_faults > 5 && spent.voluntary_switches > 0,
            "{spent:?}"
        );
    }
}
