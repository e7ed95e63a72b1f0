//! What a server holds at one moment.

use std::fs;
use std::iter::Sum;

use procfs::process::Stat;
use serde::{Deserialize, Serialize};

use super::tree::{self, Family};

/// What the processes of a server held at one moment, or the most that they held at several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Footprint {
    /// The proportional set size (PSS) of all: a page that n processes share counts 1/n in each, and so once.
    pub(crate) memory_bytes: u64,
    pub(crate) processes: u64,
    pub(crate) threads: u64,
}

impl Footprint {
    /// Of this server. [`Meter::footprint`](super::Meter::footprint) is quicker where there is a
    /// control group.
    pub(crate) fn of(server: Family) -> Self {
        Self::of_processes(&server.processes())
    }

    /// Of these processes, without what has ended.
    ///
    /// The kernel walks the page tables of each for this and keeps it from mapping memory meanwhile.
    pub(super) fn of_processes(processes: &[Stat]) -> Self {
        let living = processes.iter().filter(|stat| !tree::has_ended(stat));
        living
            .map(|stat| Self {
                memory_bytes: memory_bytes(stat.pid),
                processes: 1,
                threads: stat.num_threads.unsigned_abs(),
            })
            .sum()
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            processes: self.processes.max(other.processes),
            threads: self.threads.max(other.threads),
        }
    }
}

/// Nothing if it has ended meanwhile, or is another user's.
fn memory_bytes(pid: i32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    rollup.map_or(0, |rollup| pss_bytes(&rollup))
}

fn pss_bytes(rollup: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib: Option<u64> = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.unwrap_or(0) * 1024
}

impl Sum for Footprint {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            memory_bytes: sum.memory_bytes + one.memory_bytes,
            processes: sum.processes + one.processes,
            threads: sum.threads + one.threads,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;

    use super::*;

    #[test]
    fn the_proportional_size_is_read_and_none_of_its_parts() {
        let rollup = "55d0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:      3768 kB\nPss:       432 kB\n\
                      Pss_Dirty:  312 kB\nPss_Anon:   304 kB\n";
        assert_eq!(pss_bytes(rollup), 432 * 1024);
        assert_eq!(pss_bytes(""), 0);
    }

    #[test]
    fn a_server_is_seen_with_all_its_processes_and_no_others() {
        // `cat` waits for what never comes, and the shell waits for `cat`.
        let mut shell = Command::new("sh")
            .args(["-c", "cat; true"])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let leader = Pid::from_raw(shell.id().cast_signed());
        let footprint = loop {
            let footprint = Footprint::of(Family::LedBy(leader));
            if footprint.processes == 2 && footprint.memory_bytes > 0 {
                break footprint;
            }
        };
        assert_eq!(footprint.threads, 2);
        assert!(footprint.memory_bytes < 1 << 30, "{footprint:?}");
        killpg(leader, Signal::SIGKILL).unwrap();
        shell.wait().unwrap();
        // `cat` ends on its own, and then waits for whoever takes over the orphans.
        while Footprint::of(Family::LedBy(leader)) != Footprint::default() {
            std::thread::yield_now();
        }
    }
}
