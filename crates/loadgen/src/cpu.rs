//! The processor that a thread runs on.

use std::time::Duration;
use std::{fs, io};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Lets the calling thread run on this processor alone. Threads that it starts afterwards stay there too.
pub fn pin_thread(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// For how long the calling thread has been ready in its life, and waited because others had the processor; nothing where
/// the kernel does not tell (`CONFIG_SCHED_INFO`; the second number of `schedstat`, sched-stats(5) of the kernel's docs).
pub(crate) fn thread_waited() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let waited_ns = told.split_whitespace().nth(1).and_then(|ns| ns.parse().ok());
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
            println!("skipped: this kernel does not tell how long a thread waits");
            return;
        }
        let waits = |done: &AtomicBool| {
            let before = thread_waited();
            // As long as it takes.
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
