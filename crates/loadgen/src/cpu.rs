//! The CPU that a thread runs on.

use std::time::Duration;
use std::{fs, io};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Binds the calling thread to this CPU. Threads that it starts afterwards inherit that.
pub fn pin_thread(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// How long the calling thread was runnable and waited for a CPU, since it started; zero if the kernel does not report it
/// (`CONFIG_SCHED_INFO`; the second number of `schedstat`, sched-stats in the kernel's documentation).
pub(crate) fn thread_waited() -> Duration {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let waited_ns = schedstat.split_whitespace().nth(1).and_then(|ns| ns.parse().ok());
    Duration::from_nanos(waited_ns.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_waits_for_a_cpu_that_another_uses() {
        if !Path::new("/proc/thread-self/schedstat").exists() {
            return test_support::skip("this kernel does not report how long a thread waits for a CPU");
        }
        let waits = |done: &AtomicBool| {
            let before = thread_waited();
            while !done.load(Ordering::Relaxed) {
                if thread_waited().saturating_sub(before) > Duration::from_millis(50) {
                    done.store(true, Ordering::Relaxed);
                }
            }
        };
        let both = move || {
            pin_thread(nix::sched::sched_getcpu().unwrap()).unwrap();
            let done = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| waits(&done));
                scope.spawn(|| waits(&done));
            });
        };
        thread::spawn(both).join().unwrap();
    }
}
